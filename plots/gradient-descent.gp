# Steps of gradient descent on a curve, one panel for each learning rate.
# gnuplot -c gradient-descent.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
# Data file: item,kind,x,y,value,text. Of item 0: title, subtitle. Of each panel: panel (value: η,
# text: words), curve (x, y), path (x, y after so many steps).

load HERE."style.gp"
BLUE = "#0072B2"
TITLE = ""; SUBTITLE = ""; NPANELS = 0; N = 0
XLOW = NaN; XHIGH = NaN; YLOW = NaN; YHIGH = NaN
array ETA[12]; array WORDS[12]; array FIRST[12]; array LAST[12]
array CURVE[12]; array CURVE_END[12]; NC = 0
array PX[1200]; array PY[1200]; array CX[12000]; array CY[12000]
lower(a, b) = a < b || b != b ? a : b
higher(a, b) = a > b || b != b ? a : b
read_panel(t) = (NPANELS = NPANELS + 1, ETA[NPANELS] = column("value"), WORDS[NPANELS] = t, \
                 FIRST[NPANELS] = N + 1, LAST[NPANELS] = N, CURVE[NPANELS] = NC + 1, 0)
read_curve(x, y) = (NC = NC + 1, CX[NC] = x, CY[NC] = y, CURVE_END[NPANELS] = NC, \
                    XLOW = lower(x, XLOW), XHIGH = higher(x, XHIGH), \
                    YLOW = lower(y, YLOW), YHIGH = higher(y, YHIGH), 0)
read_path(x, y) = (N = N + 1, PX[N] = x, PY[N] = y, LAST[NPANELS] = N, 0)
read(k) = k eq "panel" ? read_panel(strcol("text")) : \
          k eq "curve" ? read_curve(column("x"), column("y")) : \
          k eq "path" ? read_path(column("x"), column("y")) : \
          k eq "title" ? (TITLE = strcol("text"), 0) : \
          k eq "subtitle" ? (SUBTITLE = strcol("text"), 0) : 0
stats DATA using (read(strcol("kind"))) nooutput
if (NPANELS == 0) { printerr DATA.' holds no path'; exit status 1 }

# ---- layout in pixels, from the top ----
COLUMNS = min(3, NPANELS); ROWS = int((NPANELS + COLUMNS - 1) / COLUMNS)
CELL_W = 390; CELL_H = 350; HEAD = 66; LEFT = 58; RIGHT = 18; TOP = 40; BOTTOM = 46
W = max(620, COLUMNS * CELL_W + 16); H = HEAD + ROWS * CELL_H + 8
load HERE."terminal.gp"
if (YHIGH - YLOW <= 1e-4 * abs(YLOW)) { YHIGH = YLOW + 1 + 0.1 * abs(YLOW) }
room_ = 0.1 * (YHIGH - YLOW)
XMIN = XLOW; XMAX = XHIGH; YMIN = YLOW - room_; YMAX = YHIGH + room_
PER_X = (CELL_W - LEFT - RIGHT) / (XMAX - XMIN) # pixels
PER_Y = (CELL_H - TOP - BOTTOM) / (YMAX - YMIN)
inside(i) = PX[i] >= XMIN && PX[i] <= XMAX && PY[i] >= YMIN && PY[i] <= YMAX
far(i, j) = sqrt(((PX[i] - PX[j]) * PER_X)**2 + ((PY[i] - PY[j]) * PER_Y)**2)
# labels are wider than high, so points that lie side by side share one sooner
crowded(i, j) = sqrt((0.45 * (PX[i] - PX[j]) * PER_X)**2 + ((PY[i] - PY[j]) * PER_Y)**2) < 12.5
# the share of a step of d from v that is left before the frame
left(v, d, low, high) = d > 0 ? min(1, (high - v) / d) : d < 0 ? min(1, (low - v) / d) : 1.0
count(i, j) = i == j ? sprintf("%d", i) : sprintf("%d–%d", i, j)

