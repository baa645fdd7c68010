# Every kernel as a share of its measured ceiling.
# gnuplot -c percent-of-peak.gp DATA.csv PICTURE.svg|.png

HERE = ARG0; DATA = ARG1; PICTURE = ARG2
while (strlen(HERE) && HERE[strlen(HERE):] ne "/") { HERE = HERE[1:strlen(HERE) - 1] }
XLABEL = "N"
YLABEL = "% of ceiling"
YFIXED = 105
YLINE = 100
NOTE_FIRST = "100 %: the ceiling measured beside each case   ·   points: median"
load HERE."common.gp"
load HERE."panels.gp"
