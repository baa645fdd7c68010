#!/usr/bin/python3
"""Tests of `flopstep report` on results of CPU and GPU: crossovers, FLOPS against N, emulated GPUs.

    test_gpu_figures.py PATH/TO/flopstep [unittest options]

Pictures are tested where gnuplot is installed.
"""
import json
import math
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import synthetic  # noqa: E402
import test_report as base  # noqa: E402
from test_report import END, HAS_GNUPLOT, PROVENANCE, Case, close, points, report, table  # noqa: E402

DONE = 0 if HAS_GNUPLOT else 3
SIZES = (100, 200, 400, 800)


def gemm(n, seconds, device="cpu", **values):
    """A case of gemm that took so long; the interval is 1 % wide to both sides."""
    row = base.case(n=n, m=n, k=n, device=device, median_s=seconds, low_s=0.99 * seconds,
                    high_s=1.01 * seconds, flops=2 * n**3, gflops=2 * n**3 / seconds / 1e9,
                    library="openblas" if device == "cpu" else "cublas",
                    threads=1 if device == "cpu" else None, peak_fraction=None)
    row.update(values)
    return row


def steps(batch, rate, device="cpu", **values):
    row = base.case(command="train", kind="steps", network="mlp5", dataset="synthetic", type="s",
                    batch=batch, images_per_s=rate, median_s=batch / rate, low_s=None, high_s=None,
                    kernel=None, level=None, trans=None, m=None, n=None, k=None, device=device,
                    library="openblas" if device == "cpu" else "cublas", flops=1e6 * batch,
                    gflops=1e-3 * rate, peak_fraction=None)
    row.update(values)
    return row


class Gpu(Case):
    def crossovers(self, *rows, figures="crossover"):
        result = report(self.lines(PROVENANCE, *rows, END), "--out", self.out, "--formats", "svg",
                        "--figures", figures)
        self.assertEqual(result.returncode, DONE, result.stderr)
        return table(self.out / "crossover.csv")

    def one(self, *ratios, sizes=SIZES, **values):
        """The crossover where the CPU takes 1 ms and these times the GPU's time."""
        rows = [gemm(n, 1e-3) for n in sizes]
        rows += [gemm(n, 1e-3 / ratio, "cuda", **values) for n, ratio in zip(sizes, ratios)]
        found = self.crossovers(*rows)
        self.assertEqual(len(found), 1)
        return found[0]

    def marks(self, kind, name="crossover-double"):
        return [row for row in table(self.figure(name)) if row["kind"] == kind]


