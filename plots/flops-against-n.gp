# FLOPS against N of gemm: CPU and GPU, and at the right end the names of published lines, measured
# ones solid, those of data sheets dashed. Both axes are logarithmic.
# gnuplot -c flops-against-n.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
PANEL_H = 560
load HERE."style.gp"
# room for the names, which common.gp does not know of
NAMES = 0; ANY = 0
cut_(s, i) = i > 0 ? s[1:i - 1]." tensor".s[i + 13:] : s
short(s) = cut_(s, strstrt(s, " tensor cores"))
stats DATA using (strcol("kind") eq "reference" ? \
                  (ANY = 1, NAMES = max(NAMES, strlen(short(strcol("label"))))) : 0) nooutput
BESIDE = ANY ? 30 + 6.4 * (NAMES + 7) : 26
PANEL_W = 460 + BESIDE
load HERE."common.gp"
RIGHT = BESIDE
# the CPU in grey, what is a GPU in colours
curve_colour(s) = s[1:3] eq "CPU" ? "#555555" : colour(s[1:15] eq "GPU with copies" ? 2 : 1)
curve_dot(s) = s[1:3] eq "CPU" ? 4 : dot(place(SERIES, s))
NOTE = "points: median of the fastest   ·   band: its 95 % interval"
if (ANY) { NOTE = NOTE."   ·   published, best large product: solid measured, dashed data sheet   ·   beside the names TFLOP/s" }

rate(v) = sprintf("%.4g", v / 1e3)
array SPOT[200]
set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XLO = 1e300; XHI = -1e300; YLO = 1e300; YHI = -1e300
    extremes(u) = (XLO = min(XLO, column("x")), XHI = max(XHI, column("x")), \
                   YLO = min(YLO, column("y")), YHI = max(YHI, high(0)), 0)
    unset logscale; set autoscale; set xtics auto; set ytics auto
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? extremes(0) : 0) nooutput
    do for [r = 1:NREF] {
        if (REF_PANEL[r] eq P) { YHI = max(YHI, REF_Y[r]); YLO = min(YLO, REF_Y[r]) }
    }
    load HERE."frame.gp"
    set logscale xy
    LO = XLO / 1.25; HI = XHI * 1.25; BINARY = 0
    set xrange [LO:HI]
    load HERE."ticks.gp"
    eval "set xtics ".TICKS
    LO = YLO / 1.6; HI = YHI * 1.8
    set yrange [LO:HI]
    load HERE."ticks.gp"
    eval "set ytics ".TICKS

    # names from the top down, each moved down until it is free, then all up where they leave the frame
    height_ = bottom_ - top_
    spot(v) = height_ * log(HI / v) / log(HI / LO)
    done_ = 1e300; lowest_ = -1e300; left_over = 0
    ORDER_ = ""
    do for [r = 1:NREF] { if (REF_PANEL[r] eq P) { left_over = left_over + 1 } }
    while (left_over > 0) {
        next_ = 0
        do for [r = 1:NREF] {
            if (REF_PANEL[r] eq P && !strstrt(ORDER_, sprintf(" %d ", r))) {
                if (!next_) { next_ = r } else { if (REF_Y[r] > REF_Y[next_]) { next_ = r } }
            }
        }
        SPOT[next_] = max(spot(REF_Y[next_]), lowest_ + 16)
        lowest_ = SPOT[next_]
        ORDER_ = ORDER_.sprintf(" %d ", next_)
        left_over = left_over - 1
    }
    do for [r = 1:NREF] {
        if (REF_PANEL[r] eq P) {
            ink_ = REF_SERIES[r] eq "sheet" ? "#999999" : "#333333"
            dash_ = REF_SERIES[r] eq "sheet" ? 2 : 1
            set arrow from graph 0, first REF_Y[r] to graph 1, first REF_Y[r] nohead \
                dt dash_ lw 1.3 lc rgb ink_ back
            set arrow from graph 1, first REF_Y[r] to screen sx(right_ + 12), sy(top_ + SPOT[r]) \
                nohead lw 0.7 lc rgb ink_ front
            set label short(REF_TEXT[r]).": ".rate(REF_Y[r]) \
                at screen sx(right_ + 16), sy(top_ + SPOT[r]) left front \
                font FONT.",".(TERM_SIZE - 1) textcolor rgb (REF_SERIES[r] eq "sheet" ? "#666666" : "#111111")
        }
    }
    set style fill transparent solid 0.22 noborder
    set xlabel "N" offset 0, 0.3
    if ((PANEL - 1) % COLUMNS == 0) { set ylabel "GFLOP/s" offset 0.3, 0 } else { unset ylabel }
    plot for [i = 1:NSERIES] s = word(SERIES, i) DATA using (at(P, s)):(low(0)):(high(0)) \
             with filledcurves fc rgb curve_colour(s), \
         for [i = 1:NSERIES] s = word(SERIES, i) DATA using (at(P, s)):(column("y")) \
             with linespoints lw 2.2 ps 0.9 dt curve_dash(s) pt curve_dot(s) lc rgb curve_colour(s)
}
unset multiplot
