# Speed-up of every kernel by number of threads.
# gnuplot -c threads.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "threads"
YLABEL = "speed-up"
XWHOLE = 1
CEILING_NAME = "ideal speed-up"
load HERE."common.gp"
load HERE."panels.gp"
