#!/usr/bin/python3
"""Tests of the figure of a case over minutes: panels, marks, throttled stretches, what is unknown.

    test_sustain.py PATH/TO/flopstep [unittest options]

Pictures are tested where gnuplot is installed.
"""
import pathlib
import random
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import synthetic  # noqa: E402
from test_report import HAS_GNUPLOT, report, table  # noqa: E402
import test_report as base  # noqa: E402

DONE = 0 if HAS_GNUPLOT else 3
CASE = {"command": "blas", "library": "cublas", "kernel": "gemm", "type": "d", "trans": "nn",
        "m": 8192, "n": 8192, "k": 8192}


def write_series(out, seconds, bins=100, hot=range(0), whole=True, **values):
    """A case whose rate falls from 60 to 54 TFLOP/s where it is throttled."""
    case = {**CASE, **values}
    for i in range(bins):
        slow = i in hot
        line = {"record": "sustain", "run": out.run, "time_s": (i + 0.5) * seconds / bins,
                "regions": 20, "gflops": 54e3 if slow else 60e3, "gflops_min": 53e3 if slow else 59e3,
                "gbytes_per_s": 120.0, "clock_mhz": 1700 if slow else 1980, "memory_clock_mhz": 2619,
                "power_w": 690.0, "temperature_c": 40 + 0.4 * i,
                "throttle": "power-cap;thermal" if slow else "", "throttled": slow}
        out.put({**line, **case})
    if whole:
        out.put({"record": "sustained", "run": out.run, "complete": True, "seconds": seconds,
                 "rate_ratio": 0.9, "throttled_fraction": len(hot) / bins,
                 "throttle": "power-cap;thermal" if hot else "", "power_limit_w": 700,
                 "most_clock_mhz": 1980, "gflops_per_w": 83.25, **case})


class Sustain(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep-sustain-"))
        self.out = synthetic.Writer(self.folder, "blas", random.Random(1))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def drawn(self):
        self.out.end()
        result = report(self.folder)
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertNotIn("could not draw", result.stderr)
        return sorted(f.stem for f in (self.folder / "figures").glob("sustain*.csv"))

    def rows(self, name, kind=None):
        rows = table(self.folder / "figures" / f"{name}.csv")
        return [r for r in rows if r["kind"] == kind] if kind else rows

    def text(self, name, kind):
        return self.rows(name, kind)[0]["text"]

    def picture(self, name):
        if not HAS_GNUPLOT:
            return None
        self.assertGreater((self.folder / f"figures/{name}.png").stat().st_size, 10000)
        return (self.folder / f"figures/{name}.svg").read_text(encoding="utf-8")

    def test_a_gpu_over_ten_minutes(self):
        write_series(self.out, 600, hot=range(40, 100), device="cuda")
        name = "sustain-gemm-nn-8192-double-cuda"
        self.assertEqual(self.drawn(), [name])
        self.assertEqual([r["text"] for r in self.rows(name, "panel")],
                         ["GFLOP/s", "clock (MHz)", "power (W)", "temperature (°C)"])
        points = self.rows(name, "point")
        self.assertEqual(len(points), 400)
        self.assertEqual([float(points[0][k]) for k in "xy"], [0.05, 60e3])  # minutes
        self.assertEqual(float(points[0]["value"]), 59e3)
        (span,) = self.rows(name, "throttled")
        self.assertEqual([float(span["x"]), float(span["y"])], [4, 10])
        self.assertEqual([(float(r["y"]), r["text"]) for r in self.rows(name, "mark")],
                         [(1980, "highest 1980"), (700, "limit 700")])
        self.assertEqual(self.text(name, "verdict"), "rate over the last 60 s: 90.0 % of that over "
                         "the first 60 s · 83.2 GFLOP/s per watt")
        self.assertIn("60 % of the time (power-cap thermal)", self.text(name, "note"))
        self.assertEqual(self.text(name, "axis"), "time (min)")
        svg = self.picture(name)
        if svg:
            for words in ("GFLOP/s", "temperature", "limit 700", "90.0 %", "shaded"):
                self.assertIn(words, svg)

    def test_what_is_unknown_is_left_out(self):
        unknown = {k: None for k in ("power_w", "temperature_c", "throttle", "throttled",
                                     "throttled_fraction", "power_limit_w", "most_clock_mhz",
                                     "gflops_per_w", "memory_clock_mhz")}
        write_series(self.out, 60, device="cpu", threads=2, **unknown)
        name = "sustain-gemm-nn-8192-double"
        self.assertEqual(self.drawn(), [name])
        self.assertEqual([r["text"] for r in self.rows(name, "panel")], ["GFLOP/s", "clock (MHz)"])
        self.assertEqual(self.text(name, "unknown"), "power and temperature")
        self.assertEqual(self.rows(name, "throttled") + self.rows(name, "mark"), [])
        self.assertNotIn("throttled", self.text(name, "note"))
        self.assertEqual(self.text(name, "axis"), "time (s)")
        svg = self.picture(name)
        if svg:
            self.assertIn("unknown here: power and temperature", svg)
            self.assertNotIn("shaded", svg)

    def test_each_case_has_its_own(self):
        write_series(self.out, 60, device="cuda")
        write_series(self.out, 60, bins=5, device="cuda", type="s", whole=False)  # interrupted
        write_series(self.out, 60, device="cuda", kernel="copy", trans=None, m=None, k=None,
                     gflops=None, gflops_min=None)
        write_series(self.out, 60, device="cuda", kernel="copy", trans=None, m=None, k=None,
                     gflops=None, gflops_min=None)  # the same once more
        names = ["sustain-copy-8192-double-cuda", "sustain-copy-8192-double-cuda-2",
                 "sustain-gemm-nn-8192-double-cuda", "sustain-gemm-nn-8192-single-cuda"]
        self.assertEqual(self.drawn(), names)
        self.assertEqual(self.text(names[0], "panel"), "GB/s")
        self.assertEqual(self.text(names[3], "verdict"), "interrupted")
        self.assertIn("never throttled", self.text(names[2], "note"))
        for name in names:
            self.assertEqual(len(self.rows(name, "point")), 20 if "single" in name else 400)

    def test_flicker_is_many_stretches(self):
        write_series(self.out, 60, hot=range(0, 100, 2), device="cuda")
        (name,) = self.drawn()
        spans = self.rows(name, "throttled")
        self.assertEqual(len(spans), 50)
        self.assertEqual([float(spans[0]["x"]), float(spans[0]["y"])], [0, 0.6])
        self.picture(name)

    def test_strange_lines_are_no_crash(self):
        write_series(self.out, 60, bins=1, device="cuda")
        self.out.put({"record": "sustain", "run": self.out.run, "command": "blas"})
        self.out.put({"record": "sustain", "run": self.out.run, "command": "blas", "time_s": "1"})
        self.out.put({"record": "sustained", "run": self.out.run, "command": "blas"})
        write_series(self.out, 60, gflops=None, gbytes_per_s=None, device="cuda", type="s")
        self.assertEqual(self.drawn(), ["sustain-gemm-nn-8192-double-cuda"])


if __name__ == "__main__":
    base.BINARY = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
