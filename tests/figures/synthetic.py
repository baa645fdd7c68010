#!/usr/bin/python3
"""Writes plausible results (JSON Lines) of a machine that does not exist, for tests of figures.

    synthetic.py FOLDER [--seed N] [--threads 1,2] [--small] [--gpu]
"""
import argparse
import functools
import json
import math
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
    def __init__(self, folder, command, rng, host="node1", file=None):
        self.rng, self.command, self.cases = rng, command, 0
        self.run = f"{command}-20250101T120000Z"
        self.path = pathlib.Path(folder) / f"{file or command}.jsonl"
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


# a GPU that does not exist: GFLOP/s by type, GB/s of its memory and of copies, seconds of a launch
GPU = {"d": 30e3, "s": 45e3, "tf32": 250e3, "h": 600e3, "bf16": 600e3}
GPU_MEMORY, COPIES, LAUNCH = 2000, {None: 0, "pageable": 6, "pinned": 25}, 7e-6
BYTES = {"d": 8, "s": 4, "tf32": 4, "h": 2, "bf16": 2}


def write_gpu_blas(folder, rng, kernels=KERNELS, types="sd", small=False, device="cuda"):
    """Cases of a GPU, with operands there and with copies; every second size above those of CPUs."""
    out = Writer(folder, "blas", rng, file=f"blas-{device.replace(':', '-')}")
    for kernel in kernels:
        level, transposes, flops_of, numbers_of, _ = KERNELS[kernel]
        sizes = {1: [10**e * f for e in range(2, 7) for f in (1, 3)] + [10**7],
                 2: [64 * 2**i for i in range(8)],
                 3: [64, 128, 256, 512, 1024, 2048, 4096, 8192]}[level]
        for type_ in types if not isinstance(types, str) else list(types):
            if len(type_) > 1 and kernel != "gemm" or type_ == "h" and kernel != "gemm":
                continue
            for trans in transposes[:1] if small else transposes:
                for n in sizes:
                    flops, bytes_ = flops_of(n), numbers_of(n) * BYTES[type_]
                    for transfer, copies in COPIES.items():
                        half = n / (n + (700 if level == 3 else 0))
                        seconds = LAUNCH + max(flops / GPU[type_] / 1e9 / half if level == 3 else 0,
                                               bytes_ / GPU_MEMORY / 1e9)
                        if copies:
                            seconds += 2 * LAUNCH + bytes_ / copies / 1e9
                        dims = {1: {"m": None, "n": n, "k": None}, 2: {"m": n, "n": n, "k": None},
                                3: {"m": n, "n": n, "k": n}}[level]
                        out.case(seconds, flops, bytes_, None, device=device, library="cublas",
                                 threads=None, type=type_, kernel=kernel, level=level, trans=trans,
                                 **dims, transfer=transfer, mode="latency", alpha=1.0, beta=1.0,
                                 uplo="l" if kernel in ("symv", "trsv", "symm") else None,
                                 incx=1 if level < 3 else None, cold=False)
    out.end()
    return out.path


def write_gpu_steps(folder, rng, networks, batches=(1, 8, 32, 128, 512), device="cuda"):
    out = Writer(folder, "train", rng, file=f"train-{device.replace(':', '-')}")
    for network, flops in networks.items():
        for batch in batches:
            seconds = 90e-6 + batch * flops / (0.3 * GPU["s"] * 1e9) * (1 + 500 / batch)
            out.case(seconds, batch * flops, None, device=device, library="cublas", type="s",
                     threads=None, network=network, recipe=None, dataset="synthetic", batch=batch,
                     kind="steps", images_per_s=batch / seconds, mfu=None, seed=1, epoch=None,
                     step=None, optimizer="sgd")
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