class Crossover(Gpu):
    def test_crossing_is_interpolated_on_logarithmic_axes(self):
        row = self.one(0.25, 0.5, 2, 4)  # as much slower at 200 as faster at 400
        self.assertEqual((row["verdict"], row["from"], row["below"]), ("from", "400", "200"))
        self.assertTrue(close(row["interpolated"], 200 * math.sqrt(2)))
        self.assertEqual(row["summary"], "faster from N ≈ 283 on")
        self.assertTrue(close(row["ratio_at_smallest"], 0.25))
        self.assertTrue(close(row["ratio_at_largest"], 4))
        self.assertEqual(row["intervals_apart"], "yes")
        mark, = self.marks("crossing")
        self.assertTrue(close(mark["x"], 200 * math.sqrt(2)))
        # both curves pass through the mark: CPU and GPU take 1 ms there
        self.assertTrue(close(mark["y"], 2 * (200 * math.sqrt(2))**3 / 1e-3 / 1e9))

    def test_uneven_crossing(self):
        row = self.one(0.5, 0.9, 3, 4)
        share = math.log(1 / 0.9) / math.log(3 / 0.9)
        self.assertTrue(close(row["interpolated"], 200 * 2**share))

    def test_always(self):
        row = self.one(1.1, 2, 4, 8)
        self.assertEqual((row["verdict"], row["from"], row["interpolated"], row["below"]),
                         ("always", "100", "", ""))
        self.assertEqual(row["summary"], "faster from the smallest N = 100 on")
        self.assertEqual(self.marks("crossing"), [])
        self.assertEqual([m["label"] for m in self.marks("verdict")], [row["summary"]])

    def test_never(self):
        row = self.one(0.1, 0.2, 0.4, 0.99)
        self.assertEqual((row["verdict"], row["from"], row["interpolated"]), ("never", "", ""))
        self.assertEqual(row["summary"], "never faster up to N = 800")

    def test_equal_is_not_faster(self):
        self.assertEqual(self.one(0.5, 1, 1, 1)["verdict"], "never")
        self.assertEqual(self.one(0.5, 2, 2, 1)["verdict"], "between")

    def test_crossing_at_a_measured_size(self):
        row = self.one(0.5, 1, 2, 4)
        self.assertEqual((row["from"], row["interpolated"]), ("400", "200"))

    def test_crossing_twice(self):
        row = self.one(2, 0.5, 2, 4)
        self.assertEqual((row["verdict"], row["from"], row["also_at"]), ("from", "400", "100"))
        self.assertTrue(close(row["interpolated"], 200 * math.sqrt(2)))
        self.assertEqual(row["summary"], "faster from N ≈ 283 on; also at 100")

    def test_only_in_between(self):
        row = self.one(0.5, 2, 2, 0.5)
        self.assertEqual((row["verdict"], row["from"], row["also_at"]), ("between", "", "200 to 400"))
        self.assertEqual(row["summary"], "faster only at N = 200 to 400; not at 800")

    def test_intervals_that_overlap(self):
        self.assertEqual(self.one(0.5, 0.5, 0.5, 1.005)["intervals_apart"], "no")

    def test_one_size(self):
        self.assertEqual(self.one(2, sizes=(100,))["verdict"], "always")

    def test_best_of_the_cpu_over_libraries_and_threads(self):
        rows = [gemm(n, seconds, library=library, threads=threads) for n in SIZES
                for library, threads, seconds in (("openblas", 1, 4e-3), ("openblas", 2, 1e-3),
                                                  ("blis", 2, 2e-3))]
        rows += [gemm(n, 1.5e-3, "cuda") for n in SIZES]
        row, = self.crossovers(*rows)
        self.assertEqual((row["verdict"], row["cpu_library"], row["cpu_threads"]),
                         ("never", "openblas", "2"))

    def test_best_of_several_gpus_of_a_host(self):
        rows = [gemm(n, 1e-3) for n in SIZES] + [gemm(n, 2e-3, "cuda") for n in SIZES]
        rows += [gemm(n, 0.5e-3, "cuda:1") for n in SIZES]
        row, = self.crossovers(*rows)
        self.assertEqual((row["verdict"]), "always")
        self.assertTrue(close(row["gpu_s"], 0.5e-3))

    def test_transfers_are_apart(self):
        rows = [gemm(n, 1e-3) for n in SIZES]
        for transfer, ratios in ((None, (2, 2, 2, 2)), ("pageable", (.1, .1, .1, .1)),
                                 ("pinned", (.25, .5, 2, 4))):
            rows += [gemm(n, 1e-3 / ratio, "cuda", transfer=transfer)
                     for n, ratio in zip(SIZES, ratios)]
        found = {row["transfer"]: row["verdict"] for row in self.crossovers(*rows)}
        self.assertEqual(found, {"": "always", "pageable": "never", "pinned": "from"})
        series = {p["series"] for p in points(self.figure("crossover-double"))}
        self.assertEqual(series, {"CPU", "GPU without copies", "GPU with copies (pageable)",
                                  "GPU with copies (pinned)"})
        self.assertEqual([m["series"] for m in self.marks("crossing")],
                         ["GPU with copies (pinned)"])

    def test_only_sizes_that_both_measured_decide(self):
        rows = [gemm(n, 1e-3) for n in (100, 200, 400)]
        rows += [gemm(n, 2e-3, "cuda") for n in (200, 400)]
        rows += [gemm(n, 0.1e-3, "cuda") for n in (50, 800)]
        row, = self.crossovers(*rows)
        self.assertEqual((row["verdict"], row["smallest"], row["largest"]), ("never", "200", "400"))
        self.assertEqual(len(points(self.figure("crossover-double"))), 7)  # but all are drawn

    def test_sizes_between_do_not_disturb_the_interpolation(self):
        rows = [gemm(n, 1e-3) for n in SIZES] + [gemm(300, 1e-3)]
        rows += [gemm(n, 1e-3 / ratio, "cuda") for n, ratio in zip(SIZES, (0.25, 0.5, 2, 4))]
        rows += [gemm(250, 1e-6, "cuda")]
        row, = self.crossovers(*rows)
        self.assertTrue(close(row["interpolated"], 200 * math.sqrt(2)))
        low, high = (2 * n**3 / s / 1e9 for n, s in ((200, 2e-3), (400, 0.5e-3)))
        mark, = self.marks("crossing")
        self.assertTrue(close(mark["y"], math.sqrt(low * high)))

    def test_other_work_is_not_compared(self):
        rows = [gemm(n, 1e-3) for n in SIZES]
        rows += [gemm(n, 1e-9, mode="throughput") for n in SIZES]
        rows += [gemm(n, 1e-9, beta=0.0) for n in SIZES]
        rows += [gemm(n, 1e-9, trans="nt") for n in SIZES]
        rows += [gemm(n, 1e-9, type="s") for n in SIZES]
        rows += [gemm(n, 1e-9, status="failed", reason="wrong") for n in SIZES]
        rows += [gemm(n, 1e-9, m=2 * n) for n in SIZES]
        rows += [gemm(n, 0.5e-3, "cuda") for n in SIZES]
        row, = self.crossovers(*rows)
        self.assertEqual(row["verdict"], "always")

    def test_batched_products_are_compared_with_the_same_batch(self):
        rows = [gemm(n, 1e-3, kernel="gemm_batched", batch=b) for n in SIZES for b in (8, 64)]
        rows += [gemm(n, 1e-3 * 4 / b, "cuda", kernel="gemm_batched", batch=b, math="fp64")
                 for n in SIZES for b in (2, 8)]
        row, = self.crossovers(*rows)
        self.assertEqual((row["name"], row["verdict"]), ("gemm_batched nn", "always"))

    def test_the_picture_names_the_gpu(self):
        provenance = dict(PROVENANCE, devices=[{"name": "cuda", "what": "Example GPU 80GB, sm_90"},
                                               {"name": "cuda:1", "what": "Other, sm_80"}])
        rows = [gemm(n, 1e-3) for n in SIZES] + [gemm(n, 1e-4, "cuda") for n in SIZES]
        report(self.lines(provenance, *rows, END), "--out", self.out, "--formats", "svg")
        for name in ("crossover-double", "flops-against-n"):
            subtitle = points(self.figure(name))[0]["subtitle"]
            self.assertTrue(subtitle.endswith(" | Example GPU 80GB (cuda)"), subtitle)

    def test_null_and_false_are_the_same_work(self):
        rows = [gemm(n, 1e-3, cold=False, incx=1) for n in SIZES]
        rows += [gemm(n, 1e-4, "cuda", cold=None, incx=1.0) for n in SIZES]
        self.assertEqual(len(self.crossovers(*rows)), 1)

    def test_tf32_stands_against_single(self):
        rows = [gemm(n, 1e-3, type="s") for n in SIZES] + [gemm(n, 1e-4, type="d") for n in SIZES]
        rows += [gemm(n, 0.5e-3, "cuda", type="tf32") for n in SIZES]
        rows += [gemm(n, 0.5e-3, "cuda", type="bf16") for n in SIZES]  # no CPU has it
        row, = self.crossovers(*rows)
        self.assertEqual((row["type"], row["cpu_type"], row["verdict"]), ("tf32", "s", "always"))
        self.assertIn("CPU in single",
                      {p["series"] for p in points(self.figure("crossover-TF32"))})

    def test_several_files(self):
        gpu = self.folder / "gpu.jsonl"
        rows = [gemm(n, 0.5e-3, "cuda") for n in SIZES]
        gpu.write_text("\n".join(map(json.dumps, (PROVENANCE, *rows, END))), encoding="utf-8")
        cpu = self.lines(PROVENANCE, *[gemm(n, 1e-3) for n in SIZES], END)
        result = report(cpu, gpu, "--out", self.out, "--formats", "svg")
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertEqual(table(self.out / "crossover.csv")[0]["verdict"], "always")
        page = (self.out / "index.html").read_text(encoding="utf-8")
        self.assertIn("faster from the smallest N = 100 on", page)
        self.assertIn("figures/crossover-double.csv", page)

    def test_own_host_before_others(self):
        other = self.folder / "other.jsonl"
        rows = [gemm(n, 1e-6) for n in SIZES]
        other.write_text("\n".join(map(json.dumps, (dict(PROVENANCE, host="fast"), *rows, END))),
                         encoding="utf-8")
        gpu = [gemm(n, 0.5e-3, "cuda") for n in SIZES]
        both = self.lines(PROVENANCE, *[gemm(n, 1e-3) for n in SIZES], *gpu, END)
        report(both, other, "--out", self.out, "--figures", "crossover")
        self.assertEqual(table(self.out / "crossover.csv")[0]["verdict"], "always")
        report(self.lines(PROVENANCE, *gpu, END), other, "--out", self.out, "--figures", "crossover")
        row, = table(self.out / "crossover.csv")
        self.assertEqual((row["verdict"], row["cpu_host"]), ("never", "fast"))


