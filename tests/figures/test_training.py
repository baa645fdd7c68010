#!/usr/bin/python3
"""Tests of `flopstep report` on trainings: histories, recipes, examples, boundary, paths, layers, steps.

    test_training.py PATH/TO/flopstep [unittest options]

Pictures are tested where gnuplot is installed.
"""
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import synthetic  # noqa: E402
import test_report as base  # noqa: E402
from test_report import HAS_GNUPLOT, close, points, records, report, table  # noqa: E402

DONE = 0 if HAS_GNUPLOT else 3


class Study(unittest.TestCase):
    """One study with everything, reported once."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep-training-"))
        rng = random.Random(5)
        out = synthetic.Writer(cls.folder, "train", rng)
        synthetic.write_steps(out, {"mlp5": 1.1e6, "cnn": 7.3e7}, [1, 8, 128], [1, 2])
        synthetic.write_ladder(out, [1, 2])
        for threads in (1, 2):
            for batch in (1, 32, 128):
                synthetic.write_layers(out, batch, threads)
        for name in ("two-layer", "mlp5-relu", "cnn-fashion", "mlp5-fashion"):
            synthetic.write_training(out, name, rng)
        synthetic.write_reported(out, "two-layer", [("test accuracy, step 1000", 0.867)], "RCCS")
        synthetic.write_reported(out, "mlp5-relu", [("test accuracy", 0.9807)], "LSU")
        synthetic.write_examples(out, "two-layer", "mnist", rng, wrong=2, right=4)
        synthetic.write_boundary(out, rng, size=30)
        synthetic.write_paths(out)
        out.end()
        synthetic.write_predict(cls.folder, rng)
        cls.result = report(cls.folder)
        cls.lines = records(cls.folder / "train.jsonl")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def rows(self, name):
        return table(self.folder / "figures" / f"{name}.csv")

    def of_kind(self, name, kind):
        return [row for row in self.rows(name) if row["kind"] == kind]

    def cases(self, **wanted):
        return [line for line in self.lines if line["record"] == "case" and
                all(line[key] == value for key, value in wanted.items())]

    def test_exit_code_and_no_missing_figure(self):
        self.assertEqual(self.result.returncode, DONE, self.result.stderr)
        self.assertNotIn("is not drawn:", self.result.stderr)

    def test_figures(self):
        names = {p.stem for p in (self.folder / "figures").glob("*.csv")}
        self.assertEqual(names, {
            "learning-history-two-layer", "learning-history-mlp5-relu",
            "learning-history-cnn-fashion", "learning-history-mlp5-fashion", "recipes-mnist",
            "recipes-fashion", "classifications-two-layer", "digits-mlp5-mnist",
            "decision-boundary-circles", "gradient-descent", "step-by-layer-cnn", "images-per-s",
            "mfu", "step-ladder-cnn"})

    @unittest.skipUnless(HAS_GNUPLOT, "no gnuplot")
    def test_pictures(self):
        for path in (self.folder / "figures").glob("*.csv"):
            self.assertTrue(path.with_suffix(".png").read_bytes().startswith(b"\x89PNG"))
            svg = path.with_suffix(".svg").read_text(encoding="utf-8")
            self.assertIn("Example CPU E5-0000", svg)
            self.assertTrue(svg.rstrip().endswith("</svg>"))

    def test_ladder_has_every_rung(self):
        bars = points(self.folder / "figures/step-ladder-cnn.csv")
        cases = self.cases(kind="ladder")
        self.assertEqual(len(bars), len(cases))
        for case in cases:
            panel = f"batch 128 · {case['threads']} thread{'s' * (case['threads'] > 1)} · single"
            bar, = [p for p in bars if p["panel"] == panel and
                    float(p["x"]) == case["rung_number"]]
            self.assertTrue(close(bar["y"], 1000 * case["median_s"]))
            self.assertTrue(bar["label"].endswith(case["rung"]))
        ends = [row["label"] for row in self.of_kind("step-ladder-cnn", "total")]
        self.assertEqual(len(ends), len(cases))
        medians = [case["median_s"] for case in cases[:3]]
        change = 100 * (medians[2] / medians[1] - 1)
        self.assertTrue(any(f"{abs(change):.1f} %" in end and f"{medians[0] / medians[2]:.2f}×" in end
                            for end in ends), ends)
        [axis] = self.of_kind("step-ladder-cnn", "axis")
        self.assertEqual(axis["label"], "time of a step (ms)")
        self.assertFalse([p for p in points(self.folder / "figures/mfu.csv")
                          if float(p["y"]) > 100])  # rungs are no cases of other figures

    def test_history_has_every_row(self):
        cases = self.cases(kind="training", recipe="two-layer")
        drawn = points(self.folder / "figures/learning-history-two-layer.csv")
        for panel, series, key, scale in (("accuracy (%)", "test", "test_accuracy", 100),
                                          ("accuracy (%)", "train", "train_accuracy", 100),
                                          ("loss", "test", "test_loss", 1),
                                          ("loss", "train", "train_loss", 1)):
            own = [p for p in drawn if p["panel"] == panel and p["series"] == series]
            self.assertEqual([float(p["x"]) for p in own], [case["step"] for case in cases])
            for point, case in zip(own, cases):
                self.assertTrue(close(point["y"], scale * case[key]))
        self.assertEqual(len(drawn), 4 * len(cases))

    def test_history_counts_steps_where_the_lecture_does(self):
        for name, unit in (("two-layer", "step"), ("mlp5-relu", "epoch")):
            axis = self.of_kind(f"learning-history-{name}", "axis")
            self.assertEqual([row["label"] for row in axis], [unit])

    def test_reported(self):
        [mark] = self.of_kind("learning-history-two-layer", "reported")
        self.assertEqual((mark["panel"], mark["series"]), ("accuracy (%)", "test"))
        self.assertEqual((float(mark["x"]), float(mark["y"])), (1000, 86.7))
        [mark] = self.of_kind("learning-history-mlp5-relu", "reference")
        self.assertEqual((mark["x"], float(mark["y"]), mark["label"]), ("", 98.07, "LSU 98.07 %"))
        self.assertFalse(self.of_kind("learning-history-cnn-fashion", "reference"))
        ours = table(self.folder / "train-reported.csv")
        self.assertEqual([row["recipe"] for row in ours], ["two-layer", "mlp5-relu"])
        self.assertIn("Reported and ours", (self.folder / "index.html").read_text("utf-8"))

    def test_recipes_by_final_accuracy(self):
        for dataset in ("mnist", "fashion"):
            last = {}
            for case in self.cases(kind="training", dataset=dataset):
                last[case["recipe"]] = 100 * case["test_accuracy"]
            names = []
            for point in points(self.folder / f"figures/recipes-{dataset}.csv"):
                if point["series"] not in names:
                    names.append(point["series"])
            best_first = sorted(last, key=last.get, reverse=True)
            self.assertEqual([name.split(":")[0] for name in names], best_first)
            for name in names:
                recipe, value = name.split("%")[0].split(":")
                self.assertAlmostEqual(float(value), last[recipe], delta=0.006)

    def test_classifications(self):
        rows = self.rows("classifications-two-layer")
        items = [row for row in rows if row["kind"] == "item"]
        self.assertEqual([row["value"] for row in items], ["1"] * 4 + ["0"] * 2)
        # the wrong ones begin a row of their own
        self.assertEqual([(row["x"], row["y"]) for row in items],
                         [("0", "0"), ("1", "0"), ("2", "0"), ("0", "1"), ("0", "2"), ("1", "2")])
        self.assertEqual([row["text"] for row in rows if row["kind"] == "section"],
                         ["classified rightly", "classified wrongly"])
        [line] = [line for line in self.lines if line["record"] == "examples"]
        given = [i for i in line["items"] if i["label"] == i["predicted"]] + \
                [i for i in line["items"] if i["label"] != i["predicted"]]
        for number, item in enumerate(given, 1):
            own = [row for row in rows if row["item"] == str(number)]
            pixels = [int(float(row["value"])) for row in own if row["kind"] == "pixel"]
            self.assertEqual(bytes(pixels).hex(), item["pixels"])
            bars = [float(row["y"]) for row in own if row["kind"] in ("class", "label", "predicted")]
            for bar, probability in zip(bars, item["probabilities"]):
                self.assertAlmostEqual(bar, probability, places=5)
            self.assertEqual(len(bars), 10)
            [predicted] = [row["text"] for row in own if row["kind"] == "predicted"]
            self.assertEqual(predicted, str(item["predicted"]))
            if item["label"] != item["predicted"]:
                self.assertIn(f"{item['label']} taken for {item['predicted']}",
                              [row["text"] for row in own])

    def test_digit(self):
        rows = self.rows("digits-mlp5-mnist")
        self.assertEqual(len([row for row in rows if row["kind"] == "pixel"]), 28 * 28)
        [item] = [row for row in rows if row["kind"] == "item"]
        self.assertEqual((item["value"], item["text"]), ("", "7"))
        self.assertIn("scan-0.png", [row["text"] for row in rows])
        self.assertFalse([row for row in rows if row["kind"] == "section"])

    def test_boundary(self):
        rows = self.rows("decision-boundary-circles")
        [line] = [line for line in self.lines if line["record"] == "boundary"]
        field = [float(row["value"]) for row in rows if row["kind"] == "field"]
        self.assertEqual(len(field), 900)
        for a, b in zip(field, line["probability"]):
            self.assertAlmostEqual(a, b, places=5)
        for part in ("train", "test"):
            own = [row for row in rows if row["kind"] == part]
            self.assertEqual([int(row["value"]) for row in own],
                             [point[2] for point in line["points"] if point[3] == part])
        self.assertIn("test accuracy 83.0 %", self.of_kind("decision-boundary-circles",
                                                           "subtitle")[0]["text"])

    def test_paths(self):
        rows = self.rows("gradient-descent")
        lines = [line for line in self.lines if line["record"] == "path"]
        panels = [row for row in rows if row["kind"] == "panel"]
        self.assertEqual([(float(row["value"]), row["text"]) for row in panels],
                         [(line["eta"], line["what"]) for line in lines])
        for panel, line in zip(panels, lines):
            for kind in ("curve", "path"):  # whole, also where it leaves the picture
                own = [row for row in rows if (row["item"], row["kind"]) == (panel["item"], kind)]
                self.assertEqual(len(own), len(line[kind]))
                for number, (row, (x, y)) in enumerate(zip(own, line[kind])):
                    self.assertAlmostEqual(float(row["x"]), x, delta=1e-5 * abs(x))
                    self.assertAlmostEqual(float(row["y"]), y, delta=1e-5 * abs(y))
                    self.assertEqual(int(row["value"]), number)
        self.assertIn("f(x) = (x - 3)²", self.of_kind("gradient-descent", "title")[0]["text"])

    @unittest.skipUnless(HAS_GNUPLOT, "no gnuplot")
    def test_paths_that_leave_the_picture(self):
        svg = (self.folder / "figures/gradient-descent.svg").read_text(encoding="utf-8")
        self.assertEqual(svg.count("outside: x ="), 1)
        self.assertIn("3–5 outside: x = 8.18; -3.22; 10.5", svg)

    def test_layers(self):
        [axis] = self.of_kind("step-by-layer-cnn", "axis")
        self.assertEqual(axis["label"], "time (ms)")
        rows = [row for row in self.rows("step-by-layer-cnn") if row["kind"] != "axis"]
        panels = list(dict.fromkeys(row["panel"] for row in rows))
        # the extremes of batch and threads
        self.assertEqual([panel.split(" · ")[:2] for panel in panels],
                         [["batch 1", "1 thread"], ["batch 1", "2 threads"],
                          ["batch 128", "1 thread"], ["batch 128", "2 threads"]])
        own = [row for row in rows if row["panel"] == panels[-1]]
        lines = [line for line in self.lines if line["record"] == "layer" and
                 line["batch"] == 128 and line["threads"] == 2]
        for line in lines:
            [bar] = [row for row in own if row["kind"] == "point" and
                     row["series"] == line["pass"] and
                     row["label"] == (line["layer"] or line["pass"])]
            self.assertTrue(close(bar["y"], 1e3 * line["time_s"]))
            self.assertTrue(close(float(bar["high"]) - float(bar["low"]), bar["y"]))
        names = list(dict.fromkeys(row["label"] for row in own if row["kind"] == "point"))
        in_order = list(dict.fromkeys(line["layer"] for line in lines if line["layer"]))
        self.assertEqual([name for name in names if name in in_order], in_order)
        totals = [row for row in own if row["kind"] == "total"]
        shares = sum(float(row["label"].split(" %")[0]) for row in totals)
        self.assertAlmostEqual(shares, 100, delta=1)
        [conv2] = [row for row in totals if row["x"] == next(
            bar["x"] for bar in own if bar["label"] == "conv2")]
        self.assertIn("GFLOP/s", conv2["label"])

    def test_layers_have_a_table(self):
        rows = table(self.folder / "train-layers.csv")
        lines = [line for line in self.lines if line["record"] == "layer"]
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines):
            self.assertEqual((row["layer"], row["pass"]), (line["layer"], line["pass"]))
            self.assertTrue(close(row["time_s"], line["time_s"]))

    def test_train_table(self):
        rows = table(self.folder / "train.csv")
        self.assertEqual(len(rows), len([line for line in self.lines if line["record"] == "case"]))

    def test_images_per_second(self):
        for name, value in (("images-per-s", lambda case: case["images_per_s"]),
                            ("mfu", lambda case: 100 * case["mfu"])):
            drawn = points(self.folder / f"figures/{name}.csv")
            cases = self.cases(kind="steps")
            self.assertEqual(len(drawn), len(cases))
            for case in cases:
                threads = "1 thread" if case["threads"] == 1 else f"{case['threads']} threads"
                [point] = [p for p in drawn if p["panel"] == threads and
                           p["series"] == case["network"] and float(p["x"]) == case["batch"]]
                self.assertTrue(close(point["y"], value(case)))
                self.assertLess(float(point["low"]), float(point["high"]))
        for point in points(self.folder / "figures/mfu.csv"):
            self.assertTrue(close(point["ceiling"], 100 * 240 / 284))

    def test_page(self):
        page = (self.folder / "index.html").read_text(encoding="utf-8")
        for path in (self.folder / "figures").glob("*.csv"):
            self.assertIn(f"figures/{path.name}", page)
        self.assertIn("<h2>Trainings</h2>", page)


PROVENANCE = {"record": "provenance", "command": "train", "host": "n", "run": "r",
              "cpu": {"model": "A CPU", "cores": 1}}
END = {"record": "end", "status": "complete"}


def training(**values):
    row = {"record": "case", "command": "train", "run": "r", "device": "cpu", "library": "openblas",
           "threads": 1, "type": "s", "status": "ok", "reason": None, "median_s": None,
           "low_s": None, "high_s": None, "kind": "training", "network": "mlp5", "recipe": "a",
           "dataset": "mnist", "batch": 100, "epoch": 1, "step": 600, "train_loss": 0.3,
           "train_accuracy": 0.9, "test_loss": 0.4, "test_accuracy": 0.89, "seed": 1}
    row.update(values)
    return row


def examples(*items, **values):
    line = {"record": "examples", "run": "r", "command": "train", "recipe": "a", "network": "mlp5",
            "dataset": "d", "height": 2, "width": 2, "class_names": ["x", "y"],
            "items": list(items)}
    line.update(values)
    return line


ITEM = {"name": "test 1", "pixels": "00ff8040", "label": 0, "predicted": 1,
        "probabilities": [0.25, 0.75]}
FIELD = {"record": "boundary", "run": "r", "command": "train", "recipe": "a", "dataset": "circles",
         "x": [-1, 1], "y": [-1, 1], "columns": 2, "rows": 2, "probability": [0.1, 0.9, 0.4, 0.8],
         "points": [[0, 0.5, 1, "train"], [0.1, 0.2, 0, "test"]], "train_accuracy": 1,
         "test_accuracy": None}
PATH = {"record": "path", "run": "r", "command": "train", "recipe": "a", "function": "x^2",
        "eta": 0.1, "what": "down", "curve": [[-1, 1], [0, 0], [1, 1]], "path": [[1, 1], [0.8, 0.64]]}
LAYER = {"record": "layer", "run": "r", "command": "train", "device": "cpu", "library": "openblas",
         "threads": 1, "type": "s", "network": "784-10", "recipe": None, "batch": 8,
         "layer": "dense1", "operation": "dense", "pass": "forward", "m": 8, "n": 10, "k": 784,
         "time_s": 1e-5, "share": 0.4, "flops": 125440, "gflops": 12.5}


class OddInput(base.Case):
    def drawn(self, *lines, figures, missing=(), code=DONE):
        """Reports these lines; the figures that must be there, and those said not to be."""
        path = self.lines(PROVENANCE, *lines, END)
        result = report(path, "--out", self.out, "--formats", "svg")
        self.assertEqual(result.returncode, code, result.stderr)
        for name in figures:
            self.assertTrue(self.figure(name).exists(), f"{name}: {result.stderr}")
            if HAS_GNUPLOT:
                self.assertGreater(self.figure(name).with_suffix(".svg").stat().st_size, 1000)
        for name, reason in missing:
            self.assertIn(f"figure {name} is not drawn: {reason}", result.stderr)
        return result.stderr

    def test_nothing(self):
        text = self.drawn(figures=(), missing=(
            ("learning-history", "no case"), ("recipes", "no case"),
            ("classifications", "no classified image"),
            ("decision-boundary", "no training of a two-dimensional data set"),
            ("gradient-descent", "no exercise of gradient descent"),
            ("step-by-layer", "no time of a layer; flopstep train --by-layer measures them"),
            ("images-per-s", "no case"), ("mfu", "no case")))
        self.assertNotIn("blas-levels", text)
        self.assertNotIn("figure digits", text)

    def test_one_row(self):
        self.drawn(training(), figures=["learning-history-a"],
                   missing=[("recipes", "needs two trainings on one data set")])
        self.assertEqual(len(points(self.figure("learning-history-a"))), 4)

    def test_no_accuracy_and_no_test(self):
        rows = [training(epoch=i, step=i * 10, train_accuracy=None, test_accuracy=None,
                         test_loss=None, train_loss=2.0 / (i + 1)) for i in range(4)]
        self.drawn(*rows, figures=["learning-history-a"])
        self.assertEqual({p["panel"] for p in points(self.figure("learning-history-a"))}, {"loss"})

    def test_running_means_stand_for_the_training_samples(self):
        rows = [training(train_accuracy=None, running_accuracy=0.8, running_loss=0.5)]
        self.drawn(*rows, figures=["learning-history-a"])
        drawn = {(p["panel"], p["series"]): float(p["y"])
                 for p in points(self.figure("learning-history-a"))}
        self.assertEqual(drawn["accuracy (%)", "train (running mean)"], 80)
        self.assertEqual(drawn["loss", "train"], 0.3)
        self.assertNotIn(("loss", "train (running mean)"), drawn)

    def test_perfect_and_hopeless(self):
        rows = [training(epoch=i, step=i, train_accuracy=i / 3, test_accuracy=i / 3, train_loss=0,
                         test_loss=0) for i in range(4)]
        self.drawn(*rows, *[training(recipe="b", test_accuracy=0)],
                   figures=["learning-history-a", "recipes-mnist"])

    def test_two_seeds_are_two_curves(self):
        rows = [training(epoch=e, step=600 * e, seed=s) for s in (1, 2) for e in (1, 2)]
        self.drawn(*rows, figures=["learning-history-a"])
        self.assertEqual({p["series"] for p in points(self.figure("learning-history-a"))},
                         {"train · seed 1", "train · seed 2", "test · seed 1", "test · seed 2"})

    def test_names_fit_for_files(self):
        notation = "784-200relu, \"x\"/../10softmax"
        self.drawn(training(recipe=None, network=notation), dict(LAYER, network="../../etc"),
                   examples(ITEM, recipe="a/b"),
                   figures=["learning-history-784-200relu-x-10softmax-mnist", "step-by-layer-etc",
                            "classifications-a-b"])
        self.assertEqual(sorted(p.name for p in self.out.iterdir()),
                         ["figures", "index.html", "train-layers.csv", "train.csv"])

    def test_same_name_twice(self):
        self.drawn(examples(ITEM), examples(ITEM), FIELD, FIELD, figures=[
            "classifications-a", "classifications-a-2", "decision-boundary-a",
            "decision-boundary-a-2"])

    def test_broken_examples(self):
        bad = [dict(ITEM, pixels="00ff"), dict(ITEM, pixels="zzzzzzzz"), dict(ITEM, pixels=None),
               dict(ITEM, probabilities=[]), dict(ITEM, probabilities=["x", None]),
               dict(ITEM, predicted=7), dict(ITEM, predicted=-1), dict(ITEM, predicted=None), {},
               None, 3]
        text = self.drawn(examples(ITEM, *bad), figures=["classifications-a"])
        self.assertIn("11 examples are not whole", text)
        rows = table(self.figure("classifications-a"))
        self.assertEqual(len([row for row in rows if row["kind"] == "item"]), 1)

    def test_no_whole_example(self):
        for line in (examples(dict(ITEM, pixels="")), examples(ITEM, height=0),
                     examples(ITEM, height=1e9), examples(ITEM, width=None), examples(items=4),
                     examples(items={"a": 1})):
            self.drawn(line, figures=[], missing=[("classifications", "no example is whole")])

    def test_many_classes_and_items(self):
        many = {"name": "t", "pixels": "00ff8040", "label": 3, "predicted": 46,
                "probabilities": [i / 1081 for i in range(47)]}
        self.drawn(examples(*[many] * 13, class_names=None),
                   figures=["classifications-a", "classifications-a-2"])
        rows = [row for row in table(self.figure("classifications-a")) if row["item"] == "1"]
        bars = [row["text"] for row in rows if row["kind"] in ("class", "label", "predicted")]
        self.assertEqual(bars, [str(i) for i in range(37, 47)])

    def test_broken_fields(self):
        for change in ({"columns": 3}, {"probability": None}, {"x": [1, -1]}, {"x": [0]},
                       {"y": "no"}, {"rows": 1e12}, {"rows": None}, {"columns": -2}):
            self.drawn(dict(FIELD, **change), figures=[],
                       missing=[("decision-boundary", "its field is not whole")])

    def test_field_without_contour_or_points(self):
        self.drawn(dict(FIELD, probability=[0.1, 0.2, 0.3, 0.2], points=[[1], "x", None, [1, 2, {}]]),
                   figures=["decision-boundary-a"])

    def test_broken_paths(self):
        many = [[i, i] for i in range(2000)]
        for change in ({"curve": None}, {"curve": [[0, 1]]}, {"curve": [[1, 0], [1, 2]]},
                       {"curve": [[0, 1], [1]]}, {"curve": many}, {"path": None}, {"path": []},
                       {"path": [[0, None]]}, {"path": [3]}, {"path": {"x": 1}}, {"path": many},
                       {"path": [[0, 1e200]]}, {"eta": None}, {"eta": "x"}):
            self.drawn(dict(PATH, **change), figures=[],
                       missing=[("gradient-descent", "its path is not whole")])

    def test_odd_paths(self):
        self.drawn(PATH, PATH, dict(PATH, eta=2, what=None, path=[[9, 81], [0, 0]]),  # begins outside
                   dict(PATH, eta=3, path=[[1, 1], [-1e90, 1e90]] + [[0, 0]] * 9),
                   dict(PATH, eta=4, path=[[0, 0]]), dict(PATH, eta=5, path=[[1, 1]] * 30),
                   dict(PATH, function=None, curve=[[0, 7], [1, 7]]),
                   figures=["gradient-descent", "gradient-descent-2"])
        rows = table(self.figure("gradient-descent"))
        self.assertEqual([row["value"] for row in rows if row["kind"] == "panel"],
                         ["0.1", "2", "3", "4", "5"])  # the same path only once

    def test_many_paths(self):
        self.drawn(*[dict(PATH, eta=i) for i in range(13)],
                   figures=["gradient-descent", "gradient-descent-2"])

    def test_broken_layers(self):
        bad = [dict(LAYER, **{key: None}) for key in ("time_s", "threads", "batch")]
        self.drawn(*bad, {"record": "layer"}, dict(LAYER, time_s=-1), figures=[],
                   missing=[("step-by-layer", "no time of a layer")])
        self.drawn(LAYER, dict(LAYER, **{"pass": "sideways"}, share=None, flops="x", layer=None),
                   dict(LAYER, **{"pass": None}, layer=5), figures=["step-by-layer-784-10"])

    def test_one_layer(self):
        self.drawn(LAYER, figures=["step-by-layer-784-10"])
        rows = table(self.figure("step-by-layer-784-10"))
        bars = {row["label"]: float(row["y"]) for row in rows if row["kind"] == "point"}
        self.assertTrue(close(bars["dense1"], 10))
        self.assertTrue(close(bars["outside of layers"], 15))
        self.assertEqual([row["label"] for row in rows if row["kind"] == "axis"], ["time (µs)"])

    def test_broken_reported(self):
        lines = [{"record": "reported", "recipe": "a", "figure": figure, "reported": value}
                 for figure, value in (("test accuracy, step", 0.9), ("test accuracy", None),
                                       (None, 1), ("weight k", 2.0), ("test loss, step x", 0.1),
                                       ("test accuracy, step 600", "x"))]
        self.drawn(training(), {"record": "reported"}, *lines, figures=["learning-history-a"])

    def test_unknown_values(self):
        nulls = {key: None for key in training() if key not in ("record", "status", "command")}
        self.drawn(training(**nulls), training(kind="steps"), training(kind="steps", **{
            "median_s": "x", "images_per_s": [], "mfu": {}}),
                   training(status="failed", reason="diverged", test_accuracy=0.99),
                   figures=[], missing=[("images-per-s", "no case")])


class Real(base.Case):
    """What train writes is what the schema says and the figures show."""

    def test_lines_and_figures(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("no jsonschema: apt install python3-jsonschema")
        schema = json.loads((base.ROOT / "docs/results.schema.json").read_text("utf-8"))
        validator = jsonschema.Draft7Validator(schema)
        for arguments in (("--recipe", "circles", "--steps", "200"),
                          ("--recipe", "gradient-descent-1d"),
                          ("--network", "softmax", "--batch", "1,8", "--threads", "1", "--steps",
                           "6", "--by-layer", "--time-budget", "0.2")):
            result = subprocess.run([base.BINARY, "train", *arguments, "--out", str(self.folder),
                                     "--format", "jsonl"], capture_output=True, text=True,
                                    check=False, timeout=300)
            if result.returncode == 3:
                self.skipTest(result.stderr)
            self.assertEqual(result.returncode, 0, result.stderr)
        for path in self.folder.glob("*.jsonl"):
            for line in records(path):
                errors = [error.message[:300] for error in validator.iter_errors(line)]
                self.assertEqual(errors, [], f"{path.name}: {line.get('record')}")
        result = report(self.folder, "--out", self.out, "--formats", "svg")
        self.assertEqual(result.returncode, DONE, result.stderr)
        for name in ("learning-history-circles", "decision-boundary-circles", "gradient-descent",
                     "step-by-layer-softmax", "images-per-s", "mfu"):
            self.assertTrue(self.figure(name).exists(), name)


if __name__ == "__main__":
    base.BINARY = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
