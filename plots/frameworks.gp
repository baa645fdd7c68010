# Training steps of frameworks beside flopstep's: a point for each framework and number of threads, a
# group for each network and batch, logarithmic; at 1 a framework is as fast as flopstep.
# gnuplot -c frameworks.gp DATA.csv PICTURE.svg|.png; its data has a column more: threads.

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
load HERE."style.gp"
# the groups, names and numbers of threads, before common.gp asks how large the picture is
GROUPS = 0; CHARS = 8; THREADS = ""; TOOLS = ""
put(list, name) = strstrt(list, '"'.name.'"') ? list : list.' "'.name.'"'
stats DATA using (GROUPS = max(GROUPS, column("x") + 1), CHARS = max(CHARS, strlen(strcol("label"))), \
                  THREADS = put(THREADS, sprintf("%d", column("threads"))), \
                  TOOLS = put(TOOLS, strcol("series")), 0) nooutput
LANES = words(TOOLS) * words(THREADS) # of points within a group
LEFT = 34 + 7.2 * CHARS
LANE = max(10, min(20, 60.0 / LANES))
PANEL_W = 860; PANEL_H = 30 + 60 + GROUPS * (LANES * LANE + 14)
load HERE."common.gp"
NOTE = "median of rounds in turn, bar: its interval"
do for [t = 1:words(THREADS)] {
    if (word(THREADS, t) ne "0") { # 0: a GPU's
        NOTE = NOTE.sprintf("   ·   %s: %s thread%s", t == 1 ? "filled" : t == 2 ? "open" : "small", \
                            word(THREADS, t), word(THREADS, t) eq "1" ? "" : "s")
    }
}

set multiplot
PANEL = 1; P = ""
XLO = 1; XHI = 1; NAMES = ""
range(n) = (XLO = min(XLO, low(0)), XHI = max(XHI, high(0)), \
            NAMES = strstrt(NAMES, '"'.n.'"') ? NAMES : \
                    NAMES.sprintf('%s"%s" %d', strlen(NAMES) ? "," : "", n, column("x")), 0)
stats DATA using (range(strcol("label"))) nooutput
load HERE."frame.gp"
LO = XLO / 1.5; HI = XHI * 1.9; BINARY = 0
if (HI / LO < 12) { LO = min(LO, 0.5); HI = max(HI, 6) }
set logscale x
set xrange [LO:HI]
load HERE."ticks.gp"
eval "set xtics ".TICKS
eval "set ytics (".NAMES.") scale 0"
set yrange [GROUPS - 0.5:-0.5]
set grid xtics noytics
set xlabel "time of a step, framework / flopstep" offset 0, 0.3
set object rectangle from graph 0, graph 0 to first 1, graph 1 fs solid noborder fc rgb "#f3f3f3" behind
do for [g = 1:GROUPS - 1] {
    set arrow from graph 0, first g - 0.5 to graph 1, first g - 0.5 nohead lw 0.6 lc rgb "#d5d5d5" back
}
set arrow from first 1, graph 0 to first 1, graph 1 nohead lw 1.6 lc rgb "#222222" front
set label "as fast as flopstep" at first 1, graph 1 center offset 0, 0.7 front
set label "flopstep is faster →" at graph 1, graph 1 right offset 0, 0.7 textcolor rgb GREY front
# lanes from the top of a group: frameworks in order, of each the threads in order
step_ = 1.0 * LANE / (LANES * LANE + 14)
lane(i, t) = ((i - 1) * words(THREADS) + t - 0.5 - 0.5 * LANES) * step_
here(i, t) = strcol("series") eq word(SERIES, i) && column("threads") == word(THREADS, t) ? \
             column("x") + lane(i, t) : NaN
shape(i, t) = t == 1 ? dot(i) : dot(i) - 1 # POINTS begins with closed shapes; below each is its open one
LAST = TERM_SIZE - 3
plot for [i = 1:NSERIES] for [t = 1:words(THREADS)] DATA \
         using (column("y")):(here(i, t)):(low(0)):(high(0)) with xerrorbars \
         pt shape(i, t) ps (t > 2 ? 0.6 : 1) lw 1.4 lc rgb colour(i), \
     for [i = 1:NSERIES] for [t = 1:words(THREADS)] DATA \
         using (high(0)):(here(i, t)):(sprintf("%.3g", column("y"))) with labels \
         left offset 0.9, 0 font FONT.",".LAST textcolor rgb "#444444"
unset multiplot
