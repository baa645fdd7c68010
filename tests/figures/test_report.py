#!/usr/bin/python3
"""Tests of `flopstep report`: tables, figures' data, pictures, odd input.

    test_report.py PATH/TO/flopstep [unittest options]

Pictures are tested where gnuplot is installed.
"""
import csv
import json
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import synthetic  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ""
HAS_GNUPLOT = shutil.which("gnuplot") is not None
TYPES = {"s": "single", "d": "double"}


def report(*arguments, **environment):
    """Runs flopstep report with the scripts and published figures of this tree."""
    with tempfile.TemporaryDirectory() as share:
        os.symlink(ROOT / "plots", pathlib.Path(share) / "plots")
        os.symlink(ROOT / "results/published", pathlib.Path(share) / "published")
        env = dict(os.environ, FLOPSTEP_SHARE=share, **environment)
        return subprocess.run([BINARY, "report", *map(str, arguments)], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                              check=False)


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(path):
    return [row for row in table(path) if row["kind"] == "point"]


def records(path):
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def latency(row):
    return row["mode"] != "throughput"


def plain(row):
    return row["trans"] in ("", "n", "nn")


def close(a, b):
    return math.isclose(float(a), float(b), rel_tol=1e-8)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep-report-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def figure(self, name):
        return self.out / "figures" / f"{name}.csv"

    def lines(self, *wanted):
        """A results file of these records (dicts or raw lines) with provenance."""
        path = self.folder / "blas.jsonl"
        text = "".join((w if isinstance(w, str) else json.dumps(w)) + "\n" for w in wanted)
        path.write_text(text, encoding="utf-8")
        return path


