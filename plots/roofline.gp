# Roofline: GFLOP/s against arithmetic intensity, measured roofs, every kernel labelled.
# gnuplot -c roofline.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
PANEL_W = 980; PANEL_H = 600
load HERE."common.gp"
NOTE = "each kernel at its largest size   ·   bar: 95 % interval of the median   ·   lines: measured ceilings"

# the points, and room for the roofs' slopes on the left and for labels on the right
N = 0
array X[300]; array Y[300]; array TEXT[300]; array LABEL_Y[300]
array ORDER[300]
keep(t) = (N = min(N + 1, 300), X[N] = column("x"), Y[N] = column("y"), TEXT[N] = t, ORDER[N] = N, 0)
stats DATA using (strcol("kind") eq "point" ? keep(strcol("label")) : 0) nooutput
XLO = X[1]; XHI = X[1]; YLO = Y[1]; YHI = Y[1]; FLAT = 0
do for [i = 1:N] {
    XLO = min(XLO, X[i]); XHI = max(XHI, X[i]); YLO = min(YLO, Y[i]); YHI = max(YHI, Y[i])
}
do for [r = 1:NROOF] { if (ROOF_KIND[r] eq "compute") { FLAT = max(FLAT, ROOF_Y[r]) } }
XLO = XLO / 2.5; XHI = max(XHI * 12, 30)
YLO = YLO / 3; YHI = 2 * max(YHI, FLAT)
if (YHI / YLO < 50) { YLO = YHI / 50 }
set logscale xy
set xrange [XLO:XHI]; set yrange [YLO:YHI]

set multiplot
PANEL = 1
load HERE."frame.gp"
set xlabel "arithmetic intensity (FLOP per byte moved at the least)" offset 0, 0.3
set ylabel "GFLOP/s" offset 0.3, 0
LO = XLO; HI = XHI; BINARY = 0
load HERE."ticks.gp"
eval "set xtics ".TICKS
LO = YLO; HI = YHI
load HERE."ticks.gp"
eval "set ytics ".TICKS

# roofs: flat ones for arithmetic, slopes for the memory up to the highest flat one
wide = right_ - left_; high = bottom_ - top_
py(y) = high * log(YHI / y) / log(YHI / YLO)
px(x) = wide * log(x / XLO) / log(XHI / XLO)
slope = atan2(high / log10(YHI / YLO), wide / log10(XHI / XLO)) * 180 / pi
do for [r = 1:NROOF] {
    small_ = FONT.",".(TERM_SIZE - 1)
    if (ROOF_KIND[r] eq "compute") {
        set arrow from first XLO, first ROOF_Y[r] to first XHI, first ROOF_Y[r] nohead \
            lw 2 dt 2 lc rgb "#333333"
        set label ROOF_TEXT[r] at graph 0.985, first ROOF_Y[r] right offset 0, 0.6 font small_ front
    } else {
        # ends at the flat roof or the frame, whichever comes first
        top_y = FLAT > 0 ? FLAT : YHI
        x1_ = max(XLO, YLO / ROOF_Y[r]); x2_ = min(XHI, top_y / ROOF_Y[r])
        if (x2_ > x1_) {
            set arrow from first x1_, first x1_ * ROOF_Y[r] to first x2_, first x2_ * ROOF_Y[r] \
                nohead lw 2 dt 2 lc rgb "#333333"
            # where the words end below the flat roof
            long_ = sqrt((px(x2_) - px(x1_))**2 + (high * log(x2_ / x1_) / log(YHI / YLO))**2)
            share_ = max(0.45, min(0.7, 1 - 90.0 / long_))
            lx_ = exp(log(x1_) + share_ * (log(x2_) - log(x1_)))
            set label ROOF_TEXT[r] at first lx_, first lx_ * ROOF_Y[r] * 1.12 center \
                rotate by int(slope + 0.5) offset -0.4, 0.4 font small_ front
        }
    }
}

# labels to the right of their points, from the top down, each moved down until it is free
do for [a = 1:N] {
    do for [b = 1:N - 1] {
        # of two about equally fast ones the right one first, so that the lines do not cross
        equal_ = abs(log(Y[ORDER[b]] / Y[ORDER[b + 1]])) < 0.1
        if (equal_ ? X[ORDER[b]] < X[ORDER[b + 1]] : Y[ORDER[b]] < Y[ORDER[b + 1]]) {
            swap_ = ORDER[b]; ORDER[b] = ORDER[b + 1]; ORDER[b + 1] = swap_
        }
    }
}
GAP = 30
array LABEL_X[300]
do for [a = 1:N] {
    i = ORDER[a]
    LABEL_X[i] = px(X[i])
    do for [j = 1:N] { # one column for a bunch of points
        if (abs(log(Y[i] / Y[j])) < 0.25 && abs(px(X[i]) - px(X[j])) < 60) {
            LABEL_X[i] = max(LABEL_X[i], px(X[j]))
        }
    }
    LABEL_Y[i] = py(Y[i])
    moved = 1
    while (moved) {
        moved = 0
        do for [b = 1:a - 1] {
            j = ORDER[b]
            apart = abs(LABEL_X[i] - LABEL_X[j]) \
                    - 7.4 * strlen(LABEL_X[i] > LABEL_X[j] ? TEXT[j] : TEXT[i])
            if (apart < 12 && abs(LABEL_Y[i] - LABEL_Y[j]) < 17) {
                LABEL_Y[i] = LABEL_Y[j] + 17.5; moved = 1
            }
        }
    }
    fx_ = left_ + LABEL_X[i]; fy_ = top_ + LABEL_Y[i]
    set arrow from first X[i], first Y[i] to screen sx(fx_ + GAP - 4), sy(fy_) nohead \
        lw 0.6 lc rgb "#999999" back
    set label TEXT[i] at screen sx(fx_ + GAP), sy(fy_) left font FONT.",".(TERM_SIZE - 1) front
}

plot for [i = 1:NSERIES] s = word(SERIES, i) DATA \
         using (at("", s)):(column("y")):(low(0)):(high(0)) with yerrorbars \
         pt dot(i) ps 1 lw 1.4 lc rgb colour(i)
unset multiplot
