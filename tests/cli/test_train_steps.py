#!/usr/bin/python3
"""Timed training steps: one row a case, numbers that agree with each other and with FLOP counted by
hand, lines of layers, and the same in every format."""
import itertools
import json
import math
import os
import statistics
import sys

import cli

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing")
    sys.exit(77)

SCHEMA = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))
COLUMNS = cli.COMMON_COLUMNS + (
    "network recipe dataset batch images_per_s mfu gemm_fraction forward_s loss_s backward_s "
    "reduce_s exposed_s update_s epoch step train_loss train_accuracy test_accuracy").split()
TINY = ("--time-budget", "0.01", "--threads", "1", "--quiet")
SMALL = ("--network", "784-10softmax", "--batch", "2")

# network: parameters, and multiply-adds an image of its layers with weights, the first one first.
# The forward pass takes 2 FLOP for each; the backward pass 2 in the first layer (the gradient of the
# weights) and 4 in the others (that of their inputs, too).
KNOWN = {
    "softmax": (7850, (784 * 10,)),
    "two-layer": (39760, (784 * 50, 50 * 10)),
    "mlp15": (11935, (784 * 15, 15 * 10)),
    "mlp16": (13002, (784 * 16, 16 * 16, 16 * 10)),
    "mlp128": (101770, (784 * 128, 128 * 10)),
    "mlp5": (185300, (784 * 200, 200 * 100, 100 * 60, 60 * 30, 30 * 10)),
    "mlp-wide": (1863690, (784 * 1024, 1024 * 1024, 1024 * 10)),
    "lenet5": (61706, (28 * 28 * 6 * 25, 10 * 10 * 16 * 150, 400 * 120, 120 * 84, 84 * 10)),
    "cnn": (1192042, (26 * 26 * 32 * 9, 24 * 24 * 32 * 288, 4608 * 256, 256 * 10)),
}
# The sums of these, worked out apart from the code above.
KNOWN_FLOPS = {"softmax": 31360, "two-layer": 159800, "mlp15": 47940, "mlp16": 52672,
               "mlp128": 409088, "mlp5": 795800, "mlp-wide": 9564160, "lenet5": 2263920,
               "cnn": 39722496}


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-10)  # numbers are written with 12 digits


