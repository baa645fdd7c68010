#!/usr/bin/python3
"""Tests of the figures of several ranks: scaling, where a step's time goes, allreduce, predictions,
slow ranks. Numbers are known beforehand.

    test_rank_figures.py PATH/TO/flopstep [unittest options]

Pictures are tested where gnuplot is installed.
"""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_report as base  # noqa: E402
from rank_results import (MODES, allreduce, model, prediction, rank, steps, weak,  # noqa: E402
                          write)
from test_report import HAS_GNUPLOT, Case, points, report, table  # noqa: E402

DONE = 0 if HAS_GNUPLOT else 3
NAMES = ("weak-scaling", "strong-scaling", "step-split", "overlap-modes", "allreduce-bandwidth",
         "allreduce-time", "prediction", "slow-ranks")


class Ranks(Case):
    def drawn(self, *records, command="train", figures=None, file="results", formats="svg"):
        write(self.folder / f"{file}.jsonl", *records, command=command)
        arguments = ["--figures", figures] if figures else []
        result = report(self.folder / f"{file}.jsonl", "--out", self.out, "--formats", formats,
                        *arguments)
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertNotIn("could not draw", result.stderr)
        return result

    def curve(self, name, series, kind="point", panel=None):
        return {float(r["x"]): float(r["y"]) for r in table(self.figure(name))
                if r["kind"] == kind and r["series"] == series and panel in (None, r["panel"])}

    def says(self, name, *words):
        """The picture, where there is one, holds these words."""
        if HAS_GNUPLOT:
            svg = (self.out / f"figures/{name}.svg").read_text(encoding="utf-8")
            for word in words:
                self.assertIn(word, svg)

    def close(self, found, wanted):
        self.assertEqual(sorted(found), sorted(wanted))
        for x, y in wanted.items():
            self.assertAlmostEqual(found[x], y, places=9, msg=f"at {x}")


