# Bus bandwidth of an allreduce, and bandwidth of messages, by size.
# gnuplot -c allreduce-bandwidth.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
PANEL_W = 500; LEFT = 90
XLABEL = "bytes"
XBINARY = 1
YLABEL = "bus bandwidth (GB/s)"
YLOG = 1
load HERE."common.gp"
RIGHT = 40 # room for the last tick's words
load HERE."panels.gp"
