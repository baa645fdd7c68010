# The terminal by the picture's ending, W by H pixels, and what stands on every picture.

sx(px) = 1.0 * px / W
sy(px) = 1 - 1.0 * px / H
if (PICTURE[max(1, strlen(PICTURE) - 3):] eq ".svg") {
    TERM_SIZE = 13
    set terminal svg size W,H dynamic font FONT.",13" background "#ffffff" noenhanced
} else {
    TERM_SIZE = 10
    # twice the pixels, for slides
    set terminal pngcairo size 2*W,2*H font FONT.",10" fontscale 2 linewidth 2 pointscale 2 noenhanced
}
set output PICTURE
set border 3 lc rgb GREY
set tics nomirror out scale 0.6 textcolor rgb "#222222"
set grid lc rgb "#e4e4e4" lt 1 lw 0.6
unset key
