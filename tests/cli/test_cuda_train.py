"""`flopstep train` on a GPU, emulated: the same rows and figures as on the processor, what is special
of a GPU beside them, and everything that can be wrong with one. No number of these is a result."""
import math
import os
import sys
import tempfile
import unittest

import cli

EMULATED = os.environ.get("FLOPSTEP_EMULATED", "")
SMALL = ("--network", "12x12x1 conv3x3x4 relu maxpool2 8relu 10softmax", "--batch", "8")
TINY = ("--network", "784-10softmax", "--batch", "8")
STEPS = ("--steps", "3", "--quiet")


class Train(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="flopstep-cuda-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def train(self, *arguments, emulate="", code=0, **env):
        env = {"FLOPSTEP_CUDA_MODULE": EMULATED, "FLOPSTEP_EMULATE": emulate, **env}
        done = cli.run("train", *arguments, "--out", "out", cwd=self.folder, env=env)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def rows(self):
        return cli.cases(cli.records(f"{self.folder}/out/train.jsonl"))

    def refuses(self, code, *words, arguments=TINY, emulate="", **env):
        done = self.train(*arguments, "--device", "cuda", emulate=emulate, code=code, **env)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(os.path.exists(f"{self.folder}/out"), "found before anything is written")

    def test_a_row_tells_the_device_and_is_never_a_gpus(self):
        self.train(*SMALL, *STEPS, "--device", "cuda", "--by-layer")
        lines = cli.records(f"{self.folder}/out/train.jsonl")
        row = cli.cases(lines)[0]
        self.assertEqual((row["device"], row["library"], row["status"]),
                         ("cuda-emulated", "cublas", "ok"))
        self.assertEqual((row["math"], row["threads"], row["without"]), ("fp32", 1, ""))
        self.assertGreater(row["host_s"], 0)
        self.assertIsNotNone(row["launch_s"])
        self.assertEqual([d["name"] for d in lines[0]["devices"]], ["cuda-emulated"])
        layers = [line for line in lines if line.get("record") == "layer"]
        self.assertEqual({line["layer"] for line in layers if line["pass"] == "forward"},
                         {"conv1", "maxpool1", "dense1", "dense2", "softmax1"})
        self.assertTrue(all(line["time_s"] > 0 for line in layers), layers)
        self.assertEqual({line["path"] for line in layers if line["layer"] == "conv1"},
                         {"im2col+relu", "im2col"})

    def test_no_graph_no_launch_cost(self):
        self.train(*TINY, *STEPS, "--device", "cuda", "--without", "graph")
        row = self.rows()[0]
        self.assertEqual(row["without"], "graph")
        self.assertIsNone(row["launch_s"])

    def test_device_all_is_processor_and_gpus(self):
        self.train(*TINY, *STEPS, "--device", "all", "--threads", "1", emulate="devices=2")
        self.assertEqual([r["device"] for r in self.rows()],
                         ["cpu", "cuda-emulated", "cuda-emulated:1"])

    def test_device_all_without_a_gpu_is_the_processor(self):
        self.train(*TINY, *STEPS, "--device", "all", "--threads", "1", emulate="devices=0")
        self.assertEqual([r["device"] for r in self.rows()], ["cpu"])

    def test_ladder(self):
        self.train("--network", "mlp16", "--batch", "8", *STEPS, "--device", "cuda", "--ladder")
        self.assertEqual([r["rung"] for r in self.rows()],
                         ["plain", "fused", "one-update", "graph"])

    def test_maths(self):
        arguments = ("--network", "2-16tanh-1sigmoid", "--dataset", "circles", "--epochs", "1",
                     "--quiet", "--device", "cuda")
        losses = {}
        for math_mode in ("fp32", "tf32", "bf16"):
            self.folder = tempfile.mkdtemp(dir=self.folder)
            self.train(*arguments, "--math", math_mode)
            losses[math_mode] = self.rows()[-1]["train_loss"]
            self.assertEqual(self.rows()[-1]["math"], math_mode)
        for mode, most in (("tf32", 1e-3), ("bf16", 1e-2)):
            off = abs(losses[mode] / losses["fp32"] - 1)
            self.assertGreater(off, 0, mode)
            self.assertLess(off, most, mode)

    def test_a_training_is_that_of_the_processor(self):
        arguments = ("--network", "2-16tanh-1sigmoid", "--dataset", "circles", "--epochs", "2",
                     "--types", "d", "--quiet", "--threads", "1", "--optimizer", "adam:lr=0.01")
        histories = []
        for device in ("cpu", "cuda"):
            self.folder = tempfile.mkdtemp(dir=self.folder)
            self.train(*arguments, "--device", device)
            histories.append(self.rows())
        keys = ("epoch", "step", "train_accuracy", "test_accuracy", "lr")
        for cpu, gpu in zip(*histories, strict=True):
            self.assertEqual([cpu[k] for k in keys], [gpu[k] for k in keys])
            for key in ("train_loss", "test_loss"):
                self.assertTrue(math.isclose(cpu[key], gpu[key], rel_tol=1e-9), (key, cpu, gpu))

    def test_divergence_names_the_step(self):
        arguments = ("--network", "2-16relu-16relu-1", "--dataset", "circles", "--loss",
                     "half-mean", "--optimizer", "sgd:lr=1000", "--epochs", "2", "--quiet",
                     "--threads", "1")
        reasons = []
        for device in ("cpu", "cuda"):
            self.folder = tempfile.mkdtemp(dir=self.folder)
            self.train(*arguments, "--device", device, code=1)
            self.assertEqual(self.rows()[-1]["status"], "failed")
            reasons.append(self.rows()[-1]["reason"])
        self.assertIn("diverged at step", reasons[0])
        self.assertEqual(reasons[0].split(":")[0], reasons[1].split(":")[0])

    def test_a_case_that_diverges_leaves_the_others_alone(self):
        for device in ("cpu", "cuda"):
            self.folder = tempfile.mkdtemp(dir=self.folder)
            self.train("--network", "12x12x1 30relu 30relu 30relu 10softmax", "--optimizer",
                       "sgd:lr=10", "--batch", "1,1024", "--steps", "60", "--threads", "1",
                       "--quiet", "--device", device, code=1)
            self.assertEqual([r["status"] for r in self.rows()], ["failed", "ok"], device)
            self.assertIn("diverged", self.rows()[0]["reason"])

    def test_the_report_makes_nothing_of_emulated_rows(self):
        self.train(*TINY, *STEPS, "--device", "cuda")
        done = cli.run("report", "out/train.jsonl", "--out", "report", cwd=self.folder)
        self.assertIn("emulated", done.stderr)
        folder = f"{self.folder}/report"
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.endswith(".csv"):
                with open(f"{folder}/{name}", encoding="utf-8") as file:
                    self.assertNotIn("emulated", file.read(), name)

    # --- What can be wrong ---

    def test_a_lost_device(self):
        done = self.train("--network", "784-10softmax,784-5relu-10softmax", "--batch", "8",
                          "--steps", "50", "--device", "cuda", "--quiet", emulate="lost-after=200",
                          code=1)
        rows = self.rows()
        self.assertEqual([r["status"] for r in rows], ["failed", "skipped"])
        self.assertIn("illegal memory access", rows[0]["reason"])
        self.assertIn("lost", rows[1]["reason"])
        self.assertIsNone(rows[0]["median_s"])
        self.assertIn("failed", done.stdout)

    def test_a_device_lost_in_a_training_keeps_its_history(self):
        done = self.train("--network", "2-16tanh-1sigmoid", "--dataset", "circles", "--epochs",
                          "30", "--device", "cuda", "--quiet", emulate="lost-after=1000", code=1)
        rows = self.rows()
        self.assertGreater(sum(r["status"] == "ok" for r in rows), 1)
        self.assertEqual(rows[-1]["status"], "failed")
        self.assertIn("failed near step", rows[-1]["reason"])
        self.assertIn("illegal memory access", done.stderr)

    def test_too_little_memory(self):
        self.train("--network", "784-10softmax,784-4000relu-4000relu-10softmax", "--batch", "8",
                   *STEPS, "--device", "cuda", emulate="memory=110M")
        rows = self.rows()
        self.assertEqual([r["status"] for r in rows], ["ok", "skipped"])
        self.assertIn("memory", rows[1]["reason"])

    def test_memory_refused(self):
        for n in (4, 8, 12, 16, 20):
            self.folder = tempfile.mkdtemp(dir=self.folder)
            env = {"FLOPSTEP_CUDA_MODULE": EMULATED, "FLOPSTEP_EMULATE": f"refuse-after={n}"}
            done = cli.run("train", *TINY, *STEPS, "--device", "cuda", "--out", "out",
                           cwd=self.folder, env=env)
            self.assertIn(done.returncode, (0, 3), done.stderr)
            self.assertTrue("memory" in done.stderr + done.stdout or done.returncode == 0)

    def test_memory_refused_to_a_training(self):
        arguments = ("--network", "2-16tanh-1sigmoid", "--dataset", "circles", "--quiet")
        for n in (6, 8, 10, 12, 14):
            self.folder = tempfile.mkdtemp(dir=self.folder)
            done = self.train(*arguments, "--device", "cuda", emulate=f"refuse-after={n}", code=3)
            self.assertIn("memory", done.stderr)
            self.assertIn("cuda-emulated", done.stderr)

    def test_options_of_the_processor(self):
        self.refuses(2, "--blas is of the processor", arguments=(*TINY, "--blas", "naive"))
        done = self.train(*TINY, "--steps", "3", "--device", "cuda", "--threads", "1")
        self.assertIn("note: --threads", done.stderr)

    def test_two_gpus_have_a_square_gemm_each(self):
        self.train("--network", "softmax", *STEPS, "--device", "all", "--threads", "1",
                   "--time-budget", "0.02", "--types", "d", emulate="devices=2")
        rates = [row["square_gflops"] for row in self.rows()[1:]]
        self.assertEqual(len(rates), 2)
        for rate in rates:
            self.assertGreater(rate, 0)

    def test_no_gpu(self):
        self.refuses(3, "no CUDA-capable device", emulate="devices=0")
        self.refuses(3, "no NVIDIA driver", emulate="no-driver")
        self.refuses(3, "CUDA_VISIBLE_DEVICES", CUDA_VISIBLE_DEVICES="")
        self.refuses(3, "sm_60", "CMAKE_CUDA_ARCHITECTURES=60", emulate="no-image,arch=6.0")
        self.refuses(3, "/nowhere.so", FLOPSTEP_CUDA_MODULE="/nowhere.so")
        self.refuses(3, "does not load", FLOPSTEP_CUDA_MODULE=__file__)

    def test_no_such_gpu(self):
        done = self.train(*TINY, "--device", "cuda:1", code=3)
        self.assertIn("there is 1 GPU, cuda:0", done.stderr)
        done = self.train(*TINY, "--device", "cuda:x", code=2)
        self.assertIn("no device is called", done.stderr)

    def test_what_a_gpu_does_not_have(self):
        self.refuses(2, "direct", arguments=(*SMALL, "--conv", "direct"))
        self.refuses(2, "own", arguments=(*SMALL, "--dense", "own"))
        self.refuses(2, "single precision", arguments=(*TINY, "--math", "tf32", "--types", "d"))
        done = self.train(*TINY, "--math", "bf16", code=2)
        self.assertIn("for GPUs", done.stderr)

    def test_info_tells_what_is_there_and_why_not(self):
        for emulate, word in (("", "CUDA emulated on the host"), ("devices=0", "not usable"),
                              ("no-driver", "no NVIDIA driver"), ("no-image", "no code for")):
            env = {"FLOPSTEP_CUDA_MODULE": EMULATED, "FLOPSTEP_EMULATE": emulate}
            done = cli.run("info", cwd=self.folder, env=env)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(word, done.stdout)
            self.assertIn("cuda-emulated", done.stdout)


if __name__ == "__main__":
    if not os.path.exists(EMULATED):
        print("skipped: there is no emulated CUDA device; it needs a C++ compiler")
        sys.exit(77)
    cli.main()
