#!/usr/bin/python3
"""Tests of bench/peers/frameworks.py: options, what it does without frameworks, ratios and intervals,
the figure, and one tiny case beside PyTorch where that is installed. No test looks at who is faster.

    test_peers.py PATH/TO/flopstep [unittest options]
"""
import csv
import importlib.util
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench/peers"
BINARY = ""
sys.path.insert(0, str(PEERS))
import frameworks  # noqa: E402
import gemm_torch  # noqa: E402
import peer_common  # noqa: E402
import ratios  # noqa: E402
import results  # noqa: E402
import tools  # noqa: E402


EMULATED = os.environ.get("FLOPSTEP_EMULATED", "")
TORCH = bool(importlib.util.find_spec("torch"))

# A GPU that is none, for what is PyTorch's side on one: tensors stay where they are, a "graph" replays by
# running the step again. What it times means nothing.
FAKE_GPU = f"""
import contextlib, sys, time
sys.path.insert(0, {str(PEERS)!r})
import torch, peer_common, peer_torch_cuda as peer

class Event:
    def __init__(self, enable_timing=False):
        pass
    def record(self):
        self.at = time.perf_counter()
    def synchronize(self):
        pass
    def elapsed_time(self, end):
        return (end.at - self.at) * 1e3

def capture(body):
    loss, case = body().detach().clone(), body.__self__
    def replay():
        case.optimizer.zero_grad(set_to_none=True)
        loss.copy_(body().detach())
    return loss, replay

def make(*words):
    known, torch.cuda.is_available = torch.cuda.is_available, lambda: True
    try:
        return peer.Peer(*words)
    finally:
        torch.cuda.is_available = known

torch.cuda.Event, torch.cuda.get_device_name = Event, lambda: "no GPU"
torch.backends.cudnn.version = lambda: None
peer.Peer.device, peer.side_stream, peer.capture = "cpu", contextlib.nullcontext, capture
"""


def run(*arguments, script="frameworks.py", **environment):
    return subprocess.run([sys.executable, "-B", str(PEERS / script), *map(str, arguments)],
                          env={**os.environ, **environment}, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=300, check=False)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep peers "))
        self.addCleanup(shutil.rmtree, self.folder)


