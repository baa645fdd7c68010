# GFLOP/s of the vector kernels against N.
# gnuplot -c gflops-level1.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "N"
YLABEL = "GFLOP/s"
load HERE."common.gp"
load HERE."panels.gp"
