"""Gradients of GPUs over ranks, on the emulated device: every way they travel and every mode train as
one processor does, in double to rounding; what is used is told, and what can go wrong with it.

The emulated device runs what it is given as late as CUDA allows (`late`), so a stream or a host that
does not wait for what it needs computes with NaN or with the last step's numbers. NCCL is a fake that
sums by MPI. No number of these is a result."""
import math
import os
import pathlib
import sys
import unittest

import launch
import cli

EMULATED = os.environ.get("FLOPSTEP_EMULATED", "")
FAKES = pathlib.Path(os.environ.get("FLOPSTEP_FAKES", "/nowhere"))
FAKE_NCCL = FAKES / "libfake_nccl.so"
MISSING = "/nowhere/libnccl.so.2"
CLOSE = 1e-9
# 1000 points: a last batch of one, so that the other ranks have none of it; buckets of 32 numbers.
TRAINING = ("--network", "2-16tanh-16relu-1sigmoid", "--dataset", "circles", "--global-batch", "333",
            "--types", "d", "--optimizer", "adam:lr=0.01", "--epochs", "2", "--history", "3",
            "--threads", "1", "--time-budget", "0.02", "--no-check")
TIMED = ("--network", "12x12x1 conv3x3x4 relu maxpool2 8relu 10softmax", "--batch", "8", "--steps",
         "3", "--bucket-size", "256", "--no-check", "--time-budget", "0.02")
MODES = {"nccl": ("blocking", "nonblocking", "overlap"), "cuda-aware": ("blocking", "thread"),
         "staged": ("blocking", "nonblocking", "overlap", "thread", "reproducible")}


