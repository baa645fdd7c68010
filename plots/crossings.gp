# CPU and GPU, a panel for each kernel or network: curves, where they cross, and above each panel in
# words from where on the GPU is faster. Set before: XLABEL, YLABEL; where wanted XMEASURED (ticks
# at the points' x).
# Loads style.gp and common.gp.

load HERE."style.gp"
# words above a panel: as many lines as the panel with most curves of a GPU has
LINES = 0; SO_FAR = 0; LAST = ""
count(p) = (SO_FAR = p eq LAST ? SO_FAR + 1 : 1, LAST = p, LINES = max(LINES, SO_FAR), 0)
stats DATA using (strcol("kind") eq "verdict" ? count(strcol("panel")) : 0) nooutput
PANELS_ = 0; SEEN_ = ""
stats DATA using (strcol("kind") eq "verdict" && !strstrt(SEEN_, "|".strcol("panel")."|") ? \
                  (PANELS_ = PANELS_ + 1, SEEN_ = SEEN_."|".strcol("panel")."|", 0) : 0) nooutput
PANEL_H = (PANELS_ == 1 ? 430 : 350) + 17 * LINES
PANEL_W = PANELS_ == 1 ? 760 : PANELS_ == 2 ? 560 : 450
load HERE."common.gp"
TOP = 34 + 17 * LINES
TITLE_ABOVE = 13 + 17 * LINES
NOTE = "CPU: the fastest of all libraries and numbers of threads"
if (BANDS) { NOTE = NOTE."   ·   band: 95 % interval of the median" }
NOTE = NOTE."   ·   ring: crossing, interpolated between measured sizes"
# the CPU in grey, what is a GPU in colours
curve_colour(s) = s[1:3] eq "CPU" ? "#555555" : colour(place(SERIES, s) - 1)
curve_dot(s) = s[1:3] eq "CPU" ? 4 : dot(place(SERIES, s) - 1)

NCROSS = 0; NVERDICT = 0
array CROSS_X[400]; array CROSS_Y[400]; array CROSS_PANEL[400]; array CROSS_SERIES[400]
array VERDICT[400]; array VERDICT_PANEL[400]; array VERDICT_SERIES[400]
keep_crossing(p) = (NCROSS = min(NCROSS + 1, 400), CROSS_X[NCROSS] = column("x"), \
                    CROSS_Y[NCROSS] = column("y"), CROSS_PANEL[NCROSS] = p, \
                    CROSS_SERIES[NCROSS] = strcol("series"), 0)
keep_verdict(p) = (NVERDICT = min(NVERDICT + 1, 400), VERDICT[NVERDICT] = strcol("label"), \
                   VERDICT_PANEL[NVERDICT] = p, VERDICT_SERIES[NVERDICT] = strcol("series"), 0)
stats DATA using (strcol("kind") eq "crossing" ? keep_crossing(strcol("panel")) : \
                  strcol("kind") eq "verdict" ? keep_verdict(strcol("panel")) : 0) nooutput

set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XLO = 1e300; XHI = -1e300; YLO = 1e300; YHI = -1e300
    HERE_ = ""
    extremes(s) = (XLO = min(XLO, column("x")), XHI = max(XHI, column("x")), YLO = min(YLO, low(0)), \
                   YHI = max(YHI, high(0)), HERE_ = add(HERE_, s), 0)
    unset logscale; set autoscale; set xtics auto; set ytics auto
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? \
                      extremes(strcol("series")) : 0) nooutput
    load HERE."frame.gp"
    set logscale xy
    LO = XLO; HI = XHI; BINARY = 0
    load HERE."ticks.gp"
    if (exists("XMEASURED")) {
        TICKS = ""
        stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? \
            (TICKS = strstrt(TICKS.",", sprintf(" %g,", column("x"))) ? TICKS : \
                     TICKS.sprintf(', "%s" %g', plain(column("x")), column("x")), 0) : 0) nooutput
        TICKS = "(".TICKS[3:].")"
    }
    eval "set xtics ".TICKS
    set xrange [XLO / 1.25:XHI * 1.25]
    LO = YLO / 1.5; HI = YHI * 1.5
    if (HI / LO < 12) { LO = LO / 2; HI = HI * 2 }
    set yrange [LO:HI]
    load HERE."ticks.gp"
    eval "set ytics ".TICKS

    line_ = 0
    do for [v = 1:NVERDICT] {
        if (VERDICT_PANEL[v] eq P) {
            s = VERDICT_SERIES[v]
            at_ = top_ - 12 - 17 * (LINES - 1 - line_)
            line_ = line_ + 1
            set label "" at screen sx(left_ + 6), sy(at_) point pt curve_dot(s) ps 0.8 lc rgb curve_colour(s) front
            set label VERDICT[v] at screen sx(left_ + 16), sy(at_) left front \
                font FONT.",".(TERM_SIZE - 1) textcolor rgb curve_colour(s)
        }
    }
    do for [c = 1:NCROSS] {
        if (CROSS_PANEL[c] eq P) {
            s = CROSS_SERIES[c]
            set arrow from first CROSS_X[c], graph 0 to first CROSS_X[c], first CROSS_Y[c] nohead \
                dt 3 lw 1.5 lc rgb curve_colour(s) back
            set label "" at first CROSS_X[c], first CROSS_Y[c] point pt 6 ps 2.4 lw 2 lc rgb curve_colour(s) front
        }
    }
    set style fill transparent solid 0.22 noborder
    set xlabel XLABEL offset 0, 0.3
    if ((PANEL - 1) % COLUMNS == 0) { set ylabel YLABEL offset 0.3, 0 } else { unset ylabel }
    plot for [i = 1:words(HERE_)] s = word(HERE_, i) DATA using (at(P, s)):(low(0)):(high(0)) \
             with filledcurves fc rgb curve_colour(s), \
         for [i = 1:words(HERE_)] s = word(HERE_, i) DATA using (at(P, s)):(column("y")) \
             with linespoints lw 2 ps 0.8 dt curve_dash(s) pt curve_dot(s) lc rgb curve_colour(s)
}
unset multiplot