class Options(Folder):
    def test_wrong_ones_take_one_line(self):
        for wrong in (["--rounds", "0"], ["--rounds", "2.5"], ["--rounds"], ["--seconds", "-1"],
                      ["--seconds", "nan"], ["--networks", "cnn,resnet"], ["--networks", ""],
                      ["--batch", "0"], ["--batch", "8,"], ["--batch", "x"], ["--threads", "0"],
                      ["--threads", "9999"], ["--thread", "1"], ["--nonsense"], ["softmax"],
                      ["--device", "gpu"], ["--math", "tf32"], ["--device", "cuda", "--math", "fp8"],
                      ["--device", "cuda", "--threads", "1"], ["--switches", "fast"]):
            with self.subTest(wrong):
                ended = run(*wrong)
                self.assertEqual(ended.returncode, 2, ended.stderr)
                self.assertEqual(ended.stdout, "")
                self.assertRegex(ended.stderr, r"^frameworks\.py: [^\n]+\n$")

    def test_help(self):
        ended = run("--help")
        self.assertEqual(ended.returncode, 0)
        for word in ("--networks", "--batch", "--threads", "--rounds", "--seconds", "--plain", "--python",
                     "--flopstep", "--out", "--from", "--device", "--math", "--switches", "16384",
                     "warm-up"):
            self.assertIn(word, ended.stdout)

    def test_what_is_missing_is_named(self):
        for option in ("--flopstep", "--python"):
            ended = run("--out", self.folder / "out", "--flopstep", BINARY, option, "/nowhere/it")
            self.assertEqual(ended.returncode, 3, ended.stderr)
            self.assertIn("/nowhere/it", ended.stderr)
            self.assertFalse((self.folder / "out").exists())

    def test_lists(self):
        o = frameworks.options_of(["--networks", "cnn,softmax,cnn", "--batch", "1,8", "--threads", "1,all"])
        self.assertEqual((o.networks, o.batch), (["cnn", "softmax"], [1, 8]))
        self.assertEqual(o.threads, sorted({1, len(frameworks.own_cores())}))
        self.assertIsNone(frameworks.options_of(["--batch", "default"]).batch)

    def test_device(self):
        o = frameworks.options_of(["--device", "cuda"])
        self.assertEqual((o.math, o.switches, o.threads), ("fp32", None, [len(frameworks.own_cores())]))
        o = frameworks.options_of(["--device", "cuda", "--math", "tf32", "--switches", "fused,compile"])
        self.assertEqual((o.math, o.switches), ("tf32", ["fused", "compile"]))
        self.assertEqual(frameworks.options_of(["--plain"]).switches, [])
        self.assertEqual((frameworks.options_of([]).device, frameworks.options_of([]).math), ("cpu", "fp32"))

    def test_products(self):
        o = gemm_torch.options_of([])
        self.assertEqual((o.types, o.sizes), (["d", "s", "tf32", "bf16", "h"], [8192]))
        for wrong in (["--types", "z"], ["--sizes", "0"], ["--rounds", "x"], ["more"]):
            ended = run(*wrong, script="gemm_torch.py")
            self.assertEqual(ended.returncode, 2, ended.stderr)
            self.assertRegex(ended.stderr, r"^gemm_torch\.py: [^\n]+\n$")

    def test_no_gpu(self):
        """What flopstep says when it has no CUDA device, before anything is written."""
        for script in ("frameworks.py", "gemm_torch.py"):
            device = ["--device", "cuda"] if script == "frameworks.py" else []
            ended = run(*device, "--flopstep", BINARY, "--out", self.folder / "out", script=script,
                        FLOPSTEP_CUDA_MODULE="/nowhere/module.so")
            self.assertEqual(ended.returncode, 3, ended.stderr)
            self.assertRegex(ended.stderr, r"^[a-z_]+\.py: flopstep: --device cuda: [^\n]+\n$")
            self.assertFalse((self.folder / "out").exists())

    def test_results_are_never_overwritten(self):
        (self.folder / "workers.log").write_text("kept", encoding="utf-8")
        ended = run("--flopstep", BINARY, "--out", self.folder, "--python", self.python_with("torch"))
        self.assertEqual(ended.returncode, 4, ended.stderr)
        self.assertEqual((self.folder / "workers.log").read_text(encoding="utf-8"), "kept")

    def python_with(self, module):
        """A Python that finds that module, and nothing else of it."""
        path = self.folder / "python"
        path.write_text(f"#!/bin/sh\nPYTHONPATH='{self.folder}/modules' exec {sys.executable} \"$@\"\n",
                        encoding="utf-8")
        path.chmod(0o755)
        (self.folder / "modules" / module).mkdir(parents=True)
        (self.folder / "modules" / module / "__init__.py").write_text("raise ImportError('not really')\n",
                                                                      encoding="utf-8")
        return path

    def test_a_framework_that_does_not_start_is_left_out(self):
        ended = run("--flopstep", BINARY, "--networks", "softmax", "--threads", "1", "--rounds", "1",
                    "--seconds", "0.01", "--out", self.folder / "out", "--python",
                    self.python_with("jax"), "--plain")
        self.assertIn(ended.returncode, (0, 3), ended.stderr)
        self.assertRegex(ended.stderr, r"JAX of .*: left out: ")


class Without(unittest.TestCase):
    def test_no_framework_at_all(self):
        saved = tools.FRAMEWORKS
        tools.FRAMEWORKS = [("no_such_module", "Nothing", "peer_nothing.py", "not to be had")]
        try:
            with self.assertRaises(SystemExit) as end:
                frameworks.main(["--flopstep", BINARY])
        finally:
            tools.FRAMEWORKS = saved
        self.assertEqual(end.exception.code, 3)