# name: network, data set, batch, FLOP of a step and image, epochs, final accuracy, optimizer
TRAININGS = {
    "softmax-sgd": ("softmax", "mnist", 100, 4.7e4, 5, 0.921, "sgd"),
    "two-layer": ("two-layer", "mnist", 100, 2.4e5, 16, 0.947, "sgd"),
    "mlp16": ("mlp16", "mnist", 10, 7.8e4, 5, 0.951, "sgd"),
    "mlp128-adam": ("mlp128", "mnist", 32, 6.1e5, 5, 0.9776, "adam"),
    "mlp5-sigmoid": ("mlp5", "mnist", 100, 1.1e6, 15, 0.9741, "rmsprop"),
    "mlp5-tanh": ("mlp5", "mnist", 100, 1.1e6, 15, 0.9779, "rmsprop"),
    "mlp5-relu": ("mlp5", "mnist", 100, 1.1e6, 15, 0.9807, "rmsprop"),
    "lenet5": ("lenet5", "mnist", 32, 2.5e6, 10, 0.9894, "sgd"),
    "cnn": ("cnn", "mnist", 128, 7.3e7, 12, 0.9925, "adadelta"),
    "mlp5-fashion": ("mlp5", "fashion", 100, 1.1e6, 15, 0.887, "rmsprop"),
    "cnn-fashion": ("cnn", "fashion", 128, 7.3e7, 12, 0.923, "adadelta"),
}
CLOTHES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
           "Bag", "Ankle boot"]
DIGITS = [str(i) for i in range(10)]
# layer: operation, m, n, k of its forward product with one image, seconds with one image forward
CNN = [("conv1", "conv", 32, 676, 9, 3.4e-6), ("relu1", "relu", None, None, None, 1.6e-6),
       ("conv2", "conv", 32, 576, 288, 9.8e-5), ("relu2", "relu", None, None, None, 1.5e-6),
       ("maxpool1", "maxpool", None, None, None, 9e-6),
       ("dropout1", "dropout", None, None, None, 3e-6),
       ("dense1", "dense", 1, 256, 4608, 3.3e-5), ("relu3", "relu", None, None, None, 1e-7),
       ("dropout2", "dropout", None, None, None, 2e-7), ("dense2", "dense", 1, 10, 256, 4e-7)]


def write_steps(out, networks, batches, threads_list):
    """Timed steps: kind "steps"."""
    for network, flops in networks.items():
        for batch in batches:
            for threads in threads_list:
                peak, square = 284.0 * threads, 240.0 * threads
                reached = 0.75 * square * batch / (batch + 12 * threads) * flops / (flops + 2e5)
                seconds = batch * flops / reached / 1e9 + 4e-6 * threads
                rate = batch * flops / seconds / 1e9
                out.case(seconds, batch * flops, None, library="openblas-openmp", type="s",
                         threads=threads, network=network, recipe=None, dataset="synthetic",
                         batch=batch, kind="steps", images_per_s=batch / seconds,
                         mfu=rate / peak, peak_fraction=rate / peak, gemm_fraction=rate / square,
                         ceiling_rate=peak, square_gflops=square, forward_s=0.33 * seconds,
                         loss_s=0.01 * seconds, backward_s=0.6 * seconds,
                         update_s=0.06 * seconds, reduce_s=None, exposed_s=None, seed=1,
                         epoch=None, step=None, train_loss=None, train_accuracy=None,
                         test_loss=None, test_accuracy=None, optimizer="sgd")


LADDER = (("plain", 1.0), ("direct", 0.6), ("fused", 0.55), ("one-update", 0.56))


def write_ladder(out, threads_list, network="cnn", batch=128, plain=0.04):
    """Timed steps on the rungs of a ladder: kind "ladder"."""
    for threads in threads_list:
        for number, (rung, factor) in enumerate(LADDER):
            seconds, peak, flops = plain * factor / threads, 284.0 * threads, 5e9
            out.case(seconds, flops, None, library="openblas-openmp", type="s", threads=threads,
                     network=network, recipe=None, dataset="synthetic", batch=batch,
                     kind="ladder", rung=rung, rung_number=number, conv="auto", dense="auto",
                     without="", isa="avx512", mfu=flops / seconds / 1e9 / peak,
                     images_per_s=batch / seconds, seed=1, epoch=None, step=None,
                     optimizer="sgd")


