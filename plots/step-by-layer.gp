# Time of a training step by layer and pass: a bar for each layer, passes one behind the other.
# gnuplot -c step-by-layer.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
LEGEND_BOXES = 1
load HERE."style.gp"
# room for the names of the layers, and for all bars
BARS = 1; CHARS = 4
stats DATA using (strcol("kind") eq "point" ? (BARS = max(BARS, column("x")), \
                  CHARS = max(CHARS, strlen(strcol("label"))), 0) : 0) nooutput
LEFT = 30 + 7.5 * CHARS
PANEL_W = 620; PANEL_H = 100 + 26 * BARS
PASSES = "input forward loss backward reduce update other"
load HERE."common.gp"
NOTE = "medians   ·   at the bars' ends: share of the step, FLOP of the layer per second"
PASS_COLOURS = "#999999 #0072B2 #CC79A7 #D55E00 #009E73 #E69F00 #cccccc"
colour(i) = place(PASSES, word(SERIES, i)) ? word(PASS_COLOURS, place(PASSES, word(SERIES, i))) : "#56B4E9"

set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XHI = 0; NAMES = ""; N = 0
    name(n) = (N = max(N, column("x")), XHI = max(XHI, column("high")), \
               NAMES = strstrt(NAMES, '"'.n.'" ') ? NAMES : \
                       NAMES.sprintf('%s"%s" %d', strlen(NAMES) ? "," : "", n, int(column("x"))), 0)
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? name(strcol("label")) : 0) nooutput
    load HERE."frame.gp"
    set yrange [N + 0.6:0.4]
    set xrange [0:XHI * 1.55] # the words at the bars' ends stay within
    eval "set ytics (".NAMES.")"
    set grid noytics
    set xlabel XLABEL offset 0, 0.3
    set style fill solid 0.9 noborder
    piece(p, s) = is_in(p, s) ? column("x") : NaN
    total(p) = strcol("kind") eq "total" && strcol("panel") eq p
    plot for [i = 1:NSERIES] s = word(SERIES, i) DATA \
             using (0.5 * (column("low") + column("high"))):(piece(P, s)):(column("low")): \
                   (column("high")):(column("x") - 0.38):(column("x") + 0.38) with boxxyerror \
             fc rgb colour(i), \
         DATA using (total(P) ? column("y") : NaN):(column("x")):(strcol("label")) with labels \
             left offset 0.8, 0 font FONT.",".(TERM_SIZE - 1)
}
unset multiplot