class Study(unittest.TestCase):
    """One whole study, reported once: counts and contents."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep-report-"))
        rng = random.Random(7)
        synthetic.write_blas(cls.folder, rng, [1, 2], small=True)
        synthetic.write_peak(cls.folder, rng, [1, 2], small=True)
        cls.before = {p: p.read_bytes() for p in cls.folder.glob("*.jsonl")}
        cls.result = report(cls.folder, "--reference", "p100,v100")
        cls.blas = table(cls.folder / "blas.csv")
        cls.peak = table(cls.folder / "peak.csv")
        cls.ok = [row for row in cls.blas if row["status"] == "ok"]
        best = max((r for r in cls.ok if r["level"] == "3" and latency(r)),
                   key=lambda r: float(r["gflops"]))
        cls.library = best["library"]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def figure(self, name):
        return points(self.folder / "figures" / f"{name}.csv")

    def main(self, row):
        return latency(row) and row["library"] == self.library and row["threads"] == "2"

    def test_exit_code(self):
        self.assertEqual(self.result.returncode, 0 if HAS_GNUPLOT else 3, self.result.stderr)

    def test_results_untouched(self):
        for path, content in self.before.items():
            self.assertEqual(path.read_bytes(), content)

    def test_table_has_every_case(self):
        for command, rows in (("blas", self.blas), ("peak", self.peak)):
            cases = [r for r in records(self.folder / f"{command}.jsonl") if r["record"] == "case"]
            self.assertEqual(len(rows), len(cases))
            for row, case in zip(rows, cases):
                self.assertEqual(row["status"], case["status"])
                self.assertEqual(row["reason"], case["reason"] or "")

    def test_there_are_failed_cases(self):
        self.assertTrue([r for r in self.blas if r["status"] == "failed" and "," in r["reason"]
                         and '"' in r["reason"]])

    def check(self, name, expected, value=lambda row: float(row["gflops"])):
        """The figure holds exactly the values of these rows."""
        drawn = sorted(float(p["y"]) for p in self.figure(name))
        wanted = sorted(value(row) for row in expected)
        self.assertEqual(len(drawn), len(wanted), name)
        self.assertGreater(len(drawn), 0, name)
        for a, b in zip(drawn, wanted):
            self.assertTrue(close(a, b), f"{name}: {a} {b}")

    def test_blas_levels(self):
        self.check("blas-levels", [r for r in self.ok if latency(r) and r["type"] == "d" and
                                   plain(r) and r["kernel"] in ("axpy", "gemv", "gemm")])

    def test_levels(self):
        for level in "123":
            for letter, name in TYPES.items():
                self.check(f"gflops-level{level}-{name}",
                           [r for r in self.ok if latency(r) and r["type"] == letter and
                            r["level"] == level and r["gflops"]])

    def test_single_vs_double(self):
        self.check("single-vs-double", [r for r in self.ok if self.main(r) and plain(r) and
                                        r["kernel"] in ("axpy", "gemv", "gemm")])

    def test_percent_of_peak(self):
        self.check("percent-of-peak", [r for r in self.ok if self.main(r) and r["peak_fraction"]],
                   lambda row: 100 * float(row["peak_fraction"]))

    def test_library_ladder(self):
        self.check("library-ladder", [r for r in self.ok if latency(r) and r["kernel"] == "gemm" and
                                      r["trans"] == "nn"])

    def test_throughput(self):
        for letter, name in TYPES.items():
            self.check(f"throughput-{name}", [r for r in self.ok if r["type"] == letter and
                                              r["library"] == self.library and
                                              r["kernel"] == "gemm"])

    def test_bandwidth(self):
        self.check("bandwidth", [r for r in self.peak if r["probe"] != "fma"],
                   lambda row: float(row["gbytes_per_s"]))

    def test_fma(self):
        self.check("fma", [r for r in self.peak if r["probe"] == "fma"])

    def test_roofline_has_each_kernel_at_its_largest_size(self):
        for letter, name in TYPES.items():
            largest = {}
            for row in self.ok:
                if self.main(row) and row["type"] == letter and row["gflops"]:
                    key = row["kernel"], row["trans"]
                    if key not in largest or float(row["bytes"]) > float(largest[key]["bytes"]):
                        largest[key] = row
            self.check(f"roofline-{name}", largest.values())
            for point in self.figure(f"roofline-{name}"):
                kernel = point["label"].split(" · ")[0]
                row = largest[tuple((kernel + " ").split(" ")[:2])]
                self.assertTrue(close(point["x"], float(row["flops"]) / float(row["bytes"])))

    def test_roofs_come_from_the_probes(self):
        rows = table(self.folder / "figures/roofline-double.csv")
        roofs = {r["label"].split(":")[0]: float(r["y"]) for r in rows if r["kind"] == "roof"}
        fma = max(float(r["gflops"]) for r in self.peak if r["probe"] == "fma" and
                  r["type"] == "d" and r["threads"] == "2")
        self.assertTrue(close(roofs["FMA avx512"], fma))
        self.assertTrue(any(name.startswith("memory") for name in roofs))
        self.assertTrue(any(name.startswith("L1") for name in roofs))

    def test_speed_up(self):
        for point in self.figure("threads-double"):
            if point["x"] == "1":
                self.assertEqual(float(point["y"]), 1)
            kernel, size = point["series"].split(" (N = ")
            kernel, trans = (kernel + " ").split(" ")[:2]
            scale = {"M": 10**6, "k": 10**3}.get(size[-2], 1)
            n = float(size.rstrip(")kM")) * scale
            times = {r["threads"]: float(r["median_s"]) for r in self.ok if latency(r) and
                     r["library"] == self.library and r["type"] == "d" and
                     r["kernel"] == kernel and r["trans"] == trans and float(r["n"]) == n}
            self.assertTrue(close(point["y"], times["1"] / times[point["x"]]))

    def test_failed_cases_are_in_no_figure(self):
        bad = [float(r["gflops"]) for r in self.blas if r["status"] != "ok" and r["gflops"]]
        for path in (self.folder / "figures").glob("*.csv"):
            for point in points(path):
                self.assertFalse(any(close(point["y"], rate) for rate in bad), path.name)

    def test_interval_is_that_of_the_times(self):
        rows = [r for r in self.ok if r["gflops"]]
        for point in self.figure("blas-levels"):
            row = next(r for r in rows if close(r["gflops"], point["y"]))
            flops = float(row["flops"])
            self.assertTrue(close(point["low"], flops / float(row["high_s"]) / 1e9))
            self.assertTrue(close(point["high"], flops / float(row["low_s"]) / 1e9))
            self.assertTrue(close(point["ceiling"], float(point["y"]) / float(row["peak_fraction"])))

    def test_sorted_by_panel_series_x(self):
        for path in (self.folder / "figures").glob("*.csv"):
            seen, last = set(), None
            for point in points(path):
                key = point["panel"], point["series"]
                if last and key == last[0]:
                    self.assertGreaterEqual(float(point["x"]), last[1], path.name)
                else:
                    self.assertNotIn(key, seen, path.name)
                    seen.add(key)
                last = key, float(point["x"])

    def test_series_name_only_what_differs(self):
        names = {p["series"] for p in self.figure("gflops-level3-double")}
        self.assertIn("openblas-openmp · 1 thread", names)
        self.assertEqual(len(names), 6)
        self.assertEqual({p["series"] for p in self.figure("single-vs-double")},
                         {"single", "double"})
        self.assertIn("openblas-openmp · 2 threads", self.figure("single-vs-double")[0]["subtitle"])

    def test_references(self):
        rows = table(self.folder / "figures/blas-levels.csv")
        lines = {(r["panel"].split(":")[0], r["label"]) for r in rows if r["kind"] == "reference"}
        for wanted in (("axpy", "P100: 52"), ("gemv", "P100: 145"), ("gemm", "P100: 4503")):
            self.assertIn(wanted, lines)
        self.assertFalse([line for line in lines if "A100" in line[1] or "14780" in line[1]])
        single = table(self.folder / "figures/gflops-level3-single.csv")
        self.assertEqual({r["panel"] for r in single if r["kind"] == "reference"},
                         {"gemm nn"})

    def test_caches_are_marked(self):
        rows = table(self.folder / "figures/bandwidth.csv")
        marks = {(r["panel"], r["label"]): float(r["x"]) for r in rows if r["kind"] == "cache"}
        self.assertEqual(marks["1 thread", "L1d 48 KiB"], 48 << 10)
        self.assertEqual(marks["2 threads", "2 × L1d 48 KiB"], 96 << 10)
        self.assertEqual(marks["2 threads", "L3 32 MiB"], 32 << 20)

    def test_every_file_named(self):
        named = set(self.result.stdout.split())
        made = {str(p) for p in self.folder.rglob("*") if p.is_file() and p.suffix != ".jsonl"}
        self.assertEqual(named, made)

    def test_page(self):
        page = (self.folder / "index.html").read_text(encoding="utf-8")
        for text in ("Example CPU E5-0000", "figures/blas-levels.csv", "error 7.5 &gt; bound 1",
                     "in &quot;C&quot;"):
            self.assertIn(text, page)
        for path in (self.folder / "figures").glob("*.csv"):
            self.assertIn(f"figures/{path.name}", page)

    @unittest.skipUnless(HAS_GNUPLOT, "no gnuplot")
    def test_pictures(self):
        import xml.etree.ElementTree as tree
        for path in (self.folder / "figures").glob("*.csv"):
            png = path.with_suffix(".png").read_bytes()
            self.assertTrue(png.startswith(b"\x89PNG") and png.rstrip().endswith(b"IEND\xaeB`\x82"))
            svg = tree.parse(path.with_suffix(".svg"))
            words = "".join(svg.getroot().itertext())
            row = points(path)[0]
            self.assertIn(row["title"], words)
            self.assertIn("Example CPU E5-0000", words)

    @unittest.skipUnless(HAS_GNUPLOT, "no gnuplot")
    def test_each_figure_has_its_script(self):
        listed = {p.stem for p in (ROOT / "plots").glob("*.gp")}
        for path in (self.folder / "figures").glob("*.csv"):
            name = path.stem
            for type_ in TYPES.values():
                name = name.removesuffix(f"-{type_}") if name.removesuffix(f"-{type_}") in listed \
                    else name
            self.assertIn(name, listed)


PROVENANCE = {"record": "provenance", "command": "blas", "host": "n", "run": "r",
              "cpu": {"model": 'A, "quoted" CPU', "cores": 1}}


def case(**values):
    row = {"record": "case", "command": "blas", "run": "r", "device": "cpu", "library": "openblas",
           "threads": 1, "type": "d", "status": "ok", "reason": None, "median_s": 1e-3,
           "low_s": 0.9e-3, "high_s": 1.1e-3, "gflops": 2.0, "gbytes_per_s": 1.0,
           "peak_fraction": 0.5, "flops": 2e6, "bytes": 1e6, "kernel": "gemm", "level": 3,
           "trans": "nn", "m": 100, "n": 100, "k": 100, "mode": "latency", "ceiling": "fma-avx2",
           "ceiling_rate": 4.0}
    row.update(values)
    return row


END = {"record": "end", "status": "complete"}


class OddInput(Case):
    def test_no_end_line(self):
        result = report(self.lines(PROVENANCE, case()), "--out", self.out, "--formats", "svg")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3)
        self.assertIn("is incomplete", result.stderr)
        self.assertIn("incomplete", (self.out / "index.html").read_text(encoding="utf-8"))
        self.assertEqual(len(table(self.out / "blas.csv")), 1)

    def test_broken_line(self):
        path = self.lines(PROVENANCE, case(), '{"record":"case","kern', case(n=200, m=200, k=200),
                          "[1, 2]", "\x00\x01", END)
        result = report(path, "--out", self.out, "--figures", "blas-levels", "--formats", "svg")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3)
        for number in (3, 5, 6):
            self.assertIn(f"blas.jsonl:{number}:", result.stderr)
        self.assertEqual(len(table(self.out / "blas.csv")), 2)
        self.assertEqual(len(points(self.figure("blas-levels"))), 2)

    def test_nothing_readable(self):
        result = report(self.lines("not json", "{"), "--out", self.out)
        self.assertEqual(result.returncode, 2)
        self.assertFalse(self.out.exists())

    def test_empty_file(self):
        self.assertEqual(report(self.lines(), "--out", self.out).returncode, 2)

    def test_no_case_rows(self):
        result = report(self.lines(PROVENANCE, END), "--out", self.out)
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3)
        self.assertIn("blas-levels is not drawn", result.stderr)
        self.assertEqual(list((self.out / "figures").iterdir()), [])
        self.assertTrue((self.out / "index.html").exists())

    def test_only_failed_cases(self):
        result = report(self.lines(PROVENANCE, case(status="failed", reason='a, "b"'), END),
                        "--out", self.out)
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3)
        self.assertEqual(list((self.out / "figures").iterdir()), [])
        self.assertEqual(table(self.out / "blas.csv")[0]["reason"], 'a, "b"')

    def test_one_point(self):
        result = report(self.lines(PROVENANCE, case(), END), "--out", self.out)
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        self.assertEqual(len(points(self.figure("gflops-level3"))), 1)
        self.assertEqual(points(self.figure("roofline"))[0]["label"], "gemm nn · N = 100")
        self.assertFalse(self.figure("threads").exists())
        self.assertFalse(self.figure("library-ladder").exists())
        if HAS_GNUPLOT:
            for name in ("blas-levels", "gflops-level3", "percent-of-peak", "roofline"):
                self.assertGreater(self.figure(name).with_suffix(".png").stat().st_size, 1000)
                self.assertGreater(self.figure(name).with_suffix(".svg").stat().st_size, 1000)

    def test_unknown_values(self):
        """Nulls, absent keys and texts in the place of numbers are no zeros and no crash."""
        nulls = {key: None for key in case() if key not in ("record", "status", "command")}
        path = self.lines(PROVENANCE, case(**nulls), {"record": "case", "status": "ok"},
                          case(median_s="x", gflops=[], threads={}, n="many", type=3),
                          case(gflops=-1.0), case(gflops=0), {"record": "something else"}, END)
        result = report(path, "--out", self.out, "--formats", "svg")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        self.assertEqual(len(table(self.out / "blas.csv")), 5)
        self.assertFalse(self.figure("blas-levels").exists())

    def test_no_interval(self):
        path = self.lines(PROVENANCE, case(low_s=None, high_s=None, peak_fraction=None),
                          case(n=200, m=200, k=200), END)
        result = report(path, "--out", self.out, "--figures", "blas-levels")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        first = points(self.figure("blas-levels"))[0]
        self.assertEqual((first["low"], first["high"], first["ceiling"]), ("", "", ""))

    def test_awkward_texts(self):
        path = self.lines(PROVENANCE, case(library='a "b", c_d^e{f}'), case(library="plain"), END)
        result = report(path, "--out", self.out)
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        self.assertEqual({p["series"] for p in points(self.figure("gflops-level3"))},
                         {"a 'b'; c_d^e{f}", "plain"})

    def test_case_measured_twice_in_one_folder_stays_one_curve(self):
        second = self.folder / "blas-2.jsonl"
        second.write_text("\n".join(map(json.dumps, (PROVENANCE, case(run="r2", gflops=2.5), END))),
                          encoding="utf-8")
        self.lines(PROVENANCE, case(), END)
        result = report(self.folder, "--out", self.out, "--figures", "gflops-level3")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        drawn = points(self.figure("gflops-level3"))
        self.assertEqual([len(drawn), len({p["series"] for p in drawn})], [2, 1])

    def test_two_machines_are_two_curves(self):
        other = self.folder / "other.jsonl"
        other.write_text("\n".join(map(json.dumps, (dict(PROVENANCE, host="m"), case(), END))),
                         encoding="utf-8")
        result = report(self.lines(PROVENANCE, case(), END), other, "--out", self.out,
                        "--figures", "gflops-level3")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        self.assertEqual({p["series"] for p in points(self.figure("gflops-level3"))}, {"n", "m"})

    def test_single_thread_study(self):
        rng = random.Random(3)
        synthetic.write_blas(self.folder, rng, [1], small=True, types="d", modes=("latency",))
        synthetic.write_peak(self.folder, rng, [1], small=True)
        result = report(self.folder, "--out", self.out, "--formats", "svg")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        for name in ("threads", "throughput", "single-vs-double"):
            self.assertFalse(self.figure(name).exists())
            self.assertIn(f"figure {name} is not drawn", result.stderr)
        self.assertTrue(self.figure("gflops-level1").exists())

    def test_only_throughput_mode(self):
        rows = [case(mode="throughput", n=n, m=n, k=n) for n in (100, 200)]
        result = report(self.lines(PROVENANCE, *rows, END), "--out", self.out, "--formats", "svg")
        self.assertEqual(result.returncode, 0 if HAS_GNUPLOT else 3, result.stderr)
        drawn = points(self.figure("gflops-level3"))
        self.assertEqual(len(drawn), 2)
        self.assertIn("one case a core", drawn[0]["subtitle"])


class Usage(Case):
    def fails(self, code, *arguments, **environment):
        result = report(*arguments, **environment)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stderr

    def test_wrong_usage(self):
        path = self.lines(PROVENANCE, case(), END)
        self.fails(2)
        self.assertIn("roofline", self.fails(2, path, "--figures", "rooflin"))
        self.assertIn("p100", self.fails(2, path, "--reference", "p10"))
        self.assertIn("h200", self.fails(2, path, "--reference", "no-such-machine"))
        self.fails(2, path, "--formats", "gif")
        self.fails(2, path, "--no-such-option")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["blas.jsonl"])

    def test_missing(self):
        self.fails(3, self.folder / "nowhere")
        self.fails(3, self.folder)

    def test_not_writable(self):
        path = self.lines(PROVENANCE, case(), END)
        self.fails(4, path, "--out", path)
        self.fails(4, path, "--out", path / "below")
        self.fails(4, path, "--out", "/proc/nowhere")

    def test_full_disk(self):
        path = self.lines(PROVENANCE, case(), END)
        self.out.mkdir()
        os.symlink("/dev/full", self.out / "blas.csv")
        self.assertIn("blas.csv", self.fails(4, path, "--out", self.out))

    def test_out_defaults_to_the_folder(self):
        path = self.lines(PROVENANCE, case(), END)
        report(path, "--figures", "blas-levels", "--formats", "svg", "--quiet")
        self.assertTrue((self.folder / "index.html").exists())

    def test_quiet(self):
        result = report(self.lines(PROVENANCE, case(), END), "--quiet", "--formats", "svg")
        self.assertEqual(result.stdout, "")

    def test_no_gnuplot(self):
        path = self.lines(PROVENANCE, case(), END)
        text = self.fails(3, path, "--out", self.out, PATH="/nonexistent")
        self.assertIn("apt install gnuplot-nox", text)
        self.assertTrue(self.figure("blas-levels").exists())
        self.assertTrue((self.out / "blas.csv").exists())
        self.assertTrue((self.out / "index.html").exists())

    @unittest.skipUnless(HAS_GNUPLOT, "no gnuplot")
    def test_gnuplot_fails(self):
        fake = self.folder / "bin"
        fake.mkdir()
        script = fake / "gnuplot"
        script.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "line 3: broken" >&2\n')
        script.chmod(0o755)
        path = self.lines(PROVENANCE, case(), END)
        text = self.fails(4, path, "--out", self.out, "--figures", "blas-levels",
                          PATH=f"{fake}:{os.environ['PATH']}")
        self.assertIn("line 3: broken", text)


class Published(unittest.TestCase):
    def test_every_figure_has_a_source_and_a_value(self):
        count = 0
        for path in (ROOT / "results/published").glob("*.csv"):
            for row in table(path):
                count += 1
                self.assertTrue(row["source"] and row["name"] and row["device"], row)
                self.assertIn(row["kind"], ("measured", "sheet"))
                values = [row[c] for c in ("gflops", "gbytes_per_s", "peak_fraction") if row[c]]
                self.assertEqual(len(values), 1, row)
                self.assertGreater(float(values[0]), 0)
        self.assertGreater(count, 30)


if __name__ == "__main__":
    BINARY = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