class Networks(unittest.TestCase):
    """The table of the workers says what nn/networks.c says."""

    def notation(self, network):
        text, between = "", " " if peer_common.is_convolutional(network) else ""
        words = []
        for kind, *numbers in peer_common.layers_of(network):
            if kind == "conv":
                window, filters, pad = numbers
                words.append(f"conv{window}x{window}x{filters}" + (f"pad{pad}" if pad else ""))
            elif kind == "dense":
                words.append(f"dense{numbers[0]}")
            else:
                words.append(kind + "".join(map(str, numbers)))
        if between:
            return "28x28x1 " + " ".join(words) + " softmax"
        text = "784"
        for word in words + ["softmax"]:
            text += (f"-{word[5:]}" if word.startswith("dense")
                     else f"-{word}" if word.startswith("dropout") else word)
        return text

    def test_as_flopstep_lists_them(self):
        listed = subprocess.run([BINARY, "list", "networks"], text=True, capture_output=True,
                                check=True).stdout
        rows = dict(line.split(None, 1) for line in listed.splitlines()[1:])
        for network in peer_common.NETWORKS:
            self.assertEqual(self.notation(network), rows[network].strip())
        self.assertEqual(set(peer_common.NETWORKS), set(frameworks.BATCHES))

    def test_optimizers_as_flopstep_lists_them(self):
        listed = subprocess.run([BINARY, "list", "optimizers"], text=True, capture_output=True,
                                check=True).stdout
        rows = [line.split()[0] for line in listed.splitlines()[1:]]
        for row in rows:
            if row.partition(":")[0] in peer_common.OPTIMIZERS:
                name, numbers = peer_common.optimizer_of(row)
                self.assertEqual(numbers, peer_common.OPTIMIZERS[name], row)
        self.assertEqual(peer_common.optimizer_of("momentum:lr=0.05"), ("momentum", {"lr": 0.05, "mu": 0.9}))


class Arithmetic(unittest.TestCase):
    def test_ranks(self):
        self.assertEqual(ratios.interval_ranks(1)[:2], (0, 0))
        self.assertEqual(ratios.interval_ranks(5), (0, 4, 1 - 2 / 32))
        self.assertEqual(ratios.interval_ranks(6), (0, 5, 1 - 2 / 64))
        self.assertEqual(ratios.interval_ranks(9), (1, 7, 1 - 2 * 10 / 512))
        for n in range(6, 60):
            low, high, coverage = ratios.interval_ranks(n)
            self.assertEqual(low + high, n - 1)
            self.assertGreaterEqual(coverage, 0.95)

    def test_coverage(self):
        generator = random.Random(1)
        low, high, coverage = ratios.interval_ranks(9)
        held = 0
        for _ in range(4000):
            values = sorted(generator.expovariate(1) for _ in range(9))
            held += values[low] <= 0.6931471805599453 <= values[high]
        self.assertAlmostEqual(held / 4000, coverage, delta=0.015)

    def test_ratio(self):
        theirs = [[4.0, 6.0, 5.0], [10.0, 10.0, 90.0], [9.0, 9.0]]
        ours = [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0]]
        r = ratios.ratio_of_rounds(theirs, ours)
        self.assertEqual((r["ratio"], r["low"], r["high"], r["rounds"]), (5, 3, 5, 3))
        self.assertEqual((r["best_s"], r["flopstep_best_s"], r["best_ratio"]), (4, 1, 4))
        self.assertEqual((r["median_s"], r["flopstep_median_s"]), (9, 2))
        self.assertEqual(r["coverage"], 0.75)

    def test_a_slow_machine_leaves_the_ratio(self):
        generator = random.Random(2)
        speeds = [generator.uniform(1, 5) for _ in range(9)]
        r = ratios.ratio_of_rounds([[3 * s] * 5 for s in speeds], [[2 * s] * 5 for s in speeds])
        for name in ("ratio", "low", "high"):
            self.assertAlmostEqual(r[name], 1.5)

    def test_missing_rounds(self):
        for theirs, ours in (([], []), ([[1.0]], [[1.0], [1.0]]), ([[]], [[1.0]])):
            self.assertRaises(ValueError, ratios.ratio_of_rounds, theirs, ours)

    def test_refusals(self):
        good = {"parameters": 10, "loss_before": 2.3, "loss_after": 2.0}
        case = {"parameters": 10}
        self.assertIsNone(frameworks.refusal(good, case))
        self.assertIn("not the same network", frameworks.refusal(good | {"parameters": 11}, case))
        self.assertIn("does not fall", frameworks.refusal(good | {"loss_after": 2.3}, case))
        self.assertIn("does not fall", frameworks.refusal(good | {"loss_after": float("nan")}, case))


def made_up(path):
    rows = []
    for network, ratio in (("softmax", 4.0), ("mlp-wide", 0.8), ("cnn", 2.0)):
        for framework in ("PyTorch", "JAX"):
            for threads in (1, 2):
                row = dict.fromkeys(results.COLUMNS, "")
                rows.append(row | {
                    "framework": framework, "version": "1.0", "variant": "eager", "network": network,
                    "batch": 100, "threads": threads, "status": "ok", "rounds": 9, "ratio": ratio,
                    "low": ratio * 0.9, "high": ratio * 1.1, "coverage": 0.96, "best_ratio": ratio,
                    "median_s": ratio * 1e-3, "best_s": ratio * 1e-3, "flopstep_median_s": 1e-3,
                    "flopstep_best_s": 1e-3, "machine": "a machine, 4.00 GHz"})
    rows.append(dict.fromkeys(results.COLUMNS, "") | {
        "framework": "JAX", "version": "1.0", "network": "mlp5", "batch": 100, "threads": 1,
        "status": "refused", "reason": "of no use, \"as said\"", "rounds": 0})
    results.write_csv(rows, path)
    return rows


