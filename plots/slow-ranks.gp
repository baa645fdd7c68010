# Every rank beside the others: a bar each, those that are slow in another colour and named above.
# gnuplot -c slow-ranks.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
load HERE."style.gp"
MOST_WORDS = 6 # lines of words above a panel
MOST_COLUMNS = 2
LEGEND_BOXES = 1
LINES = 0; SO_FAR = 0; LAST = ""
count(p) = (SO_FAR = p eq LAST ? SO_FAR + 1 : 1, LAST = p, LINES = max(LINES, min(SO_FAR, MOST_WORDS + 1)), 0)
stats DATA using (strcol("kind") eq "verdict" ? count(strcol("panel")) : 0) nooutput
PANEL_W = 640; PANEL_H = 330 + 17 * LINES
load HERE."common.gp"
TOP = 34 + 17 * LINES
TITLE_ABOVE = 13 + 17 * LINES
NOTE = "bar: median of all cases   ·   line above: worst case   ·   1: as the median of the other ranks"
colour(i) = word(SERIES, i) eq "slow" ? "#D55E00" : "#0072B2"

array WORDS[MOST_WORDS + 1]
say(t) = (SAID = SAID + 1, WORDS[min(SAID, MOST_WORDS + 1)] = t, 0)

set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XLO = 1e300; XHI = -1e300; YLO = 1; YHI = 1
    range(unused) = (XLO = min(XLO, column("x")), XHI = max(XHI, column("x")), \
                     YLO = min(YLO, column("y")), YHI = max(YHI, max(column("y"), high(0))), 0)
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? range(0) : 0) nooutput
    load HERE."frame.gp"
    SAID = 0
    stats DATA using (strcol("kind") eq "verdict" && strcol("panel") eq P ? say(strcol("label")) : 0) nooutput
    if (SAID > MOST_WORDS) { WORDS[MOST_WORDS + 1] = sprintf("and %d more", SAID - MOST_WORDS) }
    do for [w = 1:min(SAID, MOST_WORDS + 1)] {
        set label WORDS[w] at screen sx(left_), sy(top_ - 13 - 17 * (LINES - w)) left \
            font FONT.",".(TERM_SIZE - 1) textcolor rgb "#D55E00" front
    }
    set xrange [XLO - 0.7:XHI + 0.7]
    set yrange [0:1.08 * YHI]
    set xtics auto
    if (XHI - XLO <= 16) { set xtics 1 }
    set xlabel "rank" offset 0, 0.3
    if ((PANEL - 1) % COLUMNS == 0) { set ylabel "time over that of the others" offset 0.3, 0 } else { unset ylabel }
    set style fill solid 0.9 noborder
    set grid noxtics
    set arrow from graph 0, first 1 to graph 1, first 1 nohead dt 2 lw 1.2 lc rgb "#555555" front
    plot for [i = 1:NSERIES] s = word(SERIES, i) DATA \
             using (at(P, s)):(0.5 * column("y")):(column("x") - 0.38):(column("x") + 0.38):(0.0):(column("y")) \
             with boxxyerror fc rgb colour(i), \
         DATA using (strcol("kind") eq "point" && strcol("panel") eq P && column("high") > column("y") ? \
                    column("x") : NaN):(column("y")):(0.0):(column("high") - column("y")) \
             with vectors nohead lw 1.2 lc rgb "#222222"
}
unset multiplot
