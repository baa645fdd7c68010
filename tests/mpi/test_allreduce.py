"""flopstep allreduce on 2, 3, 4 and 7 ranks: every algorithm sums exactly, whatever does not divide; the
numbers of a line agree with each other; a wrong sum is found; models and predictions are told."""
import json
import math
import pathlib
import subprocess
import tempfile
import unittest

import launch
import cli

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))
PROMISED = cli.COMMON_COLUMNS + "algorithm bytes algbw busbw check_error".split()
QUICK = ("--time-budget", "0.001", "--max-samples", "1", "--quiet")
# One number, fewer numbers than ranks, odd counts, several segments with a short one at the end.
# Ranks that share cores wait for each other at every step, so the more of them the fewer cases.
CASES = {2: ("8,40,1000,131080,1200008", "s,d"), 3: ("8,1000,1200008", "s"), 4: ("8,1000,1200008", "d"),
         7: ("8,40,1200008", "s")}
ALGORITHMS = ("library", "ring", "reproducible", "shared")


class Allreduce(launch.RankTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="flopstep-allreduce-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def measure(self, ranks, *arguments, code=0, **options):
        """The lines of a run's results, with what it printed."""
        before = set(self.folder.rglob("*.jsonl"))
        told = launch.run(ranks, "allreduce", *QUICK, "--out", self.folder / "out", *arguments,
                          cwd=self.folder, **options)
        self.assertEqual(told.returncode, code, told.stderr[-3000:])
        new, = set(self.folder.rglob("*.jsonl")) - before
        lines = cli.records(new)
        if jsonschema:
            validator = jsonschema.Draft7Validator(SCHEMA)
            for line in lines:
                self.assertTrue(validator.is_valid(line), json.dumps(line)[:2000])
        return lines, told

    def refused(self, code, words, *arguments, ranks=2):
        told = launch.run(ranks, "allreduce", "--quiet", "--out", self.folder / "out", *arguments,
                          cwd=self.folder)
        self.assertEqual(told.returncode, code, told.stderr)
        line = [text for text in told.stderr.splitlines() if text.startswith("flopstep: ")]
        self.assertEqual(len(line), 1, told.stderr)
        for word in words:
            self.assertIn(word, line[0])
        self.assertFalse(list(self.folder.rglob("*.jsonl")))

    def test_every_sum_is_exact(self):
        for ranks, (sizes, types) in CASES.items():
            with self.subTest(ranks=ranks):
                lines, _ = self.measure(ranks, "--sizes", sizes, "--network", "none", "--types", types)
                rows = cli.cases(lines)
                self.assertEqual([r["reason"] for r in rows if r["status"] != "ok"], [])
                for row in rows:
                    self.assertEqual(row["check_error"], 0)
                    self.check_rates(row)
                whole = {(r["algorithm"], r["type"], r["bytes"]) for r in rows if r["ranks"] == ranks}
                wanted = {(a, t, int(n)) for a in ALGORITHMS for t in types.split(",")
                          for n in sizes.split(",")}
                self.assertEqual(wanted - whole, set())
                numbers = {2: {2}, 3: {2, 3}, 4: {2, 4}, 7: {2, 4, 7}}[ranks]
                self.assertEqual({r["ranks"] for r in rows if r["algorithm"] == "ring"}, numbers)
                self.assertEqual({r["ranks"] for r in rows if r["algorithm"] == "p2p-intra"}, {2})

    def check_rates(self, row):
        p, rate = row["ranks"], row["bytes"] / row["median_s"] / 1e9
        factor = 1 if row["algorithm"].startswith("p2p") else 2 * (p - 1) / p
        self.assertTrue(math.isclose(row["algbw"], rate, rel_tol=1e-10), row)
        self.assertTrue(math.isclose(row["busbw"], rate * factor, rel_tol=1e-10), row)
        self.assertEqual(row["gbytes_per_s"], row["algbw"])
        self.assertEqual(len(row["samples_s"]), row["samples"])
        self.assertEqual((row["nodes"], row["link"]), (1, "intra"))

    def test_samples_of_all_ranks(self):
        lines, _ = self.measure(3, "--sizes", "1200", "--network", "none", "--algorithm", "ring")
        for row in cli.cases(lines):
            if row["ranks"] < 3 or row["algorithm"] == "p2p-intra":
                self.assertNotIn("rank_samples_s", row)
                continue
            self.assertEqual([len(own) for own in row["rank_samples_s"]], [row["samples"]] * 3)
            self.assertIn(row["slowest_rank"], (0, 1, 2))

    def test_networks(self):
        """The exact gradients: weights and biases, of the element's size."""
        lines, _ = self.measure(2, "--sizes", "8", "--network", "softmax,784-20relu-10softmax", "--types", "s,d",
                                "--algorithm", "library")
        sizes = {(r["network"], r["type"], r["bytes"]) for r in cli.cases(lines) if r["network"]}
        parameters = {"softmax": 784 * 10 + 10, "784-20relu-10softmax": 784 * 20 + 20 + 20 * 10 + 10}
        self.assertEqual(sizes, {(name, letter, count * width) for name, count in parameters.items()
                                 for letter, width in (("s", 4), ("d", 8))})
        named, _ = self.measure(2, "--sizes", "8", "--algorithm", "shared")
        self.assertIn(("cnn", 4 * 1192042), {(r["network"], r["bytes"]) for r in cli.cases(named)})

    def test_csv(self):
        told = launch.run(2, "allreduce", *QUICK, "--sizes", "4,400", "--network", "none", "--format", "csv",
                          "--out", self.folder / "out", cwd=self.folder)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual([c for c in PROMISED if c not in told.stdout.splitlines()[0].split(",")], [])
        rows = cli.csv_rows(told.stdout)
        lines = cli.cases(cli.records(self.folder / "out/allreduce.jsonl"))
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines):
            for column, text in row.items():
                self.assertTrue(cli.same(text, line[column]), (column, text, line[column]))

    def test_models_and_predictions(self):
        lines, told = self.measure(2, "--sizes", "4:16Mi:x4", "--network", "softmax", "--predict", "2,16,4096",
                                   "--batch", "16", "--threads", "1")
        models = {(m["algorithm"], m["model"]): m for m in lines if m["record"] == "model"}
        self.assertEqual(set(models), {("p2p-intra", "p2p"), ("library", "recursive-doubling"),
                                       ("library", "rabenseifner"), ("library", "ring"), ("ring", "ring"),
                                       ("reproducible", "ring")})
        for model in models.values():
            self.assertEqual(model["held_out_bytes"], [4 << 20, 16 << 20])
            self.assertGreater(model["alpha_s"] + model["beta_s_per_byte"], 0)
            self.assertGreater(model["gamma_s_per_byte"], 0)
            self.assertIsNotNone(model["prediction_error"])
            for name in ("alpha{}_s", "beta{}_s_per_byte"):
                low, middle, high = (model[name.format(end)] for end in ("_low", "", "_high"))
                if low is not None:
                    self.assertLessEqual(low, middle)
                    self.assertLessEqual(middle, high)
        predicted = [p for p in lines if p["record"] == "prediction"]
        self.assertEqual([p["ranks"] for p in predicted], [2, 16, 4096])
        self.assertEqual([p["extrapolated"] for p in predicted], [False, True, True])
        for p in predicted:
            self.assertEqual((p["network"], p["parameters"], p["batch"]), ("softmax", 7850, 16))
            self.assertLessEqual(p["compute_s"], p["step_low_s"] * (1 + 1e-9))
            self.assertLessEqual(p["step_low_s"], p["step_s"])
            self.assertLessEqual(p["step_s"], p["step_high_s"])
            for end, step in (("", "step_s"), ("_low", "step_high_s"), ("_high", "step_low_s")):
                self.assertTrue(math.isclose(p["efficiency" + end], p["compute_s"] / p[step], rel_tol=1e-9))
            m = models[("library", p["model"])]
            doublings = math.ceil(math.log2(p["ranks"]))
            share = (p["ranks"] - 1) / p["ranks"]
            rounds, moved, added = {"recursive-doubling": (doublings,) * 3,
                                    "rabenseifner": (2 * doublings, 2 * share, share),
                                    "ring": (2 * (p["ranks"] - 1), 2 * share, share)}[p["model"]]
            seconds = rounds * m["alpha_s"] + 4 * 7850 * (moved * m["beta_s_per_byte"] +
                                                          added * m["gamma_s_per_byte"])
            self.assertTrue(math.isclose(p["allreduce_s"], seconds, rel_tol=1e-6), (p, m))
        self.assertIn("extrapolation", told.stdout)
        self.assertIn("the network between nodes was not measured", told.stdout)

    def test_a_wrong_sum_is_found(self):
        """An MPI whose sums are off by one in one element, on one rank, of large arrays."""
        fault = pathlib.Path(cli.BINARY).parent / "tests/fakes/libwrong_sums.so"
        if not fault.exists():
            self.skipTest(f"{fault} was not built")
        if b"__asan_init" in pathlib.Path(cli.BINARY).read_bytes():
            self.skipTest("sanitizers want to be the first that is preloaded")
        lines, told = self.measure(2, "--sizes", "400,40000", "--network", "none", code=1,
                                   env={"LD_PRELOAD": str(fault)})
        for row in cli.cases(lines):
            wrong = row["algorithm"] == "library" and row["bytes"] == 40000
            self.assertEqual(row["status"], "failed" if wrong else "ok", row)
            if wrong:
                self.assertEqual((row["check_error"], row["median_s"], row["samples"]), (1, None, 0))
                self.assertIn("off by 1", row["reason"])
        self.assertIn("1 of 10 cases failed", told.stderr)

    def test_unchecked(self):
        lines, _ = self.measure(2, "--sizes", "400", "--network", "none", "--no-check", "--algorithm", "ring")
        for row in cli.cases(lines):
            self.assertIsNone(row["check_error"])
            self.assertIn("unchecked", row["flags"])

    def test_too_large(self):
        """Asked for by name it is skipped with its reason, and the rest is measured."""
        lines, _ = self.measure(2, "--sizes", "400,4000000000000", "--network", "none", "--algorithm", "ring")
        told = {(r["bytes"], r["status"]) for r in cli.cases(lines)}
        self.assertEqual(told, {(400, "ok"), (4000000000000, "skipped")})
        self.assertTrue(all("memory" in r["reason"] for r in cli.cases(lines) if r["status"] == "skipped"))

    def test_dry_run(self):
        told = launch.run(2, "allreduce", "--dry-run", "--sizes", "4,8", "--network", "cnn", "--format", "csv",
                          cwd=self.folder)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual({r["bytes"] for r in cli.csv_rows(told.stdout)}, {"4", "8", "4768168"})
        self.assertEqual(list(self.folder.rglob("*")), [])

    def test_usage(self):
        self.refused(2, ["--sizes", "not a shape"], "--sizes", "8x8")
        self.refused(2, ["--sizes", "6 bytes", "multiples of 4"], "--sizes", "6")
        self.refused(2, ["multiples of 8"], "--sizes", "4", "--types", "s,d")
        self.refused(2, ["--algorithm", "did you mean 'ring'"], "--algorithm", "rink")
        self.refused(2, ["--network", "flopstep list networks"], "--network", "nosuchnet")
        self.refused(2, ["--predict", "1"], "--predict", "1")
        self.refused(2, ["--predict", "--network"], "--predict", "16", "--network", "none")
        self.refused(2, ["--cold"], "--cold")
        self.refused(3, ["nosuchblas"], "--predict", "4", "--blas", "nosuchblas.so")

    def test_one_rank(self):
        told = subprocess.run([cli.BINARY, "allreduce"], cwd=self.folder, text=True, capture_output=True,
                              timeout=60, check=False, env=cli.environment(SLURM_JOB_ID=None))
        self.assertEqual((told.returncode, told.stdout), (3, ""))
        self.assertIn("mpirun -n 2 flopstep allreduce", told.stderr)
        self.refused(3, ["mpirun -n 2 flopstep allreduce"], ranks=1)


if __name__ == "__main__":
    launch.main()