class Gradients(launch.RankTest, cli.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alone = None

    def environment(self, emulate="", **env):
        return {"FLOPSTEP_CUDA_MODULE": EMULATED, "FLOPSTEP_NCCL": str(FAKE_NCCL),
                "FLOPSTEP_CUDA_AWARE": "0", "FLOPSTEP_EMULATE": f"devices=3,late{emulate}", **env}

    def train(self, ranks, *arguments, code=0, emulate="", device="cuda", **env):
        out = self.folder / f"out-{len(list(self.folder.iterdir()))}"
        command = ("train", *arguments, "--device", device, "--out", out)
        env = self.environment(emulate, **env)
        if ranks == 1:
            told = cli.run(*command, cwd=self.folder, env=env)
        else:
            told = launch.run(ranks, *command, cwd=self.folder, env=env)
        if code is not None:
            self.assertEqual(told.returncode, code, told.stderr[-2000:] + told.stdout[-2000:])
        self.told = told
        results = out / "train.jsonl"
        self.lines = cli.records(results) if results.exists() else []
        return cli.cases(self.lines)

    def the_same(self, ours):
        """As one processor trains."""
        if type(self).alone is None:
            type(self).alone = self.train(1, *TRAINING, device="cpu")
        theirs = type(self).alone
        self.assertEqual(len(ours), len(theirs))
        self.assertLess(theirs[-1]["train_loss"], theirs[0]["train_loss"])
        for a, b in zip(ours, theirs):
            self.assertEqual((a["step"], a["status"]), (b["step"], "ok"))
            for key in ("train_loss", "test_loss", "train_accuracy", "running_loss"):
                if b[key] is None:
                    self.assertIsNone(a[key])
                    continue
                self.assertTrue(math.isclose(a[key], b[key], rel_tol=CLOSE), (key, a[key], b[key]))

    def trains(self, way, ranks, modes):
        for mode in modes:
            with self.subTest(way=way, mode=mode, ranks=ranks):
                rows = self.train(ranks, *TRAINING, "--gpu-reduce", way, "--reduce", mode,
                                  "--bucket-size", "256", "--verify-replicas", "1",
                                  emulate=",not-strict" if way == "cuda-aware" else "",
                                  FLOPSTEP_CUDA_AWARE="1" if way == "cuda-aware" else "0")
                self.the_same(rows)
                self.assertEqual({(row["transport"], row["reduce"], row["ranks"]) for row in rows},
                                 {(way, mode, ranks)})
                self.assertEqual({row["device"] for row in rows}, {"cuda-emulated"})
                self.assertGreater(rows[0]["buckets"], 5)

    def test_staged_beside_one_rank(self):
        self.trains("staged", 2, ("overlap",))

    @launch.full
    def test_staged(self):
        self.trains("staged", 2, MODES["staged"])
        self.trains("staged", 3, ("overlap", "thread"))

    @launch.full
    def test_nccl(self):
        self.trains("nccl", 2, MODES["nccl"])
        self.trains("nccl", 3, ("overlap",))

    @launch.full
    def test_cuda_aware(self):
        """Here MPI may read the emulated memory, which is open to the host (`not-strict`)."""
        self.trains("cuda-aware", 2, MODES["cuda-aware"])
        self.trains("cuda-aware", 3, ("thread",))

    def test_nccl_is_called(self):
        calls = self.folder / "calls"
        rows = self.train(2, *TRAINING, "--bucket-size", "256", FLOPSTEP_FAKE_NCCL_CALLS=str(calls))
        self.assertEqual(rows[0]["transport"], "nccl")
        parameters = rows[0]["parameters"]
        counts = [line.split() for line in calls.read_text().splitlines()]
        self.assertEqual({kind for _, kind in counts}, {"double"})
        steps = rows[-1]["step"]
        self.assertEqual(sum(int(count) for count, _ in counts), parameters * steps)
        self.assertEqual(len(counts), rows[0]["buckets"] * steps)
        self.assertLessEqual(max(int(count) for count, _ in counts) * 8, 256)

    def test_a_gpu_for_each_rank(self):
        self.train(3, *TRAINING)
        table = self.lines[0]["mpi"]["table"]
        self.assertEqual([row["bus_id"] for row in table],
                         ["0000:01:00.0", "0000:02:00.0", "0000:03:00.0"])

    @launch.full
    def test_each_mode_takes_the_best_way(self):
        rows = self.train(2, *TIMED, "--reduce", "all")
        self.assertEqual({row["reduce"]: row["transport"] for row in rows},
                         {"blocking": "nccl", "nonblocking": "nccl", "overlap": "nccl",
                          "thread": "staged", "reproducible": "staged"})
        rows = self.train(2, *TIMED, "--reduce", "all", emulate=",not-strict",
                          FLOPSTEP_NCCL=MISSING, FLOPSTEP_CUDA_AWARE="1")
        self.assertEqual({row["reduce"]: row["transport"] for row in rows},
                         {"blocking": "cuda-aware", "nonblocking": "staged", "overlap": "staged",
                          "thread": "cuda-aware", "reproducible": "staged"})

    @launch.full
    def test_timed_steps(self):
        rows = self.train(2, *TIMED, "--reduce", "all", "--gpu-reduce", "staged")
        self.assertEqual({row["transport"] for row in rows}, {"staged"})
        for row in rows:
            self.assertEqual(row["status"], "ok")
            self.assertGreaterEqual(row["reduce_s"], 0)
            self.assertGreater(row["backward_s"], 0)
            self.assertIsNotNone(row["exposed_s"])
            self.assertIsNone(row["host_s"])  # the host waits for the others: not its own time
            self.assertIsNone(row["launch_s"])

    def test_provenance_tells_the_ways(self):
        self.train(2, *TIMED, FLOPSTEP_CUDA_AWARE="0")
        told = self.lines[0]["gpu_gradients"]
        self.assertEqual(told["asked"], "auto")
        ways = {way["name"]: way for way in told["ways"]}
        self.assertEqual(list(ways), ["nccl", "cuda-aware", "staged"])
        self.assertEqual([ways[name]["usable"] for name in ways], [True, False, True])
        self.assertEqual(ways["nccl"]["version"], "2.27.3")
        self.assertIn("does not read", ways["cuda-aware"]["reason"])
        self.assertNotIn("gpu_gradients", self.train(1, *TIMED) and self.lines[0])

    def notes(self):
        return [line for line in self.told.stderr.splitlines() if "--gpu-reduce" in line]

    def falls_back(self, *words, arguments=(), **options):
        rows = self.train(2, *TIMED, *arguments, **options)
        self.assertEqual({row["transport"] for row in rows}, {"staged"})
        self.assertEqual(len(self.notes()), 1, self.told.stderr)
        for word in words:
            self.assertIn(word, self.notes()[0])

    @launch.full
    def test_fallbacks_tell_their_reason_once(self):
        self.falls_back("nccl: ranks 0 and 1", "share a GPU", "0000:01:00.0",
                        arguments=("--reduce", "blocking,overlap,nonblocking"),
                        CUDA_VISIBLE_DEVICES="0")
        self.falls_back(MISSING, "does not load", FLOPSTEP_NCCL=MISSING)
        other = FAKES / "libfake_nvml.so"
        self.falls_back("is no NCCL", "ncclGetVersion", FLOPSTEP_NCCL=str(other))
        self.falls_back("does not start", "unhandled cuda error", FLOPSTEP_FAKE_NCCL="no-start")
        self.falls_back("does not start", "unhandled system error", FLOPSTEP_FAKE_NCCL="no-id")
        self.train(2, *TIMED, "--quiet", FLOPSTEP_NCCL=MISSING)
        self.assertEqual(self.notes(), [])

    def refused(self, code, *words, arguments, **options):
        self.train(2, *arguments, code=code, **options)
        told = self.told.stderr + self.told.stdout
        for word in words:
            self.assertIn(word, told)

    def test_asked_for_by_name_and_not_there(self):
        nccl, aware = ("--gpu-reduce", "nccl"), ("--gpu-reduce", "cuda-aware")
        for what in (TRAINING, TIMED):
            self.refused(3, "--gpu-reduce nccl", MISSING, arguments=(*what, *nccl),
                         FLOPSTEP_NCCL=MISSING)
        self.refused(3, "share a GPU", arguments=(*TRAINING, *nccl), CUDA_VISIBLE_DEVICES="0")
        self.refused(3, "cannot do --reduce thread", arguments=(*TRAINING, *nccl, "--reduce", "thread"))
        self.refused(3, "cannot do --reduce overlap", arguments=(*TRAINING, *aware),
                     FLOPSTEP_CUDA_AWARE="1")
        self.refused(3, "does not read a GPU's memory", arguments=(*TRAINING, *aware))
        self.refused(2, "--gpu-reduce nccl is of GPUs", arguments=(*TIMED, *nccl), device="cpu")
        self.refused(2, "--gpu-reduce", "staged", arguments=(*TIMED, "--gpu-reduce", "carrier-pigeon"))

    @launch.full
    def test_sums_that_differ_are_found(self):
        rows = self.train(2, *TRAINING, "--verify-replicas", "1", code=1,
                          FLOPSTEP_FAKE_NCCL="wrong-after=2")
        self.assertEqual(rows[-1]["status"], "failed")
        self.assertIn("rank 1", rows[-1]["reason"])

    @launch.full
    def test_nccl_fails_on_the_way(self):
        self.train(2, *TRAINING, code=None, FLOPSTEP_FAKE_NCCL="fails-after=3")
        self.assertNotEqual(self.told.returncode, 0)
        self.assertRegex(self.told.stderr, r"flopstep: rank [01] \(.*\): gradients by NCCL: internal error")

    @launch.full
    def test_a_lost_gpu_ends_all(self):
        for n in (150, 152):  # in another place of a step each
            rows = self.train(2, *TRAINING, "--gpu-reduce", "staged", "--reduce", "overlap", code=1,
                              emulate=f",lost-after={n}")
            self.assertEqual(rows[-1]["status"], "failed")
            self.assertIn("illegal memory access", rows[-1]["reason"])
            self.train(2, *TRAINING, "--gpu-reduce", "nccl", code=None, emulate=f",lost-after={n}")
            self.assertNotEqual(self.told.returncode, 0)
            self.assertRegex(self.told.stderr + self.told.stdout,
                             "illegal memory access|gradients by NCCL: unhandled cuda error")

    @launch.full
    def test_divergence_names_the_step(self):
        arguments = ("--network", "2-16relu-16relu-1", "--dataset", "circles", "--loss", "half-mean",
                     "--optimizer", "sgd:lr=1e5", "--epochs", "8", "--threads", "1", "--global-batch",
                     "100")
        alone = self.train(1, *arguments, device="cpu", code=1)[-1]["reason"]
        self.assertIn("diverged at step", alone)
        for way in ("staged", "nccl"):
            rows = self.train(2, *arguments, "--gpu-reduce", way, code=1)
            self.assertEqual(rows[-1]["status"], "failed")
            step = alone.split("step ")[1].split()[0].strip(":,")
            self.assertRegex(rows[-1]["reason"], rf"diverged at step {step}\b")


if __name__ == "__main__":
    if not os.path.exists(EMULATED):
        print("skipped: there is no emulated CUDA device; it needs a C++ compiler")
        sys.exit(77)
    if not FAKE_NCCL.exists():
        print("skipped: there is no fake NCCL; this flopstep was built without MPI")
        sys.exit(77)
    launch.main()
