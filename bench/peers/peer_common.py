"""What the workers of bench/peers/frameworks.py share: the networks, the images, the loop that times.

A worker is a process for one framework and one number of threads: WORKER.py THREADS [ITS OWN WORDS].
It reads a line of JSON a request and answers with one; batches and parameters are in memory before a
clock is read.

    {"do": "prepare", "network": ..., "batch": ..., "optimizer": "sgd:lr=0.5", "seconds": ...,
     "switches": names of those to try, or null for all}
    {"do": "time", "network": ..., "batch": ..., "seconds": ...}
"""
import contextlib
import itertools
import json
import math
import os
import statistics
import sys
import time

IMAGES = 16384  # as many as flopstep walks, in order
GROUP_S = 1e-3  # one reading of the clock for so long: asynchronous dispatch is not charged for waiting
CHECK_STEPS = 30
CHECK_SCALE = 0.3  # of its pixels, so that every network's own learning rate is a stable one


def _mlp(*units, act, dropout=0.0):
    """Dense layers, each but the last followed by its activation and perhaps dropout."""
    hidden = [("dense", n) for n in units[:-1]]
    between = [(act,)] + ([("dropout", dropout)] if dropout else [])
    return [x for layer in hidden for x in (layer, *between)] + [("dense", units[-1])]


# As in nn/networks.c; the softmax at the end is in the loss. conv: window, filters, padding.
NETWORKS = {
    "softmax": _mlp(10, act="relu"),
    "two-layer": _mlp(50, 10, act="sigmoid"),
    "mlp16": _mlp(16, 16, 10, act="relu"),
    "mlp128": _mlp(128, 10, act="relu", dropout=0.2),
    "mlp5": _mlp(200, 100, 60, 30, 10, act="relu"),
    "mlp-wide": _mlp(1024, 1024, 10, act="relu"),
    "lenet5": [("conv", 5, 6, 2), ("tanh",), ("avgpool", 2), ("conv", 5, 16, 0), ("tanh",),
               ("avgpool", 2), ("dense", 120), ("tanh",), ("dense", 84), ("tanh",), ("dense", 10)],
    "cnn": [("conv", 3, 32, 0), ("relu",), ("conv", 3, 32, 0), ("relu",), ("maxpool", 2),
            ("dropout", 0.25), ("dense", 256), ("relu",), ("dropout", 0.25), ("dense", 10)],
}

# flopstep's defaults where an optimizer's text does not say
OPTIMIZERS = {
    "sgd": {"lr": 0.1},
    "momentum": {"lr": 0.01, "mu": 0.9},
    "rmsprop": {"lr": 0.001, "rho": 0.9, "eps": 1e-7},
    "adadelta": {"lr": 1.0, "rho": 0.95, "eps": 1e-7},
    "adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7},
}


def optimizer_of(text):
    """("momentum", {"lr": 0.05, "mu": 0.9}) of "momentum:lr=0.05"; KeyError where none has that name."""
    name, _, rest = text.partition(":")
    numbers = dict(OPTIMIZERS[name])
    for word in filter(None, rest.split(",")):
        key, _, value = word.partition("=")
        numbers[key] = float(value)
    return name, numbers


def layers_of(network):
    return NETWORKS[network]


def is_convolutional(network):
    return NETWORKS[network][0][0] == "conv"


def has_dropout(network):
    return any(layer[0] == "dropout" for layer in NETWORKS[network])


def synthetic_bytes(shape):
    """IMAGES images of random pixels and random labels: uint8 [IMAGES, *shape], int64."""
    import numpy
    generator = numpy.random.default_rng(1)
    pixels = generator.integers(0, 256, (IMAGES, *shape), dtype=numpy.uint8)
    return pixels, generator.integers(0, 10, IMAGES)


def synthetic(shape):
    """The same with pixels in [0, 1]: float32."""
    pixels, labels = synthetic_bytes(shape)
    return pixels.astype("float32") / 255, labels


def libraries_loaded():
    """Shared libraries of this process that compute, as the kernel sees them."""
    words = ("blas", "mkl", "blis", "dnnl", "eigen", "gomp", "iomp", "omp.so", "nvpl", "armpl",
             "cudnn")
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        paths = {line.split(None, 5)[5].strip() for line in maps if len(line.split(None, 5)) > 5}
    return sorted(p for p in paths if ".so" in p and any(w in os.path.basename(p) for w in words))