class Batch(Gpu):
    def test_batch_from_which_the_gpu_wins(self):
        rows = [steps(b, 1000, threads=t) for b in (1, 4, 16) for t in (1, 2)]
        rows += [steps(b, rate, "cuda", threads=None) for b, rate in ((1, 250), (4, 500), (16, 2000))]
        row, = self.crossovers(*rows, figures="crossover-batch")
        self.assertEqual((row["axis"], row["name"], row["from"]), ("batch", "mlp5", "16"))
        self.assertTrue(close(row["interpolated"], 8))
        self.assertEqual(row["summary"], "faster from batch ≈ 8 on")
        drawn = points(self.figure("crossover-batch-single"))
        self.assertEqual({p["panel"] for p in drawn}, {"mlp5"})
        self.assertEqual(sorted(float(p["y"]) for p in drawn if p["series"] == "GPU"),
                         [250, 500, 2000])

    def test_networks_are_apart(self):
        rows = [steps(b, 1000, network=n) for b in (1, 4) for n in ("mlp5", "cnn")]
        rows += [steps(b, 500, "cuda", network="mlp5") for b in (1, 4)]
        rows += [steps(b, 2000, "cuda", network="cnn") for b in (1, 4)]
        found = {r["name"]: r["verdict"] for r in self.crossovers(*rows, figures="crossover-batch")}
        self.assertEqual(found, {"mlp5": "never", "cnn": "always"})

    def test_kinds_of_products_are_apart(self):
        rows = [steps(b, 1000) for b in (1, 4)]
        for math_, rate in (("fp32", 900), ("tf32", 4000), ("bf16", 500)):
            rows += [steps(b, rate, "cuda", math=math_) for b in (1, 4)]
        found = {r["math"]: r["verdict"] for r in self.crossovers(*rows, figures="crossover-batch")}
        self.assertEqual(found, {"": "never", "TF32": "always", "bf16": "never"})
        drawn = points(self.figure("crossover-batch-single"))
        self.assertEqual({p["series"] for p in drawn}, {"CPU", "GPU", "GPU in TF32", "GPU in bf16"})
        self.assertEqual({p["panel"] for p in drawn}, {"mlp5"})

    def test_histories_are_no_steps(self):
        rows = [steps(b, 1000) for b in (1, 4)] + [steps(b, 2000, "cuda") for b in (1, 4)]
        rows += [steps(b, 1e9, kind="training") for b in (1, 4)]
        self.assertEqual(self.crossovers(*rows, figures="crossover-batch")[0]["verdict"], "always")