class Rows(Folder):
    """Tables of what ran on a GPU, and of files written before there was a column for it."""

    def row_on_gpu(self):
        worker = mock.Mock(about={"framework": "PyTorch graph", "version": "2.0"}, python="python3")
        case = ("cnn", 128, 16)
        row = {"reason": None, "variant": "fused", "tried": {"graph": 2e-3, "fused": 1e-3, "compile": "none"}}
        rounds = {("torch", case): {0: [2.0, 4.0, 3.0], 1: [6.0]}, ("flopstep", case): {0: [1.0], 1: [2.0]}}
        return results.rows_of({"torch": {16: worker}}, {("torch", case): row}, rounds,
                               "NVIDIA H200, flopstep abc", "cuda", "tf32")

    def test_a_row_on_a_gpu(self):
        row, = self.row_on_gpu()
        self.assertEqual((row["device"], row["math"], row["threads"]), ("cuda", "tf32", ""))
        self.assertEqual((row["framework"], row["status"], row["ratio"]), ("PyTorch graph", "ok", 3))
        self.assertEqual((row["plain_s"], row["tuned_s"]), (2e-3, 1e-3))

    def test_read_again(self):
        path = self.folder / "frameworks.csv"
        results.write_csv(self.row_on_gpu(), path)
        row, = results.read_rows(path)
        self.assertEqual((row["device"], row["math"], row["ratio"], row["rounds"]), ("cuda", "tf32", 3, 2))
        ended = run("--from", path)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertRegex(ended.stdout, r"cnn +128 +- +PyTorch graph 2\.0 .* 3\.00 .* fused")
        if shutil.which("gnuplot"):
            svg = (self.folder / "figures/frameworks.svg").read_text(encoding="utf-8")
            self.assertIn("PyTorch graph 2.0", svg)
            self.assertIn("NVIDIA H200", svg)
            self.assertIn("tf32", svg)
            self.assertNotIn("thread", svg)

    def test_files_without_a_device(self):
        path = self.folder / "frameworks.csv"
        row = self.row_on_gpu()[0] | {"threads": 2}
        with open(path, "w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, results.CPU_ONLY, extrasaction="ignore")
            table.writeheader()
            table.writerow(row)
        row, = results.read_rows(path)
        self.assertEqual((row["device"], row["math"], row["threads"]), ("cpu", "fp32", "2"))

    def test_products(self):
        rounds = {("d", 1000): ([[2.0, 1.0], [4.0]], [[1.0], [1.0]]), ("h", 1000): ([], [])}
        row, = gemm_torch.rows_of(rounds, "2.0", "cuda", "a GPU")
        self.assertEqual(set(row), set(gemm_torch.COLUMNS))
        self.assertEqual((row["type"], row["n"], row["ratio"], row["best_ratio"]), ("d", 1000, 2.75, 1))
        self.assertEqual((row["gflops"], row["flopstep_gflops"]), (2, 2))


@unittest.skipUnless(TORCH, "PyTorch is not installed (apt install python3-torch)")
class FakeGpu(Folder):
    """PyTorch's side on a GPU, without one."""

    def python(self):
        """A Python whose PyTorch has the fake GPU."""
        (self.folder / "fake.py").write_text(FAKE_GPU + "sys.exit(peer_common.serve(make))\n",
                                             encoding="utf-8")
        path = self.folder / "python"
        path.write_text('#!/bin/sh\ncase "$2" in *peer_torch_cuda.py)\n'
                        f"  shift 2; exec {sys.executable} -B '{self.folder}/fake.py' \"$@\";;\nesac\n"
                        f"exec {sys.executable} \"$@\"\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def emulated(self):
        if not os.path.exists(EMULATED):
            self.skipTest("FLOPSTEP_EMULATED names no emulated CUDA module")
        return {"FLOPSTEP_CUDA_MODULE": EMULATED}

    def test_a_graph_trains_as_eager_does(self):
        code = """
switches = set()
peer_common.IMAGES = 64
peer.WARM_UP = 2
for network in ("mlp128", "mlp5", "lenet5"):
    optimizer = {"mlp128": "adam:lr=0.001", "mlp5": "adadelta", "lenet5": "momentum:lr=0.05"}[network]
    losses = []
    for mode in ("eager", "graph"):
        case = make(1, mode, "fp32").build(network, 16, optimizer, switches)
        for _ in range(2):  # the second from the same weights and state again
            case.reset()
            torch.manual_seed(2)
            losses.append([float(case.steps([n % 4])) for n in range(6)] + [float(case.steps([1, 2, 0]))])
    assert all(row == losses[0] for row in losses), (network, losses)
    assert len(set(losses[0])) == 7, losses[0]
    kept = case.data.images.clone()
    with case.darkened(1, 0.5):
        assert int(case.data.images[16:32].max()) in (126, 127)
        assert torch.equal(case.data.images[:16], kept[:16])
    assert torch.equal(case.data.images, kept)
case = make(1, "graph", "bf16").build("softmax", 16, "sgd:lr=0.5", switches)
case.reset()
seconds, loss = case.timed([0, 1])
assert seconds > 0 and 0 < float(loss) < 100
assert set(peer.SWITCHES) <= set(tools.SWITCHES) and set(peer.peer_torch.SWITCHES) <= set(tools.SWITCHES)
"""
        ended = subprocess.run([sys.executable, "-B", "-c", FAKE_GPU + "import tools\n" + code], text=True,
                               capture_output=True, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_beside_flopstep(self):
        out = self.folder / "out"
        ended = run("--device", "cuda", "--math", "bf16", "--flopstep", BINARY, "--networks", "softmax",
                    "--batch", "8", "--rounds", "1", "--seconds", "0.02", "--switches", "fused", "--out", out,
                    "--python", self.python(), **self.emulated())
        self.assertEqual(ended.returncode, 0, ended.stderr)
        with open(out / "frameworks.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([r["framework"] for r in rows], ["PyTorch eager", "PyTorch graph"])
        for row in rows:
            self.assertEqual((row["device"], row["math"], row["threads"], row["status"]),
                             ("cuda-emulated", "bf16", "", "ok"))
            self.assertIn(row["variant"], (row["framework"].split()[1], "fused"))
            self.assertGreater(float(row["ratio"]), 0)
        head = json.loads((out / "frameworks.jsonl").read_text(encoding="utf-8").splitlines()[0])
        self.assertEqual((head["settings"]["math"], head["flopstep"]["settings"]["math"]), ("bf16", "bf16"))

    def test_no_gpu_for_pytorch(self):
        """This machine's own PyTorch, beside the emulation: nothing to compare with."""
        probe = "import sys, torch; sys.exit(torch.cuda.is_available())"
        if subprocess.run([sys.executable, "-c", probe], check=False).returncode:
            self.skipTest("PyTorch has a GPU")
        ended = run("--device", "cuda", "--flopstep", BINARY, "--out", self.folder / "out", "--python",
                    sys.executable, **self.emulated())
        self.assertEqual(ended.returncode, 3, ended.stderr)
        self.assertRegex(ended.stderr, r"left out: PyTorch .* finds no GPU")

    def test_products_beside_flopstep(self):
        out = self.folder / "out"
        code = FAKE_GPU + """
import gemm_torch
def products():
    known, torch.cuda.is_available = torch.cuda.is_available, lambda: True
    made = gemm_torch.Products()
    torch.cuda.is_available, made.device = known, "cpu"
    return made
sys.exit(gemm_torch.main(sys.argv[1:], products))
"""
        ended = subprocess.run([sys.executable, "-B", "-c", code, "--flopstep", BINARY, "--types",
                                "d,tf32,bf16", "--sizes", "32", "--rounds", "2", "--seconds", "0.02",
                                "--out", str(out)], text=True, capture_output=True, check=False, env=os.environ | self.emulated())
        self.assertEqual(ended.returncode, 0, ended.stderr)
        with open(out / "gemm.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(r["type"], r["n"], r["device"], r["rounds"]) for r in rows],
                         [(t, "32", "cuda-emulated", "2") for t in ("d", "tf32", "bf16")])
        for row in rows:
            for column in ("ratio", "best_ratio", "gflops", "flopstep_gflops"):
                self.assertGreater(float(row[column]), 0)
        self.assertIn("ratio", ended.stdout)
        lines = (out / "gemm.jsonl").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(lines), 4)


class Figure(Folder):
    def test_table_of_an_earlier_run(self):
        made_up(self.folder / "frameworks.csv")
        ended = run("--from", self.folder / "frameworks.csv", PATH="/nowhere")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("gnuplot is not installed", ended.stderr)
        self.assertIn("refused: of no use, \"as said\"", ended.stdout)
        self.assertRegex(ended.stdout, r"cnn +100 +2 +JAX 1\.0 +2 ms +1 ms +2\.00 +1\.80 - 2\.20 +2\.00 +eager")

    def test_picture(self):
        if not shutil.which("gnuplot"):
            self.skipTest("gnuplot is not installed")
        made_up(self.folder / "frameworks.csv")
        ended = run("--from", self.folder / "frameworks.csv", "--out", self.folder / "again")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        figures = self.folder / "again/figures"
        svg = (figures / "frameworks.svg").read_text(encoding="utf-8")
        for word in ("PyTorch 1.0", "JAX 1.0", "mlp-wide", "cnn", "as fast as flopstep", "filled: 1 thread",
                     "open: 2 threads", "a machine", "4.00 GHz"):
            self.assertIn(word, svg)
        self.assertNotIn("mlp5", svg)  # refused
        png = (figures / "frameworks.png").read_bytes()
        self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        self.assertGreater(struct.unpack(">I", png[16:20])[0], 1000)
        self.assertNotIn("warning", ended.stderr)

    def test_files_that_are_none(self):
        for text in ("", "a,b\n1,2\n", ",".join(results.COLUMNS) + "\n" + "x," * 21 + "x\n"):
            (self.folder / "other.csv").write_text(text, encoding="utf-8")
            ended = run("--from", self.folder / "other.csv")
            self.assertEqual(ended.returncode, 2, ended.stderr)
            self.assertEqual(len(ended.stderr.splitlines()), 1)
        self.assertEqual(run("--from", self.folder / "none.csv").returncode, 3)


@unittest.skipUnless(sys.executable == "/usr/bin/python3" and importlib.util.find_spec("torch"),
                     "PyTorch is not installed (apt install python3-torch)")
class Beside(Folder):
    def test_one_tiny_case(self):
        out = self.folder / "out"
        ended = run("--flopstep", BINARY, "--networks", "softmax", "--threads", "1", "--rounds", "1",
                    "--seconds", "0.05", "--out", out, OPENBLAS_CORETYPE="Haswell")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("OPENBLAS_CORETYPE=Haswell", ended.stderr)
        with open(out / "frameworks.csv", encoding="utf-8", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r["framework"] == "PyTorch"]
        self.assertEqual([(r["network"], r["batch"], r["threads"], r["status"]) for r in rows],
                         [("softmax", "100", "1", "ok")])
        for name in results.NUMBERS - {"coverage"}:
            self.assertGreater(float(rows[0][name]), 0, name)
        lines = [json.loads(line) for line in
                 (out / "frameworks.jsonl").read_text(encoding="utf-8").splitlines()]
        self.assertEqual(lines[0]["unset"]["OPENBLAS_CORETYPE"], "Haswell")
        self.assertIn("configuration", lines[0]["tools"][f"PyTorch {rows[0]['version']}"]["1"])
        self.assertTrue(lines[0]["flopstep"]["cpu"]["model"])
        self.assertNotIn("OPENBLAS_CORETYPE", lines[0]["flopstep"]["environment"])
        by_tool = {line["tool"]: line for line in lines[1:]}
        self.assertIn("flopstep", by_tool)
        for line in by_tool.values():
            self.assertTrue(all(t > 0 for t in line["rounds"]["0"]))
        prepared = by_tool[f"PyTorch {rows[0]['version']}"]["prepared"]
        self.assertEqual(prepared["parameters"], 7850)
        self.assertLess(prepared["loss_after"], prepared["loss_before"])
        self.assertIn("eager", prepared["tried"])


if __name__ == "__main__":
    BINARY = os.environ.get("FLOPSTEP", "")
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BINARY = sys.argv.pop(1)
    if not BINARY:
        sys.exit("usage: test_peers.py PATH/TO/flopstep [unittest options]")
    BINARY = os.path.abspath(BINARY)
    unittest.main(verbosity=1)
