# What is left of the communication, by mode of reduction.
# gnuplot -c overlap-modes.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
NOTE_TEXT_ = "exposed: step less the same step without communication   ·   thin line: 95 % interval of the step   ·   at the ends: share of the step"
LEGEND = 0
load HERE."bars.gp"
