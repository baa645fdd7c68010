# For the scripts that read flopstep's CSV files: awk -f scripts/csv.awk -f scripts/NAME.awk FILE.csv

# Splits one CSV line (quotes doubled inside quotes) into cell[1..].
function split_csv(line,    n, i, c, quoted, text) {
    n = 0; text = ""; quoted = 0
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (quoted) {
            if (c != "\"") text = text c
            else if (substr(line, i + 1, 1) == "\"") { text = text c; i++ }
            else quoted = 0
        } else if (c == "\"") quoted = 1
        else if (c == ",") { cell[++n] = text; text = "" }
        else text = text c
    }
    cell[++n] = text
    return n
}

# The cell of a column; at[name] is its place, set by whoever reads the first line.
function value(name) { return name in at ? cell[at[name]] : "" }