class Without(Gpu):
    def test_no_gpu_no_figure_and_no_word(self):
        result = report(self.lines(PROVENANCE, *[gemm(n, 1e-3) for n in SIZES], END), "--out",
                        self.out, "--formats", "svg")
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertFalse((self.out / "crossover.csv").exists())
        names = {p.stem for p in (self.out / "figures").iterdir()}
        self.assertFalse([n for n in names if n.startswith(("crossover", "flops-against-n"))])
        self.assertNotIn("crossover", result.stderr)
        self.assertNotIn("flops-against-n", result.stderr)
        self.assertNotIn("GPU against CPU", (self.out / "index.html").read_text(encoding="utf-8"))

    def test_asked_for_it_says_why_not(self):
        result = report(self.lines(PROVENANCE, gemm(100, 1e-3), END), "--out", self.out,
                        "--figures", "crossover,flops-against-n")
        self.assertIn("crossover is not drawn: needs the same work on a CPU and on a GPU",
                      result.stderr)
        self.assertIn("flops-against-n is not drawn: needs gemm on a GPU", result.stderr)

    def test_emulated_rows_are_in_nothing(self):
        rows = [gemm(n, 1e-3) for n in SIZES]
        fakes = [gemm(n, 7.7e-9, device) for n in SIZES for device in ("cuda-emulated",
                                                                      "cuda-emulated:1")]
        fakes += [steps(1, 77e9, "cuda-emulated"),
                  {"record": "layer", "command": "train", "device": "cuda-emulated",
                   "network": "mlp5", "layer": "dense1", "pass": "forward", "time_s": 7.7e-9}]
        result = report(self.lines(PROVENANCE, *rows, *fakes, END), "--out", self.out,
                        "--formats", "svg")
        self.assertEqual(result.returncode, DONE, result.stderr)
        notes = [line for line in result.stderr.splitlines() if "emulated" in line]
        self.assertEqual(len(notes), 1)
        self.assertIn("10 records of an emulated GPU left out", notes[0])
        self.assertEqual(len(table(self.out / "blas.csv")), len(SIZES))
        self.assertFalse((self.out / "train.csv").exists())
        self.assertFalse((self.out / "train-layers.csv").exists())
        self.assertFalse((self.out / "crossover.csv").exists())
        for path in [*self.out.glob("*.csv"), *(self.out / "figures").glob("*.csv"),
                     self.out / "index.html"]:
            self.assertNotIn("emulated", path.read_text(encoding="utf-8"), path.name)
        for path in (self.out / "figures").glob("*.csv"):
            self.assertEqual({round(float(p["y"]), 6) for p in points(path)} &
                             {round(f["gflops"], 6) for f in fakes if "gflops" in f}, set())


    def test_lines_without_device_of_an_emulated_run_are_in_nothing(self):
        provenance = dict(PROVENANCE, command="train", devices=[{"name": "cuda-emulated",
                                                                 "what": "CUDA kernels on the host"}])
        path = self.folder / "lines.jsonl"
        rng = random.Random(5)
        out = synthetic.Writer(self.folder, "train", rng, file="lines")
        out.put({"record": "case", "command": "train", "device": "cuda-emulated", "status": "ok"})
        synthetic.write_boundary(out, rng)
        synthetic.write_examples(out, "two-layer", "mnist", rng)
        synthetic.write_reported(out, "two-layer", [("test accuracy", 0.9)], "LSU")
        synthetic.write_paths(out)
        out.end()
        lines = path.read_text(encoding="utf-8").splitlines()
        for emulated in (True, False):
            head = provenance if emulated else dict(PROVENANCE, devices=[{"name": "cuda"}])
            path.write_text("\n".join([json.dumps(head), *lines[1:]]), encoding="utf-8")
            target = self.out / str(emulated)
            result = report(path, "--out", target, "--formats", "svg")
            drawn = {p.name for p in target.rglob("*.csv")} - {"train.csv"}
            if emulated:
                self.assertIn("7 records of an emulated GPU left out", result.stderr)
                self.assertEqual(drawn, set())
            else:  # the very same lines of another device are shown
                self.assertIn("train-reported.csv", drawn)
                self.assertIn("decision-boundary-circles.csv", drawn)


