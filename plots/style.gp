# Fonts, colours and numbers that all figures share. Loaded by common.gp and by figures that are no
# curves.

set encoding utf8
set datafile separator comma
set datafile columnheaders
set datafile missing NaN

FONT = "sans-serif"
# Okabe and Ito's colours, told apart by colour-blind people; then again with other points
COLOURS = "#0072B2 #D55E00 #009E73 #CC79A7 #E69F00 #56B4E9 #000000"
POINTS = "7 5 9 13 11 15 3 6 4 8 12 10 14 2"
GREY = "#666666"
colour(i) = word(COLOURS, (i - 1) % words(COLOURS) + 1)
dot(i) = int(word(POINTS, (i - 1) % words(POINTS) + 1))

min(a, b) = a < b ? a : b
max(a, b) = a > b ? a : b
# 950, 1500, 64k, 2M, 0.05; powers of two as 64 KiB
plain(v) = v >= 1e6 ? sprintf("%gM", v / 1e6) : v >= 1e4 ? sprintf("%gk", v / 1e3) : sprintf("%g", v)
binary(v) = v >= 2**30 ? sprintf("%g GiB", v / 2**30) : v >= 2**20 ? sprintf("%g MiB", v / 2**20) : \
            v >= 2**10 ? sprintf("%g KiB", v / 2**10) : sprintf("%g B", v)
