# The margins of panel number PANEL, and on the first panel everything that stands once on the
# picture: title, subtitle, legend, note.

row_ = int((PANEL - 1) / COLUMNS); col_ = (PANEL - 1) % COLUMNS
left_ = col_ * PANEL_W + LEFT; right_ = (col_ + 1) * PANEL_W - RIGHT
top_ = HEAD + row_ * PANEL_H + TOP; bottom_ = HEAD + (row_ + 1) * PANEL_H - BOTTOM
set lmargin at screen sx(left_); set rmargin at screen sx(right_)
set tmargin at screen sy(top_); set bmargin at screen sy(bottom_)
unset label; unset arrow; unset object
if (strlen(word(PANELS, PANEL)) > 0) {
    # TITLE_ABOVE: how far above the axes, where a script writes between
    set label word(PANELS, PANEL) at screen sx(left_), \
        sy(top_ - (exists("TITLE_ABOVE") ? TITLE_ABOVE : 13)) left font FONT.":Bold" front
}
if (PANEL == 1) {
    set label TITLE at screen sx(16), sy(20) left font FONT.":Bold,".(TERM_SIZE + 4) front
    set label SUBTITLE at screen sx(16), sy(44) left textcolor rgb GREY front
    legend_ = HEAD + ROWS * PANEL_H + 10
    do for [s = 1:(LEGEND ? NSERIES : 0)] {
        lx_ = LEFT + ((s - 1) % LEGEND_COLUMNS) * ENTRY_W
        ly_ = legend_ + int((s - 1) / LEGEND_COLUMNS) * 20
        if (!exists("LEGEND_BOXES")) {
            set arrow from screen sx(lx_), sy(ly_) to screen sx(lx_ + 30), sy(ly_) nohead \
                lw 2 dt curve_dash(word(SERIES, s)) lc rgb curve_colour(word(SERIES, s))
            set label "" at screen sx(lx_ + 15), sy(ly_) \
                point pt curve_dot(word(SERIES, s)) ps 1 lc rgb curve_colour(word(SERIES, s))
        } else {
            set object rectangle from screen sx(lx_ + 6), sy(ly_ - 6) to screen sx(lx_ + 26), sy(ly_ + 6) \
                fs solid 0.85 noborder fc rgb colour(s)
        }
        set label word(SERIES, s) at screen sx(lx_ + 38), sy(ly_) left front
    }
    load HERE."note.gp"
}
