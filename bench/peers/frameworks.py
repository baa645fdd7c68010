#!/usr/bin/python3
"""Times training steps of PyTorch, TensorFlow and JAX beside flopstep's, in turn.

    bench/peers/frameworks.py [options]

Prints a table of ratios, framework's time over flopstep's: 2 means that flopstep needs half the time.
Writes frameworks.csv, frameworks.jsonl (versions, machine, every sample) and the figure. flopstep needs
none of the frameworks; what isn't installed is left out with a line that says how to get it.

The rules (docs/peers.md says why):
  * Every tool makes whole steps: forward, loss, backward, update, in training mode and single precision,
    on 16384 synthetic images walked in order, with the networks and optimizers of nn/networks.c.
  * In each round each tool runs each case for a short while, and the order rotates.
  * Each framework is written as its own tutorials write it. What may make it faster on a CPU (memory
    format, compilers, fused optimizers, ...) is tried before the rounds, and kept where it helps.
  * Batches lie ready in memory; warm-up isn't timed; several steps are timed together where they are
    short, so that nobody waits for a queue after each one; no framework is asked for its loss.
  * The same cores, the same number of threads, denormals flushed, variables that change how libraries
    choose kernels unset for all. A framework that takes the system's BLAS gets OpenBLAS built with OpenMP
    where that is installed: the build with threads of its own is many times slower beside OpenMP.
  * On a GPU (--device cuda): PyTorch eager and with a CUDA graph of the whole step, the images on the
    device as bytes and gathered there by each step, times by events, TF32 only where --math says so.
  * A case counts where its number of parameters is flopstep's and its loss falls on one batch.
"""
import argparse
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import results  # noqa: E402
from tools import (GPU_FRAMEWORKS, GPU_MODES, MATHS, MISSING, NOT_WRITTEN,  # noqa: E402
                   ROOT, SWITCHES, UNSET, USAGE, Failure, Flopstep, die, find_frameworks, note, own_cores,
                   require_device, start_tools)

# Of the lectures
BATCHES = {"softmax": 100, "two-layer": 100, "mlp16": 32, "mlp128": 128, "mlp5": 128,
           "mlp-wide": 128, "lenet5": 128, "cnn": 128}


# ---- the command line ----

class Parser(argparse.ArgumentParser):
    def error(self, message):
        die(USAGE, message + "; see --help")


def whole_numbers(what):
    def read(text):
        words = text.split(",")
        if not all(re.fullmatch(r"[1-9][0-9]{0,4}", word) for word in words):
            raise argparse.ArgumentTypeError(f"'{text}' is no list of {what}")
        return list(dict.fromkeys(map(int, words)))
    return read


def positive(kind):
    def read(text):
        value = kind(text) if re.fullmatch(r"[0-9]*\.?[0-9]+", text) else 0
        if not 0 < value <= 10000:
            raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
        return value
    read.__name__ = kind.__name__
    return read


def network_names(text):
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in BATCHES:
            raise argparse.ArgumentTypeError(f"no network is called '{name}'; there are "
                                             + ", ".join(BATCHES))
    return names


def switch_names(text):
    names = text.split(",")
    for name in names:
        if name not in SWITCHES:
            raise argparse.ArgumentTypeError(f"no switch is called '{name}'; there are "
                                             + ", ".join(SWITCHES))
    return names


def batch_sizes(text):
    return None if text == "default" else whole_numbers("batches, or default")(text)


def thread_counts(text):
    cores = len(own_cores())
    counts = whole_numbers("threads, or all")(text.replace("all", str(cores)))
    if max(counts) > cores:
        raise argparse.ArgumentTypeError(f"there are {cores} cores to use, not {max(counts)}")
    return counts