def write_layers(out, batch, threads, network="cnn"):
    """Lines of --by-layer."""
    lines = []
    for name, operation, m, n, k, seconds in CNN:
        seconds *= batch / threads ** 0.8
        flops = 2 * m * n * k * batch if k else None
        for pass_, factor in (("forward", 1), ("backward", 2 if name != "conv1" else 1.1)):
            lines.append((name, operation, pass_, m, n, k, seconds * factor,
                          flops * factor if flops else None))
        if k:
            lines.append((name, operation, "update", m, n, k, 2e-9 * n * k, None))
    lines.append(("", "copy", "input", None, None, None, 8e-7 * batch, None))
    lines.append(("", "cross-entropy", "loss", None, None, None, 4e-7 * batch, None))
    step = sum(line[6] for line in lines) * 1.02
    order = ["input", "forward", "loss", "backward", "update"]
    for name, operation, pass_, m, n, k, seconds, flops in sorted(
            lines, key=lambda line: order.index(line[2])):
        out.put({"record": "layer", "run": out.run, "command": "train", "device": "cpu",
                 "library": "openblas-openmp", "threads": threads, "type": "s",
                 "network": network, "recipe": None, "batch": batch, "layer": name,
                 "operation": operation, "pass": pass_, "m": m, "n": n, "k": k,
                 "time_s": seconds, "share": seconds / step, "flops": flops,
                 "gflops": flops / seconds / 1e9 if flops else None})


def write_training(out, name, rng, seed=1, rows=0):
    """The history of one training, its reported lines and examples."""
    network, dataset, batch, flops, epochs, final, optimizer = TRAININGS[name]
    rows = rows or epochs
    for row in range(rows + 1):
        epoch = row * epochs / rows
        gone = 1 - math.exp(-3.5 * epoch / epochs) if epoch else 0
        test = 0.1 + (final - 0.1) * (1 - (1 - gone) ** 2.2) + rng.gauss(0, 0.0008)
        train = min(1, test + 0.02 * gone * gone)
        seconds = batch * flops / 80e9
        out.case(seconds, batch * flops, None, library="openblas-openmp", type="s", threads=2,
                 network=network, recipe=name, dataset=dataset, batch=batch, kind="training",
                 images_per_s=batch / seconds if row else None, mfu=0.14 if row else None,
                 epoch=epoch, step=int(epoch * 60000 / batch), seed=seed, optimizer=optimizer,
                 train_loss=-1.3 * math.log(train) if train < 1 else 0.001,
                 train_accuracy=train, test_loss=-1.3 * math.log(test), test_accuracy=test)


def write_reported(out, recipe, values, deck):
    for figure, value in values:
        out.put({"record": "reported", "run": out.run, "command": "train", "recipe": recipe,
                 "figure": figure, "reported": value, "ours": value + 0.002, "unit": "fraction",
                 "deck": deck, "note": None})


@functools.lru_cache(None)
def picture(digit, shift=0):
    """28 × 28 pixels of a digit, drawn as on a pocket calculator."""
    on = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"]
    lines = {"a": (9, 5, 18, 5), "b": (18, 5, 17, 13), "c": (17, 13, 16, 22), "d": (7, 22, 16, 22),
             "e": (8, 13, 7, 22), "f": (9, 5, 8, 13), "g": (8, 13, 17, 13)}
    pixels = [[0.0] * 28 for _ in range(28)]
    for part in on[digit]:
        x0, y0, x1, y1 = lines[part]
        for t in range(41):
            cx, cy = x0 + (x1 - x0) * t / 40 + shift, y0 + (y1 - y0) * t / 40
            for y in range(28):
                for x in range(28):
                    far = math.hypot(x - cx, y - cy)
                    pixels[y][x] = max(pixels[y][x], min(1.0, max(0.0, 1.9 - far)))
    return "".join(f"{int(255 * v):02x}" for line in pixels for v in line)


def example(rng, name, label, predicted):
    rest = [rng.random() ** 4 for _ in range(10)]
    sure = rng.uniform(0.75, 0.999) if label in (None, predicted) else rng.uniform(0.45, 0.8)
    rest[predicted] = 0
    if label not in (None, predicted):
        rest[label] = 3
    scale = (1 - sure) / sum(rest)
    probabilities = [v * scale for v in rest]
    probabilities[predicted] = sure
    return {"name": name, "pixels": picture(predicted if label is None else label),
            "label": label, "predicted": predicted, "probabilities": probabilities}


def write_examples(out, recipe, dataset, rng, wrong=6, right=6):
    items = []
    for i in range(right):
        digit = rng.randrange(10)
        items.append(example(rng, f"test {i * 17}", digit, digit))
    for i in range(wrong):
        digit = rng.randrange(10)
        items.append(example(rng, f"test {i * 217}", digit, (digit + 1 + rng.randrange(9)) % 10))
    out.put({"record": "examples", "run": out.run, "command": out.command, "recipe": recipe,
             "network": TRAININGS[recipe][0], "dataset": dataset, "height": 28, "width": 28,
             "class_names": CLOTHES if dataset == "fashion" else DIGITS, "items": items})


