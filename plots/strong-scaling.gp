# Strong scaling: speed-up against ranks, both axes logarithmic so that the ideal is a straight line.
# gnuplot -c strong-scaling.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "ranks"
XLOG = 1; XMEASURED = 1
YLABEL = "speed-up"
YLOG = 1
CEILING_NAME = "ideal"
NOTE_LAST = "e: Karp-Flatt fraction (1/S − 1/p) / (1 − 1/p)"
load HERE."common.gp"
load HERE."panels.gp"