class Weak(Ranks):
    def test_efficiency(self):
        self.drawn(steps(1, 0.010), weak(2, 0.95, reduce="overlap"), weak(4, 0.8, reduce="overlap"),
                   weak(4, 0.5, reduce="blocking"), figures="weak-scaling")
        self.close(self.curve("weak-scaling", "overlap"), {1: 1, 2: 0.95, 4: 0.8})
        self.close(self.curve("weak-scaling", "blocking"), {1: 1, 4: 0.5})
        at4 = [p for p in points(self.figure("weak-scaling"))
               if p["series"] == "overlap" and p["x"] == "4"][0]
        self.assertAlmostEqual(float(at4["low"]), 0.8 * 0.98 / 1.04)  # the widest quotient
        self.assertAlmostEqual(float(at4["high"]), 0.8 * 1.04 / 0.98)
        self.assertEqual({p["ceiling"] for p in points(self.figure("weak-scaling"))}, {"1"})
        self.assertEqual(at4["panel"], "cnn · batch 128 a rank · 1 thread")
        self.says("weak-scaling", "efficiency", "ideal", "overlap", "blocking")

    def test_the_base_must_be_the_same_step(self):
        others = [steps(1, 0.001, **v) for v in (
            {"network": "mlp5"}, {"batch": 64}, {"threads": 2}, {"type": "d"}, {"library": "blis"},
            {"device": "cuda", "threads": None}, {"math": "tf32"}, {"without": "tiles"},
            {"dataset": "mnist"}, {"optimizer": "adam"}, {"status": "failed"},
            {"kind": "ladder"})]
        result = self.drawn(*others, weak(2, 0.9, reduce="overlap"))
        self.assertIn("figure weak-scaling is not drawn: needs timed steps of several ranks and of "
                      "one with the same batch per rank", result.stderr)
        self.assertIn("figure strong-scaling is not drawn: needs", result.stderr)
        self.assertFalse(self.figure("weak-scaling").exists())
        self.drawn(*others, steps(1, 0.010), weak(2, 0.9, reduce="overlap"),
                   figures="weak-scaling")
        self.close(self.curve("weak-scaling", "overlap"), {1: 1, 2: 0.9})

    def test_of_several_bases_the_fastest(self):
        self.drawn(steps(1, 0.012), steps(1, 0.010), steps(1, 0.011), weak(2, 0.9, reduce="thread"),
                   figures="weak-scaling")
        self.close(self.curve("weak-scaling", "thread"), {1: 1, 2: 0.9})

    def test_the_base_of_the_own_folder(self):
        for name, seconds in (("a", 0.010), ("b", 0.005)):
            (self.folder / name).mkdir()
            write(self.folder / name / "train.jsonl", steps(1, seconds),
                  steps(2, 0.020, "overlap"))
        result = report(self.folder / "a", self.folder / "b", "--out", self.out, "--formats", "svg",
                        "--figures", "weak-scaling")
        self.assertEqual(result.returncode, DONE, result.stderr)
        found = sorted(float(p["y"]) for p in points(self.figure("weak-scaling")) if p["x"] == "2")
        self.assertEqual(found, [0.25, 0.5])

    def test_other_attributes_are_curves_of_their_own(self):
        self.drawn(steps(1, 0.01), steps(2, 0.02, "overlap"),
                   steps(2, 0.04, "overlap", bucket_bytes=1 << 20), figures="weak-scaling")
        self.close(self.curve("weak-scaling", "overlap · buckets of 4 MiB"), {1: 1, 2: 0.5})
        self.close(self.curve("weak-scaling", "overlap · buckets of 1 MiB"), {1: 1, 2: 0.25})

    def test_a_panel_for_each_network_and_batch(self):
        records = [r for n in ("cnn", "mlp5") for b in (32, 128)
                   for r in (steps(1, 0.01, network=n, batch=b),
                             weak(2, 0.9, reduce="overlap", network=n, batch=b))]
        self.drawn(*records, figures="weak-scaling")
        self.assertEqual({p["panel"] for p in points(self.figure("weak-scaling"))},
                         {f"{n} · batch {b} a rank · 1 thread" for n in ("cnn", "mlp5")
                          for b in (32, 128)})


