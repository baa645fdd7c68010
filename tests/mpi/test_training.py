"""P ranks of B/P images train as one rank of B: the same losses to rounding, in double, for every
mode of reduction; the same rows, checkpoints and evaluations whatever the number of ranks."""
import gzip
import math
import pathlib
import random
import struct
import unittest

import launch
import cli

# Double: a few hundred steps of sums in another order.
CLOSE = 1e-9
NETWORK = "12x12x1 conv3x3x4 relu maxpool2 dropout0.25 20relu dropout0.3 10softmax"


def write_images(folder, train, test, side=12, seed=3):
    """A data set in MNIST's format whose classes can be learned."""
    numbers = random.Random(seed)
    place = pathlib.Path(folder) / "mnist"
    place.mkdir(parents=True)
    for name, count in (("train", train), ("t10k", test)):
        labels = [numbers.randrange(10) for _ in range(count)]
        pixels = bytearray()
        for label in labels:
            for i in range(side * side):
                bright = i % 10 == label or i // side == label
                pixels.append(numbers.randrange(120, 255) if bright else numbers.randrange(0, 140))
        with gzip.open(place / f"{name}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">IIII", 2051, count, side, side) + bytes(pixels))
        with gzip.open(place / f"{name}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">II", 2049, count) + bytes(labels))


class Trainings(launch.RankTest, cli.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alone = {}

    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        write_images(self.data, 203, 57)

    def options(self, *more):
        return ("train", "--network", NETWORK, "--dataset", "mnist", "--data", self.data, "--types",
                "d", "--optimizer", "adam:lr=0.003", "--history", 7, "--threads", 1, "--steps", 25,
                "--time-budget", 0.02, "--no-check", *more)

    def rows(self, ranks, *more, code=0, **options):
        out = self.folder / f"out-{ranks}-{len(list(self.folder.iterdir()))}"
        if ranks:
            told = launch.run(ranks, *self.options("--out", out, *more), cwd=self.folder, **options)
        else:
            told = cli.run(*self.options("--out", out, *more), cwd=self.folder)
        self.assertEqual(told.returncode, code, told.stderr[-2000:] + told.stdout[-2000:])
        self.lines = cli.records(out / "train.jsonl")
        self.told = told
        return cli.cases(self.lines)

    def close(self, ours, theirs):
        self.assertEqual(len(ours), len(theirs))
        for a, b in zip(ours, theirs):
            self.assertEqual((a["step"], a["epoch"], a["status"]), (b["step"], b["epoch"], "ok"))
            for key in ("train_loss", "test_loss", "running_loss", "train_accuracy", "test_accuracy",
                        "running_accuracy"):
                if b[key] is None:
                    self.assertIsNone(a[key], key)
                    continue
                self.assertTrue(math.isclose(a[key], b[key], rel_tol=CLOSE), (key, a[key], b[key]))

    def test_ranks_train_as_one(self):
        """60 does not divide by 7, nor 203 by 60: short batches, parts of different sizes; the last
        batch of 23 is shared by 7."""
        alone = self.rows(0, "--batch", 60)
        self.assertEqual([row["ranks"] for row in alone], [1] * len(alone))
        self.assertLess(alone[-1]["train_loss"], 0.9 * alone[0]["train_loss"])  # it learns
        modes = ("overlap", "blocking", "thread", "nonblocking", "reproducible")
        for ranks, mode in zip(launch.SEVERAL, modes):
            with self.subTest(ranks=ranks, mode=mode):
                rows = self.rows(ranks, "--global-batch", 60, "--reduce", mode, "--bucket-size", 900)
                self.close(rows, alone)
                self.assertEqual({row["ranks"] for row in rows}, {ranks})
                self.assertEqual({row["reduce"] for row in rows}, {mode if ranks > 1 else None})
                self.assertEqual({row["global_batch"] for row in rows}, {60})
                self.assertEqual({row["batch"] for row in rows}, {-(-60 // ranks)})
                mpi = self.lines[0]["mpi"]
                self.assertEqual([row["rank"] for row in mpi["table"]], list(range(ranks)))
                self.assertEqual((mpi["ranks"], mpi["nodes"]), (ranks, 1))

    def test_all_modes_give_one_training(self):
        expected = self.rows(0, "--global-batch", 64)
        for mode in ("blocking", "nonblocking", "overlap", "thread", "reproducible"):
            with self.subTest(mode=mode):
                self.close(self.rows(2, "--batch", 32, "--reduce", mode, "--verify-replicas", 3),
                           expected)

    def test_other_samplings_and_losses(self):
        for more in (("--sampling", "replacement"), ("--sampling", "order"), ("--loss", "half-sum",
                     "--lr", "0.0001"), ("--loss", "mean-squared"), ("--validation", "31")):
            with self.subTest(more=more):
                expected = self.rows(0, "--batch", 30, *more)
                self.close(self.rows(3, "--global-batch", 30, *more), expected)

    def test_fewer_images_than_ranks(self):
        """The last batch has 203 - 2 * 100 = 3 images for 4 ranks: one of them has none."""
        self.close(self.rows(4, "--global-batch", 100), self.rows(0, "--batch", 100))

    def test_more_threads_give_the_same(self):
        expected = self.rows(0, "--batch", 40)
        rows = self.rows(2, "--global-batch", 40, "--reduce", "overlap")
        again = self.rows(2, "--global-batch", 40, "--reduce", "overlap")
        self.close(rows, expected)
        for a, b in zip(rows, again):  # the same bits with the same ranks
            self.assertEqual((a["train_loss"], a["test_loss"]), (b["train_loss"], b["test_loss"]))

    def test_a_checkpoint_is_of_any_number_of_ranks(self):
        expected = self.rows(0, "--global-batch", 48)
        file = self.folder / "half.ckpt"
        self.rows(3, "--global-batch", 48, "--steps", 14, "--checkpoint", file)
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                out = self.folder / f"resumed-{ranks}"
                resumed = self.folder / f"resumed-{ranks}.ckpt"
                resumed.write_bytes(file.read_bytes())
                options = ("train", "--resume", resumed, "--data", self.data, "--steps", 25,
                           "--history", 7, "--threads", 1, "--out", out)
                told = (launch.run(ranks, *options, cwd=self.folder) if ranks else
                        cli.run(*options, cwd=self.folder))
                self.assertEqual(told.returncode, 0, told.stderr)
                rows = cli.cases(cli.records(out / "train.jsonl"))
                for a, b in zip(rows[1:], [row for row in expected if row["step"] > 14]):
                    self.assertEqual(a["step"], b["step"])
                    self.assertTrue(math.isclose(a["train_loss"], b["train_loss"], rel_tol=CLOSE))
                    self.assertTrue(math.isclose(a["test_loss"], b["test_loss"], rel_tol=CLOSE))

    def test_a_divergence_is_one_rank_s_and_ends_all(self):
        rows = self.rows(2, "--network", "12x12x1 20relu 10", "--loss", "half-sum", "--batch", 16,
                         "--types", "s", "--optimizer", "sgd:lr=999999", code=1)
        self.assertEqual(rows[-1]["status"], "failed")
        self.assertRegex(rows[-1]["reason"], r"diverged at step \d+: .* on rank \d \(")


class Steps(launch.RankTest, cli.Case):
    def steps(self, ranks, *more):
        out = self.folder / f"out-{ranks}"
        told = launch.run(ranks, "train", "--network", NETWORK, "--time-budget", 0.01,
                          "--max-samples", 3, "--threads", 1, "--out", out, *more, cwd=self.folder)
        self.assertEqual(told.returncode, 0, told.stderr)
        return cli.records(out / "train.jsonl"), told

    def test_a_step_in_parts(self):
        lines, _ = self.steps(3, "--batch", "5,9", "--reduce", "all", "--format", "csv")
        rows = cli.cases(lines)
        self.assertEqual([(row["batch"], row["reduce"]) for row in rows],
                         [(b, m) for b in (5, 9) for m in ("blocking", "nonblocking", "overlap",
                                                          "thread", "reproducible")])
        for row in rows:
            self.assertEqual((row["ranks"], row["nodes"], row["global_batch"]),
                             (3, 1, 3 * row["batch"]))
            self.assertAlmostEqual(row["compute_s"] + row["wait_s"] + row["exposed_s"],
                                   row["median_s"], delta=1e-9 * row["median_s"] + 1e-15)
            self.assertGreaterEqual(row["wait_s"], -1e-12 * row["median_s"])
            self.assertAlmostEqual(row["images_per_s"] * row["median_s"], row["global_batch"],
                                   delta=1e-6)
            every = row["rank_samples_s"]
            self.assertEqual([len(s) for s in every], [row["samples"]] * 3)
            for i, slowest in enumerate(row["samples_s"]):  # a step lasts as long as the slowest rank
                self.assertAlmostEqual(slowest, max(s[i] for s in every), delta=1e-9 * slowest)
            self.assertEqual(row["rank_median_s"][row["slowest_rank"]], max(row["rank_median_s"]))
            self.assertEqual(row["transport"], "host")
            self.assertGreater(row["reduce_s"], 0)

    def test_a_batch_of_all(self):
        rows = cli.cases(self.steps(4, "--global-batch", "10")[0])
        self.assertEqual([(row["global_batch"], row["batch"], row["reduce"]) for row in rows],
                         [(10, 3, "overlap")])  # the largest part

    def test_one_rank_reduces_nothing(self):
        lines, told = self.steps(1, "--batch", "4", "--reduce", "thread")
        row, = cli.cases(lines)
        self.assertEqual((row["ranks"], row["reduce"], row["reduce_s"], row["exposed_s"]),
                         (1, None, None, None))
        self.assertIn("one rank: no gradients are reduced", told.stderr)

    def test_what_one_rank_does(self):
        for arguments, word in ((("train", "--help"), "Usage: flopstep train"),
                                (("info",), "MPI  "), (("list", "networks"), "mlp5")):
            with self.subTest(arguments=arguments):
                told = launch.run(2, *arguments, cwd=self.folder)
                self.assertEqual((told.returncode, told.stderr), (0, ""))
                self.assertEqual(told.stdout.count(word), 1, told.stdout)

    def test_wrong_usage(self):
        for options, words in ((("--batch", "4", "--global-batch", "8"), "exclude each other"),
                               (("--global-batch", "1"), "2 ranks want an image each"),
                               (("--reduce", "fast"), "write one of all, blocking"),
                               (("--bucket-size", "4Q"), "no number of bytes"),
                               (("--ladder",), "times one rank")):
            with self.subTest(options=options):
                told = launch.run(2, "train", "--network", NETWORK, *options, cwd=self.folder)
                self.assertEqual(told.returncode, 2, told.stderr)
                lines = [l for l in told.stderr.splitlines() if l.startswith("flopstep:")]
                self.assertEqual(len(lines), 1, told.stderr)
                self.assertIn(words, lines[0])
                self.assertEqual(self.written(), [])


if __name__ == "__main__":
    launch.main()
