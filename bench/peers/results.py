"""What bench/peers/frameworks.py writes: table, CSV, record, figure."""
import csv
import json
import os
import platform
import shutil
import subprocess
import sys

import ratios
from tools import MISSING, ROOT, UNSET, USAGE, die, note, own_cores

COLUMNS = """framework version variant python network batch device math threads status reason rounds
ratio low high coverage best_ratio median_s best_s flopstep_median_s flopstep_best_s plain_s tuned_s
machine""".split()
CPU_ONLY = [c for c in COLUMNS if c not in ("device", "math")]  # of files older than GPUs here
NUMBERS = set(COLUMNS[COLUMNS.index("rounds"):-1])


def rows_of(tools, prepared, rounds, machine, device="cpu", math="fp32"):
    """A row of the CSV for each framework and case, from the rounds in which both sides have samples."""
    rows = []
    for (name, case), row in prepared.items():
        worker = tools[name][case[2]]
        tried = [t for t in row.get("tried", {}).values() if isinstance(t, float)]
        line = dict.fromkeys(COLUMNS, "")
        line |= {"framework": worker.about["framework"], "version": worker.about["version"],
                 "variant": row.get("variant", ""), "python": worker.python, "network": case[0],
                 "batch": case[1], "device": device, "math": math,
                 "threads": case[2] if device == "cpu" else "", "status": "refused",
                 "reason": row["reason"] or "no round",
                 "plain_s": tried[0] if tried else "", "tuned_s": min(tried) if tried else "",
                 "machine": machine}
        theirs, ours = rounds.get((name, case), {}), rounds.get(("flopstep", case), {})
        both = sorted(theirs.keys() & ours.keys())
        if both and not row["reason"]:
            line |= ratios.ratio_of_rounds([theirs[r] for r in both], [ours[r] for r in both])
            line |= {"status": "ok", "reason": ""}
        rows.append(line)
    return rows


def seconds_text(s):
    return f"{s * 1e3:.4g} ms" if s >= 1e-3 else f"{s * 1e6:.4g} us"


def print_table(rows):
    width = max([20, *(len(f"{r['framework']} {r['version']}") for r in rows)])
    line = "{:<10} {:>5} {:>3}  {:<%d} {:>9} {:>9} {:>7}  {:<15} {:>6}  {}" % width
    print(line.format("network", "batch", "thr", "framework", "its step", "flopstep", "ratio",
                      "interval", "best", "as").rstrip())
    for r in rows:
        head = r["network"], r["batch"], r["threads"] or "-", f"{r['framework']} {r['version']}"
        if r["status"] == "ok":
            print(line.format(*head, seconds_text(r["median_s"]), seconds_text(r["flopstep_median_s"]),
                              f"{r['ratio']:.2f}", f"{r['low']:.2f} - {r['high']:.2f}",
                              f"{r['best_ratio']:.2f}", r["variant"]))
        else:
            print(line.format(*head, "-", "-", "-", "", "-", f"{r['status']}: {r['reason']}"))
    ok = [r for r in rows if r["status"] == "ok"]
    if ok:
        print(f"ratio: its median step over flopstep's, of {max(r['rounds'] for r in ok)} rounds in turn, "
              f"interval of {100 * min(r['coverage'] for r in ok):.0f} % coverage at least; best: ratio of "
              "the fastest samples")


def read_rows(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            if table.fieldnames not in (COLUMNS, CPU_ONLY):
                die(USAGE, f"--from: '{path}' is no frameworks.csv of this script")
            rows = list(table)
        for row in rows:
            for name in NUMBERS & row.keys():
                row[name] = float(row[name]) if row[name] else ""
            row.setdefault("device", "cpu")
            row.setdefault("math", "fp32")
            if None in row.values() or (row["status"] == "ok" and row["ratio"] == ""):
                raise ValueError("a row is cut off")
            row["rounds"] = int(row["rounds"] or 0)
    except OSError as error:
        die(MISSING, f"--from: {error}")
    except (ValueError, UnicodeError) as error:
        die(USAGE, f"--from: '{path}': {error}")
    return rows


def subtitle(row):
    words = row["machine"].replace(", ", " · ")
    return words if row["device"] == "cpu" else f"{words} · {row['math']}"


def write_figure(rows, folder):
    """frameworks.csv with the points, .svg and .png; a line says why where there is no picture."""
    ok = [r for r in rows if r["status"] == "ok"]
    if not ok:
        note("no figure: no case has a ratio")
        return
    folder.mkdir(parents=True, exist_ok=True)
    points = folder / "frameworks.csv"
    groups = list(dict.fromkeys((r["network"], str(r["batch"])) for r in ok))
    with open(points, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow("panel series kind x y low high ceiling ceiling_name label title subtitle "
                     "threads".split())
        for r in ok:
            out.writerow(["", f"{r['framework']} {r['version']}", "point",
                          groups.index((r["network"], str(r["batch"]))), r["ratio"], r["low"], r["high"],
                          "", "", f"{r['network']} · {r['batch']} images", "Frameworks beside flopstep",
                          subtitle(r), r["threads"] or 0])
    if not shutil.which("gnuplot"):
        note("no figure: gnuplot is not installed (apt install gnuplot-nox)")
        return
    for ending in ("svg", "png"):
        picture = folder / f"frameworks.{ending}"
        run = subprocess.run(["gnuplot", "-c", str(ROOT / "plots/frameworks.gp"), str(points),
                              str(picture)], capture_output=True, text=True, check=False)
        if run.returncode:
            note(f"no figure: gnuplot: {(run.stderr.strip() or '?').splitlines()[-1]}")
            return
    note(f"figure: {folder}/frameworks.svg, .png")


def write_csv(rows, path):
    with open(path, "x", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def write_record(path, o, tools, flopstep, prepared, rounds, loads):
    """JSON Lines: the run with versions and machine, then a line a tool and case with all samples."""
    head = {"record": "peers", "command_line": sys.argv, "flopstep": flopstep.provenance,
            "flopstep_info": flopstep.info, "system_blas": flopstep.blas,
            "system": platform.platform(), "cores": own_cores(), "load": loads,
            "unset": {k: os.environ[k] for k in UNSET if k in os.environ}, "settings": {
                "rounds": o.rounds, "seconds": o.seconds, "switches": o.switches,
                "device": o.device, "math": o.math},
            "tools": {name: {t: w.about | {"python": w.python} for t, w in workers.items()}
                      for name, workers in tools.items()}}
    with open(path, "x", encoding="utf-8") as file:
        print(json.dumps(head), file=file)
        for (name, case), samples in rounds.items():
            print(json.dumps({"record": "case", "tool": name, "network": case[0], "batch": case[1],
                              "threads": case[2], "prepared": prepared.get((name, case)),
                              "rounds": samples}), file=file)


def machine_line(flopstep, loads):
    p = flopstep.provenance or {}
    cpu = p.get("cpu", {})
    clock = f", {cpu['clock_ghz']:.2f} GHz" if cpu.get("clock_ghz") else ""
    where = cpu.get("model", platform.processor()) + clock
    if flopstep.device != "cpu":
        where = ", ".join(d["what"].split(",")[0] for d in p.get("devices", [])) or flopstep.device
    return (f"{where}, flopstep "
            f"{p.get('build', {}).get('git_revision', '')}, load {loads[0]:.1f} to {loads[-1]:.1f}")
