#!/usr/bin/python3
"""Trainings and recipes: the rows of a history, what --steps, --epochs, --validation, --sampling and
--schedule make of it, checkpoints that go on bit for bit, reported beside ours, exercises."""
import json
import math
import os
import pathlib
import struct
import sys

import cli

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing")
    sys.exit(77)

SCHEMA = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
# 400 training points: 8 steps an epoch.
CIRCLES = ("--network", "2-6tanh-2softmax", "--dataset", "circles", "--batch", "50", "--lr", "0.1")
TIMES = ("run samples median_s low_s high_s min_s gflops peak_fraction flags images_per_s mfu "
         "gemm_fraction forward_s loss_s backward_s update_s input_s ceiling_rate square_gflops "
         "clock_ghz steal_fraction load repetitions samples_s").split()


def mnist():
    for folder in filter(None, [os.environ.get("FLOPSTEP_DATA"), cli.ROOT.parent / "shared/data"]):
        for place in (pathlib.Path(folder) / "mnist", pathlib.Path(folder)):
            if (place / "train-images-idx3-ubyte.gz").exists():
                return place
    return None


def arrays(path):
    """Parameters, what the optimizer keeps and the best parameters: all behind the header."""
    data = pathlib.Path(path).read_bytes()
    magic, _, header, size = struct.unpack("<8sIIQ", data[:24])
    assert magic == b"flopckpt" and size == len(data)
    return data[header:-4]


def without_times(rows):
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


class Runs(cli.Case):
    def train(self, *arguments, form="jsonl", **options):
        before = set(self.written())
        self.result = self.works("train", "--threads", "1", "--time-budget", "0.01", "--quiet",
                                 "--out", self.out, "--format", form, *arguments, **options)
        new, = set(self.written()) - before
        lines = cli.records(self.folder / new)
        for line in lines:
            VALIDATOR.validate(line)
        self.assertEqual([lines[0]["record"], lines[-1]["record"]], ["provenance", "end"])
        return lines

    def history(self, *arguments, **options):
        rows = cli.cases(self.train(*arguments, **options))
        for row in rows:
            self.assertEqual([row["status"], row["kind"]], ["ok", "training"])
            if row["samples"]:
                self.assertEqual(len(row["samples_s"]), row["samples"])
                self.assertTrue(math.isclose(row["images_per_s"], row["batch"] / row["median_s"],
                                             rel_tol=1e-10))
            else:
                self.assertIsNone(row["median_s"])
        return rows

    def places(self, rows):
        return [(row["epoch"], row["step"]) for row in rows]


