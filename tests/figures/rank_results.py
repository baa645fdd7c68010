"""Results of several ranks with known numbers, for tests of figures."""
import json

PROVENANCE = {"record": "provenance", "run": "r", "command": "train", "host": "node1",
              "cpu": {"model": "Example CPU", "cores": 8}}
END = {"record": "end", "status": "complete"}
MODES = ("blocking", "nonblocking", "overlap", "thread", "reproducible")


def steps(ranks, seconds, reduce=None, network="cnn", batch=128, split=None, **values):
    """Timed steps; `split`: compute, wait and exposed seconds."""
    split = split or (None, None, None)
    row = {"record": "case", "command": "train", "run": "r", "device": "cpu",
           "library": "openblas-openmp", "threads": 1, "ranks": ranks, "type": "s", "status": "ok",
           "reason": None, "kind": "steps", "network": network, "recipe": None,
           "dataset": "synthetic", "batch": batch, "global_batch": batch * ranks,
           "median_s": seconds, "low_s": 0.98 * seconds, "high_s": 1.04 * seconds,
           "images_per_s": batch * ranks / seconds, "mfu": 0.5, "ceiling_rate": 100.0,
           "square_gflops": 80.0, "optimizer": "sgd", "loss_function": "mse", "math": "fp32",
           "conv": "auto", "dense": "auto", "isa": "avx2", "seed": 1,
           "reduce": reduce if ranks > 1 else None, "compute_s": split[0], "wait_s": split[1],
           "exposed_s": split[2]}
    if ranks > 1:
        row.update(transport="mpi", bucket_bytes=4194304, buckets=2, nodes=1)
    row.update(values)
    return row


def weak(ranks, efficiency, base=0.010, exposed=None, **values):
    """A step with this efficiency, where one rank takes `base` seconds."""
    seconds = base / efficiency
    exposed = seconds - base if exposed is None else exposed
    wait = 0.02 * base
    return steps(ranks, seconds, split=(seconds - exposed - wait, wait, exposed), **values)


def allreduce(bytes_, seconds, algorithm="library", ranks=4, nodes=1, **values):
    """One size; of messages between two ranks, bus and plain bandwidth are the same."""
    factor = 1 if algorithm.startswith("p2p") else 2 * (ranks - 1) / ranks
    row = {"record": "case", "command": "allreduce", "run": "r", "device": "cpu", "ranks": ranks,
           "nodes": nodes, "type": "s", "threads": 1, "status": "ok", "reason": None,
           "algorithm": algorithm, "link": "intra" if nodes == 1 else "inter", "bytes": bytes_, "median_s": seconds, "low_s": 0.95 * seconds,
           "high_s": 1.1 * seconds, "algbw": bytes_ / seconds / 1e9,
           "busbw": factor * bytes_ / seconds / 1e9}
    row.update(values)
    return row


def model(algorithm, name, alpha, beta, gamma=0.0, ranks=4, nodes=1, **values):
    row = {"record": "model", "command": "allreduce", "run": "r",
           "link": "intra" if nodes == 1 else "inter",
           "algorithm": algorithm, "model": name, "type": "s", "ranks": ranks, "nodes": nodes, "alpha_s": alpha,
           "beta_s_per_byte": beta, "gamma_s_per_byte": gamma, "held_out_bytes": [],
           "prediction_error": 0.05}
    row.update(values)
    return row


def prediction(ranks, efficiency, network="cnn", width=0.02, **values):
    row = {"record": "prediction", "command": "allreduce", "run": "r", "network": network,
           "parameters": 1192042, "batch": 128, "ranks": ranks, "link": "intra",
           "algorithm": "library", "compute_s": 0.01,
           "step_s": 0.01 / efficiency, "efficiency": efficiency,
           "efficiency_low": efficiency - width, "efficiency_high": min(1, efficiency + width),
           "extrapolated": True}
    row.update(values)
    return row


def rank(number, ratio, worst=None, slow=False, command="blas", **values):
    row = {"record": "rank", "command": command, "run": "r", "rank": number,
           "host": f"node{number + 1}", "cores": "0-7", "device": "cpu", "ratio_median": ratio,
           "ratio_worst": worst or ratio + 0.01, "worst_case": "gemm nn 1024 double",
           "slow": slow}
    row.update(values)
    return row


def write(path, *records, command="train"):
    lines = [dict(PROVENANCE, command=command), *records, END]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
