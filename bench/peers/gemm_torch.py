#!/usr/bin/env python3
"""Times torch.matmul on a GPU beside `flopstep blas`, in turn: C = A B, N x N, the old C not read.

    PYTHON-WITH-TORCH bench/peers/gemm_torch.py [options]

Prints ratios, PyTorch's time over flopstep's, of the medians and of the bests, with GFLOP/s of the bests.
Writes gemm.csv and gemm.jsonl (every sample). Both take uniform numbers in [-1, 1], write into a C that
is there, and are timed by CUDA events. Types as flopstep calls them: d double, s single (strict, no
TF32), tf32 single multiplied in TF32, bf16, h half (the last two: sums in single precision).
"""
import argparse
import contextlib
import csv
import json
import math
import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ratios  # noqa: E402
from frameworks import Parser, positive, whole_numbers  # noqa: E402
from tools import (MISSING, NOT_WRITTEN, ROOT, UNSET, Failure, Flopstep, die, note,  # noqa: E402
                   own_cores, require_device)

# flopstep's name of a type, torch's, and whether its products may use TF32
TYPES = {"d": ("float64", False), "s": ("float32", False), "tf32": ("float32", True),
         "bf16": ("bfloat16", False), "h": ("float16", False)}
COLUMNS = """device version type n rounds ratio low high coverage best_ratio median_s best_s
flopstep_median_s flopstep_best_s gflops flopstep_gflops machine""".split()
GROUP_S = 0.02  # between two events


def type_names(text):
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in TYPES:
            raise argparse.ArgumentTypeError(f"no type is called '{name}'; there are " + ", ".join(TYPES))
    return names


def options_of(arguments):
    parser = Parser(description=__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--types", metavar="LIST", type=type_names, default=list(TYPES),
        help=f"of {','.join(TYPES)} (default: all)")
    add("--sizes", metavar="LIST", type=whole_numbers("sizes"), default=[8192], help="N (default 8192)")
    add("--rounds", metavar="N", type=positive(int), default=7, help="(default 7)")
    add("--seconds", metavar="S", type=positive(float), default=0.5,
        help="of sampling for each case, side and round (default 0.5)")
    add("--flopstep", metavar="PATH", default=str(ROOT / "build/flopstep"), help="(default build/flopstep)")
    add("--out", metavar="DIR", help="folder for the results (default results/local/gemm-<UTC time>)")
    return parser.parse_args(arguments)


class Products:
    """torch.matmul on the GPU."""

    device = "cuda"

    def __init__(self):
        import torch  # after the variables that change it are unset
        if not torch.cuda.is_available():
            raise Failure(f"PyTorch {torch.__version__} finds no GPU "
                          f"(built for CUDA {torch.version.cuda or 'none'})")
        self.torch, self.version = torch, torch.__version__
        self.name = torch.cuda.get_device_name()
        for word in ("allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction"):
            with contextlib.suppress(AttributeError, AssertionError):  # not in every version
                setattr(torch.backends.cuda.matmul, word, False)

    def timed(self, a, b, c, repetitions):
        begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(repetitions):
            self.torch.matmul(a, b, out=c)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3 / repetitions

    def visit(self, type_name, n, seconds):
        """Samples, seconds a product."""
        torch = self.torch
        name, tf32 = TYPES[type_name]
        torch.backends.cuda.matmul.allow_tf32 = tf32
        dtype = getattr(torch, name)
        a, b, c = (torch.empty(n, n, dtype=dtype, device=self.device).uniform_(-1, 1) for _ in range(3))
        begin = time.perf_counter()
        while time.perf_counter() - begin < 0.2 * seconds:
            once = self.timed(a, b, c, 1)
        repetitions = max(1, math.ceil(GROUP_S / max(once, 1e-7)))
        samples = []
        while len(samples) < 3 or sum(samples) * repetitions < seconds:
            samples.append(self.timed(a, b, c, repetitions))
        if not bool(torch.isfinite(c).all()):
            raise Failure(f"torch.matmul in {name}, N = {n}: the product is not finite")
        del a, b, c
        torch.cuda.empty_cache()  # flopstep needs the room
        return samples


