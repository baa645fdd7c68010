#!/usr/bin/env python3
"""flopstep peak on a GPU, emulated on the host: every probe has its row, counts are those of the
formulas, and what cannot be measured says why. No test looks at a time.

usage: test_cuda_peak.py PATH/TO/flopstep, with the emulated module in FLOPSTEP_EMULATED
"""
import json
import os
import pathlib
import tempfile
import unittest

import cli

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))
MODULE = os.environ.get("FLOPSTEP_EMULATED", "")
SHORT = ("--time-budget", "0.005", "--max-samples", "3", "--quiet")
SMALL = (*SHORT, "--working-sets", "100000")
SET = 100000 // 3072 * 3072  # whole blocks of one, two and three arrays
# bytes counted for each byte of the working set
STREAMS = {"copy": 1, "scale": 1, "add": 1, "triad": 1, "load": 1, "update": 2, "axpy": 1.5}
COPIES = ["h2d", "d2h", "h2d-pageable", "d2h-pageable"]
WAITS = ["h2d-latency", "d2h-latency", "launch", "launch-sync", "graph-launch"]
TENSOR = ["h", "bf16", "tf32", "d"]


@unittest.skipUnless(pathlib.Path(MODULE).is_file(), "no emulated CUDA module")
class CudaPeak(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def peak(self, *arguments, emulate="not-strict", code=0):
        """The run and its records, which fit the schema."""
        done = cli.run("peak", *arguments, "--out", self.folder / "out", cwd=self.folder,
                       env={"FLOPSTEP_CUDA_MODULE": MODULE, "FLOPSTEP_EMULATE": emulate})
        self.assertEqual(done.returncode, code, done.stderr)
        path = self.folder / "out/peak.jsonl"
        lines = cli.records(path) if path.exists() else []
        if jsonschema:
            for line in lines:
                jsonschema.Draft7Validator(SCHEMA).validate(line)
        return done, lines

    def by_probe(self, lines):
        found = {}
        for row in cli.cases(lines):
            found.setdefault(row["probe"], []).append(row)
        return found

    def test_every_probe_has_its_rows(self):
        # strict: a probe that touched the device's memory from the host would die
        _, lines = self.peak("--device", "cuda", *SMALL, emulate="strict")
        found = self.by_probe(lines)
        self.assertEqual(sorted(found), sorted(["fma", "tensor", *STREAMS, *COPIES, *WAITS]))
        self.assertEqual([row["type"] for row in found["fma"]], ["s", "d"])
        self.assertEqual({row["isa"] for row in found["fma"]}, {"sm_90"})
        self.assertEqual([row["type"] for row in found["tensor"]], TENSOR)
        for row in cli.cases(lines):
            self.assertEqual((row["device"], row["threads"]), ("cuda-emulated", 1))
            skipped = row["probe"] == "tensor"  # the host has none
            self.assertEqual(row["status"], "skipped" if skipped else "ok", row)
            self.assertEqual(bool(row["reason"]), skipped)
        self.assertEqual([d["name"] for d in lines[0]["devices"]], ["cuda-emulated"])

    def test_counts_and_rates(self):
        _, lines = self.peak("--device", "cuda", *SMALL)
        found = self.by_probe(lines)
        for row in found["fma"]:
            self.assertGreater(row["flops"], 0)
            self.assertAlmostEqual(row["gflops"], row["flops"] / row["median_s"] * 1e-9, 6)
            self.assertIsNone(row["gbytes_per_s"])
            self.assertIsNone(row["working_set_bytes"])
        for probe, times in STREAMS.items():
            for row in found[probe]:
                self.assertEqual(row["working_set_bytes"], SET)
                self.assertEqual(row["bytes"], times * SET)
                self.assertEqual((row["type"], row["isa"]), ("d", None))
                self.assertEqual(row["memory_level"], "L2")
        for probe in COPIES:
            self.assertEqual([row["bytes"] for row in found[probe]], [100000])
            self.assertIsNone(found[probe][0]["memory_level"])
        for probe in [*STREAMS, *COPIES]:
            for row in found[probe]:
                self.assertIsNone(row["gflops"])
                self.assertTrue(abs(row["gbytes_per_s"] * row["median_s"] * 1e9 / row["bytes"] - 1)
                                < 1e-6)
        for probe in WAITS:
            (row,) = found[probe]
            self.assertGreater(row["median_s"], 0)
            self.assertEqual((row["gflops"], row["gbytes_per_s"], row["flops"], row["bytes"]),
                             (None,) * 4)
            self.assertEqual(row["working_set_bytes"], 8 if probe.endswith("latency") else None)

    def test_the_list_of_cases_is_what_runs(self):
        for device in "cuda", "all":
            with self.subTest(device):
                asked = ("--device", device, "--threads", "1", *SMALL)
                done, _ = self.peak(*asked, "--dry-run", "--format", "csv")
                listed = [{**row} for row in cli.csv_rows(done.stdout)]
                done, _ = self.peak(*asked, "--format", "csv")
                ran = cli.csv_rows(done.stdout)
                keys = "device threads type probe isa working_set_bytes".split()
                self.assertEqual(sorted([row[k] for k in keys] for row in listed),
                                 sorted([row[k] for k in keys] for row in ran))

    def test_default_working_sets_go_from_cache_to_memory(self):
        done, _ = self.peak("--device", "cuda", "--probes", "triad,h2d", "--dry-run", "--format",
                            "csv")
        sets = {"triad": [], "h2d": []}
        for row in cli.csv_rows(done.stdout):
            sets[row["probe"]].append(int(row["working_set_bytes"]))
        self.assertEqual(sets["triad"], sorted(sets["triad"]))
        self.assertGreaterEqual(len(sets["triad"]), 4)
        self.assertGreaterEqual(max(sets["triad"]), 32 << 20)
        self.assertEqual(sets["h2d"], [1 << 16, 1 << 20, 1 << 24, 1 << 26])

    def test_all_takes_what_there_is(self):
        asked = ("--device", "all", "--probes", "triad", "--threads", "1", *SMALL)
        _, lines = self.peak(*asked, emulate="devices=2,not-strict")
        self.assertEqual([row["device"] for row in cli.cases(lines)],
                         ["cpu", "cuda-emulated", "cuda-emulated:1"])
        (self.folder / "out/peak.jsonl").unlink()
        _, lines = self.peak(*asked, emulate="devices=0")
        self.assertEqual([row["device"] for row in cli.cases(lines)], ["cpu"])

    def test_too_large_a_working_set_is_skipped(self):
        _, lines = self.peak("--device", "cuda", "--probes", "triad,h2d", *SHORT, "--working-sets",
                             "96Ki,8192Mi,64Ki", emulate="memory=256M,not-strict")
        rows = cli.cases(lines)
        self.assertEqual([row["status"] for row in rows], ["ok", "skipped", "ok"] * 2)
        self.assertRegex(rows[1]["reason"], r"needs 8\.59 GB, 0\.\d+ GB of memory are free")

    def test_memory_that_is_refused(self):
        """Though there is room: that of the sweep's working sets, and that of one case."""
        _, lines = self.peak("--device", "cuda", "--probes", "fma,triad,h2d", *SHORT,
                             "--working-sets", "1Mi", emulate="refuse-after=4,not-strict")
        rows = {row["probe"]: row for row in cli.cases(lines)}
        self.assertEqual(rows["fma"]["status"], "ok")
        for probe in "triad", "h2d":
            self.assertEqual(rows[probe]["status"], "skipped")
            self.assertEqual(rows[probe]["reason"], "cuda-emulated refused 0.00105 GB of memory")

    def test_reasons_stand_behind_the_columns(self):
        done, _ = self.peak("--device", "cuda", "--probes", "fma,tensor", *SMALL)
        head, *lines = done.stdout.splitlines()
        self.assertTrue(head.startswith("probe "))
        found = [(line.split()[0], line[head.index("type"):].split()[0]) for line in lines]
        self.assertEqual(sorted(found), sorted([("fma", "s"), ("fma", "d")] +
                                               [("tensor", type_) for type_ in TENSOR]))
        for line in lines:
            if line.startswith("tensor"):
                self.assertTrue(line[head.index("flags"):].startswith("skipped: this device"), line)

    def test_a_lost_device_ends_the_sweep(self):
        asked = ("--device", "cuda", "--probes", "fma,triad,d2h-latency,launch,launch-sync", *SMALL)
        done, lines = self.peak(*asked, emulate="lost-after=3000,not-strict", code=1)
        rows = {(row["probe"], row["type"]): row for row in cli.cases(lines)}
        self.assertEqual([row["status"] for row in rows.values()],
                         ["ok", "ok", "ok", "skipped", "failed", "skipped"])
        self.assertIn("illegal", rows["launch", None]["reason"])
        self.assertIn("the device is lost", rows["launch-sync", None]["reason"])
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(lines[-1]["record"], "end")

    def test_a_device_that_is_lost_at_once(self):
        _, lines = self.peak("--device", "cuda", "--probes", "triad,launch", *SMALL,
                             emulate="lost-after=2,not-strict", code=1)
        self.assertEqual([row["status"] for row in cli.cases(lines)], ["failed", "skipped"])

    def test_the_processor_is_measured_though_the_gpu_is_lost(self):
        _, lines = self.peak("--device", "all", "--probes", "triad", "--threads", "1", *SMALL,
                             emulate="lost-after=3,not-strict", code=1)
        self.assertEqual([(row["device"], row["status"]) for row in cli.cases(lines)],
                         [("cpu", "ok"), ("cuda-emulated", "failed")])

    def test_what_is_not_there(self):
        for arguments, code, words in (
            (("--device", "cpu", "--probes", "tensor"), 3, "no such probe"),
            (("--device", "cuda", "--probes", "copy-nt"), 3, "no such probe"),
            (("--device", "cuda", "--probes", "launhc"), 2, "'launch'"),
            (("--device", "cuda:7", "--probes", "triad"), 3, "cuda:7"),
            (("--device", "cuda", "--cold"), 2, "--working-sets"),
        ):
            with self.subTest(arguments):
                done, lines = self.peak(*arguments, *SMALL, code=code)
                self.assertIn(words, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)
                self.assertEqual(lines, [])

    def test_nothing_could_run(self):
        _, lines = self.peak("--device", "cuda", "--probes", "tensor", *SMALL, code=3)
        self.assertEqual({row["status"] for row in cli.cases(lines)}, {"skipped"})


if __name__ == "__main__":
    cli.main()