def timed(case, batches):
    """Seconds of a group of steps, by the case's own clock where it has one (events of a GPU), and the
    loss of the last."""
    if hasattr(case, "timed"):
        return case.timed(batches)
    start = time.perf_counter()
    loss = case.steps(batches)
    return time.perf_counter() - start, loss


def time_steps(case, batches, seconds):
    """Seconds a step of case, a sample for every group of steps, from initial weights on; the loss
    at the end. Warm-up is left out."""
    case.reset()
    walk = itertools.cycle(batches)
    begin = time.perf_counter()
    steps = 0
    while steps < 3 or time.perf_counter() - begin < 0.2 * seconds:
        timed(case, [next(walk)])
        steps += 1
    group_s = getattr(case, "group_s", GROUP_S)
    repetitions = max(1, math.ceil(group_s * steps / (time.perf_counter() - begin)))
    samples, total, loss = [], 0.0, None
    while len(samples) < 3 or total < seconds:
        group = list(itertools.islice(walk, repetitions))
        spent, loss = timed(case, group)
        samples.append(spent / repetitions)
        total += spent
    return samples, float(loss)


def darkened(case, batch):
    """A context with the batch, its pixels scaled by CHECK_SCALE."""
    if hasattr(case, "darkened"):
        return case.darkened(batch, CHECK_SCALE)
    x, y = batch
    return contextlib.nullcontext((x * CHECK_SCALE, y))


def losses_of_one_batch(case, batch):
    """Loss before and after CHECK_STEPS steps on the same batch, trained as the case trains; means of
    three steps each, for dropout's sake."""
    case.reset()
    with darkened(case, batch) as dark:
        losses = [float(case.steps([dark])) for _ in range(CHECK_STEPS)]
    return statistics.mean(losses[:3]), statistics.mean(losses[-3:])


def tune(peer, network, batch, optimizer, seconds, switches):
    """The case as this framework runs it fastest: begins plainly and keeps each switch that helps.
    Returns the case, the names of the switches kept, and seconds a step (or a reason) of all tried."""
    kept, tried, fastest = [], {}, None
    best = math.inf
    for switch in [None, *switches]:
        names = kept + [switch] if switch else kept
        label = "+".join(names) or peer.plain
        try:
            case = peer.build(network, batch, optimizer, set(names))
            samples, loss = time_steps(case, peer.batches(network, batch, set(names)), seconds)
        except Exception as error:  # a switch that this version or machine has not
            if switch is None:
                raise
            tried[label] = (str(error).strip() or repr(error)).splitlines()[0][:200]
            continue
        tried[label] = statistics.median(samples)
        if tried[label] < best and math.isfinite(loss):
            best, kept, fastest = tried[label], names, case
    if fastest is None:
        raise ValueError("the loss is not finite")
    return fastest, kept, tried


def serve(make_peer):
    """Answers requests until standard input ends. What libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**fields):
        print(json.dumps(fields), file=out, flush=True)

    try:
        peer = make_peer(int(sys.argv[1]), *sys.argv[2:])
    except Exception as error:
        answer(error=str(error))
        return
    answer(**peer.about)
    cases = {}
    for line in sys.stdin:
        ask = json.loads(line)
        key = network, batch = ask["network"], ask["batch"]
        try:
            if ask["do"] == "prepare":
                wanted = ask.get("switches")
                switches = [s for s in peer.switches(network) if wanted is None or s in wanted]
                case, kept, tried = tune(peer, network, batch, ask["optimizer"], ask["seconds"], switches)
                cases[key] = case, set(kept)
                first = peer.batches(network, batch, set(kept))[0]
                before, after = losses_of_one_batch(case, first)
                answer(parameters=case.parameters, loss_before=before, loss_after=after,
                       variant="+".join(kept) or peer.plain, tried=tried,
                       libraries=libraries_loaded())
            else:
                case, kept = cases[key]
                samples, loss = time_steps(case, peer.batches(network, batch, kept), ask["seconds"])
                if not math.isfinite(loss):
                    raise ValueError("the loss is not finite")
                answer(samples_s=samples, loss=loss)
        except Exception as error:
            answer(error=(str(error).strip() or repr(error)).splitlines()[0][:300])
