# Test accuracy of several trainings against epochs.
# gnuplot -c recipes.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "epoch"
ACCURACIES = 1
load HERE."common.gp"
NOTE_FIRST = "legend: test accuracy at the end   ·   equal steps up the axis divide the error by the same factor"
load HERE."history.gp"