set xrange [XMIN:XMAX]; set yrange [YMIN:YMAX]
set multiplot
do for [P = 1:NPANELS] {
    x_ = ((P - 1) % COLUMNS) * CELL_W; y_ = HEAD + int((P - 1) / COLUMNS) * CELL_H
    unset label; unset arrow
    set lmargin at screen sx(x_ + LEFT); set rmargin at screen sx(x_ + CELL_W - RIGHT)
    set tmargin at screen sy(y_ + TOP); set bmargin at screen sy(y_ + CELL_H - BOTTOM)
    set xlabel "x" offset 0, 0.4
    if (x_ == 0) { set ylabel "f(x)" offset 1, 0 } else { unset ylabel }
    if (P == 1) {
        set label TITLE at screen sx(16), sy(20) left font FONT.":Bold,".(TERM_SIZE + 4) front
        set label SUBTITLE at screen sx(16), sy(44) left textcolor rgb GREY front
    }
    set label sprintf("η = %g", ETA[P]) at screen sx(x_ + LEFT), sy(y_ + 12) left \
        font FONT.":Bold" front
    set label WORDS[P] at screen sx(x_ + LEFT + 72), sy(y_ + 12) left front

    # steps, until one leaves the picture
    last_ = FIRST[P] - 1
    do for [i = FIRST[P]:LAST[P]] {
        if (last_ == i - 1 && inside(i)) { last_ = i }
    }
    do for [i = FIRST[P] + 1:min(last_ + 1, LAST[P])] {
        if (last_ >= FIRST[P] && i > FIRST[P]) {
            j = i - 1; dx_ = PX[i] - PX[j]; dy_ = PY[i] - PY[j]; length_ = far(i, j)
            # up to the edge of the point, or the frame
            share_ = i > last_ ? min(left(PX[j], dx_, XMIN, XMAX), left(PY[j], dy_, YMIN, YMAX)) : \
                     1 - 5 / max(length_, 5)
            if (length_ > 16) {
                set arrow from PX[j], PY[j] to PX[j] + share_ * dx_, PY[j] + share_ * dy_ \
                    head filled size screen 9.0 / W, 18 lw 1.3 lc rgb BLUE front
            }
            if (length_ <= 16) {
                set arrow from PX[j], PY[j] to PX[i], PY[i] nohead lw 1.3 lc rgb BLUE front
            }
        }
    }
    if (last_ < LAST[P]) {
        gone_ = count(last_ + 1 - FIRST[P], LAST[P] - FIRST[P])." outside: x ="
        do for [i = last_ + 1:min(LAST[P], last_ + 4)] {
            gone_ = gone_.sprintf(i > last_ + 1 ? "; %.3g" : " %.3g", PX[i])
        }
        if (LAST[P] > last_ + 4) { gone_ = gone_."; …" }
        set label gone_ at screen sx(x_ + LEFT), sy(y_ + 29) left textcolor rgb GREY \
            font FONT.",".(TERM_SIZE - 1) front
    }

    # points on one spot share a label, on the outer side of the curve
    array SHOWN[max(1, LAST[P] - FIRST[P] + 1)]
    do for [i = 1:|SHOWN|] { SHOWN[i] = 0 }
    do for [i = FIRST[P]:last_] {
        if (SHOWN[i - FIRST[P] + 1] == 0) {
            text_ = ""; from_ = -1; to_ = -2; right_ = PX[i]; left_ = PX[i]
            do for [j = i:last_] {
                if (SHOWN[j - FIRST[P] + 1] == 0 && crowded(i, j)) {
                    SHOWN[j - FIRST[P] + 1] = 1
                    k = j - FIRST[P]
                    if (k != to_ + 1) {
                        text_ = text_.(from_ >= 0 ? count(from_, to_)."; " : ""); from_ = k
                    }
                    to_ = k
                }
            }
            text_ = text_.count(from_, to_)
            # slope on the screen, of the curve about the point
            b_ = 0; a_ = 0
            nearest(c) = (CX[c] < PX[i] && (b_ == 0 || CX[c] > CX[max(b_, 1)]) ? (b_ = c) : 0, \
                          CX[c] > PX[i] && (a_ == 0 || CX[c] < CX[max(a_, 1)]) ? (a_ = c) : 0, 0)
            found_ = sum [c_ = CURVE[P]:CURVE_END[P]] nearest(c_)
            slope_ = a_ && b_ ? (CY[a_] - CY[b_]) / (CX[a_] - CX[b_]) * PER_Y / PER_X : 0
            norm_ = sqrt(1 + slope_**2)
            nx_ = slope_ / norm_ * (11 + 3.5 * strlen(text_)); ny_ = -13 / norm_
            set label text_ at PX[i] + nx_ / PER_X, PY[i] + ny_ / PER_Y center textcolor rgb "#222222" \
                font FONT.",".(TERM_SIZE - 1) front
        }
    }
    undefine SHOWN
    own(k) = int(column("item")) == P && strcol("kind") eq k ? column("y") : NaN
    plot DATA using "x":(own("curve")) with lines lw 2.5 lc rgb "#bbbbbb", \
         DATA using "x":(own("path")) with points pt 7 ps 0.9 lc rgb "#ffffff", \
         DATA using "x":(own("path")) with points pt 7 ps 0.7 lc rgb BLUE
}
unset multiplot
