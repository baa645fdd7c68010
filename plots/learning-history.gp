# Accuracy and loss of one training against epochs or steps.
# gnuplot -c learning-history.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
REF_BESIDE = 1
PANEL_W = 560; PANEL_H = 420
load HERE."common.gp"
load HERE."history.gp"
