# Ticks of a linear y axis from 0 to HI, written as on logarithmic ones: 10k instead of 10000.

if (HI >= 1e4) {
    step_ = 10.0**floor(log10(HI / 2))
    step_ = HI / step_ > 10 ? 5 * step_ : HI / step_ > 5 ? 2 * step_ : HI / step_ < 3 ? step_ / 2 : step_
    TICKS = '"0" 0'
    do for [i_ = 1:int(HI / step_)] { TICKS = TICKS.sprintf(', "%s" %g', plain(i_ * step_), i_ * step_) }
    eval "set ytics (".TICKS.")"
} else {
    set format y "%g"
}