class Labels(Gpu):
    """Figures of a GPU name it and no number of threads."""
    provenance = dict(PROVENANCE, devices=[{"name": "cpu", "what": "the host"},
                                           {"name": "cuda", "what": "Example GPU 80GB, sm_90"}])

    def draw(self, *rows, figures):
        result = report(self.lines(self.provenance, *rows, END), "--out", self.out, "--formats",
                        "svg", "--figures", figures)
        self.assertEqual(result.returncode, DONE, result.stderr)

    def test_subtitle(self):
        self.draw(*[gemm(n, 1e-4, "cuda", threads=1) for n in SIZES], figures="gflops-level3")
        self.assertEqual(points(self.figure("gflops-level3"))[0]["subtitle"],
                         "Example GPU 80GB (cuda) · cublas")

    def test_ladder(self):
        rows = [steps(16, 100 * (i + 1), "cuda", kind="ladder", rung=f"r{i}", rung_number=i, threads=1)
                for i in range(3)]
        self.draw(*rows, figures="step-ladder")
        drawn = points(self.figure("step-ladder-mlp5"))
        self.assertEqual({p["panel"] for p in drawn}, {"batch 16 · cuda · single"})
        self.assertNotIn("thread", drawn[0]["subtitle"])

    def test_layers(self):
        layer = {"record": "layer", "command": "train", "device": "cuda", "library": "cublas",
                 "threads": 1, "type": "s", "network": "mlp5", "batch": 8, "layer": "dense1",
                 "pass": "forward", "time_s": 1e-3, "share": 1.0}
        self.draw(layer, figures="step-by-layer")
        drawn = points(self.figure("step-by-layer-mlp5"))
        self.assertEqual({p["subtitle"] for p in drawn},
                         {"Example GPU 80GB (cuda) · cublas · single precision"})
        self.assertTrue(drawn[0]["panel"].startswith("batch 8 · cuda · "), drawn[0]["panel"])

    def test_cases_without_copies_have_a_name(self):
        rows = [gemm(n, 1e-4, "cuda", transfer=t) for n in SIZES for t in (None, "pinned")]
        self.draw(*rows, figures="gflops-level3")
        self.assertEqual({p["series"] for p in points(self.figure("gflops-level3"))},
                         {"without copies", "pinned"})

    def test_copies_are_no_lines_of_their_own(self):
        rows = [gemm(n, 1e-4 * s, "cuda", transfer=t, type=d, peak_fraction=0.5) for n in SIZES
                for t, s in ((None, 1), ("pinned", 0.5)) for d in "sd"]
        figures = ("single-vs-double", "percent-of-peak", "blas-levels")
        self.draw(*rows, figures=",".join(figures))
        for name in figures:
            drawn = points(self.figure(name))
            self.assertEqual(len(drawn), len(SIZES) * (1 if name == "blas-levels" else 2), name)


