# Efficiency on more ranks than were measured, as a band.
# gnuplot -c prediction.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "ranks (the batch is each rank's)"
XLOG = 1; XMEASURED = 1
YLABEL = "share of the step that computes"
YFIXED = 1.05
YLINE = 1
PANEL_W = 450
NOTE_FIRST = "predicted, not measured"
BAND_NAME = "nothing hidden to all that can be, widened by the model's interval and error"
load HERE."common.gp"
extrapolated(t) = (NOTE_FIRST = NOTE_FIRST.": ".t, 0)
stats DATA using (strcol("kind") eq "extrapolated" ? extrapolated(strcol("label")) : 0) nooutput
curve_dash(s) = 2
curve_dot(s) = 6
load HERE."panels.gp"
