# gemm by library on a logarithmic axis: textbook loops, cache blocking, tuned libraries.
# gnuplot -c library-ladder.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "N"
YLABEL = "GFLOP/s"
YLOG = 1
load HERE."common.gp"
load HERE."panels.gp"
