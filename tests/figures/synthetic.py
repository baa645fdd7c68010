#!/usr/bin/python3
"""Writes plausible results (JSON Lines) of a machine that does not exist, for tests of figures.

    synthetic.py FOLDER [--seed N] [--threads 1,2] [--small]
"""
import argparse
import json
import random
import pathlib

L1, L2, L3 = 48 << 10, 1280 << 10, 32 << 20
# kernel: level, transposes, flops, numbers loaded and stored, bandwidth probe with the same mix
KERNELS = {
    "copy": (1, [""], lambda n: 0, lambda n: 2 * n, "copy"),
    "scal": (1, [""], lambda n: n, lambda n: 2 * n, "update"),
    "axpy": (1, [""], lambda n: 2 * n, lambda n: 3 * n, "axpy"),
    "dot": (1, [""], lambda n: 2 * n, lambda n: 2 * n, "load"),
    "nrm2": (1, [""], lambda n: 2 * n, lambda n: n, "load"),
    "asum": (1, [""], lambda n: n, lambda n: n, "load"),
    "gemv": (2, ["n", "t"], lambda n: 2 * n * n, lambda n: n * n + 3 * n, "load"),
    "ger": (2, [""], lambda n: 2 * n * n, lambda n: 2 * n * n + 2 * n, "update"),
    "symv": (2, [""], lambda n: 2 * n * n, lambda n: n * n / 2 + 3 * n, "load"),
    "trsv": (2, [""], lambda n: n * n, lambda n: n * n / 2 + 2 * n, "load"),
    "gemm": (3, ["nn", "nt", "tn", "tt"], lambda n: 2 * n**3, lambda n: 4 * n * n, "fma"),
    "symm": (3, [""], lambda n: 2 * n**3, lambda n: 3.5 * n * n, "fma"),
    "syrk": (3, [""], lambda n: n**3 + n * n, lambda n: 2 * n * n, "fma"),
    "trmm": (3, [""], lambda n: n**3, lambda n: 2.5 * n * n, "fma"),
    "trsm": (3, [""], lambda n: n**3, lambda n: 2.5 * n * n, "fma"),
}
FMA = {"sse2": 19.0, "avx2": 76.0, "avx512": 142.0}  # double precision, one thread, GFLOP/s
STREAM = {"copy": 1.0, "scale": 0.98, "add": 1.02, "triad": 1.03, "copy-nt": 1.2,
          "scale-nt": 1.2, "add-nt": 1.25, "triad-nt": 1.22, "load": 1.3, "update": 1.1,
          "axpy": 1.05}
# share of the ceiling that a library reaches with large operands, and its threads
LIBRARIES = {"openblas-openmp": (0.86, True), "blis": (0.82, True), "blocked": (0.22, False),
             "naive": (0.01, False)}


def memory_rate(probe, bytes_, threads):
    """GB/s with smooth steps at the caches; the memory is shared, the caches are not."""
    steps = [(L1 * threads, 230 * threads), (L2 * threads, 75 * threads), (L3, 30 * threads)]
    rate = 12.5 * (1 + 0.25 * (threads - 1))
    for size, level in reversed(steps):
        share = 1 / (1 + (bytes_ / (0.8 * size)) ** 4)
        rate = rate * (1 - share) + level * share
    nontemporal = probe.endswith("-nt") and bytes_ < L3
    return rate * STREAM[probe] * (0.2 if nontemporal else 1)


class Writer:
    def __init__(self, folder, command, rng, host="node1"):
        self.rng, self.command, self.cases = rng, command, 0
        self.run = f"{command}-20250101T120000Z"
        self.path = pathlib.Path(folder) / f"{command}.jsonl"
        self.file = self.path.open("w", encoding="utf-8")
        self.put({"record": "provenance", "run": self.run, "command": command,
                  "command_line": ["flopstep", command, "--threads", "1,2"], "host": host,
                  "cpu": {"model": "Example CPU E5-0000 @ 2.50GHz", "cores": 2},
                  "caches": {"L1d": L1, "L2": L2, "L3": L3}, "governor": None})

    def put(self, record):
        self.file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def case(self, seconds, flops, bytes_, ceiling_rate=None, **values):
        """One measured case: the interval and samples scatter around `seconds`."""
        samples = sorted(seconds * (1 + abs(self.rng.gauss(0, 0.03))) for _ in range(15))
        record = {"record": "case", "run": self.run, "command": self.command, "device": "cpu",
                  "library": None, "ranks": 1, "status": "ok", "reason": None, "samples": 15,
                  "median_s": samples[7], "low_s": samples[3], "high_s": samples[11],
                  "min_s": samples[0], "gflops": flops / samples[7] / 1e9 if flops else None,
                  "gbytes_per_s": bytes_ / samples[7] / 1e9 if bytes_ else None,
                  "peak_fraction": None, "sheet_fraction": None, "flags": "", "flops": flops,
                  "bytes": bytes_, "clock_ghz": 3.1, "steal_fraction": 0.0, "load": 0.4,
                  "repetitions": 1, "samples_s": samples}
        record.update(values)
        if ceiling_rate:
            compute = str(record.get("ceiling", "")).startswith("fma")
            rate = record["gflops"] if compute else record["gbytes_per_s"]
            record["ceiling_rate"] = ceiling_rate
            record["peak_fraction"] = rate / ceiling_rate if rate else None
        self.put(record)
        self.cases += 1

    def end(self, status="complete"):
        self.put({"record": "end", "status": status, "cases": self.cases})
        self.file.close()


