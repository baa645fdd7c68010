# Images per second of whole training steps against batch.
# gnuplot -c images-per-s.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "batch"
XMEASURED = 1
YLABEL = "images/s"
YLOG = 1
load HERE."common.gp"
load HERE."panels.gp"
