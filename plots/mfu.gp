# Share of the FMA peak that training steps reach, against batch.
# gnuplot -c mfu.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "batch"
XMEASURED = 1
YLABEL = "% of FMA peak"
CEILING_NAME = "large square product of the same run"
load HERE."common.gp"
load HERE."panels.gp"
