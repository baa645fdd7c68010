# The ladder of a training step: a bar for each measure, the plain step above, the fast one below.
# gnuplot -c step-ladder.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
load HERE."style.gp"
BARS = 1; CHARS = 4
stats DATA using (strcol("kind") eq "point" ? (BARS = max(BARS, column("x")), \
                  CHARS = max(CHARS, strlen(strcol("label"))), 0) : 0) nooutput
LEFT = 30 + 7.5 * CHARS
PANEL_W = 640; PANEL_H = 126 + 26 * BARS
LEGEND = 0
load HERE."common.gp"
NOTE = "medians with 95 % intervals, measured in turn   ·   ends: time, change by this measure, times as fast as plain, share of the FMA peak   ·   docs/step.md explains the measures"

set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XHI = 0; NAMES = ""; N = 0
    name(n) = (N = max(N, column("x")), XHI = max(XHI, max(column("y"), high(0))), \
               NAMES = NAMES.sprintf('%s"%s" %d', strlen(NAMES) ? "," : "", n, int(column("x"))), 0)
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? name(strcol("label")) : 0) nooutput
    load HERE."frame.gp"
    set yrange [N + 0.6:-0.6]
    set xrange [0:XHI * 2.1] # the words at the bars' ends stay within
    eval "set ytics (".NAMES.")"
    set grid noytics
    set xlabel XLABEL offset 0, 0.3
    set style fill solid 0.9 noborder
    here(k) = strcol("kind") eq k && strcol("panel") eq P ? column("x") : NaN
    tone(x) = x == 0 ? 0x999999 : x == N ? 0x009E73 : 0x0072B2
    plot DATA using (0.5 * column("y")):(here("point")):(0.0):(column("y")): \
                    (column("x") - 0.36):(column("x") + 0.36):(tone(column("x"))) \
             with boxxyerror fc rgb variable, \
         DATA using (column("y")):(column("low") > 0 ? here("point") : NaN):(low(0)):(high(0)) \
             with xerrorbars pt 0 lw 1.4 lc rgb "#222222", \
         DATA using (max(column("y"), high(0))):(here("total")):(strcol("label")) with labels \
             left offset 0.8, 0 font FONT.",".(TERM_SIZE - 1)
}
unset multiplot