def options_of(arguments):
    parser = Parser(description=__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--networks", metavar="LIST", type=network_names, default=list(BATCHES),
        help=f"of {','.join(BATCHES)} (default: all)")
    add("--batch", metavar="LIST", type=batch_sizes, default=None,
        help="images in a step, e.g. 1,8, or default: that of the lecture "
             "(32 for mlp16, 100 for softmax and two-layer, else 128)")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="where to run (default cpu)")
    add("--math", choices=MATHS, default=None,
        help="of a GPU's products: fp32 (strict, default), tf32, bf16 (PyTorch: autocast)")
    add("--threads", metavar="LIST", type=thread_counts, default=None,
        help="numbers of threads, or all (default: 1,all); of CPUs")
    add("--rounds", metavar="N", type=positive(int), default=9, help="(default 9)")
    add("--seconds", metavar="S", type=positive(float), default=0.3,
        help="of sampling for each case, tool and round (default 0.3)")
    add("--switches", metavar="LIST", type=switch_names, default=None,
        help="what may make frameworks faster and is tried, e.g. channels_last,fused (default: all)")
    add("--plain", action="store_const", dest="switches", const=[],
        help="try nothing: every framework as its tutorials write it")
    add("--python", metavar="PATH", action="append", default=[],
        help="a Python that has frameworks, e.g. of a virtual environment; may be repeated "
             "(looked into anyway: /usr/bin/python3 and that of the PATH)")
    add("--flopstep", metavar="PATH", default=str(ROOT / "build/flopstep"), help="(default build/flopstep)")
    add("--out", metavar="DIR", help="folder for the results (default results/local/peers-<UTC time>)")
    add("--from", metavar="CSV", dest="earlier",
        help="measure nothing: table and figure of an earlier run's frameworks.csv")
    o = parser.parse_args(arguments)
    if o.device == "cpu" and o.math not in (None, "fp32"):
        parser.error(f"--math {o.math} is of GPUs; --device cuda")
    if o.device != "cpu" and o.threads:
        parser.error("--threads is of CPUs; a GPU's step is issued by one thread")
    o.math = o.math or "fp32"
    o.threads = o.threads or thread_counts("1,all" if o.device == "cpu" else "all")
    return o


# ---- measuring ----

def refusal(prepared, case):
    """Why a framework's case is not flopstep's, or None."""
    if prepared["parameters"] != case["parameters"]:
        return (f"{prepared['parameters']} parameters where flopstep has {case['parameters']}: "
                "not the same network")
    before, after = prepared["loss_before"], prepared["loss_after"]
    if not after < before:
        return f"its loss does not fall on one batch ({before:.4g}, then {after:.4g}): it does not train"
    return None


def prepare(o, tools, flopstep, cases):
    """Plans every case in every tool. {(tool, case): what came out}, {case: flopstep's record}"""
    prepared, ready = {}, {}
    for number, case in enumerate(cases, 1):
        network, batch, threads = case
        note(f"preparing {number} of {len(cases)}: {network}, batch {batch}"
             + (f", {threads} thread(s)" if o.device == "cpu" else ""))
        try:
            record = flopstep.visit(*case, min(o.seconds, 0.1))
        except Failure as failure:
            note(f"  flopstep: {failure}")
            continue
        ready[case] = record
        for name, workers in tools.items():
            try:
                row = workers[threads].ask(do="prepare", network=network, batch=batch, switches=o.switches,
                                           optimizer=record["optimizer"], seconds=o.seconds)
                row["reason"] = refusal(row, record)
            except Failure as failure:
                row = {"reason": str(failure)}
            if row["reason"]:
                note(f"  {name}: refused: {row['reason']}")
            prepared[name, case] = row
    return prepared, ready


