#!/usr/bin/python3
"""Results of real runs: every line fits the schema, the numbers of a line agree with each other,
and the CSV says the same."""
import copy
import json
import math
import statistics
import sys

import cli

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing")
    sys.exit(77)

SCHEMA = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))


def branch(record):
    """The part of the schema for such a line: its errors say more than those of oneOf."""
    name = record.get("record")
    name = f"case_of_{record.get('command')}" if name == "case" else name
    return jsonschema.Draft7Validator({"$ref": f"#/definitions/{name}",
                                       "definitions": SCHEMA["definitions"]})


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-10)  # numbers are written with 12 digits


class Results(cli.Case):
    def check_file(self, lines):
        for line in lines:
            for error in branch(line).iter_errors(line):
                self.fail(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
            jsonschema.Draft7Validator(SCHEMA).validate(line)
        self.assertEqual([line["record"] for line in lines],
                         ["provenance"] + ["case"] * (len(lines) - 2) + ["end"])
        rows = cli.cases(lines)
        for row in rows:
            self.assertEqual([row["run"], row["command"]], [lines[0]["run"], lines[0]["command"]])
            self.check_case(row)
        end = lines[-1]
        self.assertEqual(end["cases"], len(rows))
        for status in ("ok", "failed", "skipped"):
            self.assertEqual(end[status], sum(row["status"] == status for row in rows))
        if "rounds_s" in end:
            self.assertLessEqual(end["rounds_s"], end["wall_s"])

    def check_case(self, row):
        if row["status"] != "ok":
            return
        samples = row["samples_s"]
        self.assertEqual(len(samples), row["samples"])
        self.assertTrue(close(statistics.median(samples), row["median_s"]))
        self.assertEqual(min(samples), row["min_s"])
        self.assertEqual(row["low_s"] is None, row["high_s"] is None)
        if row["low_s"] is not None:
            self.assertLessEqual(row["min_s"], row["low_s"])
            self.assertLessEqual(row["low_s"], row["median_s"])
            self.assertLessEqual(row["median_s"], row["high_s"])
            self.assertLessEqual(row["high_s"], max(samples))
        for work, rate in (("flops", "gflops"), ("bytes", "gbytes_per_s")):
            if row[work]:
                self.assertTrue(close(row[work] / row["median_s"] / 1e9, row[rate]), row)
            else:
                self.assertIsNone(row[rate])
        if row["command"] == "blas" and row["peak_fraction"] is not None:
            rate = row["gflops"] if row["ceiling"].startswith("fma") else row["gbytes_per_s"]
            self.assertTrue(close(rate / row["ceiling_rate"], row["peak_fraction"]), row)
        if row.get("check_error") is not None:
            self.assertLessEqual(row["check_error"], row["check_bound"])

    def test_schema_is_one(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        for command, columns in cli.PROMISED_COLUMNS.items():
            required = SCHEMA["definitions"]["case"]["required"] + next(
                part["required"] for part in SCHEMA["definitions"][f"case_of_{command}"]["allOf"]
                if "required" in part)
            self.assertEqual(set(columns) - set(required), set())

    def test_every_kernel(self):
        lines = self.blas("--kernels", "all", "--types", "s,d", "--blas", "naive,blocked",
                          "--trans", "n,t,nn,tt", "--uplo", "l,u", "--threads", "1",
                          "--time-budget", "0.001", "--sizes", "9")
        self.check_file(lines)
        rows = cli.cases(lines)
        self.assertEqual({row["status"] for row in rows}, {"ok"})
        names = {line.split()[0] for line in self.works("list", "kernels").stdout.splitlines()[1:]}
        self.assertEqual({row["kernel"] for row in rows}, names)
        self.assertEqual(len(names), 16)
        shapes = {(r["kernel"], r["trans"], r["uplo"], r["type"], r["library"]) for r in rows}
        self.assertEqual(len(shapes), len(rows), "a case was measured twice")
        gflops = {row["kernel"] for row in rows if row["gflops"] is None}
        self.assertEqual(gflops, {"copy"})

    def test_libraries_side_by_side(self):
        names = cli.usable_libraries()
        self.assertEqual(names[:2], ["naive", "blocked"])
        # LeakSanitizer's look at the end can stumble over the threads of foreign runtimes.
        lines = self.blas("--kernels", "axpy,gemm", "--blas", ",".join(names),
                          env={"ASAN_OPTIONS": "detect_leaks=0"})
        self.check_file(lines)
        listed = [library["name"] for library in lines[0]["blas"]]
        self.assertEqual(len(set(listed)), len(listed), "one library, several names")
        self.assertEqual({row["library"] for row in cli.cases(lines)}, set(listed))
        self.assertEqual({row["status"] for row in cli.cases(lines)}, {"ok"})

    def test_cold(self):
        lines = self.blas("--kernels", "axpy,gemv,gemm", "--cold", "--blas", "naive")
        self.check_file(lines)
        for row in cli.cases(lines):
            self.assertIs(row["cold"], True)
            self.assertIn("cold", row["flags"].split(";"))

    def test_throughput(self):
        lines = self.blas("--kernels", "axpy,gemm", "--mode", "throughput", "--blas", "naive")
        self.check_file(lines)
        for row in cli.cases(lines):
            n, calls = row["n"], row["threads"]
            self.assertEqual(row["mode"], "throughput")
            self.assertEqual(row["flops"], (2 * n ** 3 if row["kernel"] == "gemm" else 2 * n) * calls)

    def test_no_check(self):
        lines = self.blas("--kernels", "copy,dot,gemm", "--no-check", "--blas", "blocked")
        self.check_file(lines)
        for row in cli.cases(lines):
            self.assertIsNone(row["check_error"])
            self.assertIn("unchecked", row["flags"].split(";"))

    def test_strides_of_every_library(self):
        names = [name for name in cli.usable_libraries() if name != "openblas"]
        for incx, incy in (("-3", "2"), ("2", "-1")):
            lines = self.blas("--kernels", "level1,level2", "--types", "s,d", "--sizes", "1,9",
                              "--incx", incx, "--incy", incy, "--blas", ",".join(names), "--trans",
                              "n,t", "--time-budget", "0.0001", "--max-samples", "3", "--threads", "1",
                              env={"ASAN_OPTIONS": "detect_leaks=0"})
            self.check_file(lines)
            self.assertEqual(lines[-1]["failed"], 0)

    def test_strides_and_coefficients(self):
        lines = self.blas("--kernels", "all", "--lda", "+3", "--incx", "-2", "--incy", "3",
                          "--alpha", "0.5", "--beta", "-2", "--fill", "0:1", "--blas", "naive",
                          "--types", "s,d", "--sizes", "7")
        self.check_file(lines)
        for row in cli.cases(lines):
            # BLAS returns at once, with nothing done, where these walk backwards.
            status = "skipped" if row["kernel"] in ("scal", "nrm2", "asum") else "ok"
            self.assertEqual([row["status"], row["incx"], row["incy"], row["alpha"], row["beta"]],
                             [status, -2, 3, 0.5, -2])
            self.assertEqual(row["lda"], None if row["level"] == 1 else 10)
            self.assertEqual(row["lda_asked"], "N+3")
        self.assertEqual(lines[0]["settings"]["fill"], [0, 1])

    def test_shapes(self):
        row, = cli.cases(self.blas("--kernels", "gemm", "--sizes", "5x6x7", "--trans", "tn",
                                   "--blas", "naive"))
        self.assertEqual([row[key] for key in ("m", "n", "k", "trans", "flops", "lda")],
                         [5, 6, 7, "tn", 2 * 5 * 6 * 7, 7])
        self.assertEqual(row["bytes"], 8 * (5 * 7 + 7 * 6 + 2 * 5 * 6))

    def test_known_work(self):
        """FLOP and bytes at N = 10 in double precision, counted by hand."""
        known = {"copy": (0, 160), "scal": (10, 160), "axpy": (20, 240), "dot": (20, 160),
                 "nrm2": (20, 80), "asum": (10, 80), "gemv": (200, 1040), "ger": (200, 1760),
                 "symv": (200, 680), "trsv": (100, 600), "gemm": (2000, 3200),
                 "symm": (2000, 2840), "syrk": (1100, 1680), "trmm": (1000, 2040),
                 "trsm": (1000, 2040), "gemm_strided_batched": (16 * 2000, 16 * 3200)}
        rows = cli.cases(self.blas("--kernels", "all", "--sizes", "10", "--blas", "naive",
                                   "--time-budget", "0.001"))
        self.assertEqual({row["kernel"]: (row["flops"], row["bytes"]) for row in rows}, known)

    def test_what_a_library_lacks(self):
        """Left out of a level with a note, an error where it was asked for by its name."""
        path = cli.library_paths().get("lacks_symbols")
        if not path:
            self.skipTest("the broken libraries were not built")
        lines = self.blas("--kernels", "level1", "--blas", path)
        self.assertEqual({row["kernel"] for row in cli.cases(lines)}, {"axpy"})
        notes = [line for line in self.result.stdout.splitlines() if line.startswith("note: ")]
        self.assertEqual(len(notes), 5)
        self.assertIn("note: lacks_symbols has no cblas_dcopy: copy is left out there", notes)
        self.assertEqual(lines[0]["left_out"], [note[len("note: "):] for note in notes])
        self.fails(3, "blas", "--kernels", "level1,dot", "--blas", path, "--out", self.folder,
                   words=("has no cblas_ddot", "--blas"), keeps=True)
        self.fails(3, "blas", "--kernels", "level3", "--blas", path, "--out", self.folder,
                   words=("nothing can run", "cblas_dgemm"), keeps=True)

    def test_batched_products(self):
        rows = cli.cases(self.blas("--kernels", "gemm_strided_batched", "--sizes", "5x6x7", "--batch",
                                   "3", "--lda", "+2", "--trans", "tn", "--blas", "naive,blocked"))
        for row in rows:
            self.assertEqual([row[key] for key in ("m", "n", "k", "batch", "flops", "lda", "status")],
                             [5, 6, 7, 3, 3 * 2 * 5 * 6 * 7, 9, "ok"])
        self.assertEqual(len(rows), 2)

    def test_peak(self):
        result = self.works("peak", "--time-budget", "0.002", "--working-sets", "16Ki,64Ki",
                            "--out", self.out, "--format", "csv")
        lines = cli.records(self.out / "peak.jsonl")
        self.check_file(lines)
        self.check_csv("peak", result.stdout, lines)
        probes = {row["probe"] for row in cli.cases(lines)}
        for name in ("fma", "copy", "scale", "add", "triad"):
            self.assertIn(name, probes)
        for row in cli.cases(lines):
            if row["probe"] == "fma":
                continue
            self.assertLessEqual(row["working_set_bytes"], 65536)

    def test_peak_at_its_defaults_reaches_memory(self):
        result = self.works("peak", "--dry-run", "--probes", "triad", "--format", "csv")
        rows = cli.csv_rows(result.stdout)
        largest = max(int(row["working_set_bytes"]) for row in rows)
        self.assertGreaterEqual(largest, 256e6 * 0.999)

    def check_csv(self, command, text, lines):
        rows = cli.csv_rows(text)
        header = text.split("\n", 1)[0].split(",")
        promised = cli.PROMISED_COLUMNS[command]
        self.assertEqual(header[:len(promised)], promised)
        self.assertEqual(len(set(header)), len(header))
        wanted = cli.cases(lines)
        self.assertEqual(len(rows), len(wanted))
        for row, record in zip(rows, wanted):
            self.assertEqual(set(record) - set(header), {"record", "samples_s"})
            for column in header:
                self.assertTrue(cli.same(row[column], record[column]),
                                f"{column}: CSV {row[column]!r}, JSON {record[column]!r}")

    def test_csv(self):
        lines = self.blas("--kernels", "copy,gemv,gemm", "--types", "s,d", "--format", "csv",
                          "--blas", "naive,blocked")
        self.check_csv("blas", self.result.stdout, lines)

    def test_jsonl_is_the_file(self):
        self.blas("--format", "jsonl", "--blas", "naive")
        file, = self.folder.rglob("*.jsonl")
        self.assertEqual(self.result.stdout, file.read_text(encoding="utf-8"))
        result = self.works("peak", "--time-budget", "0.002", "--probes", "fma", "--threads", "1",
                            "--format", "jsonl", "--out", self.out)
        self.assertEqual(result.stdout, (self.out / "peak.jsonl").read_text(encoding="utf-8"))

    def test_recipe_keeps_standard_output_clean(self):
        for form in ("csv", "jsonl"):
            lines = self.blas("--recipe", "blas-levels", "--blas", "naive", "--format", form)
            self.assertEqual(len(self.result.stdout.splitlines()),
                             len(lines) if form == "jsonl" else 1 + len(cli.cases(lines)))

    def test_report_makes_the_same_csv(self):
        self.blas("--kernels", "copy,gemm", "--sizes", "8,2000000", "--format", "csv", "--blas",
                  "naive", "--threads", "1")
        printed = self.result.stdout
        self.assertIn("skipped", printed)
        report = self.folder / "report"
        self.run_in("report", self.out, "--out", report, "--figures", "blas-levels", "--formats",
                    "svg")
        self.assertEqual((report / "blas.csv").read_text(encoding="utf-8"), printed)

    def test_provenance(self):
        provenance = self.blas("--blas", "naive", "--seed", "7", env={"OMP_PROC_BIND": "false",
                               "A_SECRET": "x"})[0]
        self.assertEqual(provenance["command_line"][:2], ["flopstep", "blas"])
        self.assertEqual(provenance["command_line"][-4:], ["--blas", "naive", "--seed", "7"])
        self.assertEqual(provenance["settings"]["seed"], 7)
        self.assertEqual(provenance["environment"]["OMP_PROC_BIND"], "false")
        self.assertNotIn("A_SECRET", json.dumps(provenance))

    def test_schema_catches_mistakes(self):
        """The schema is strict enough to be worth having."""
        lines = self.blas("--kernels", "gemm", "--blas", "naive", "--sizes", "8,2000000")
        provenance, good, skipped, end = lines
        validator = jsonschema.Draft7Validator(SCHEMA)
        for line in lines:
            self.assertTrue(validator.is_valid(line))
        for base, key, value in (
                (good, "status", "good"), (good, "median_s", 0), (good, "median_s", None),
                (good, "median_s", "1"), (good, "gflops", None), (good, "gflops", -1),
                (good, "reason", "why"), (good, "samples", 1.5), (good, "samples", 0),
                (good, "samples_s", []), (good, "m", -1), (good, "level", 4), (good, "n", 8.5),
                (good, "trans", ""), (good, "type", "double"), (good, "threads", 0),
                (good, "steal_fraction", 2), (good, "flags", "noisy,cold"), (good, "run", "today"),
                (good, "command", "peak"), (good, "ceiling", None), (good, "gbytes_per_s", None),
                (good, "record", "cases"), (skipped, "gflops", 1.0), (skipped, "reason", None),
                (skipped, "reason", ""), (skipped, "median_s", 0.1), (skipped, "samples", 1),
                (end, "status", "ok"), (end, "cases", -1), (end, "wall_s", None),
                (provenance, "schema", 2), (provenance, "command_line", []),
                (provenance, "environment", {"OMP": 1}), (provenance, "affinity", "0")):
            wrong = copy.deepcopy(base)
            wrong[key] = value
            self.assertFalse(validator.is_valid(wrong), f"{key} = {value!r} passed")
        for base in lines:
            for key in branch_required(base):
                wrong = {k: v for k, v in base.items() if k != key}
                self.assertFalse(validator.is_valid(wrong), f"passed without {key}")


def branch_required(line):
    if line["record"] == "case":
        return cli.PROMISED_COLUMNS["blas"] + ["record", "samples_s"]
    return {"provenance": ["record", "schema", "command", "run", "command_line", "host", "build",
                           "cpu", "blas", "settings", "affinity"],
            "end": ["record", "status", "cases", "ok", "failed", "skipped"]}[line["record"]]


if __name__ == "__main__":
    cli.main()