class Trainings(Runs):
    def test_history(self):
        rows = self.history(*CIRCLES, "--epochs", "3")
        self.assertEqual(self.places(rows), [(0, 0), (1, 8), (2, 16), (3, 24)])
        for row in rows:
            self.assertEqual([row["dataset"], row["recipe"], row["batch"], row["loss_function"],
                              row["lr"], row["network"], row["parameters"], row["seed"]],
                             ["circles", None, 50, "crossentropy", 0.1, "2-6tanh-2softmax", 32, 1])
            self.assertEqual(row["flops"], 50 * (4 * 12 + 6 * 12))
            self.assertGreater(row["train_loss"], 0)
            self.assertGreater(row["test_loss"], 0)
            for key, samples in (("train_accuracy", 400), ("test_accuracy", 100)):
                self.assertAlmostEqual(row[key] * samples, round(row[key] * samples), 6)
            self.assertIsNone(row["validation_accuracy"])
            self.assertIsNone(row["validation_loss"])
        self.assertEqual([row["samples"] > 0 for row in rows], [False, True, True, True])
        self.assertLess(rows[-1]["train_loss"], rows[0]["train_loss"])

    def test_a_written_network_keeps_its_name(self):
        for letter in ("s", "d"):
            lines = self.train("--network", "2-7tanh-2softmax", "--dataset", "circles", "--epochs",
                               "20", "--batch", "100", "--history", "5", "--types", letter)
            names = {line["network"] for line in lines if "network" in line}
            self.assertEqual(names, {"2-7tanh-2softmax"})

    def test_steps_between_rows(self):
        rows = self.history(*CIRCLES, "--epochs", "1", "--history", "3")
        self.assertEqual(self.places(rows), [(0, 0), (0.375, 3), (0.75, 6), (1, 8)])

    def test_length(self):
        for arguments, last in ((("--epochs", "0.5"), (0.5, 4)), (("--epochs", "0.3"), (0.375, 3)),
                                (("--steps", "5"), (0.625, 5)), (("--steps", "0"), (0, 0)),
                                (("--epochs", "2", "--steps", "11"), (1.375, 11)), ((), (1, 8))):
            with self.subTest(arguments):
                self.assertEqual(self.places(self.history(*CIRCLES, *arguments))[-1], last)

    def test_short_batches(self):
        """400 samples in batches of 150: the third has 100."""
        rows = self.history(*CIRCLES, "--batch", "150", "--epochs", "2")
        self.assertEqual(self.places(rows), [(0, 0), (1, 3), (2, 6)])
        rows = self.history(*CIRCLES, "--batch", "400", "--epochs", "2")
        self.assertEqual(self.places(rows), [(0, 0), (1, 1), (2, 2)])

    def test_regression(self):
        rows = self.history("--network", "1-1", "--dataset", "linear", "--lr", "0.001", "--epochs", "2")
        for row in rows:
            self.assertEqual(row["loss_function"], "half-mean")
            self.assertGreater(row["train_loss"], 0)
            for key in ("train_accuracy", "test_accuracy", "running_accuracy", "test_loss"):
                self.assertIsNone(row[key])
        self.assertLess(rows[-1]["train_loss"], rows[0]["train_loss"])

    def test_validation(self):
        rows = self.history(*CIRCLES, "--validation", "100", "--epochs", "2")
        self.assertEqual(self.places(rows), [(0, 0), (1, 6), (2, 12)])
        for row in rows:
            self.assertGreater(row["validation_loss"], 0)
            for key, samples in (("validation_accuracy", 100), ("train_accuracy", 300)):
                self.assertAlmostEqual(row[key] * samples, round(row[key] * samples), 6)

    def test_schedule(self):
        rows = self.history(*CIRCLES, "--schedule", "cosine", "--history", "1")
        rates = [row["lr"] for row in rows[1:]]
        self.assertEqual(len(rates), 8)
        for step, rate in enumerate(rates):
            self.assertAlmostEqual(rate, 0.1 * (1 + math.cos(math.pi * step / 8)) / 2, 12)
        rows = self.history(*CIRCLES, "--history", "1")
        self.assertEqual({row["lr"] for row in rows}, {0.1})

    def test_sampling_and_initial_weights(self):
        saved = {}
        for name, arguments in (("epochs", ()), ("replacement", ("--sampling", "replacement")),
                                ("order", ("--sampling", "order")), ("he", ("--initial", "he")),
                                ("seed", ("--seed", "2"))):
            path = self.folder / f"{name}.ckpt"
            self.history(*CIRCLES, *arguments, "--checkpoint", path)
            saved[name] = arrays(path)
            self.assertEqual(len(saved[name]), 4 * 32)
        self.assertEqual(len(set(saved.values())), len(saved), "two of them are the same")
        self.history(*CIRCLES, "--initial", "zero", "--steps", "0", "--checkpoint", "zero.ckpt")
        self.assertEqual(arrays(self.folder / "zero.ckpt"), bytes(4 * 32))

    def test_same_seed_same_numbers(self):
        runs = [self.history(*CIRCLES, "--epochs", "2", "--seed", seed, "--checkpoint",
                             f"{i}.ckpt") for i, seed in enumerate((5, 5, 6))]
        self.assertEqual(without_times(runs[0]), without_times(runs[1]))
        self.assertNotEqual([row["train_loss"] for row in runs[0]],
                            [row["train_loss"] for row in runs[2]])
        files = [(self.folder / f"{i}.ckpt").read_bytes() for i in range(3)]
        self.assertEqual(files[0], files[1])
        self.assertNotEqual(files[0], files[2])

    def test_resume(self):
        """Two epochs at once, and an epoch and a half, saved and continued, end in the same bits,
        whatever the optimizer keeps, with dropout and in both types."""
        network = ("--network", "2-6tanh-dropout0.2-2softmax", "--dataset", "circles", "--batch", "50",
                   "--schedule", "cosine", "--epochs", "2")
        for optimizer, type_ in (("sgd:lr=0.1", "s"), ("momentum:lr=0.1", "d"), ("adam", "s"),
                                 ("nadam", "d"), ("adadelta", "s"), ("rmsprop:l2=0.01", "s")):
            with self.subTest(optimizer):
                name = optimizer.split(":")[0]
                options = (*network, "--optimizer", optimizer, "--types", type_)
                straight = self.history(*options, "--checkpoint", f"{name}-straight")
                first = self.history(*options, "--steps", "12", "--checkpoint", f"{name}-part")
                self.assertEqual(self.places(first)[-1], (1.5, 12))
                part = (self.folder / f"{name}-part").read_bytes()
                rest = self.history("--resume", f"{name}-part", "--checkpoint", f"{name}-rest")
                self.assertEqual(self.places(rest), [(1.5, 12), (2, 16)])
                files = [(self.folder / f"{name}-{end}").read_bytes()
                         for end in ("straight", "part", "rest")]
                self.assertEqual(files[0], files[2])
                self.assertEqual(files[1], part, "the file to resume from was changed")
                for key in ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "lr", "type",
                            "optimizer", "network", "dataset", "batch", "seed", "loss_function"):
                    self.assertEqual(straight[-1][key], rest[-1][key], key)

    def test_resume_further(self):
        """--epochs is the whole length; the file itself is renewed where no other is named."""
        self.history(*CIRCLES, "--epochs", "2", "--checkpoint", "straight")
        self.history(*CIRCLES, "--epochs", "1", "--checkpoint", "part")
        rows = self.history("--resume", "part", "--epochs", "2")
        self.assertEqual(self.places(rows), [(1, 8), (2, 16)])
        self.assertEqual(arrays(self.folder / "part"), arrays(self.folder / "straight"))
        rows = self.history("--resume", "part", "--epochs", "2")
        self.assertEqual(self.places(rows), [(2, 16)])
        rows = self.history("--resume", "part", "--steps", "19", "--history", "2")
        self.assertEqual([row["step"] for row in rows], [16, 18, 19])

    def test_resume_of_a_recipe_keeps_its_best(self):
        recipe = ("--recipe", "circles", "--history", "10")
        self.train(*recipe, "--steps", "40", "--checkpoint", "straight")
        self.train(*recipe, "--steps", "20", "--checkpoint", "part")
        rows = cli.cases(self.train("--resume", "part", "--steps", "40", "--history", "10"))
        self.assertEqual([row["recipe"] for row in rows], ["circles"] * 3)
        self.assertEqual((self.folder / "part").read_bytes(),
                         (self.folder / "straight").read_bytes())

    def test_formats(self):
        lines = self.train(*CIRCLES, "--epochs", "2", form="csv")
        self.assertEqual(self.result.stderr, "")
        rows, wanted = cli.csv_rows(self.result.stdout), cli.cases(lines)
        self.assertEqual([len(rows), len(wanted)], [3, 3])
        for row, record in zip(rows, wanted):
            self.assertEqual(set(record) - set(row), {"record", "samples_s"})
            for column, text in row.items():
                self.assertTrue(cli.same(text, record[column]), (column, text, record[column]))
        self.train(*CIRCLES, "--by-layer")
        self.assertEqual(self.result.stdout,
                         (self.out / "train-2.jsonl").read_text(encoding="utf-8"))
        lines = self.train(*CIRCLES, "--epochs", "2", form="table")
        table = self.result.stdout.splitlines()
        self.assertTrue(table[0].startswith("network: 2-6tanh-2softmax, 32 parameters"))
        self.assertEqual([line.split()[:2] for line in table[-3:]],
                         [["0.00", "0"], ["1.00", "8"], ["2.00", "16"]])

    def test_dry_run(self):
        for form in ("table", "csv", "jsonl"):
            for arguments in (CIRCLES, ("--recipe", "linreg,neuron-graph"), ("--recipe", "all")):
                result = self.works("train", *arguments, "--dry-run", "--format", form,
                                    "--checkpoint" if arguments is CIRCLES else "--seed",
                                    "saved" if arguments is CIRCLES else "1", "--out", self.out)
                self.assertEqual(result.stderr, "")
                self.assertGreater(len(result.stdout.splitlines()), 0)
        rows = cli.csv_rows(self.works("train", "--recipe", "all", "--dry-run", "--format",
                                       "csv").stdout)
        self.assertIn({"command": "train", "recipe": "circles", "network": "2-10sigmoid-2sigmoid",
                       "dataset": "circles"}, rows)
        self.assertEqual(list(self.folder.iterdir()), [], "--dry-run wrote something")

    def test_mnist(self):
        data = mnist()
        if not data:
            self.skipTest("MNIST is not here")
        options = ("--network", "784-10softmax", "--dataset", "mnist", "--steps", "60", "--batch",
                   "100", "--lr", "0.5", "--data", data)
        lines = self.train(*options, "--history", "30", "--checkpoint", "straight", "--validation",
                           "10000")
        rows = cli.cases(lines)
        self.assertEqual(self.places(rows), [(0, 0), (0.06, 30), (0.12, 60)])
        self.assertGreater(rows[-1]["test_accuracy"], 0.7)
        self.assertGreater(rows[-1]["validation_accuracy"], 0.7)
        examples, = [line for line in lines if line["record"] == "examples"]
        self.assertEqual([examples["height"], examples["width"], len(examples["class_names"])],
                         [28, 28, 10])
        right = [item["label"] == item["predicted"] for item in examples["items"]]
        self.assertEqual([right.count(True), right.count(False)], [6, 6])
        for item in examples["items"]:
            self.assertEqual(len(item["pixels"]), 2 * 784)
            self.assertEqual(len(item["probabilities"]), 10)
            self.assertAlmostEqual(sum(item["probabilities"]), 1, 4)
        self.train(*options, "--steps", "30", "--checkpoint", "part", "--validation", "10000")
        rest = cli.cases(self.train("--resume", "part", "--steps", "60", "--validation", "10000",
                                    "--data", data))
        self.assertEqual(arrays(self.folder / "part"), arrays(self.folder / "straight"))
        self.assertEqual(rest[-1]["test_accuracy"], rows[-1]["test_accuracy"])
        self.fails(2, "train", "--resume", "part", "--data", data, words=("50000", "60000"),
                   keeps=True)


