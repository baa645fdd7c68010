#!/usr/bin/python3
"""Tests of `flopstep report` on the ceilings of a GPU: they have panels of their own beside those of
the processor, and what is told in seconds is in no figure of rates.

    test_gpu_ceilings.py PATH/TO/flopstep [unittest options]
"""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_report as base  # noqa: E402
from test_report import END, HAS_GNUPLOT, PROVENANCE, Case, points, report  # noqa: E402

DONE = 0 if HAS_GNUPLOT else 3


def probe(name, device="cuda", **values):
    row = base.case(command="peak", kernel=None, level=None, trans=None, m=None, n=None, k=None,
                    library=None, threads=1, device=device, probe=name, isa=None, type=None,
                    peak_fraction=None, gflops=None, gbytes_per_s=None, flops=None)
    row.update(values)
    return row


def fma(rate, type_="d", device="cuda", isa="sm_90", name="fma", **values):
    return probe(name, device, isa=isa, type=type_, gflops=rate, **values)


class Ceilings(Case):
    def drawn(self, figure, *rows):
        result = report(self.lines(PROVENANCE, *rows, END), "--out", self.out, "--formats", "svg",
                        "--figures", figure)
        self.assertEqual(result.returncode, DONE, result.stderr)
        return points(self.figure(figure))

    def test_a_bar_for_each_unit_and_type(self):
        rows = [fma(100, "s", "cpu", "avx512"), fma(50, "d", "cpu", "avx512"),
                fma(60000, "s"), fma(30000, "d"), fma(600000, "h", isa="wmma", name="tensor"),
                fma(60000, "d", isa="mma", name="tensor"),
                probe("launch", median_s=3e-6), fma(20000, "d", "cuda:1", "sm_80")]
        found = {(p["panel"], p["label"]): (float(p["x"]), float(p["y"]))
                 for p in self.drawn("fma", *rows)}
        self.assertEqual(found, {
            ("single precision", "avx512"): (1, 100), ("double precision", "avx512"): (1, 50),
            ("cuda", "sm_90 single"): (1, 60000), ("cuda", "sm_90 double"): (2, 30000),
            ("cuda", "tensor half"): (3, 600000), ("cuda", "tensor double"): (4, 60000),
            ("cuda:1", "sm_80 double"): (1, 20000)})

    def test_copies_have_a_panel_of_their_own(self):
        sets = (1 << 20, 1 << 28)
        rows = [probe("triad", "cpu", isa="avx2", type="d", gbytes_per_s=20, working_set_bytes=n,
                      memory_level="memory") for n in sets]
        rows += [probe("triad", type="d", gbytes_per_s=3000, working_set_bytes=n,
                       memory_level="L2") for n in sets]
        rows += [probe("h2d", gbytes_per_s=50, working_set_bytes=n) for n in sets]
        rows += [probe("h2d-latency", median_s=1e-5, working_set_bytes=8), fma(30000)]
        found = {(p["panel"], p["series"]): float(p["y"]) for p in self.drawn("bandwidth", *rows)}
        self.assertEqual(len(found), 3)
        panels = {panel: y for (panel, _), y in found.items()}
        self.assertEqual(sorted(panels.values()), [20, 50, 3000])
        self.assertEqual(panels["cuda"], 3000)
        self.assertEqual({s for (_, s) in found}, {"triad", "h2d"})


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    base.BINARY = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
