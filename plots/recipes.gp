# Test accuracy of several trainings against epochs.
# gnuplot -c recipes.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "epoch"
PANEL_W = 900; PANEL_H = 520
ACCURACIES = 1
load HERE."common.gp"
curve_dash(s) = place(SERIES, s) > words(COLOURS) ? 2 : 1
NOTE_FIRST = "legend: test accuracy at the end"
load HERE."history.gp"
