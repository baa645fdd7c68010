# Images, each beside the bars of its probabilities; one alone is drawn large. Data file:
# item,kind,x,y,value,text. Of item 0: title, subtitle, section (y: row, text). Of each other item:
# item (x, y: column and row, value: 1 right, 0 wrong, empty where nobody knows, text), name, pixel
# (x, y from the top left, value 0 to 255), and for each class one of predicted, label (the true class
# where it is another) or class (x: number of the bar, y: probability, text).

load HERE."style.gp"
GREEN = "#009E73"; RED = "#D55E00"; BLUE = "#0072B2"
N = 0; TITLE = ""; SUBTITLE = ""; NSECTIONS = 0; COLUMNS = 1; ROWS = 1; NBARS = 1; WIDTH = 0; HEIGHT = 0
CHARS = 1
array COLUMN[40]; array ROW[40]; array RIGHT_[40]; array TEXT[40]; array NAME[40]
array SECTION_ROW[40]; array SECTION_TEXT[40]
do for [i = 1:40] { NAME[i] = ""; TEXT[i] = "" }
read_item(i, t) = (N = max(N, i), COLUMN[i] = column("x"), ROW[i] = column("y"), TEXT[i] = t, \
                   RIGHT_[i] = column("value"), COLUMNS = max(COLUMNS, column("x") + 1), \
                   ROWS = max(ROWS, column("y") + 1), 0)
read_section(t) = (NSECTIONS = NSECTIONS + 1, SECTION_ROW[NSECTIONS] = column("y"), \
                   SECTION_TEXT[NSECTIONS] = t, 0)
read_pixel(i) = (WIDTH = max(WIDTH, column("x") + 1), HEIGHT = max(HEIGHT, column("y") + 1), 0)
is_class(k) = k eq "class" || k eq "predicted" || k eq "label"
read(k) = k eq "pixel" ? read_pixel(0) : \
          is_class(k) ? (NBARS = max(NBARS, column("x") + 1), CHARS = max(CHARS, strlen(strcol("text"))), 0) : \
          k eq "item" ? read_item(int(column("item")), strcol("text")) : \
          k eq "name" ? (NAME[int(column("item"))] = strcol("text"), 0) : \
          k eq "section" ? read_section(strcol("text")) : \
          k eq "title" ? (TITLE = strcol("text"), 0) : \
          k eq "subtitle" ? (SUBTITLE = strcol("text"), 0) : 0
stats DATA using (read(strcol("kind"))) nooutput
if (N == 0) { printerr DATA.' holds no image'; exit status 1 }

# ---- layout in pixels, from the top ----
ALONE = N == 1
SIDE = ALONE ? 330 : 128 # of an image
BAR_H = ALONE ? SIDE / NBARS : 13
NAMES_W = 24 + 7.5 * CHARS
BARS_W = ALONE ? 300 : 150
CELL_W = SIDE + NAMES_W + BARS_W + (ALONE ? 90 : 60)
CELL_H = 40 + max(SIDE, NBARS * BAR_H) + (ALONE ? 30 : 14)
HEAD = 70; SECTION_H = 30; FOOT = 30
W = max(620, COLUMNS * CELL_W + 30); H = HEAD + ROWS * CELL_H + NSECTIONS * SECTION_H + FOOT
load HERE."terminal.gp"
# sections above the row
top_of(row) = HEAD + row * CELL_H + \
    SECTION_H * (NSECTIONS ? int(sum [s_ = 1:NSECTIONS] (SECTION_ROW[s_] <= row ? 1 : 0)) : 0)

set palette gray negative # ink on paper
set cbrange [0:255]
unset colorbox
unset grid
# pixels by themselves, so that the many are read once
set table $PIXELS separator whitespace
plot DATA using "x":"y":"value" with table if (strcol("kind") eq "pixel")
unset table
set print $BARS
print "item,kind,x,y,text"
set print
line(k) = sprintf("%d,%s,%g,%g,%s", column("item"), k, column("x"), column("y"), strcol("text"))
set table $BARS append
plot DATA using (line(strcol("kind"))) with table if (is_class(strcol("kind")))
unset table

