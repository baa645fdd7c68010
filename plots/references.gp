# Dotted lines of the published figures that belong to panel P, in a picture whose y axis runs from
# LO to HI (logarithmic where YLOG_NOW). Labels stand on their lines, the highest first, each moved
# down until it is free.

set style textbox opaque noborder margins 0.3, 0.2 fillcolor rgb "#ffffff"
ry_(v) = (bottom_ - top_) * (YLOG_NOW ? log(HI / v) / log(HI / LO) : (HI - v) / (HI - LO))
done_ = 1e300; lowest_ = -1e300; next_ = 1
while (next_) {
    # the highest line below the last one; lines at the same height one after the other
    next_ = 0
    do for [r = 1:NREF] {
        if (REF_PANEL[r] eq P && REF_Y[r] < done_) {
            if (!next_) { next_ = r } else { if (REF_Y[r] > REF_Y[next_]) { next_ = r } }
        }
    }
    do for [r = 1:(next_ ? NREF : 0)] {
        if (REF_PANEL[r] eq P && REF_Y[r] == REF_Y[next_]) {
            # beside cache sizes, whose labels stand on the left of their lines, on the right
            lx_ = NCACHE ? right_ - 6 : left_ + 6
            at_ = max(ry_(REF_Y[r]) - 8, lowest_ + 15)
            lowest_ = at_
            set arrow from graph 0, first REF_Y[r] to graph 1, first REF_Y[r] nohead \
                dt 3 lw 1.6 lc rgb "#333333" front
            # a white box keeps the lines out of the words, but must not hide a point
            look_ = sprintf('%s %s font FONT.",".(TERM_SIZE - 2) textcolor rgb "#333333" front', \
                            NCACHE ? "right" : "left", ry_(YTOP) - at_ > 12 ? "boxed" : "")
            eval 'set label REF_TEXT[r] at screen sx(lx_), sy(top_ + at_) '.look_
        }
    }
    if (next_) { done_ = REF_Y[next_] }
}
