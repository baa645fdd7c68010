# Small multiples: y against x, a panel for each `panel`, a curve for each `series`, with points,
# interval bands, measured ceilings (dashed) and marks: fitted models (kind model: dashed, in the
# colour of their curve), points that they were not fitted to (held-out: a ring), words in the left
# upper corner (note). Set before: XLABEL, YLABEL; where wanted XBINARY (powers of two), XWHOLE (whole
# numbers), XMEASURED (ticks at the points' x), XLOG, YLOG, YFIXED (top of the y axis), YLINE (a
# dashed line), NOTE_FIRST, NOTE_LAST, BAND_NAME, CEILING_NAME. Axes become logarithmic where the values ask for it.

if (!exists("XBINARY")) XBINARY = 0
if (!exists("XLOG")) XLOG = 0
if (!exists("YLOG")) YLOG = 0
if (!exists("YFIXED")) YFIXED = 0
# beside a GPU the curves of a CPU would lie on the axis
if (strstrt(SERIES, "· cuda") && strstrt(SERIES, "· cpu")) YLOG = 1
if (!exists("CEILING_NAME")) CEILING_NAME = "ceiling measured beside each case"
NOTE = exists("NOTE_FIRST") ? NOTE_FIRST : "points: median"
if (!exists("BAND_NAME")) BAND_NAME = "its 95 % interval"
if (BANDS) NOTE = NOTE."   ·   band: ".BAND_NAME
if (CEILINGS) NOTE = NOTE."   ·   dashed: ".CEILING_NAME
# ceilings of a GPU, whose names end with its own, beside those of a CPU
of_gpu(c) = strstrt(c, "· cuda") > 0
roof_dash(c) = of_gpu(c) ? 4 : 2
roof_colour(c) = of_gpu(c) ? "#8A2BE2" : "#777777"
CPU_ROOFS = 0; GPU_ROOFS = 0
stats DATA using (strcol("kind") eq "point" && column("ceiling") > 0 ? \
                  (of_gpu(strcol("ceiling_name")) ? (GPU_ROOFS = 1) : (CPU_ROOFS = 1), 0) : 0) nooutput
if (CPU_ROOFS && GPU_ROOFS) NOTE = NOTE." (grey: CPU; violet: GPU)"
if (NREF) NOTE = NOTE."   ·   dotted: published figures"

MODELS = 0; HELD_OUT = 0; NNOTE = 0
array NOTE_TEXT[200]; array NOTE_PANEL[200]; array NOTE_SERIES[200]
keep_note(t) = (NNOTE = min(NNOTE + 1, 200), NOTE_TEXT[NNOTE] = t, \
                NOTE_PANEL[NNOTE] = strcol("panel"), NOTE_SERIES[NNOTE] = strcol("series"), 0)
mark(k) = (MODELS = MODELS + (k eq "model"), HELD_OUT = HELD_OUT + (k eq "held-out"), \
           k eq "note" ? keep_note(strcol("label")) : 0)
stats DATA using (mark(strcol("kind"))) nooutput
if (MODELS) NOTE = NOTE."   ·   dashed: fitted model"
if (HELD_OUT) NOTE = NOTE."   ·   ring: size held out of the fit"
if (exists("NOTE_LAST")) NOTE = NOTE."   ·   ".NOTE_LAST
is_mark(k, p, s) = strcol("kind") eq k && strcol("panel") eq p && strcol("series") eq s

# what belongs to panel P: extremes of x and y, and which series it has
extremes(s) = (XLO = min(XLO, column("x")), XHI = max(XHI, column("x")), \
               YLO = min(YLO, column("y")), YHI = max(YHI, column("y")), \
               YTOP = max(YTOP, high(0)), \
               CTOP = column("ceiling") > 0 ? max(CTOP, column("ceiling")) : CTOP, \
               ROOFS = column("ceiling") > 0 ? add(ROOFS, strcol("ceiling_name")) : ROOFS, \
               HERE_ = add(HERE_, s), 0)
