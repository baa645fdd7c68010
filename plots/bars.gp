# Horizontal bars of pieces, some of them left of 0: bar number x, its name in label, pieces from low to
# high in the colour of their series; words at the end in rows of kind total. Set before: NOTE_TEXT_,
# and LEGEND_BOXES where the pieces have names; without, a bar reaches from 0 to y and low, high are
# its interval. Loads style.gp and common.gp.

load HERE."style.gp"
BARS = 1; CHARS = 4
stats DATA using (strcol("kind") eq "point" ? (BARS = max(BARS, column("x")), \
                  CHARS = max(CHARS, strlen(strcol("label"))), 0) : 0) nooutput
LEFT = 30 + 7.5 * CHARS
PANEL_W = LEFT + 440; PANEL_H = 100 + (BARS > 24 ? 20 : 26) * BARS
MOST_COLUMNS = 2
load HERE."common.gp"
NOTE = NOTE_TEXT_
STACKED = exists("LEGEND_BOXES")
PIECE_NAMES = "compute wait exposed"
PIECE_COLOURS = "#0072B2 #56B4E9 #D55E00"
kind_of(s) = place(PIECE_NAMES, s[1:strstrt(s." ", " ") - 1])
colour(i) = kind_of(word(SERIES, i)) ? word(PIECE_COLOURS, kind_of(word(SERIES, i))) : "#0072B2"
from(unused) = STACKED ? column("low") : 0.0
# an interval that is unknown
or_y(v) = v == v ? v : column("y")
to(unused) = STACKED ? column("high") : column("y")

set multiplot
do for [PANEL = 1:NPANELS] {
    P = word(PANELS, PANEL)
    XLO = 0; XHI = 0; NAMES = ""; MARK = 4
    name(n) = (XLO = min(XLO, or_y(column("low"))), XHI = max(XHI, or_y(column("high"))), \
               NAMES = strstrt(NAMES, sprintf('" %d', int(column("x")))) ? NAMES : \
                       NAMES.sprintf('%s"%s" %d', strlen(NAMES) ? "," : "", n, int(column("x"))), 0)
    stats DATA using (strcol("kind") eq "point" && strcol("panel") eq P ? name(strcol("label")) : 0) nooutput
    words_(p, t) = strcol("kind") eq "total" && strcol("panel") eq p ? (MARK = max(MARK, strlen(t)), 0) : 0
    stats DATA using (words_(P, strcol("label"))) nooutput
    if (XHI <= 0) { XHI = -0.02 * XLO }
    if (XHI <= 0) { XHI = 1 }
    load HERE."frame.gp"
    set yrange [BARS + 0.6:0.4]
    # the words at the bars' ends stay within
    room_ = min(0.7, 7.3 * MARK / (right_ - left_))
    XMIN = XLO < 0 ? XLO - 0.02 * (XHI - XLO) : 0
    set xrange [XMIN:XMIN + (XHI - XMIN) / (1 - room_)]
    eval "set ytics (".NAMES.")"
    set grid noytics
    set xlabel XLABEL offset 0, 0.3
    set style fill solid 0.9 noborder
    if (XLO < 0) { set arrow from first 0, graph 0 to first 0, graph 1 nohead lw 1.2 lc rgb "#222222" front }
    piece(p, s) = is_in(p, s) ? column("x") : NaN
    total(p) = strcol("kind") eq "total" && strcol("panel") eq p
    plot for [i = 1:NSERIES] s = word(SERIES, i) DATA \
             using (0.5 * (from(0) + to(0))):(piece(P, s)):(from(0)):(to(0)): \
                   (column("x") - 0.36):(column("x") + 0.36) with boxxyerror fc rgb colour(i), \
         DATA using (column("y")):(STACKED || strcol("kind") ne "point" || strcol("panel") ne P ? NaN : \
                   column("x")):(column("low")):(column("high")) \
             with xerrorbars pt 0 lw 1.4 lc rgb "#222222", \
         DATA using (total(P) ? column("y") : NaN):(column("x")):(strcol("label")) with labels \
             left offset 0.8, 0 font FONT.",".(TERM_SIZE - 1)
}
unset multiplot
