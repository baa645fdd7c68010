# Where the time of a step on several ranks goes: a bar for each number of ranks and mode.
# gnuplot -c step-split.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
NOTE_TEXT_ = "medians   ·   ranks × images on each   ·   left of 0: shorter with communication than without"
LEGEND_BOXES = 1
load HERE."bars.gp"