class FlopsAgainstN(Gpu):
    def draw(self, *arguments, rows=()):
        every = [gemm(n, 1e-3, type=t) for n in SIZES for t in "sd"]
        every += [gemm(n, 3e-3, type=t, library="blis") for n in SIZES for t in "sd"]
        every += [gemm(n, 1e-4, "cuda", type=t) for n in SIZES for t in "sd"]
        every += [gemm(n, 4e-4, "cuda", type=t, transfer="pinned") for n in SIZES for t in "sd"]
        every += [gemm(n, 9e-4, "cuda", type=t, transfer="pageable") for n in SIZES for t in "sd"]
        result = report(self.lines(PROVENANCE, *every, *rows, END), "--out", self.out, "--formats",
                        "svg", "--figures", "flops-against-n", *arguments)
        self.assertEqual(result.returncode, DONE, result.stderr)

    def lines_of(self, panel):
        return {(r["series"], r["label"]): float(r["y"])
                for r in self.marks("reference", "flops-against-n") if r["panel"] == panel}

    def test_the_fastest_of_each_curve(self):
        self.draw()
        drawn = points(self.figure("flops-against-n"))
        self.assertEqual({p["panel"] for p in drawn},
                         {"gemm · double precision", "gemm · single precision"})
        self.assertEqual({p["series"] for p in drawn}, {"CPU", "GPU without copies",
                                                        "GPU with copies"})
        self.assertEqual(len(drawn), 2 * 3 * len(SIZES))
        for p in drawn:
            seconds = {"CPU": 1e-3, "GPU without copies": 1e-4, "GPU with copies": 4e-4}
            self.assertTrue(close(p["y"], 2 * float(p["x"])**3 / seconds[p["series"]] / 1e9))

    def test_published_lines_of_every_generation(self):
        self.draw()
        double = self.lines_of("gemm · double precision")
        self.assertEqual(double["sheet", "P100 SXM2"], 5300)
        self.assertEqual(double["sheet", "V100 SXM2"], 7800)
        self.assertEqual(double["sheet", "A100 tensor cores"], 19500)
        self.assertEqual(double["sheet", "H100 SXM · H200 SXM tensor cores"], 67000)
        self.assertEqual(double["measured", "P100"], 4503)
        self.assertEqual(len([k for k in double if k[0] == "sheet"]), 4)
        single = self.lines_of("gemm · single precision")
        self.assertEqual(single["measured", "V100"], 14780)
        self.assertEqual(single["sheet", "A100"], 19500)
        self.assertFalse(any(value > 1e5 for value in single.values()))  # no tensor cores

    def test_chosen_lines(self):
        self.draw("--reference", "v100")
        self.assertEqual(set(self.lines_of("gemm · double precision")),
                         {("sheet", "V100 SXM2"), ("measured", "V100")})

    def test_tensor_types_have_panels(self):
        rows = [gemm(n, 1e-5, "cuda", type=t) for n in SIZES for t in ("tf32", "bf16", "h")]
        self.draw(rows=rows)
        self.assertEqual(self.lines_of("gemm · TF32")["sheet", "A100 tensor cores"], 156000)
        self.assertFalse([k for k in self.lines_of("gemm · TF32") if k[1].startswith("V100")])
        self.assertEqual({p["series"] for p in points(self.figure("flops-against-n"))
                          if p["panel"] == "gemm · TF32"}, {"CPU in single", "GPU without copies"})
        self.assertEqual(self.lines_of("gemm · bf16")["measured", "H100 SXM"], 794500)
        self.assertIn(("sheet", "V100 SXM2 tensor cores"), self.lines_of("gemm · half precision"))


