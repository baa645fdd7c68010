# Panels of learning histories, a curve for each `series`. Accuracies (panel "accuracy (%)", or all
# panels with ACCURACIES) that reach 90 % and range widely stand on an axis that is logarithmic in the error: as far
# from 90 to 99 as from 99 to 99.9 %. Set before: XLABEL; where wanted NOTE_FIRST.

NOTE = exists("NOTE_FIRST") ? NOTE_FIRST : ""
ERROR_TICKS = "0 50 80 90 95 97 98 99 99.5 99.8 99.9 99.95 99.98 99.99"
NREPORTED = 0
stats DATA using (strcol("kind") eq "reported" ? (NREPORTED = NREPORTED + 1, 0) : 0) nooutput
if (NREPORTED || NREF) {
    NOTE = NOTE.(strlen(NOTE) ? "   ·   " : "").(NREPORTED ? "hollow diamonds" : "")
    NOTE = NOTE.(NREPORTED && NREF ? " and " : "").(NREF ? "dotted lines" : "")
    NOTE = NOTE.": what the lecture reported, in the colour of its curve"
}

extremes(s, y) = (XLO = min(XLO, column("x")), XHI = max(XHI, column("x")), \
                  YLO = min(YLO, y), YHI = max(YHI, y), \
                  ELO = y < 100 ? min(ELO, 100 - y) : ELO, \
                  HERE_ = strcol("kind") eq "point" ? add(HERE_, s) : HERE_, 0)
mark_at(p, s) = strcol("kind") eq "reported" && strcol("panel") eq p && strcol("series") eq s ? \
                column("x") : NaN
shown(k) = k eq "point" || k eq "reported"
set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XLO = 1e300; XHI = -1e300; YLO = 1e300; YHI = -1e300; ELO = 100
    HERE_ = ""
    unset logscale; set autoscale; set xtics auto; set ytics auto; set format "%g"
    stats DATA using (shown(strcol("kind")) && strcol("panel") eq P ? \
                      extremes(strcol("series"), column("y")) : 0) nooutput
    do for [r = 1:NREF] {
        if (REF_PANEL[r] eq P) {
            YLO = min(YLO, REF_Y[r]); YHI = max(YHI, REF_Y[r])
            if (REF_Y[r] < 100) { ELO = min(ELO, 100 - REF_Y[r]) }
        }
    }
    ACCURACY = exists("ACCURACIES") || P[1:8] eq "accuracy"
    ELO = max(ELO, 0.01)
    ERROR_AXIS = ACCURACY && YHI > 90 && (100 - YLO) / ELO > 4
    if (ERROR_AXIS && PANEL == 1) {
        NOTE = NOTE.(strlen(NOTE) ? "   ·   " : "")."equal steps up the accuracy axis divide the error by the same factor"
    }
    load HERE."frame.gp"

    if (XLO > 0 && XHI / XLO > 200) {
        set logscale x
        LO = XLO; HI = XHI; BINARY = 0
        load HERE."ticks.gp"
        eval "set xtics ".TICKS
        set xrange [XLO / 1.25:XHI * 1.25]
    } else {
        XLO = min(XLO, XHI > 20 ? XLO : 0)
        set xrange [XLO - 0.03 * max(XHI - XLO, 1e-9):XHI + 0.04 * max(XHI - XLO, 1e-9)]
        if (XHI >= 20000) { set xtics out scale 0.6 nomirror; set format x "%.0s%c" }
    }

    height_of(y) = ERROR_AXIS ? max(100 - y, ELO) : y
    if (ERROR_AXIS) {
        set logscale y
        set yrange [min(100, (100 - YLO) * 1.15):ELO / 1.3]
        TICKS = ""
        do for [t = 1:words(ERROR_TICKS)] {
            tick_ = real(word(ERROR_TICKS, t))
            TICKS = TICKS.sprintf('%s "%g" %g', strlen(TICKS) ? "," : "", tick_, 100 - tick_)
        }
        eval "set ytics (".TICKS.")"
    } else {
        if (ACCURACY) {
            set yrange [max(0, YLO - 0.08 * max(YHI - YLO, 1)):min(100, YHI + 0.1 * max(YHI - YLO, 1))]
        } else {
            if (YLO > 0 && YHI / YLO > 12) {
                set logscale y
                LO = YLO / 1.4; HI = YHI * 1.4; BINARY = 0
                set yrange [LO:HI]
                load HERE."ticks.gp"
                eval "set ytics ".TICKS
            } else {
                set yrange [0:YHI > 0 ? YHI * 1.08 : 1]
            }
        }
    }
    do for [r = 1:NREF] {
        if (REF_PANEL[r] eq P) {
            ink_ = place(SERIES, REF_SERIES[r]) ? curve_colour(REF_SERIES[r]) : "#333333"
            set arrow from graph 0, first height_of(REF_Y[r]) to graph 1, first height_of(REF_Y[r]) \
                nohead dt 3 lw 1.8 lc rgb ink_ front
            set label REF_TEXT[r] at graph 1.01, first height_of(REF_Y[r]) left \
                font FONT.",".(TERM_SIZE - 2) textcolor rgb ink_ front
        }
    }
    set xlabel XLABEL offset 0, 0.3
    if (ACCURACY && exists("ACCURACIES")) { set ylabel "test accuracy (%)" offset 0.3, 0 } else { unset ylabel }
    if ((PANEL - 1) % COLUMNS && exists("ACCURACIES")) { unset ylabel }
    plot for [i = 1:words(HERE_)] s = word(HERE_, i) DATA \
             using (at(P, s)):(height_of(column("y"))) with linespoints lw 2 ps 0.7 \
             dt curve_dash(s) pt curve_dot(s) lc rgb curve_colour(s), \
         for [i = 1:words(HERE_)] s = word(HERE_, i) DATA \
             using (mark_at(P, s)):(height_of(column("y"))) with points pt 12 ps 1.7 lw 1.6 \
             lc rgb curve_colour(s)
}
unset multiplot
