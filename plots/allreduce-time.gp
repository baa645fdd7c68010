# Time of an allreduce by size.
# gnuplot -c allreduce-time.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
PANEL_W = 500; LEFT = 90
XLABEL = "bytes"
XBINARY = 1
YLABEL = "time"
YLOG = 1
load HERE."common.gp"
RIGHT = 40 # room for the last tick's words
# the y axis is the only one with ticks of this kind
plain(v) = v >= 1 ? sprintf("%g s", v) : v >= 1e-3 ? sprintf("%g ms", v * 1e3) : \
           v >= 1e-6 ? sprintf("%g µs", v * 1e6) : sprintf("%g ns", v * 1e9)
load HERE."panels.gp"