class Recipes(Runs):
    def names(self):
        rows = cli.csv_rows(self.works("train", "--recipe", "all", "--dry-run", "--format",
                                       "csv").stdout)
        return ([row["recipe"] for row in rows if row["network"]],
                [row["recipe"] for row in rows if not row["network"]])

    def test_reported_beside_ours(self):
        lines = self.train("--recipe", "linreg")
        rows = cli.cases(lines)
        self.assertEqual([row["step"] for row in rows], list(range(0, 20001, 2000)))
        reported = [line for line in lines if line["record"] == "reported"]
        self.assertEqual([(line["figure"], line["reported"], line["recipe"], line["deck"])
                          for line in reported],
                         [("weight k", 2, "linreg", "KAI"), ("bias b", 1, "linreg", "KAI")])
        for line in reported:
            self.assertAlmostEqual(line["ours"], line["reported"], delta=0.5)
            self.assertIsNone(line["note"])

    def test_changes_are_said(self):
        lines = self.train("--recipe", "circles", "--lr", "0.001", "--seed", "3", "--steps", "5")
        rows = cli.cases(lines)
        self.assertEqual([(row["step"], row["recipe"], row["seed"], row["batch"]) for row in rows],
                         [(0, "circles", 3, 400), (5, "circles", 3, 400)])
        reported = [line for line in lines if line["record"] == "reported"]
        self.assertEqual([line["reported"] for line in reported],
                         [0.512, 0.85, 0.86, 0.872, 0.875, 0.83])
        for line in reported:
            self.assertEqual(line["note"], "changed: --lr --steps")
        self.assertEqual(reported[0]["ours"], rows[0]["train_accuracy"])
        self.assertEqual([line["ours"] for line in reported[1:]], [None] * 5)
        boundary, = [line for line in lines if line["record"] == "boundary"]
        self.assertEqual(len(boundary["probability"]), boundary["columns"] * boundary["rows"])
        parts = [point[3] for point in boundary["points"]]
        self.assertEqual([parts.count("train"), parts.count("test")], [400, 100])
        self.assertEqual([boundary["train_accuracy"], boundary["test_accuracy"]],
                         [rows[-1]["train_accuracy"], rows[-1]["test_accuracy"]])

    def test_a_recipe_ends_early(self):
        rows = cli.cases(self.train("--recipe", "linreg", "--steps", "30"))
        self.assertEqual([row["step"] for row in rows], [0, 30])
        rows = cli.cases(self.train("--recipe", "linreg", "--steps", "20001", "--history", "10000"))
        self.assertEqual([row["step"] for row in rows], [0, 10000, 20000])

    def test_all_without_data(self):
        """What is drawn is trained, exercises are solved, the rest says what it lacks."""
        trainings, exercises = self.names()
        lines = self.train("--recipe", "all", "--steps", "20", "--data", self.folder / "nothing",
                           form="table")
        rows = cli.cases(lines)
        status = {}
        for row in rows:
            status.setdefault(row["recipe"], set()).add(row["status"])
        drawn = {"linreg", "circles", *exercises}
        self.assertEqual(set(status), {*trainings, *exercises})
        for name, found in status.items():
            self.assertEqual(found, {"ok" if name in drawn else "skipped"}, name)
        for row in rows:
            if row["status"] == "skipped":
                self.assertIn("nothing", row["reason"])
                self.assertIsNone(row["test_accuracy"])
        self.assertEqual([lines[-1]["failed"], lines[-1]["skipped"]],
                         [0, len(trainings) - 2])
        reported = [line for line in lines if line["record"] == "reported"]
        self.assertEqual({line["recipe"] for line in reported}, {*trainings, *exercises})
        for recipe, figure, value in (("two-layer", "test accuracy, step 10000", 0.947),
                                      ("mlp5-tanh", "test accuracy", 0.9806),
                                      ("cnn", "test accuracy", 0.9923),
                                      ("mlp128-adam", "running loss, step 9375", 0.0777)):
            line, = [line for line in reported
                     if (line["recipe"], line["figure"]) == (recipe, figure)]
            self.assertEqual([line["reported"], line["ours"]], [value, None])
            self.assertIn("nothing", line["note"])
        table = self.result.stdout.splitlines()
        self.assertEqual(len(table), 1 + len(reported), "one line each, below one header")
        for line, text in zip(reported, table[1:]):
            self.assertEqual(text.split()[0], line["recipe"])
            self.assertIn(line["figure"], text)

    def test_several(self):
        lines = self.train("--recipe", "linreg,function-graph,circles", "--steps", "3", form="csv")
        self.assertEqual(len(self.result.stdout.splitlines()), 1 + len(cli.cases(lines)))
        self.assertEqual([row["recipe"] for row in cli.cases(lines)],
                         ["linreg"] * 2 + ["function-graph"] + ["circles"] * 2)

    def test_exercises(self):
        _, exercises = self.names()
        self.assertEqual(len(exercises), 11)
        for name in exercises:
            with self.subTest(name):
                lines = self.train("--recipe", name, form="table")
                reported = [line for line in lines if line["record"] == "reported"]
                self.assertGreater(len(reported), 0)
                table = self.result.stdout.splitlines()
                self.assertEqual(table[0].split(), ["recipe", "figure", "reported", "ours", "note"])
                self.assertEqual(len(table), 1 + len(reported))
                for line, text in zip(reported, table[1:]):
                    self.assertIsNotNone(line["reported"])
                    self.assertIsNotNone(line["ours"])
                    self.assertNotEqual(line["note"], "differs")
                    self.assertTrue(text.startswith(name) and line["figure"] in text, text)
                    self.assertIn(f"{line['ours']:.6g}", text.split())
                row, = cli.cases(lines)
                self.assertEqual([row["recipe"], row["kind"], row["status"]],
                                 [name, "exercise", "ok"])


if __name__ == "__main__":
    cli.main()
