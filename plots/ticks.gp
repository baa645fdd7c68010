# Ticks of a logarithmic axis from LO to HI as TICKS, for `set xtics (...)`: at 1, 2, 5 or fewer over
# many decades; with BINARY at powers of four, in KiB and MiB.

TICKS = ""
if (BINARY) {
    do for [e_ = int(floor(log(LO) / log(4))) : int(ceil(log(HI) / log(4)))] {
        if ((e_ % 2 == 0) || HI / LO < 600) {
            TICKS = TICKS.sprintf(', "%s" %.0f', binary(4.0**e_), 4.0**e_)
        }
    }
} else {
    do for [e_ = int(floor(log10(LO))) : int(ceil(log10(HI)))] {
        if (HI / LO < 1e6 || e_ % 2 == 0) {
            TICKS = TICKS.sprintf(', "%s" %g', plain(10.0**e_), 10.0**e_)
        }
        if (HI / LO < 300) {
            TICKS = TICKS.sprintf(', "%s" %g, "%s" %g', plain(2 * 10.0**e_), 2 * 10.0**e_, \
                                  plain(5 * 10.0**e_), 5 * 10.0**e_)
        }
    }
}
TICKS = "(".TICKS[3:].")"
