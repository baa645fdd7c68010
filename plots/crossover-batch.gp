# Images per second of CPU and GPU against batch, and the batch from which on the GPU is faster.
# gnuplot -c crossover-batch.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "batch"
YLABEL = "images/s"
XMEASURED = 1
load HERE."crossings.gp"
