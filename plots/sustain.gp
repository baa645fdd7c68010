# One case over minutes: rate, clock, power and temperature, one below the other over one time axis.
# gnuplot -c sustain.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
# Data file: item,kind,x,y,value,text. Of item 0: title, subtitle, verdict, axis (x: its end, text: its
# title), note (text), throttled (from x to y), unknown (text: what is left out). Of each
# panel: panel (text: its title), point (x, y, value: the slowest), mark (y, text).

load HERE."style.gp"
TITLE = ""; SUBTITLE = ""; VERDICT = ""; XLABEL = ""; REMARK = ""; UNKNOWN = ""; XEND = NaN
NPANELS = 0; NTHROTTLED = 0; NLEAST = 0
array FROM[1000]; array TO[1000]
array NAMES[8]; array MARK_Y[8]; array MARK_TEXT[8]
do for [i = 1:8] { NAMES[i] = ""; MARK_Y[i] = NaN; MARK_TEXT[i] = "" }
item(unused) = int(column("item"))
read_panel(i, t) = (NPANELS = max(NPANELS, i), NAMES[i] = t, 0)
read_mark(i, t) = (MARK_Y[i] = column("y"), MARK_TEXT[i] = t, 0)
# more than there is room for in the array become one with the last
read_throttled(a, b) = (NTHROTTLED < |FROM| ? (NTHROTTLED = NTHROTTLED + 1, FROM[NTHROTTLED] = a) : 0, \
                        TO[NTHROTTLED] = b, 0)
read_axis(t) = (XLABEL = t, XEND = column("x"), 0)
read(k) = k eq "panel" ? read_panel(item(0), strcol("text")) : \
          k eq "point" ? (NLEAST = NLEAST + (column("value") > 0 ? 1 : 0), 0) : \
          k eq "mark" ? read_mark(item(0), strcol("text")) : \
          k eq "throttled" ? read_throttled(column("x"), column("y")) : \
          k eq "axis" ? read_axis(strcol("text")) : \
          k eq "title" ? (TITLE = strcol("text"), 0) : \
          k eq "subtitle" ? (SUBTITLE = strcol("text"), 0) : \
          k eq "verdict" ? (VERDICT = strcol("text"), 0) : \
          k eq "note" ? (REMARK = strcol("text"), 0) : \
          k eq "unknown" ? (UNKNOWN = strcol("text"), 0) : 0
stats DATA using (read(strcol("kind"))) nooutput
if (NPANELS == 0) { printerr DATA.' holds no series'; exit status 1 }

# ---- layout in pixels, from the top ----
LEFT = 90; RIGHT = 22; HEAD = strlen(VERDICT) ? 92 : 68; FIRST_H = 230; NEXT_H = 130; GAP = 14; FOOT = 74
W = 860; H = HEAD + FIRST_H + (NPANELS - 1) * NEXT_H + FOOT
load HERE."terminal.gp"

NOTE = REMARK.(NLEAST ? "   ·   faint: its slowest region" : "")
if (strlen(UNKNOWN)) { NOTE = NOTE."   ·   unknown here: ".UNKNOWN }
NOTE = NOTE."   ·   axes need not begin at 0"

PANEL_COLOURS = "#0072B2 #009E73 #D55E00 #CC79A7"
set xrange [0:XEND]
set multiplot
do for [P = 1:NPANELS] {
    top_ = HEAD + (P > 1 ? FIRST_H + (P - 2) * NEXT_H : 0)
    bottom_ = top_ + (P > 1 ? NEXT_H : FIRST_H) - GAP
    set lmargin at screen sx(LEFT); set rmargin at screen sx(W - RIGHT)
    set tmargin at screen sy(top_); set bmargin at screen sy(bottom_)
    unset label; unset arrow
    if (P == 1) {
        set label TITLE at screen sx(16), sy(20) left font FONT.":Bold,".(TERM_SIZE + 4) front
        set label SUBTITLE at screen sx(16), sy(44) left textcolor rgb GREY front
        set label VERDICT at screen sx(16), sy(66) left font FONT.":Bold" front
        set label NOTE at screen sx(16), sy(H - 12) left textcolor rgb GREY \
            font FONT.",".(TERM_SIZE - 2) front
    }
    # a range of at least a tenth of the value, so that noise is not blown up
    YLO = 1e300; YHI = -1e300
    lowest(unused) = column("value") > 0 ? min(column("y"), column("value")) : column("y")
    extremes(unused) = column("y") > -1e300 ? (YLO = min(YLO, lowest(0)), YHI = max(YHI, column("y")), 0) : 0
    set autoscale y
    stats DATA using (item(0) == P && strcol("kind") eq "point" ? extremes(0) : 0) nooutput
    # marks far off would flatten the curve
    if (MARK_Y[P] > YHI && MARK_Y[P] < YHI + max(YHI - YLO, 0.25 * YHI)) { YHI = MARK_Y[P] }
    room_ = max(0.08 * (YHI - YLO), 0.05 * abs(YHI))
    YMIN = YLO >= 0 ? max(0, YLO - room_) : YLO - room_; YMAX = YHI + room_
    if (YMAX <= YMIN) { YMAX = YMIN + 1 }
    set yrange [YMIN:YMAX]
    set ytics autofreq
    set format x (P == NPANELS ? "%g" : "")
    if (P == NPANELS) { set xlabel XLABEL offset 0, 0.3 } else { unset xlabel }
    set label NAMES[P] at screen sx(14), sy((top_ + bottom_) / 2) center rotate by 90 front
    if (MARK_Y[P] >= YMIN && MARK_Y[P] <= YMAX) {
        set arrow from graph 0, first MARK_Y[P] to graph 1, first MARK_Y[P] nohead dt 2 lw 1.2 lc rgb "#555555" front
        set label MARK_TEXT[P] at graph 0.995, first MARK_Y[P] right offset 0, 0.55 \
            font FONT.",".(TERM_SIZE - 2) textcolor rgb GREY front
    }
    ink_ = word(PANEL_COLOURS, (P - 1) % words(PANEL_COLOURS) + 1)
    own(i) = item(0) == i && strcol("kind") eq "point" ? column("x") : NaN
    unset object
    do for [i = 1:NTHROTTLED] {
        set object i rectangle from first FROM[i], graph 0 to first TO[i], graph 1 behind \
            fs solid 1.0 noborder fc rgb "#FBEBCB"
    }
    plot DATA using (own(P)):(column("value") > 0 ? column("value") : NaN) with lines lw 1 lc rgb "#9CC7E4", \
         DATA using (own(P)):"y" with lines lw 1.8 lc rgb ink_
}
unset multiplot