set multiplot
do for [I = 1:N] {
    x_ = 20 + COLUMN[I] * CELL_W; y_ = top_of(ROW[I])
    unset label
    if (I == 1) {
        set label TITLE at screen sx(16), sy(20) left font FONT.":Bold,".(TERM_SIZE + 4) front
        set label SUBTITLE at screen sx(16), sy(44) left textcolor rgb GREY front
        do for [S = 1:NSECTIONS] {
            set label SECTION_TEXT[S] at screen sx(20), sy(top_of(SECTION_ROW[S]) - 12) left \
                font FONT.":Bold,".(TERM_SIZE + 1) front
        }
        set label (NSECTIONS ? "bars: probability of each class   ·   green: right   ·   orange: wrong   ·   blue: what it really is" : \
                               "bars: probability of each class") \
            at screen sx(20), sy(H - 12) left textcolor rgb GREY font FONT.",".(TERM_SIZE - 2) front
    }
    known_ = RIGHT_[I] == 0 || RIGHT_[I] == 1
    ink_ = !known_ ? BLUE : RIGHT_[I] == 1 ? GREEN : RED
    set label (known_ ? RIGHT_[I] == 1 ? "✓ " : "✗ " : "").TEXT[I] at screen sx(x_), sy(y_ + 12) left \
        font FONT.":Bold,".(TERM_SIZE + (ALONE ? 8 : 1)) textcolor rgb ink_ front
    set label NAME[I] at screen sx(x_), sy(y_ + 28 + SIDE + (ALONE ? 16 : 10)) left \
        font FONT.",".(TERM_SIZE - 3) textcolor rgb GREY front

    # the image
    set lmargin at screen sx(x_); set rmargin at screen sx(x_ + SIDE)
    set tmargin at screen sy(y_ + 28); set bmargin at screen sy(y_ + 28 + SIDE)
    set xrange [-0.5:WIDTH - 0.5]; set yrange [HEIGHT - 0.5:-0.5]
    unset xtics; unset ytics; unset xlabel
    set border 15 lc rgb "#bbbbbb"
    set datafile separator whitespace
    unset datafile columnheaders
    plot $PIXELS using 1:2:3 every ::((I - 1) * WIDTH * HEIGHT)::(I * WIDTH * HEIGHT - 1) with image
    set datafile separator comma
    set datafile columnheaders
    unset label

    # the bars
    bars_x_ = x_ + SIDE + NAMES_W
    high_ = NBARS * BAR_H
    set lmargin at screen sx(bars_x_); set rmargin at screen sx(bars_x_ + BARS_W)
    set tmargin at screen sy(y_ + 28); set bmargin at screen sy(y_ + 28 + high_)
    set xrange [0:1]; set yrange [NBARS - 0.5:-0.5]
    set border 2 lc rgb GREY
    mine(k) = int(column("item")) == I && is_class(k)
    ink(k) = k eq "predicted" ? (!known_ ? 0x0072B2 : RIGHT_[I] == 1 ? 0x009E73 : 0xD55E00) : \
             k eq "label" ? 0x0072B2 : 0xBBBBBB
    told(k) = k eq "predicted" || k eq "label" || ALONE && column("y") >= 0.0005
    small_ = FONT.",".(ALONE ? TERM_SIZE : TERM_SIZE - 2)
    set style fill solid 1 noborder
    plot $BARS using (0.5 * column("y")):(mine(strcol("kind")) ? column("x") : NaN):(0):(column("y")): \
              (column("x") - 0.38):(column("x") + 0.38):(ink(strcol("kind"))) with boxxyerror lc rgb variable, \
         $BARS using (0):(mine(strcol("kind")) ? column("x") : NaN):(strcol("text")) with labels right \
              offset -0.6, 0 font small_, \
         $BARS using (column("y")):(mine(strcol("kind")) && told(strcol("kind")) ? column("x") : NaN): \
              (sprintf(ALONE ? "%.1f %%" : "%.0f %%", 100 * column("y"))) with labels left offset 0.5, 0 font small_
}
unset multiplot
