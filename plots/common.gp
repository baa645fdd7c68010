# What all figures share: terminal, colours, reading the data file, axes, header and legend.
# Loaded by the script of one figure, which sets before: HERE (the
# folder of the scripts), DATA and PICTURE (its ARG1 and ARG2).
#
# Data file: panel,series,kind,x,y,low,high,ceiling,ceiling_name,label,title,subtitle with one
# line a point, sorted by panel, series and x. kind is point, or a mark: reference (y), cache (x), roof (y),
# axis (label: the title of the x axis), reported (x, y).

load HERE."style.gp"

# a list of quoted words without repetition
add(list, name) = strstrt(list, '"'.name.'"') ? list : list.' "'.name.'"'
place(list, name) = int(sum [i_ = 1:words(list)] (word(list, i_) eq name ? i_ : 0))
# how a curve looks, by the name of its series; a script may define its own after loading this file
# every fourteen curves the colours shift, so that no two look alike
curve_colour(s) = colour(place(SERIES, s) + 3 * int((place(SERIES, s) - 1) / words(POINTS)))
curve_dot(s) = dot(place(SERIES, s))
curve_dash(s) = 1

# ---- what there is: panels, series, their ranges ----
PANELS = ""; SERIES = ""; TITLE = ""; SUBTITLE = ""; CEILINGS = 0; BANDS = 0
NREF = 0; NCACHE = 0; NROOF = 0
array REF_Y[200]; array REF_TEXT[200]; array REF_PANEL[200]; array REF_SERIES[200]
array CACHE_X[200]; array CACHE_TEXT[200]; array CACHE_PANEL[200]
array ROOF_Y[20]; array ROOF_TEXT[20]; array ROOF_KIND[20]
read_point(p, s) = (PANELS = add(PANELS, p), SERIES = add(SERIES, s), \
                    CEILINGS = CEILINGS + (column("ceiling") > 0 ? 1 : 0), \
                    BANDS = BANDS + (column("low") < column("high") ? 1 : 0), 0)
read_reference(p) = (NREF = min(NREF + 1, 200), REF_Y[NREF] = column("y"), \
                     REF_TEXT[NREF] = strcol("label"), REF_PANEL[NREF] = p, \
                     REF_SERIES[NREF] = strcol("series"), 0)
read_cache(t) = (NCACHE = min(NCACHE + 1, 200), CACHE_X[NCACHE] = column("x"), \
                 CACHE_TEXT[NCACHE] = t, CACHE_PANEL[NCACHE] = strcol("panel"), 0)
read_roof(t) = (NROOF = min(NROOF + 1, 20), ROOF_Y[NROOF] = column("y"), ROOF_TEXT[NROOF] = t, \
                ROOF_KIND[NROOF] = strcol("series"), 0)
read_axis(t) = (XLABEL = t, 0)
read(k) = (TITLE = strcol("title"), SUBTITLE = strcol("subtitle"), \
           k eq "point" ? read_point(strcol("panel"), strcol("series")) : \
           k eq "reference" ? read_reference(strcol("panel")) : \
           k eq "cache" ? read_cache(strcol("label")) : \
           k eq "roof" ? read_roof(strcol("label")) : \
           k eq "axis" ? read_axis(strcol("label")) : 0)
stats DATA using (read(strcol("kind"))) nooutput
NPANELS = words(PANELS); NSERIES = words(SERIES)
if (NPANELS == 0) { printerr DATA.' holds no point'; exit status 1 }

is_in(p, s) = strcol("kind") eq "point" && strcol("panel") eq p && strcol("series") eq s
# x of the points of one curve, NaN elsewhere
at(p, s) = is_in(p, s) ? column("x") : NaN

# the interval; a point without one has no width
low(unused) = column("low") > 0 ? column("low") : column("y")
high(unused) = column("high") > 0 ? column("high") : column("y")

# ---- layout in pixels, from the top ----
COLUMNS = NPANELS <= 3 ? NPANELS : NPANELS == 4 ? 2 : NPANELS <= 6 ? 3 : 4
if (exists("MOST_COLUMNS")) COLUMNS = min(COLUMNS, MOST_COLUMNS)
ROWS = int(ceil(1.0 * NPANELS / COLUMNS))
if (!exists("PANEL_W")) PANEL_W = NPANELS == 1 ? 760 : NPANELS == 2 ? 520 : 410
if (!exists("PANEL_H")) PANEL_H = NPANELS == 1 ? 470 : 350
HEAD = 66
if (!exists("LEFT")) LEFT = 72
# beside the axes only where a script puts the names of reference lines there
RIGHT = exists("REF_BESIDE") && NREF ? 110 : 26
TOP = 30; BOTTOM = 56 # within a panel
W = max(COLUMNS * PANEL_W, 620)
PANEL_W = W / COLUMNS
# the legend below the panels, as many columns as fit
SERIES_CHARS = 0
do for [i = 1:NSERIES] { SERIES_CHARS = max(SERIES_CHARS, strlen(word(SERIES, i))) }
ENTRY_W = 62 + 7.5 * SERIES_CHARS
LEGEND_COLUMNS = max(1, min(NSERIES, int((W - LEFT) / ENTRY_W)))
if (!exists("LEGEND")) LEGEND = NSERIES > 1 || SERIES_CHARS > 0
LEGEND_ROWS = LEGEND ? int(ceil(1.0 * NSERIES / LEGEND_COLUMNS)) : 0
NOTE = ""
# notes of narrow pictures take several lines
FOOT = (W < 900 ? 54 : 38) + 20 * LEGEND_ROWS
H = HEAD + ROWS * PANEL_H + FOOT
load HERE."terminal.gp"