def measure(o, tools, flopstep, prepared, ready):
    """{(tool, case): [samples of a round]}; the order of tools rotates from round to round."""
    rounds = {}
    for turn in range(o.rounds):
        note(f"round {turn + 1} of {o.rounds}")
        for place, case in enumerate(ready):
            network, batch, threads = case
            order = ["flopstep", *tools]
            shift = (turn + place) % len(order)
            for name in order[shift:] + order[:shift]:
                row = prepared.get((name, case), {"reason": None})
                if row["reason"]:
                    continue
                try:
                    if name == "flopstep":
                        samples = flopstep.visit(*case, o.seconds)["samples_s"]
                    else:
                        samples = tools[name][threads].ask(
                            do="time", network=network, batch=batch, seconds=o.seconds)["samples_s"]
                except Failure as failure:
                    row["reason"] = str(failure)
                    note(f"  {name}, {network}: {failure}")
                    continue
                rounds.setdefault((name, case), {})[turn] = samples
    return rounds


def redraw(o):
    rows = results.read_rows(o.earlier)
    results.print_table(rows)
    folder = pathlib.Path(o.out) if o.out else pathlib.Path(o.earlier).parent
    results.write_figure(rows, folder / "figures")
    return 0


def main(arguments):
    o = options_of(arguments)
    if o.earlier:
        return redraw(o)
    if not shutil.which(o.flopstep):
        die(MISSING, f"'{o.flopstep}' is no program; build flopstep, or name it with --flopstep")
    o.flopstep = os.path.abspath(shutil.which(o.flopstep))
    o.python = [os.path.abspath(p) if os.sep in p else p for p in o.python]
    gpu = o.device != "cpu"
    if gpu:
        require_device(o.flopstep, o.device)
    found = find_frameworks(o.python, GPU_FRAMEWORKS if gpu else None)
    if not found:
        die(MISSING, "no framework is installed, so there is nothing to compare with")
    stamp = time.strftime("peers-%Y%m%dT%H%M%SZ", time.gmtime())
    out = pathlib.Path(o.out) if o.out else ROOT / "results/local" / stamp
    try:
        out.mkdir(parents=True, exist_ok=True)
        log = open(out / "workers.log", "x", encoding="utf-8")  # what frameworks print
    except FileExistsError:
        die(NOT_WRITTEN, f"--out: '{out}' is a file, or holds results; name another folder")
    except OSError as error:
        die(NOT_WRITTEN, f"--out: {error}")
    unset = [f"{k}={os.environ[k]}" for k in UNSET if k in os.environ]
    note("unset for all tools: " + (", ".join(unset) or "nothing was set"))
    cases = [(n, b, t) for n in o.networks for b in (o.batch or [BATCHES[n]]) for t in o.threads]
    tools, loads = {}, [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as folder:
        flopstep = Flopstep(o.flopstep, pathlib.Path(folder), o.device, o.math)
        try:
            note(f"system's BLAS for all tools: {flopstep.blas or 'as the system has it'}")
            tools = start_tools(found, o.threads, flopstep.blas, log,
                                [(mode, o.math) for mode in GPU_MODES] if gpu else [()])
            if not tools:
                die(MISSING, "no framework starts, so there is nothing to compare with")
            prepared, ready = prepare(o, tools, flopstep, cases)
            rounds = measure(o, tools, flopstep, prepared, ready)
        finally:
            for workers in tools.values():
                for worker in workers.values():
                    worker.end()
            log.close()
    loads.append(os.getloadavg()[0])
    machine = results.machine_line(flopstep, loads)
    device = flopstep.provenance["devices"][0]["name"] if gpu and flopstep.provenance else o.device
    rows = results.rows_of(tools, prepared, rounds, machine, device, o.math)
    try:
        results.write_csv(rows, out / "frameworks.csv")
        results.write_record(out / "frameworks.jsonl", o, tools, flopstep, prepared, rounds, loads)
        print(machine)
        results.print_table(rows)
        results.write_figure(rows, out / "figures")
    except OSError as error:
        die(NOT_WRITTEN, str(error))
    note(f"results: {out}")
    complete = len(ready) == len(cases) and all(r["status"] == "ok" for r in rows)
    return 0 if complete else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        die(130, "interrupted")