class References(Gpu):
    def labels(self, names, *rows):
        result = report(self.lines(PROVENANCE, *rows, END), "--out", self.out, "--formats", "svg",
                        "--figures", "gflops-level3", "--reference", names)
        self.assertEqual(result.returncode, DONE, result.stderr)
        return sorted(m["label"] for m in self.marks("reference", "gflops-level3"))

    def test_one_data_sheet_a_name_and_one_measurement_a_device(self):
        rows = [gemm(n, 1e-3) for n in SIZES]
        self.assertEqual(self.labels("p100,v100,a100", *rows),
                         ["A100 tensor cores data sheet: 19500", "A100: 18500",
                          "P100 SXM2 data sheet: 5300", "P100: 4503",
                          "V100 SXM2 data sheet: 7800", "V100: 6800"])

    def test_tensor_cores_stand_beside_gemm_not_beside_the_fma_rate(self):
        probe = base.case(command="peak", kernel=None, level=None, trans=None, m=None, n=None,
                          k=None, probe="fma", isa="avx2", type="d")
        result = report(self.lines(PROVENANCE, probe, END), "--out", self.out, "--formats", "svg",
                        "--figures", "fma", "--reference", "a100,h100")
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertEqual(sorted(m["label"] for m in self.marks("reference", "fma")),
                         ["A100 data sheet: 9700", "H100 SXM data sheet: 34000"])