def measure(o, products, flopstep, cases):
    """{case: (rounds of PyTorch's samples, rounds of flopstep's)}; who is first changes each round."""
    rounds, failed = {case: ([], []) for case in cases}, set()
    for turn in range(o.rounds):
        note(f"round {turn + 1} of {o.rounds}")
        for place, case in enumerate(cases):
            type_name, n = case
            options = ["--device", flopstep.device, "--kernels", "gemm", "--types", type_name,
                       "--sizes", str(n), "--beta", "0", *(["--no-check"] if turn else [])]
            sides = [lambda: products.visit(type_name, n, o.seconds),
                     lambda: flopstep.record("blas", options, len(own_cores()), o.seconds)["samples_s"]]
            samples = [None, None]
            try:
                for side in ((0, 1) if (turn + place) % 2 else (1, 0)):
                    samples[side] = sides[side]()
            except (Failure, RuntimeError) as failure:  # of torch: out of memory, a type the GPU lacks
                if case not in failed:
                    note(f"  {type_name}, N = {n}: {str(failure).splitlines()[0]}")
                failed.add(case)
                continue
            for side in (0, 1):
                rounds[case][side].append(samples[side])
    return rounds, failed


def rows_of(rounds, version, device, machine):
    rows = []
    for (type_name, n), (theirs, ours) in rounds.items():
        if not theirs:
            continue
        row = {"device": device, "version": version, "type": type_name, "n": n, "machine": machine}
        row |= ratios.ratio_of_rounds(theirs, ours)
        row["gflops"] = 2e-9 * n**3 / row["best_s"]
        row["flopstep_gflops"] = 2e-9 * n**3 / row["flopstep_best_s"]
        rows.append(row)
    return rows


def print_table(rows):
    line = "{:<5} {:>6} {:>11} {:>11} {:>7}  {:<15} {:>7} {:>11} {:>11}"
    print(line.format("type", "N", "torch", "flopstep", "ratio", "interval", "bests", "GFLOP/s",
                      "flopstep's"))
    for r in rows:
        print(line.format(r["type"], r["n"], f"{r['median_s'] * 1e3:.4g} ms",
                          f"{r['flopstep_median_s'] * 1e3:.4g} ms", f"{r['ratio']:.3f}",
                          f"{r['low']:.3f} - {r['high']:.3f}", f"{r['best_ratio']:.3f}",
                          f"{r['gflops']:.0f}", f"{r['flopstep_gflops']:.0f}"))
    print("ratio: PyTorch's time over flopstep's, median of rounds in turn; 2: flopstep needs half the time")


def write(out, o, rounds, rows, flopstep, products):
    with open(out / "gemm.jsonl", "x", encoding="utf-8") as file:
        print(json.dumps({"record": "peers", "command_line": sys.argv, "flopstep": flopstep.provenance,
                          "torch": products.version, "gpu": products.name, "settings": vars(o)}), file=file)
        for (type_name, n), (theirs, ours) in rounds.items():
            print(json.dumps({"record": "case", "type": type_name, "n": n, "torch": theirs,
                              "flopstep": ours}), file=file)
    with open(out / "gemm.csv", "x", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def main(arguments, make_products=Products):
    o = options_of(arguments)
    if not shutil.which(o.flopstep):
        die(MISSING, f"'{o.flopstep}' is no program; build flopstep, or name it with --flopstep")
    for name in UNSET:
        os.environ.pop(name, None)
    o.flopstep = os.path.abspath(shutil.which(o.flopstep))
    require_device(o.flopstep, "cuda")
    try:
        products = make_products()
    except ImportError:
        die(MISSING, f"'{sys.executable}' has no PyTorch; run this script with a Python that has it")
    except Failure as failure:
        die(MISSING, str(failure))
    out = pathlib.Path(o.out) if o.out else ROOT / "results/local" / time.strftime("gemm-%Y%m%dT%H%M%SZ",
                                                                                 time.gmtime())
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        die(NOT_WRITTEN, f"--out: {error}")
    if (out / "gemm.csv").exists() or (out / "gemm.jsonl").exists():
        die(NOT_WRITTEN, f"--out: '{out}' holds results; name another folder")
    with tempfile.TemporaryDirectory() as folder:
        flopstep = Flopstep(o.flopstep, pathlib.Path(folder), "cuda")
        rounds, failed = measure(o, products, flopstep, [(t, n) for n in o.sizes for t in o.types])
    provenance = flopstep.provenance or {}
    device = provenance.get("devices", [{}])[0].get("name", "")
    revision = provenance.get("build", {}).get("git_revision", "")
    rows = rows_of(rounds, products.version, device, f"{products.name}, flopstep {revision}")
    print(f"{products.name}, PyTorch {products.version}, flopstep {revision}")
    print_table(rows)
    try:
        write(out, o, rounds, rows, flopstep, products)
    except OSError as error:
        die(NOT_WRITTEN, str(error))
    note(f"results: {out}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        die(130, "interrupted")
