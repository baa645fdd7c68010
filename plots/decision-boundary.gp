# What a network answers in the plane, its line of decision, and the samples.
# gnuplot -c decision-boundary.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
# Data file: item,kind,x,y,value,text with kind title, subtitle, field (value: output of class 1 as a
# share), train or test (value: class).

load HERE."style.gp"
TITLE = ""; SUBTITLE = ""; NFIELD = 0; NCOLUMNS = 0; NTRAIN = 0; NTEST = 0
array FX[250000]; array FY[250000]; array FV[250000]
keep(v) = (NFIELD = NFIELD + 1, FX[NFIELD] = column("x"), FY[NFIELD] = column("y"), FV[NFIELD] = v, \
           NCOLUMNS = NCOLUMNS + (column("y") == FY[1] ? 1 : 0), 0)
read(k) = k eq "field" ? keep(column("value")) : \
          k eq "train" ? (NTRAIN = NTRAIN + 1, 0) : k eq "test" ? (NTEST = NTEST + 1, 0) : \
          k eq "title" ? (TITLE = strcol("text"), 0) : k eq "subtitle" ? (SUBTITLE = strcol("text"), 0) : 0
stats DATA using (read(strcol("kind"))) nooutput
if (NFIELD == 0) { printerr DATA.' holds no field'; exit status 1 }

HEAD = 66; SIDE = 540
LEFT = 72; W = LEFT + SIDE + 150; H = HEAD + SIDE + 100
load HERE."terminal.gp"
# a grid in rows, for the contour
set print $FIELD
do for [i = 1:NFIELD] {
    if (i > 1 && (i - 1) % NCOLUMNS == 0) { print "" }
    print FX[i], FY[i], FV[i]
}
set print
set datafile separator whitespace
unset datafile columnheaders
set contour base; set cntrparam levels discrete 0.5; unset surface
set table $LINE
splot $FIELD using 1:2:3
unset table
unset contour; set surface

set multiplot
set lmargin at screen sx(LEFT); set rmargin at screen sx(LEFT + SIDE)
set tmargin at screen sy(HEAD); set bmargin at screen sy(HEAD + SIDE)
set xrange [FX[1]:FX[NFIELD]]; set yrange [FY[1]:FY[NFIELD]]
set cbrange [0:1]
# pale, so that the points stand out
set palette defined (0 "#66AAD1", 0.5 "#ffffff", 1 "#E69E66")
set colorbox user origin screen sx(LEFT + SIDE + 24), screen sy(HEAD + SIDE) \
    size screen 1.0 * 18 / W, screen 1.0 * SIDE / H
set cbtics 0.25 scale 0.4 format "%g"
set cblabel "output of class 1" offset 0.5, 0
set xlabel "x" offset 0, 0.3; set ylabel "y" offset 0.5, 0
set label TITLE at screen sx(16), sy(20) left font FONT.":Bold,".(TERM_SIZE + 4) front
set label SUBTITLE at screen sx(16), sy(44) left textcolor rgb GREY front
NAMES = '"class 0, train" "class 1, train" "class 0, test" "class 1, test"'
do for [s = 0:3] {
    lx_ = LEFT + (s % 2) * 180; ly_ = H - 36 + int(s / 2) * 20
    if (s < 2 && NTRAIN || s > 1 && NTEST) {
        set label "" at screen sx(lx_ + 6), sy(ly_) point pt (s < 2 ? 7 : 13) ps (s < 2 ? 0.8 : 1.3) \
            lc rgb (s % 2 ? "#A03800" : "#004A78") front
        if (s > 1) { set label "" at screen sx(lx_ + 6), sy(ly_) point pt 12 ps 1.3 lw 1.2 lc rgb "#000000" front }
        set label word(NAMES, s + 1) at screen sx(lx_ + 20), sy(ly_) left front
    }
}
set arrow from screen sx(LEFT + 372), sy(H - 36) to screen sx(LEFT + 402), sy(H - 36) nohead lw 2.5 lc rgb "#000000"
set label "undecided: 0.5" at screen sx(LEFT + 410), sy(H - 36) left front
plot $FIELD using 1:2:3 with image, \
     $LINE using 1:2 with lines lw 2.5 lc rgb "#000000"
unset label; unset arrow; unset colorbox; unset xlabel; unset ylabel
set xtics format ""; set ytics format ""; unset grid
set datafile separator comma
set datafile columnheaders
own(k, v) = strcol("kind") eq k && column("value") == v ? column("x") : NaN
plot for [v = 0:1] DATA using (own("train", v)):(column("y")) with points pt 7 ps 0.8 lc rgb "#ffffff", \
     for [v = 0:1] DATA using (own("train", v)):(column("y")) with points pt 7 ps 0.6 lc rgb (v ? "#A03800" : "#004A78"), \
     for [v = 0:1] DATA using (own("test", v)):(column("y")) with points pt 13 ps 1.3 lc rgb (v ? "#A03800" : "#004A78"), \
     for [v = 0:1] DATA using (own("test", v)):(column("y")) with points pt 12 ps 1.3 lw 1.2 lc rgb "#000000"
unset multiplot
