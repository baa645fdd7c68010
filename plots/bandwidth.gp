# GB/s of the streaming probes against working set, cache sizes marked.
# gnuplot -c bandwidth.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "working set"
YLABEL = "GB/s"
XBINARY = 1
YLOG = 1
PANEL_W = 560
PANEL_H = 430
load HERE."common.gp"

# a probe with non-temporal stores looks like its plain one, dashed
is_nt(s) = strlen(s) > 3 && s[strlen(s) - 2:] eq "-nt"
base(s) = is_nt(s) ? s[1:strlen(s) - 3] : s
# plain probes numbered among themselves
PROBES = ""
do for [i = 1:NSERIES] { PROBES = add(PROBES, base(word(SERIES, i))) }
curve_colour(s) = colour(place(PROBES, base(s)))
curve_dot(s) = is_nt(s) ? dot(place(PROBES, base(s)) + 7) : dot(place(PROBES, base(s)))
curve_dash(s) = is_nt(s) ? 2 : 1
load HERE."panels.gp"
