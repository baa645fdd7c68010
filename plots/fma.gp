# Peak arithmetic: bars of the FMA rate, a group for each instruction set, a bar for each number of
# threads, a panel for each type; of a GPU one panel with a bar for each unit and type.
# gnuplot -c fma.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
LEGEND_BOXES = 1
load HERE."common.gp"
NOTE = "bars: median   ·   error bar: its 95 % interval"
if (NREF) NOTE = NOTE."   ·   dotted: published figures"

array ISA[64]
group(t) = (ISA[int(column("x"))] = t, GROUPS = max(GROUPS, int(column("x"))), \
            MINE = add(MINE, strcol("series")), \
            YBOTTOM = min(YBOTTOM, column("y")), YTOP = max(YTOP, high(0)), 0)
# bars of one place side by side, as many as the panel has series
offset_of(s) = (place(MINE, s) - 0.5 * (words(MINE) + 1)) * BAR
# a line for each of the two words of a GPU's bar
lines_of(t) = words(t) == 2 ? word(t, 1).'\n'.word(t, 2) : t
short(v) = v >= 100 ? sprintf("%.0f", v) : sprintf("%.1f", v)

set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    load HERE."frame.gp"
    do for [g = 1:64] { ISA[g] = "" }
    GROUPS = 0; YTOP = 0; YBOTTOM = 1e300; MINE = ""; NAMES = ""
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? \
                      group(strcol("label")) : 0) nooutput
    do for [g = 1:GROUPS] { NAMES = NAMES.sprintf('%s "%s" %d', g > 1 ? "," : "", lines_of(ISA[g]), g) }
    BAR = 0.8 / words(MINE)
    RTOP = 0
    do for [r = 1:NREF] { if (REF_PANEL[r] eq P) { RTOP = max(RTOP, REF_Y[r]) } }
    unset logscale; set ytics auto
    YLOG_NOW = RTOP > 10 * YTOP # bars on a logarithmic axis start at its foot
    LO = YLOG_NOW ? YBOTTOM / 2 : 0; HI = (YLOG_NOW ? 1.6 : 1.15) * max(YTOP, RTOP)
    set yrange [LO:HI]
    if (YLOG_NOW) {
        set logscale y
        BINARY = 0
        load HERE."ticks.gp"
        eval "set ytics ".TICKS
    }
    set xrange [0.4 : GROUPS + 0.6]
    eval "set xtics (".NAMES.")"
    set grid noxtics
    set xlabel strstrt(MINE, "GPU") ? "" : "instruction set" offset 0, 0.3
    if ((PANEL - 1) % COLUMNS == 0) { set ylabel "GFLOP/s" offset 0.3, 0 } else { unset ylabel }
    load HERE."references.gp"
    set style fill solid 0.85 noborder
    plot for [i = 1:NSERIES] s = word(SERIES, i) DATA \
             using (at(P, s) + offset_of(s)):(column("y")):(BAR * 0.92) with boxes lc rgb colour(i), \
         for [i = 1:NSERIES] s = word(SERIES, i) DATA \
             using (at(P, s) + offset_of(s)):(low(0)):(0):(high(0) - low(0)) \
             with vectors nohead lw 1.2 lc rgb "#222222", \
         for [i = 1:NSERIES] s = word(SERIES, i) DATA \
             using (at(P, s) + offset_of(s)):(high(0)): \
             (short(column("y"))) with labels offset 0, 0.7 font FONT.",".(TERM_SIZE - 2)
}
unset multiplot