def write_blas(folder, rng, threads_list, small=False, types="sd", kernels=KERNELS,
               libraries=LIBRARIES, modes=("latency", "throughput")):
    out = Writer(folder, "blas", rng)
    for kernel in kernels:
        level, transposes, flops_of, numbers_of, probe = KERNELS[kernel]
        sizes = {1: [10**e * f for e in range(2, 7) for f in (1, 3)] + [10**7],
                 2: [64 * 2**i for i in range(7)],
                 3: [64, 128, 256, 384, 512, 768, 1024, 1536, 2048]}[level]
        if small:
            sizes = sizes[::3]
        for trans in transposes:
            for n in sizes:
                for type_ in types:
                    size = 4 if type_ == "s" else 8
                    flops, bytes_ = flops_of(n), numbers_of(n) * size
                    for library, (share, parallel) in libraries.items():
                        for threads in threads_list if parallel else [1]:
                            for mode in modes:
                                if mode == "throughput" and (threads > 1 or kernel != "gemm"):
                                    continue
                                cores = max(threads_list) if mode == "throughput" else threads
                                fma = FMA["avx512"] * (2 if type_ == "s" else 1) * cores
                                bandwidth = memory_rate("load" if probe == "fma" else probe,
                                                        bytes_, cores)
                                if level == 3:
                                    ceiling, ceiling_rate = "fma-avx512", fma
                                    reached = share * n / (n + 60 * cores)
                                    if library == "naive" and bytes_ > L2:
                                        reached *= 0.4
                                    seconds = flops / (fma * 1e9 * reached) + 2e-6 * (cores - 1)
                                else:
                                    ceiling, ceiling_rate = probe, bandwidth
                                    reached = min(0.95, share + 0.1) if share > 0.5 else 0.4
                                    seconds = bytes_ / (bandwidth * 1e9 * reached)
                                    seconds += 3e-8 + 1.5e-6 * (threads - 1)
                                dims = {1: {"m": None, "n": n, "k": None},
                                        2: {"m": n, "n": n, "k": None},
                                        3: {"m": n, "n": n, "k": n}}[level]
                                values = dict(library=library, threads=threads, type=type_,
                                              kernel=kernel, level=level, trans=trans, **dims,
                                              check_error=1e-3, check_bound=1.0, transfer=False,
                                              uplo="l" if kernel in ("symv", "trsv", "symm") else
                                              None, lda=None if level == 1 else n,
                                              incx=1 if level < 3 else None, incy=None,
                                              alpha=1.0, beta=1.0, mode=mode, cold=False,
                                              ceiling=ceiling)
                                odd = rng.random()
                                if odd < 0.02:
                                    values.update(status="failed", check_error=7.5,
                                                  reason='error 7.5 > bound 1, in "C", row 3')
                                    seconds /= 50  # a wrong result that would look fast
                                elif odd < 0.03:
                                    values.update(status="skipped", reason="needs 9 GB, 8 free")
                                out.case(seconds, flops, bytes_, ceiling_rate, **values)
    out.end()
    return out.path


def write_peak(folder, rng, threads_list, small=False):
    out = Writer(folder, "peak", rng)
    for isa, rate in FMA.items():
        for type_ in "sd":
            for threads in threads_list:
                flops = 1e9
                gflops = rate * threads * (2 if type_ == "s" else 1)
                out.case(flops / gflops / 1e9, flops, None, probe="fma", isa=isa, type=type_,
                         threads=threads, working_set_bytes=None, memory_level=None)
    for probe in STREAM:
        for threads in threads_list:
            for power in range(12, 29, 3 if small else 1):
                bytes_ = 2**power
                level = ("L1" if bytes_ <= L1 * threads else
                         "L2" if bytes_ <= L2 * threads else
                         "L3" if bytes_ <= L3 else "memory")
                out.case(bytes_ / memory_rate(probe, bytes_, threads) / 1e9, None, bytes_,
                         probe=probe, isa="avx512", type="d", threads=threads,
                         working_set_bytes=bytes_, memory_level=level)
    out.end()
    return out.path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    pathlib.Path(options.folder).mkdir(parents=True, exist_ok=True)
    rng = random.Random(options.seed)
    threads = [int(t) for t in options.threads.split(",")]
    print(write_blas(options.folder, rng, threads, options.small))
    print(write_peak(options.folder, rng, threads, options.small))


if __name__ == "__main__":
    main()
