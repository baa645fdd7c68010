# GFLOP/s of CPU and GPU against N, and the N from which on the GPU is faster.
# gnuplot -c crossover.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "N"
YLABEL = "GFLOP/s"
load HERE."crossings.gp"