def write_boundary(out, rng, recipe="circles", size=60):
    low, high = -1.4, 1.4
    grid = [low + (high - low) * i / (size - 1) for i in range(size)]
    field = [1 / (1 + math.exp(18 * (math.hypot(x + 0.05, 1.1 * y) - 0.88))) for y in grid
             for x in grid]
    points = []
    for i in range(500):
        label = i % 2
        radius = (0.8 if label else 1.0) + rng.gauss(0, 0.1)
        angle = rng.uniform(0, 2 * math.pi)
        points.append([radius * math.cos(angle), radius * math.sin(angle), label,
                       "test" if i % 5 == 0 else "train"])
    out.put({"record": "boundary", "run": out.run, "command": "train", "recipe": recipe,
             "dataset": "circles", "x": [low, high], "y": [low, high], "columns": size,
             "rows": size, "probability": field, "points": points, "train_accuracy": 0.872,
             "test_accuracy": 0.83})


PATHS = {0.1: "straight down", 0.9: "down from both sides", 1.1: "away faster and faster"}


def write_paths(out, recipe="gradient-descent-1d"):
    def height(x):
        return (x - 3) ** 2

    for eta, what in PATHS.items():
        path = [3 - 3 * (1 - 2 * eta) ** k for k in range(6)]
        curve = [-2 + i / 6 for i in range(61)]
        out.put({"record": "path", "run": out.run, "command": "train", "recipe": recipe,
                 "function": "(x - 3)^2", "eta": eta, "what": what,
                 "curve": [[x, height(x)] for x in curve], "path": [[x, height(x)] for x in path]})


def write_train(folder, rng, threads_list, small=False):
    out = Writer(folder, "train", rng)
    networks = {network: flops for network, _, _, flops, _, _, _ in TRAININGS.values()}
    write_steps(out, networks, [1, 8, 32, 128, 512], threads_list)
    for threads in threads_list:
        for batch in (1, 32, 128):
            write_layers(out, batch, threads)
    for name in list(TRAININGS)[::4] if small else TRAININGS:
        write_training(out, name, rng, rows=10 if name == "two-layer" else 0)
        write_examples(out, name, TRAININGS[name][1], rng)
    write_boundary(out, rng)
    write_paths(out)
    if not small:
        write_reported(out, "two-layer", [(f"test accuracy, step {1000 * i}", value) for i, value in
                       enumerate((0.098, 0.867, 0.905, 0.915, 0.924, 0.931, 0.933, 0.937, 0.941,
                                  0.943, 0.947)) if i] +
                       [("train accuracy, step 10000", 0.948)], "RCCS")
        write_reported(out, "mlp5-relu", [("test accuracy", 0.9807)], "LSU")
    out.end()
    return out.path


def write_predict(folder, rng, count=1):
    out = Writer(folder, "predict", rng)
    digits = [(7 + 3 * i) % 10 for i in range(count)]
    out.put({"record": "examples", "run": out.run, "command": "predict", "recipe": None,
             "network": "mlp5", "dataset": "mnist", "height": 28, "width": 28,
             "class_names": DIGITS, "items": [example(rng, f"scan-{i}.png", None, digit)
                                              for i, digit in enumerate(digits)]})
    out.end()
    return out.path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--gpu", action="store_true", help="cases of a GPU as well")
    options = parser.parse_args()
    pathlib.Path(options.folder).mkdir(parents=True, exist_ok=True)
    rng = random.Random(options.seed)
    threads = [int(t) for t in options.threads.split(",")]
    print(write_blas(options.folder, rng, threads, options.small))
    print(write_peak(options.folder, rng, threads, options.small))
    print(write_train(options.folder, rng, threads, options.small))
    print(write_predict(options.folder, rng))
    if options.gpu:
        types = ["s", "d", "tf32", "bf16"]
        print(write_gpu_blas(options.folder, rng, types=types))
        networks = {network: flops for network, _, _, flops, _, _, _ in TRAININGS.values()}
        print(write_gpu_steps(options.folder, rng, networks))


if __name__ == "__main__":
    main()