class Steps(cli.Case):
    def train(self, *arguments, form="jsonl", **options):
        """Runs tiny timed steps into a fresh file; its lines."""
        before = set(self.written())
        self.result = self.works("train", *TINY, "--out", self.out, "--format", form, *arguments,
                                 **options)
        new, = set(self.written()) - before
        lines = cli.records(self.folder / new)
        for line in lines:
            jsonschema.Draft7Validator(SCHEMA).validate(line)
        self.assertEqual([lines[0]["record"], lines[-1]["record"]], ["provenance", "end"])
        return lines

    def check_case(self, row):
        self.assertEqual([row["status"], row["reason"], row["kind"], row["dataset"]],
                         ["ok", None, "steps", "synthetic"])
        samples = row["samples_s"]
        self.assertEqual(len(samples), row["samples"])
        self.assertTrue(close(statistics.median(samples), row["median_s"]))
        self.assertEqual(min(samples), row["min_s"])
        if row["low_s"] is not None:
            self.assertLessEqual(row["min_s"], row["low_s"])
            self.assertLessEqual(row["low_s"], row["median_s"])
            self.assertLessEqual(row["median_s"], row["high_s"])
        self.assertTrue(close(row["images_per_s"], row["batch"] / row["median_s"]))
        self.assertTrue(close(row["gflops"], row["flops"] / row["median_s"] / 1e9))
        self.assertEqual(row["peak_fraction"], row["mfu"])
        for share, roof in (("mfu", "ceiling_rate"), ("gemm_fraction", "square_gflops")):
            if row[roof] is None:  # the machine was too busy to tell
                self.assertIn("ceiling-noisy", row["flags"].split(";"))
                self.assertIsNone(row[share])
            else:
                self.assertTrue(close(row[share], row["gflops"] / row[roof]))
        for key in ("forward_s", "loss_s", "backward_s", "update_s"):
            self.assertGreater(row[key], 0, key)
        for key in ("recipe", "epoch", "step", "train_loss", "train_accuracy", "test_accuracy",
                    "reduce_s", "exposed_s", "bytes", "gbytes_per_s"):
            self.assertIsNone(row[key], key)
        self.assertGreaterEqual(row["repetitions"], 1)

    def test_one_row_a_case(self):
        threads = ["1", "2"] if os.cpu_count() > 1 else ["1"]
        networks = ["softmax", "784-4relu-10softmax"]
        lines = self.train("--network", ",".join(networks), "--batch", "1,3", "--types", "s,d",
                           "--threads", ",".join(threads))
        rows = cli.cases(lines)
        for row in rows:
            self.check_case(row)
            self.assertEqual([row["run"], row["command"]], [lines[0]["run"], "train"])
            self.assertEqual(row["flops"], row["batch"] * (31360 if row["network"] == "softmax" else
                                                           12544 + 4 * 40 + 2 * 40))
        found = [(r["network"], r["batch"], r["type"], str(r["threads"])) for r in rows]
        self.assertEqual(sorted(found), sorted(itertools.product(networks, (1, 3), "ds", threads)))
        end = lines[-1]
        self.assertEqual([end["status"], end["cases"], end["ok"]], ["complete", len(rows), len(rows)])

    def test_known_work(self):
        """FLOP and parameters of every named network, counted by hand."""
        rows = cli.cases(self.train("--network", "all", "--batch", "2"))
        self.assertEqual([row["network"] for row in rows], list(KNOWN))
        for row in rows:
            self.check_case(row)
            parameters, layers = KNOWN[row["network"]]
            an_image = 4 * layers[0] + 6 * sum(layers[1:])
            self.assertEqual(an_image, KNOWN_FLOPS[row["network"]])
            self.assertEqual([row["parameters"], row["flops"]], [parameters, 2 * an_image])

    def test_optimizer_and_loss_of_the_network(self):
        rows = cli.cases(self.train("--network", "mlp15,mlp128,784-3sigmoid,784-3", "--batch", "1",
                                    "--lr", "0.0001"))
        self.assertEqual([(row["optimizer"].split(":")[0], row["loss_function"]) for row in rows],
                         [("sgd", "half-mean"), ("adam", "crossentropy"),
                          ("sgd", "binary-crossentropy"), ("sgd", "half-mean")])
        row, = cli.cases(self.train(*SMALL, "--optimizer", "nadam:lr=0.5,beta2=0.9", "--lr", "0.25",
                                    "--loss", "half-sum", "--seed", "7"))
        self.assertTrue(row["optimizer"].startswith("nadam:lr=0.25,"), row["optimizer"])
        self.assertIn("beta2=0.9,", row["optimizer"] + ",")
        self.assertEqual([row["loss_function"], row["seed"]], ["half-sum", 7])

    def test_steps_are_the_samples(self):
        for steps in (1, 7):
            result = self.works("train", *SMALL, "--threads", "1", "--steps", steps, "--out",
                                self.folder / str(steps), "--format", "jsonl")
            row, = cli.cases([json.loads(line) for line in result.stdout.splitlines()])
            self.check_case(row)
            self.assertEqual(row["samples"], steps)

    def test_by_layer(self):
        lines = self.train("--network", "28x28x1 conv3x3x2 relu maxpool2 dropout0.5 dense3 softmax",
                           "--batch", "5", "--by-layer", "--without", "all", "--conv", "im2col",
                           "--dense", "cblas")
        row, = cli.cases(lines)
        self.check_case(row)
        layers = lines[2:-1]
        self.assertEqual({line["record"] for line in layers}, {"layer"})
        forward = ["conv1", "relu1", "maxpool1", "dropout1", "dense1", "softmax1"]
        expected = ([("forward", name) for name in forward] + [("loss", "loss")]
                    + [("backward", name) for name in reversed(forward[:-1])]
                    + [("update", "conv1"), ("update", "dense1")])
        self.assertEqual([(line["pass"], line["layer"]) for line in layers], expected)
        # m, n, k of the two products; the first layer has no gradient of its input.
        products = {"conv1": (5 * 26 * 26, 2, 9), "dense1": (5, 3, 13 * 13 * 2)}
        total = 0
        for line in layers:
            self.assertEqual([line[key] for key in ("run", "network", "batch", "threads", "type")],
                             [row[key] for key in ("run", "network", "batch", "threads", "type")])
            self.assertGreaterEqual(line["time_s"], 0)
            self.assertLessEqual(line["share"], 1)
            m, n, k = products.get(line["layer"], (None, None, None))
            if m is None or line["pass"] == "update":
                self.assertIsNone(line["flops"])
                self.assertIsNone(line["gflops"])
                continue
            twice = line["pass"] == "backward" and line["layer"] == "dense1"
            self.assertEqual([line["m"], line["n"], line["k"], line["flops"]],
                             [m, n, k, 2 * m * n * k * (2 if twice else 1)])
            if line["time_s"] > 0:
                self.assertTrue(close(line["gflops"], line["flops"] / line["time_s"] / 1e9))
            total += line["flops"]
        self.assertEqual(total, row["flops"])
        self.assertEqual(row["flops"], 5 * (4 * 676 * 2 * 9 + 6 * 3 * 338))

    def test_by_layer_leaves_the_csv_alone(self):
        lines = self.train(*SMALL, "--by-layer", form="csv")
        self.assertEqual(len(self.result.stdout.splitlines()), 2)
        self.assertGreater(len(lines), 4)

    def test_by_layer_in_the_table(self):
        self.train(*SMALL, "--by-layer", form="table")
        passes = [line.split()[:2] for line in self.result.stdout.splitlines()[2:] if line.strip()]
        self.assertEqual(passes[1:], [["dense1", "forward"], ["softmax1", "forward"],
                                      ["loss", "loss"], ["dense1", "backward"],
                                      ["parameters", "update"]])

    def test_fused_layers_name_their_path(self):
        network = "28x28x1 conv3x3x2 relu maxpool2 dropout0.5 dense3 tanh dense2 softmax"
        lines = self.train("--network", network, "--batch", "5", "--by-layer")
        row, = cli.cases(lines)
        self.check_case(row)
        paths = {(line["layer"], line["pass"]): line["path"] for line in lines[2:-1]}
        self.assertEqual(paths[("conv1", "forward")], "direct+relu")
        self.assertEqual(paths[("conv1", "backward")], "direct")
        self.assertEqual(paths[("maxpool1", "backward")], "+relu'")
        self.assertEqual(paths[("dense1", "forward")], "own+tanh")
        self.assertEqual(paths[("dense2", "backward")], "own+tanh'")
        self.assertNotIn(("relu1", "forward"), paths)
        self.assertNotIn(("tanh1", "backward"), paths)
        products = sum(line["flops"] or 0 for line in lines[2:-1])
        self.assertEqual(products, row["flops"])  # layers in slices are counted once

    def test_paths_and_measures(self):
        for options, columns in (
                ((), ("auto", "auto", "")),
                (("--conv", "tiled", "--dense", "cblas"), ("tiled", "cblas", "")),
                (("--conv=direct", "--without", "fused,byte-pools"),
                 ("direct", "auto", "fused,byte-pools")),
                (("--without", "byte-pools,fused"), ("auto", "auto", "fused,byte-pools"))):
            lines = self.train("--network", "6x6x1 conv3x3x2 relu maxpool2 2softmax", "--batch",
                               "2", *options)
            row, = cli.cases(lines)
            self.check_case(row)
            self.assertEqual((row["conv"], row["dense"], row["without"]), columns)
            self.assertIsNone(row["rung"])
        lines = self.train(*SMALL, "--without", "all")
        measures = self.works("list", "measures").stdout.splitlines()[1:]
        self.assertEqual(cli.cases(lines)[0]["without"].split(","),
                         [line.split()[0] for line in measures])

    def test_instruction_sets(self):
        named = self.fails(2, "train", *SMALL, "--isa", "best", words=["--isa"])
        known = named.stderr.split("this machine has ", 1)[1].strip().split(", ")
        self.assertTrue(known)
        for isa in known:
            row, = cli.cases(self.train(*SMALL, "--isa", isa))
            self.assertEqual(row["isa"], isa)

    def test_ladder(self):
        network = "6x6x1 conv3x3x2 relu maxpool2 dropout0.5 2softmax"
        lines = self.train("--network", network, "--batch", "2,3", "--ladder")
        rows = cli.cases(lines)
        self.assertEqual({row["kind"] for row in rows}, {"ladder"})
        first = [row for row in rows if row["batch"] == 2]
        self.assertEqual([row["rung_number"] for row in first], list(range(len(first))))
        self.assertEqual(len(rows), 2 * len(first))
        plain, fast = first[0], first[-1]
        self.assertEqual([plain["rung"], plain["conv"], plain["dense"]], ["plain", "im2col", "cblas"])
        self.assertEqual([fast["conv"], fast["dense"], fast["without"]], ["auto", "auto", ""])
        for below, above in zip(first, first[1:]):  # each rung changes one thing
            changes = [below[key] != above[key] for key in ("conv", "dense", "without")]
            self.assertIn(sum(changes), (1, 2))
            gone = set(below["without"].split(",")) - set(above["without"].split(","))
            self.assertLessEqual(len(gone), 1)
        names = {row["rung"] for row in first}
        self.assertLessEqual({"direct", "byte-pools", "vector-masks", "fused"}, names)
        dense = cli.cases(self.train("--network", "6-3relu-2softmax", "--batch", "2", "--ladder"))
        self.assertFalse({"direct", "byte-pools", "vector-masks", "sliced"}
                         & {row["rung"] for row in dense})

    def test_ladder_in_the_table(self):
        self.train("--network", "6-3relu-2softmax", "--batch", "2", "--ladder", form="table")
        lines = self.result.stdout.splitlines()
        self.assertEqual(lines[0].split()[:5], ["network", "batch", "thr", "type", "with"])
        self.assertEqual(lines[1].split()[4], "plain")

    def test_what_does_not_go_together(self):
        for options in (("--ladder", "--conv", "tiled"), ("--ladder", "--dense", "own"),
                        ("--ladder", "--without", "fused"), ("--ladder", "--dataset", "mnist"),
                        ("--conv", "fft"), ("--dense", "blas"), ("--without", "speed")):
            self.fails(2, "train", *SMALL, *options, words=[options[0]])

    def test_csv(self):
        lines = self.train("--network", "softmax,784-4relu-10softmax", "--batch", "1,2", "--types",
                           "s,d", form="csv")
        self.assertEqual(self.result.stderr, "")
        header = self.result.stdout.split("\n", 1)[0].split(",")
        self.assertEqual(set(COLUMNS) - set(header), set())
        self.assertEqual(header[:len(COLUMNS)], COLUMNS)
        rows, wanted = cli.csv_rows(self.result.stdout), cli.cases(lines)
        self.assertEqual(len(rows), 8)
        self.assertEqual(len(wanted), 8)
        for row, record in zip(rows, wanted):
            self.assertEqual(set(record) - set(header), {"record", "samples_s"})
            for column in header:
                self.assertTrue(cli.same(row[column], record[column]),
                                f"{column}: CSV {row[column]!r}, JSON {record[column]!r}")

    def test_jsonl_is_the_file(self):
        self.train(*SMALL, "--by-layer")
        file, = self.folder.rglob("*.jsonl")
        self.assertEqual(self.result.stdout, file.read_text(encoding="utf-8"))
        self.assertEqual(self.result.stderr, "")

    def test_table(self):
        self.train("--network", "softmax", "--batch", "1,2", form="table")
        lines = self.result.stdout.splitlines()
        self.assertEqual(len(lines), 3, self.result.stdout)
        self.assertEqual(lines[0].split()[:4], ["network", "batch", "thr", "type"])
        self.assertEqual([line.split()[:4] for line in lines[1:]],
                         [["softmax", "1", "1", "s"], ["softmax", "2", "1", "s"]])
        self.assertEqual(self.result.stderr, "")

    def test_notes_of_the_table(self):
        result = self.works("train", *TINY[:-1], *SMALL, "--out", self.out)
        self.assertIn(f"results: {self.out}/train.jsonl", result.stdout)
        self.assertIn("1 row: 1 ok, 0 failed, 0 skipped", result.stdout)

    def test_dry_run(self):
        cases = ("--network", "softmax,784-3softmax", "--batch", "1,2", "--types", "s,d", "--threads",
                 "1", "--dry-run", "--out", self.out)
        table = self.works("train", *cases).stdout.splitlines()
        self.assertEqual([len(table), table[-1]], [9, "8 cases, none run"])
        rows = cli.csv_rows(self.works("train", *cases, "--format", "csv").stdout)
        lines = [json.loads(line)
                 for line in self.works("train", *cases, "--format", "jsonl").stdout.splitlines()]
        self.assertEqual([len(rows), len(lines)], [8, 8])
        for row, line in zip(rows, lines):
            self.assertEqual(set(row), set(line))
            for key, value in line.items():
                self.assertTrue(cli.same(row[key], value), (key, row[key], value))
        self.assertFalse(self.out.exists())

    def test_network_file(self):
        """A file with comments and new lines is the same network as the notation in one line."""
        (self.folder / "net.txt").write_text("# a small one\n784\n\t20relu   # hidden - not conv3\n"
                                             "10softmax\r\n# the end", encoding="utf-8")
        (self.folder / "line").write_text("784-20relu-10softmax", encoding="utf-8")
        text = "784-20relu-10softmax"
        rows = cli.cases(self.train("--network", f"net.txt,line,./net.txt,{text}", "--batch", "4"))
        for row in rows:
            self.check_case(row)
        self.assertEqual(len(rows), 4)
        for key in ("parameters", "flops", "optimizer", "loss_function"):
            self.assertEqual({row[key] for row in rows}, {rows[3][key]}, key)
        self.assertEqual(rows[3]["flops"], 4 * (4 * 15680 + 6 * 200))
        self.assertEqual({row["network"].replace(" ", "-") for row in rows}, {text})

    def test_diverged_steps_fail(self):
        lines = self.train("--network", "784-30-10", "--batch", "8", "--optimizer", "sgd:lr=1e5",
                           "--loss", "mean-squared", code=1)
        row, = cli.cases(lines)
        self.assertEqual(row["status"], "failed")
        for word in ("diverged", "dense", "learning rate 100000", "--lr"):
            self.assertIn(word, row["reason"])
        for key in ("median_s", "images_per_s", "gflops", "mfu", "forward_s"):
            self.assertIsNone(row[key], key)
        self.assertEqual([lines[-1]["failed"], lines[-1]["ok"]], [1, 0])

    def test_too_large_for_the_memory(self):
        network = "1000000x1000 maxpool1000 10softmax"
        lines = self.train("--network", f"{network},softmax", "--batch", "1")
        rows = cli.cases(lines)
        self.assertEqual([row["status"] for row in rows], ["skipped", "ok"])
        self.assertIn("memory", rows[0]["reason"])
        self.fails(3, "train", *TINY, "--network", network, "--batch", "1", "--out", self.folder / "no",
                   "--format", "csv", words=("nothing could run",), keeps=True)


if __name__ == "__main__":
    cli.main()
