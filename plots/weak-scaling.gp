# Weak scaling: time of a step on one rank over that on several.
# gnuplot -c weak-scaling.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "ranks"
XLOG = 1; XMEASURED = 1
YLABEL = "efficiency"
YFIXED = 1.05
CEILING_NAME = "ideal"
load HERE."common.gp"
load HERE."panels.gp"