class Sheets(unittest.TestCase):
    """The data sheets fit each other."""
    rows = [r for r in table(base.ROOT / "results/published/data_sheets.csv")]

    def peak(self, device, type_):
        return max(float(r["gflops"]) for r in self.rows if r["device"].startswith(device) and
                   r["kernel"] == "peak" and r["type"] == type_)

    def test_every_generation_is_complete(self):
        for name in ("p100", "v100", "a100", "h100", "h200"):
            own = [r for r in self.rows if r["name"] == name]
            types = {r["type"] for r in own if r["kernel"] == "peak"}
            self.assertTrue({"d", "s", "h"} <= types, name)
            self.assertTrue([r for r in own if r["kernel"] == "memory"], name)
            if name not in ("p100", "v100"):
                self.assertTrue({"tf32", "bf16"} <= types, name)

    def test_only_data_sheets_that_name_themselves(self):
        for row in self.rows:
            self.assertEqual(row["kind"], "sheet")
            self.assertTrue(row["source"].startswith("NVIDIA data sheet: "), row)

    def test_dense_rates(self):
        for device in ("A100", "H100 PCIe", "H100 SXM", "H200 SXM"):
            tf32, half, bf16 = (self.peak(device, t) for t in ("tf32", "h", "bf16"))
            self.assertEqual(half, bf16)
            self.assertTrue(0.99 < half / tf32 / 2 < 1.01, device)

    def test_nothing_measured_exceeds_its_sheet(self):
        for path in (base.ROOT / "results/published").glob("*.csv"):
            for row in table(path):
                same = [float(r["gflops"]) for r in self.rows if r["name"] == row["name"] and
                        r["type"] == row["type"] and r["gflops"]]
                if row["kind"] == "measured" and row["gflops"] and same:
                    self.assertLess(float(row["gflops"]), max(same), row)


class Pictures(unittest.TestCase):
    """A whole study of both devices: everything is drawn."""

    @unittest.skipUnless(HAS_GNUPLOT, "no gnuplot")
    def test_whole_study(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep-gpu-"))
        self.addCleanup(shutil.rmtree, folder)
        rng = random.Random(4)
        synthetic.write_blas(folder, rng, [1, 2], small=True)
        synthetic.write_gpu_blas(folder, rng, types=["s", "d", "tf32"], small=True)
        out = synthetic.Writer(folder, "train", rng)
        synthetic.write_steps(out, {"mlp5": 1.1e6, "cnn": 7.3e7}, [1, 8, 128], [1, 2])
        out.end()
        synthetic.write_gpu_steps(folder, rng, {"mlp5": 1.1e6, "cnn": 7.3e7})
        result = report(folder, "--formats", "svg")
        self.assertEqual(result.returncode, 0, result.stderr)
        drawn = {p.stem for p in (folder / "figures").glob("*.svg")}
        self.assertEqual(drawn, {p.stem for p in (folder / "figures").glob("*.csv")})
        for name in ("crossover-level1-double", "crossover-level3-single", "crossover-TF32",
                     "crossover-batch-single", "flops-against-n", "threads-double",
                     "roofline-double", "images-per-s"):
            self.assertIn(name, drawn)
        svg = (folder / "figures/crossover-level3-double.svg").read_text(encoding="utf-8")
        for row in table(folder / "crossover.csv"):
            if row["type"] == "d" and row["name"] == "gemm nn":
                self.assertIn(row["summary"], svg)
        # copy computes nothing: in the table, but no panel
        self.assertIn("copy", {r["name"] for r in table(folder / "crossover.csv")})
        self.assertNotIn("copy", {p["panel"] for p in
                                  points(folder / "figures/crossover-level1-double.csv")})


if __name__ == "__main__":
    base.BINARY = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