class Strong(Ranks):
    def test_speedup_and_karp_flatt(self):
        # of a step 10 % cannot be shared: S = 1 / (e + (1 - e) / p)
        share = 0.1
        records = [steps(1, 0.010)] + [
            steps(p, 0.010 * (share + (1 - share) / p), "overlap", batch=128 // p)
            for p in (2, 4, 8)]
        records.append(steps(2, 0.004, "thread", batch=64))  # faster than ideal
        self.drawn(*records, figures="strong-scaling")
        self.close(self.curve("strong-scaling", "overlap"),
                   {1: 1, 2: 1 / 0.55, 4: 1 / 0.325, 8: 1 / 0.2125})
        self.close(self.curve("strong-scaling", "overlap", "note"), {8: 0.1})
        self.close(self.curve("strong-scaling", "thread", "note"), {2: (1 / 2.5 - 0.5) / 0.5})
        self.assertEqual({(p["x"], p["ceiling"]) for p in points(self.figure("strong-scaling"))},
                         {(x, x) for x in "1248"})
        self.assertEqual({p["panel"] for p in points(self.figure("strong-scaling"))},
                         {"cnn · batch 128 in all · 1 thread"})
        self.says("strong-scaling", "overlap: e = 0.100 at 8 ranks",
                  "thread: e = -0.200 at 2 ranks", "Karp-Flatt")

    def test_weak_runs_are_no_strong_ones(self):
        result = self.drawn(steps(1, 0.01), weak(2, 0.9, reduce="overlap"))
        self.assertIn("figure strong-scaling is not drawn: needs timed steps of several ranks and "
                      "of one with the same batch in all", result.stderr)
        self.assertTrue(self.figure("weak-scaling").exists())

    def test_batches_that_do_not_divide(self):
        self.drawn(steps(1, 0.01, batch=100), steps(3, 0.005, "overlap", batch=34,
                                                    global_batch=100), figures="strong-scaling")
        self.close(self.curve("strong-scaling", "overlap"), {1: 1, 3: 2})


class Split(Ranks):
    def test_pieces(self):
        self.drawn(steps(1, 0.010), steps(1, 0.003, network="mlp5"), steps(1, 0.007, batch=32),
                   steps(2, 0.012, "overlap", split=(0.009, 0.001, 0.002)),
                   steps(2, 0.0097, "blocking", split=(0.009, 0.001, -0.0003)),
                   steps(4, 0.006, "overlap", batch=32, split=(0.004, 0.001, 0.001)),
                   figures="step-split")
        rows = points(self.figure("step-split"))
        self.assertEqual({r["panel"] for r in rows}, {"cnn · 1 thread a rank"})
        names = {int(r["x"]): r["label"] for r in rows}
        self.assertEqual([names[i] for i in sorted(names)],
                         ["1 rank × 128", "2 ranks × 128 · blocking", "2 ranks × 128 · overlap",
                          "1 rank × 32", "4 ranks × 32 · overlap"])
        bars = {}
        for r in rows:
            bars.setdefault(int(r["x"]), []).append(r)
        for pieces, total in zip((bars[i] for i in sorted(bars)), (10, 9.7, 12, 7, 6)):
            self.assertAlmostEqual(sum(float(p["y"]) for p in pieces), total)
        negative = [p for p in bars[2] if p["series"] == "exposed communication"][0]
        self.assertAlmostEqual(float(negative["low"]), -0.3)  # left of 0, neither cut nor hidden
        self.assertEqual(float(negative["high"]), 0)
        positive = [p for p in bars[3] if p["series"] == "exposed communication"][0]
        self.assertAlmostEqual(float(positive["low"]), 10)
        self.assertAlmostEqual(float(positive["high"]), 12)
        totals = [r["label"] for r in table(self.figure("step-split")) if r["kind"] == "total"]
        self.assertEqual(sorted(totals), sorted(
            ["10 ms", "9.7 ms · exposed −3.1 %", "12 ms · exposed 16.7 %", "7 ms",
             "6 ms · exposed 16.7 %"]))
        self.says("step-split", "compute", "wait for the slowest rank", "exposed communication",
                  "4 ranks × 32 · overlap", "−3.1 %")

    def test_steps_that_were_not_split_are_left_out(self):
        result = self.drawn(steps(1, 0.01), steps(2, 0.012, "overlap"))
        for name in ("step-split", "overlap-modes"):
            self.assertIn(f"figure {name} is not drawn: needs timed steps of several ranks",
                          result.stderr)

    def test_modes_at_the_largest_number_of_ranks(self):
        records = [steps(p, 0.010, mode, split=(0.009, 0.001 - 0.0002 * i, 0.0002 * i))
                   for p in (2, 4) for i, mode in enumerate(reversed(MODES))]
        records.append(steps(2, 0.02, "overlap", network="mlp5", split=(0.02, 0.001, -0.001)))
        self.drawn(*records, figures="overlap-modes")
        rows = points(self.figure("overlap-modes"))
        self.assertEqual({r["panel"] for r in rows},
                         {"cnn · 4 ranks × 128 · 1 thread", "mlp5 · 2 ranks × 128 · 1 thread"})
        cnn = sorted((r for r in rows if r["panel"].startswith("cnn")), key=lambda r: int(r["x"]))
        self.assertEqual([r["label"] for r in cnn], list(MODES))
        for r, wanted in zip(cnn, (0.8, 0.6, 0.4, 0.2, 0)):
            self.assertAlmostEqual(float(r["y"]), wanted)
            self.assertAlmostEqual(float(r["low"]), wanted - 0.2)
            self.assertAlmostEqual(float(r["high"]), wanted + 0.4)
        self.assertIn("−1 ms · −5.0 % of 20 ms",
                      [r["label"] for r in table(self.figure("overlap-modes"))])

    def test_intervals_that_are_unknown(self):
        self.drawn(*[steps(2, 0.01, m, split=(0.009, 0.0005, 0.0005), low_s=None, high_s=None)
                     for m in MODES], figures="overlap-modes,step-split")
        self.assertEqual({r["low"] for r in points(self.figure("overlap-modes"))}, {""})


class OtherFigures(Ranks):
    """Figures that were there before do not mix numbers of ranks or modes."""

    def test_curves_are_apart(self):
        rows = [steps(1, 0.01, batch=b) for b in (32, 128)]
        rows += [steps(p, 0.02, m, batch=b) for p in (2, 4) for m in ("overlap", "blocking")
                 for b in (32, 128)]
        self.drawn(*rows, figures="images-per-s,mfu")
        for name in ("images-per-s", "mfu"):
            curves = {}
            for p in points(self.figure(name)):
                curves.setdefault((p["panel"], p["series"]), []).append(float(p["x"]))
            wanted = {("1 thread", "cnn"): [32, 128]}  # several ranks have figures of their own
            self.assertEqual(curves, wanted)

    def test_gpu_against_cpu_is_of_one_rank(self):
        rows = [steps(1, 0.01), steps(1, 0.005, device="cuda", threads=None),
                steps(8, 0.001, "overlap"), steps(8, 1e-6, "overlap", device="cuda")]
        self.drawn(*rows, figures="crossover-batch")
        self.assertEqual(sorted(float(p["y"]) for p in points(self.figure("crossover-batch-single"))),
                         [12800, 25600])

    def test_layers_of_each_mode(self):
        lines = [{"record": "layer", "command": "train", "run": "r", "device": "cpu",
                  "library": "openblas-openmp", "threads": 1, "ranks": 2, "reduce": m, "type": "s",
                  "network": "cnn", "recipe": None, "batch": 128, "layer": "dense",
                  "operation": "gemm", "pass": p, "time_s": t, "share": t / 0.01, "step_s": 0.01,
                  "flops": 1e6} for m in ("overlap", "blocking")
                 for p, t in (("forward", 0.004), ("backward", 0.006))]
        self.drawn(steps(2, 0.01, "overlap"), *lines, figures="step-by-layer")
        panels = {p["panel"]: 0.0 for p in points(self.figure("step-by-layer-cnn"))}
        for p in points(self.figure("step-by-layer-cnn")):
            panels[p["panel"]] += float(p["y"])
        self.assertEqual(len(panels), 2)
        for panel, total in panels.items():
            self.assertIn("2 ranks", panel)
            self.assertAlmostEqual(total, 10)  # ms, and not those of both modes

    def test_one_rank_says_nothing_of_ranks(self):
        result = self.drawn(steps(1, 0.01), steps(1, 0.02, batch=256))
        for name in NAMES:
            self.assertNotIn(name, result.stderr)
        self.assertEqual({(p["panel"], p["series"]) for p in points(self.figure("images-per-s"))},
                         {("1 thread", "cnn")})


class Allreduce(Ranks):
    SIZES = (4, 4096, 1 << 20, 1 << 28)

    def test_bandwidth_time_and_models(self):
        alpha, beta, gamma, ranks = 1e-6, 1e-10, 5e-11, 4

        def ring(n):
            return 6 * alpha + 0.75 * n * (2 * beta + gamma)

        def doubling(n):
            return 2 * (alpha + n * (beta + gamma))
        records = [allreduce(n, 1.2 * ring(n), "ring", ranks) for n in self.SIZES]
        records += [allreduce(n, min(ring(n), doubling(n)), "library", ranks) for n in self.SIZES]
        records += [allreduce(n, 2e-6 + 1e-10 * n, "p2p-intra", 2) for n in self.SIZES]
        records[1]["network"] = "mlp5"  # whose gradient is of that size: no curve of its own
        records += [model("ring", "ring", alpha, beta, gamma, ranks,
                          held_out_bytes=[1 << 20, 1 << 28]),
                    model("library", "ring", alpha, beta, gamma, ranks),
                    model("library", "recursive-doubling", alpha, beta, gamma, ranks),
                    model("p2p-intra", "p2p", 2e-6, 1e-10, 0, 2),
                    model("ring", "ring", 1, 1, 1, ranks, link="inter"),  # of other links and types
                    model("ring", "ring", 1, 1, 1, ranks, type="d")]
        self.drawn(*records, command="allreduce", figures="allreduce-bandwidth,allreduce-time")
        self.close(self.curve("allreduce-bandwidth", "ring"),
                   {n: 1.5 * n / (1.2 * ring(n)) / 1e9 for n in self.SIZES})
        self.close(self.curve("allreduce-time", "p2p-intra"),
                   {n: 2e-6 + 1e-10 * n for n in self.SIZES})
        self.assertEqual({(p["panel"], p["series"]) for p in points(self.figure("allreduce-time"))},
                         {("4 ranks on 1 node", "ring"), ("4 ranks on 1 node", "library"),
                          ("2 ranks on 1 node", "p2p-intra")})
        for name, unit in (("allreduce-time", lambda n, t: t),
                           ("allreduce-bandwidth", lambda n, t: 1.5 * n / t / 1e9)):
            line = self.curve(name, "ring", "model")
            self.assertEqual([round(x) for x in (min(line), max(line))], [4, 1 << 28])
            for n, y in line.items():
                self.assertAlmostEqual(y / unit(n, ring(n)), 1, places=5)
            # a library takes what suits the size: the fastest of its models
            for n, y in self.curve(name, "library", "model").items():
                self.assertAlmostEqual(y / unit(n, min(ring(n), doubling(n))), 1, places=5)
            self.assertEqual(sorted(self.curve(name, "ring", "held-out")), [1 << 20, 1 << 28])
            self.assertEqual(self.curve(name, "library", "held-out"), {})
            self.says(name, "fitted model", "held out of the fit", "4 ranks on 1 node")
        self.assertEqual(len(self.curve("allreduce-time", "p2p-intra", "model")), 64)

    def test_without_models_only_what_was_measured(self):
        self.drawn(*[allreduce(n, 1e-5, ranks=p, nodes=n2) for n in self.SIZES
                     for p, n2 in ((2, 1), (2, 2), (4, 2))], model("library", "unheard-of", 1, 1),
                   command="allreduce", figures="allreduce-time")
        rows = table(self.figure("allreduce-time"))
        self.assertEqual({r["kind"] for r in rows}, {"point"})
        self.assertEqual(len({r["panel"] for r in rows}), 3)

    def test_types_are_apart(self):
        self.drawn(*[allreduce(n, 1e-5, type=t) for n in self.SIZES for t in "sd"],
                   command="allreduce", figures="allreduce-time")
        self.assertEqual({p["series"] for p in points(self.figure("allreduce-time"))},
                         {"library · single", "library · double"})


class Prediction(Ranks):
    def test_a_band_for_each_network(self):
        records = [prediction(p, e, n) for n in ("cnn", "mlp5")
                   for p, e in ((4096, 0.6), (16, 0.95), (256, 0.8))]
        records += [model("library", "ring", 1e-6, 1e-10, ranks=p) for p in (2, 8)]
        records += [model("library", "ring", 1e-6, 1e-10, ranks=64, link="inter")]
        self.drawn(*records, command="allreduce", figures="prediction")
        rows = points(self.figure("prediction"))
        self.assertEqual({r["panel"] for r in rows}, {"cnn · batch 128 · 1.19M parameters",
                                                      "mlp5 · batch 128 · 1.19M parameters"})
        cnn = [r for r in rows if r["panel"].startswith("cnn")]
        self.assertEqual([(float(r["x"]), float(r["y"]), float(r["low"]), float(r["high"]))
                          for r in cnn], [(16, 0.95, 0.93, 0.97), (256, 0.8, 0.78, 0.82),
                                          (4096, 0.6, 0.58, 0.62)])
        self.assertIn("extrapolation from 8 ranks", rows[0]["title"])
        self.assertIn("no network in it", rows[0]["subtitle"])
        self.says("prediction", "extrapolation from 8 ranks", "4096", "not measured")

    def test_from_how_many_ranks_may_be_unknown(self):
        self.drawn(prediction(16, 0.9), command="allreduce", figures="prediction")
        self.assertTrue(points(self.figure("prediction"))[0]["title"].endswith("· extrapolation"))

    def test_none(self):
        result = self.drawn(*[allreduce(n, 1e-5) for n in (4, 400)], command="allreduce")
        self.assertIn("figure prediction is not drawn: no prediction; ", result.stderr)


class SlowRanks(Ranks):
    def test_slow_ones_are_marked(self):
        records = [rank(r, 1.25 if r == 2 else 1.0, 1.4 if r == 2 else 1.02, slow=r == 2)
                   for r in range(4)]
        self.drawn(*records, *[rank(r, 1.0, command="peak") for r in range(2)], command="blas",
                   figures="slow-ranks")
        rows = points(self.figure("slow-ranks"))
        self.assertEqual([(r["panel"], r["x"], r["series"], float(r["y"])) for r in rows
                          if r["series"] == "slow"], [("blas · 4 ranks · 1 slow", "2", "slow", 1.25)])
        self.assertEqual(len([r for r in rows if r["panel"] == "peak · 2 ranks · none slow"]), 2)
        words = "rank 2 · node3: worst 1.40× in gemm nn 1024 double"
        self.assertEqual([r["label"] for r in table(self.figure("slow-ranks"))
                          if r["kind"] == "verdict"], [words])
        self.says("slow-ranks", words, "none slow")

    def test_many_slow_ones(self):
        self.drawn(*[rank(r, 1.5 if r % 2 else 1.0, slow=bool(r % 2)) for r in range(64)],
                   command="blas", figures="slow-ranks")
        self.assertEqual(len(points(self.figure("slow-ranks"))), 64)
        self.says("slow-ranks", "and 26 more")

    def test_two_runs_are_two_panels(self):
        for name in "ab":
            write(self.folder / f"{name}.jsonl", *[rank(r, 1.0) for r in range(2)], command="blas")
        result = report(self.folder / "a.jsonl", self.folder / "b.jsonl", "--out", self.out,
                        "--formats", "svg", "--figures", "slow-ranks")
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertEqual({r["panel"] for r in points(self.figure("slow-ranks"))},
                         {"blas · 2 ranks · none slow", "blas · 2 ranks · none slow · run 2"})

    def test_ranks_without_a_ratio_are_no_crash(self):
        self.drawn(rank(0, 1.0), rank(1, None, 1.0), {"record": "rank", "command": "blas"},
                   command="blas", figures="slow-ranks")
        self.assertEqual(len(points(self.figure("slow-ranks"))), 1)


class Lists(unittest.TestCase):
    def test_named_in_lists_and_documentation(self):
        listed = subprocess.run([base.BINARY, "list", "figures"], text=True, check=True,
                                stdout=subprocess.PIPE).stdout
        documented = " ".join(
            line.split("|")[1].replace(",", " ")
            for line in (base.ROOT / "docs/figures.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("| ")).split()
        for name in NAMES:
            self.assertIn(f"{name} ", listed)
            self.assertIn(name, documented)
            self.assertTrue((base.ROOT / f"plots/{name}.gp").exists(), name)


if __name__ == "__main__":
    base.BINARY = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