under(p, c) = strcol("kind") eq "point" && strcol("panel") eq p && strcol("ceiling_name") eq c
set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XLO = 1e300; XHI = -1e300; YLO = 1e300; YHI = -1e300; YTOP = -1e300; CTOP = -1e300
    HERE_ = ""; ROOFS = ""
    unset logscale; set autoscale; set xtics auto; set ytics auto
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? \
                      extremes(strcol("series")) : 0) nooutput
    RTOP = -1e300; RLO = 1e300
    do for [r = 1:NREF] {
        if (REF_PANEL[r] eq P) { RTOP = max(RTOP, REF_Y[r]); RLO = min(RLO, REF_Y[r]) }
    }
    load HERE."frame.gp"

    # x
    if (XHI / XLO > 7 && !exists("XWHOLE") || XBINARY || XLOG) {
        set logscale x
        LO = XLO; HI = XHI; BINARY = XBINARY
        load HERE."ticks.gp"
        if (exists("XMEASURED")) { # ticks where the points are
            TICKS = ""
            stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? \
                (TICKS = strstrt(TICKS.",", sprintf(" %g,", column("x"))) ? TICKS : \
                         TICKS.sprintf(', "%s" %g', plain(column("x")), column("x")), 0) : 0) nooutput
            TICKS = "(".TICKS[3:].")"
        }
        eval "set xtics ".TICKS
        XMIN = XLO / 1.25; XMAX = XHI * 1.25
    } else {
        XMIN = XHI > XLO ? XLO - 0.05 * (XHI - XLO) : XLO * 0.5
        XMAX = XHI > XLO ? XHI + 0.05 * (XHI - XLO) : XHI * 1.5
        if (exists("XWHOLE")) { set xtics 1 }
        if (exists("XWHOLE") && XHI - XLO > 10) { set xtics auto }
    }
    set xrange [XMIN:XMAX]

    # y: references far above the points would flatten them on a linear axis
    top = max(YTOP, max(CTOP, RTOP))
    YLOG_NOW = YLOG || RTOP > 5 * max(YTOP, CTOP)
    if (YLOG_NOW) {
        LO = min(YLO, RLO) / 1.4; HI = top * (NCACHE ? 5 : 1.6); BINARY = 0
        if (HI / LO < 12) { LO = LO / 2; HI = HI * 2 }
        set logscale y
        set yrange [LO:HI]
        load HERE."ticks.gp"
        eval "set ytics ".TICKS
    } else {
        LO = 0; HI = YFIXED > 0 ? max(YFIXED, top * 1.02) : top * 1.08
        set yrange [LO:HI]
        load HERE."linear_ticks.gp"
    }

    if (exists("YLINE")) {
        set arrow from graph 0, first YLINE to graph 1, first YLINE nohead dt 2 lw 1.2 lc rgb "#555555"
    }
    load HERE."references.gp"
    do for [c = 1:NCACHE] {
        if (CACHE_PANEL[c] eq P && CACHE_X[c] > XMIN && CACHE_X[c] < XMAX) {
            set arrow from first CACHE_X[c], graph 0 to first CACHE_X[c], graph 1 nohead \
                dt 4 lw 1 lc rgb GREY back
            set label CACHE_TEXT[c] at first CACHE_X[c], graph 0.985 right rotate by 90 \
                offset -1.1, 0 font FONT.",".(TERM_SIZE - 2) textcolor rgb GREY front
        }
    }
    notes_ = 0
    do for [n = 1:NNOTE] {
        if (NOTE_PANEL[n] eq P) {
            set label NOTE_TEXT[n] at screen sx(left_ + 8), sy(top_ + 10 + 15 * notes_) left \
                font FONT.",".(TERM_SIZE - 2) textcolor rgb curve_colour(NOTE_SERIES[n]) front
            notes_ = notes_ + 1
        }
    }
    # gnuplot spoils areas whose corners lie far below a logarithmic axis
    bottom(unused) = YLOG_NOW ? max(low(0), LO) : low(0)
    # many bands on each other must not bury the curves
    set style fill transparent solid (words(HERE_) > 4 ? 0.1 : 0.22) noborder
    set xlabel XLABEL offset 0, 0.3
    if ((PANEL - 1) % COLUMNS == 0) { set ylabel YLABEL offset 0.3, 0 } else { unset ylabel }

    plot for [i = 1:words(HERE_)] s = word(HERE_, i) DATA \
             using (at(P, s)):(bottom(0)):(high(0)) with filledcurves \
             fc rgb curve_colour(s), \
         for [i = 1:words(ROOFS)] c = word(ROOFS, i) DATA \
             using (under(P, c) ? column("x") : NaN):(column("ceiling")) smooth unique \
             with lines dt roof_dash(c) lw 1.2 lc rgb roof_colour(c), \
         for [i = 1:words(HERE_)] s = word(HERE_, i) DATA \
             using (at(P, s)):(column("y")) with linespoints lw 1.6 ps 0.75 \
             dt curve_dash(s) pt curve_dot(s) lc rgb curve_colour(s), \
         for [i = 1:(MODELS ? words(HERE_) : 0)] s = word(HERE_, i) DATA \
             using (is_mark("model", P, s) ? column("x") : NaN):(column("y")) \
             with lines lw 1.4 dt 2 lc rgb curve_colour(s), \
         for [i = 1:(HELD_OUT ? words(HERE_) : 0)] s = word(HERE_, i) DATA \
             using (is_mark("held-out", P, s) ? column("x") : NaN):(column("y")) \
             with points pt 6 ps 1.5 lw 1.2 lc rgb curve_colour(s)
}
unset multiplot
