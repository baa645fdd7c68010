"""blas and peak on several ranks: every row holds what every rank measured, a rank that is slow is
named, and what one rank cannot do or gets wrong ends no run and hangs none."""
import json
import os
import subprocess

import launch
import cli

try:
    import jsonschema
except ImportError:
    jsonschema = None

WRONG_USAGE, MISSING, CASE_FAILED = 2, 3, 1
SCHEMA = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))
EMULATED = os.environ.get("FLOPSTEP_EMULATED", "")
BLAS = ("blas", "--kernels", "gemm,axpy", "--sizes", "16,33", "--time-budget", "0.02", "--threads", "1")
PEAK = ("peak", "--probes", "fma,triad", "--types", "d", "--time-budget", "0.01", "--threads", "1",
        "--working-sets", "65536,1048576")
GPU_PEAK = ("peak", "--device", "cuda", "--probes", "fma,triad,h2d,launch", "--types", "s",
            "--time-budget", "0.01", "--working-sets", "65536")
# Beside a product of 16: no machine is so slow that the other rank takes as long.
SLEEP_US = 3000


class SlowNode(launch.RankTest, cli.Case):
    def together(self, ranks, *arguments, last=None, env=None, code=0):
        """All ranks run the same; the last one with these variables beside. Returns the lines."""
        command = [cli.BINARY, *map(str, arguments), "--out", str(self.out)]
        line = [*launch.launcher(), "-n", str(ranks - 1 if last else ranks), *command]
        if last:
            line += [":", "-n", "1", "env", *(f"{key}={value}" for key, value in last.items()),
                     *command]
        before = set(self.written())
        self.told = subprocess.run(
            line, cwd=self.folder, text=True, capture_output=True, stdin=subprocess.DEVNULL,
            timeout=120, check=False, env=cli.environment(**{**launch.ENVIRONMENT, **(env or {})}))
        self.assertEqual(self.told.returncode, code, self.told.stderr[-2000:] + self.told.stdout[-2000:])
        new = set(self.written()) - before
        if not new:
            return []
        path, = new
        return cli.records(self.folder / path)

    def judge(self, lines, ranks):
        """Whatever the run, its file keeps its promises."""
        validator = jsonschema.Draft7Validator(SCHEMA) if jsonschema else None
        for line in lines:
            if validator:
                error = jsonschema.exceptions.best_match(validator.iter_errors(line))
                self.assertIsNone(error, f"{error and error.message}: {json.dumps(line)[:300]}")
        self.assertEqual(lines[0]["mpi"]["ranks"], ranks)
        self.assertEqual([row["rank"] for row in lines[0]["mpi"]["table"]], list(range(ranks)))
        self.assertEqual(lines[-1]["record"], "end")
        rows = cli.cases(lines)
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual(row["ranks"], ranks)
            if row["status"] == "ok":
                self.judge_row(row, ranks)
            else:
                self.assertNotIn("rank_samples_s", row)
                self.assertIsNone(row["slowest_rank"])
        measured = any(row["status"] == "ok" for row in rows)
        self.assertEqual([line["rank"] for line in lines if line["record"] == "rank"],
                         list(range(ranks)) if measured else [])
        return rows

    def judge_row(self, row, ranks):
        samples = row["rank_samples_s"]
        self.assertEqual(len(samples), ranks)
        for own in samples:
            self.assertEqual(len(own), row["samples"])
        for i, slowest in enumerate(row["samples_s"]):
            self.assertAlmostEqual(max(own[i] for own in samples) / slowest, 1, 9)
        medians = row["rank_median_s"]
        self.assertEqual(row["slowest_rank"], medians.index(max(medians)))
        self.assertGreaterEqual(row["rank_spread"], 1 - 1e-9)
        self.assertEqual(row["nodes"], 1)
        for low, median, high in zip(row["rank_low_s"], medians, row["rank_high_s"]):
            self.assertLessEqual(low, median)
            self.assertLessEqual(median, high)
        for all_, work in (("all_gflops", "flops"), ("all_gbytes_per_s", "bytes")):
            if row[work]:
                rate = sum(row[work] / median * 1e-9 for median in medians)
                self.assertAlmostEqual(row[all_] / rate, 1, 6)
            else:
                self.assertIsNone(row[all_])

    def test_every_rank_is_in_every_row(self):
        for ranks in (2, 3):
            for command, cases in ((BLAS, 4), (PEAK, None)):
                with self.subTest(command[0], ranks=ranks):
                    rows = self.judge(self.together(ranks, *command), ranks)
                    if cases:
                        self.assertEqual(len(rows), cases)
                    self.assertEqual({row["status"] for row in rows}, {"ok"})
                    self.assertIn(f"{ranks} ranks on 1 node", self.told.stdout)
                    self.assertIn("over the median of the others'", self.told.stdout)

    def test_types_threads_and_budgets(self):
        """Decisions that each rank could take by its own clock: hangs where one does."""
        rows = self.judge(self.together(2, *BLAS[:-2], "--types", "s,d", "--mode", "throughput"), 2)
        self.assertEqual(len(rows), 8)
        rows = self.judge(self.together(2, *BLAS, "--cold", "--precision", "0", "--types", "s,d"), 2)
        self.assertEqual(len(rows), 8)
        rows = self.judge(self.together(2, *BLAS, "--blas", "naive,blocked", "--max-samples", 3), 2)
        self.assertEqual({row["samples"] for row in rows}, {3})

    def test_other_formats_hold_no_table_of_ranks(self):
        lines = self.together(2, *BLAS, "--format", "csv")
        rows = cli.csv_rows(self.told.stdout)
        self.assertEqual([int(row["slowest_rank"]) for row in rows],
                         [row["slowest_rank"] for row in self.judge(lines, 2)])
        self.together(2, *BLAS, "--format", "jsonl")
        lines = [json.loads(line) for line in self.told.stdout.splitlines()]
        self.judge(lines, 2)

    def library(self):
        path = cli.library_paths().get("slow_rank")
        if not path:
            self.skipTest(f"no slow_rank in '{cli.BROKEN}'")
        return "--blas", str(path), "--kernels", "gemm"

    def test_a_slow_rank_is_named(self):
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                slow = ranks - 1
                lines = self.together(ranks, *BLAS, *self.library(),
                                      last={"FLOPSTEP_TEST_SLOW": SLEEP_US})
                rows = self.judge(lines, ranks)
                for row in rows:
                    self.assertEqual(row["slowest_rank"], slow)
                    self.assertIn(slow, row["slow_ranks"])
                    self.assertGreater(row["rank_median_s"][slow], SLEEP_US * 1e-6)
                found = [line for line in lines if line["record"] == "rank"][slow]
                self.assertTrue(found["slow"])
                self.assertEqual(found["slow_cases"], len(rows))
                self.assertGreater(found["ratio_worst"], 2)
                self.assertTrue(found["worst_case"].startswith("dgemm nn "))
                host = found["host"]
                self.assertRegex(self.told.stdout, rf"\nrank {slow} \({host}, cores [0-9,-]+\) takes "
                                 r"[0-9.]+ times the median of the other ranks in dgemm nn (16|33), "
                                 r"slow_rank; it is slow in 2 of 2 cases\n")
                self.assertNotIn("no rank is slow", self.told.stdout)
                self.assertIn(f"rank {slow} takes ", self.told.stdout)

    def test_a_wrong_rank_is_named(self):
        lines = self.together(3, *BLAS, *self.library(), last={"FLOPSTEP_TEST_WRONG": 1},
                              code=CASE_FAILED)
        rows = self.judge(lines, 3)
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertEqual(row["status"], "failed")
            self.assertRegex(row["reason"], r"^rank 2 \(.+\): wrong result")
            self.assertGreater(row["check_error"], row["check_bound"])
        self.assertEqual(self.told.stderr.count("failed their check"), 1)

    def test_what_is_not_for_several_ranks(self):
        self.together(2, *BLAS, "--sustain", "1", "--sizes", "16", "--kernels", "gemm", code=WRONG_USAGE)
        self.assertIn("--sustain runs on one rank", self.told.stderr)

    def gpu(self, **switches):
        if not os.path.exists(EMULATED):
            self.skipTest("no emulated GPU in FLOPSTEP_EMULATED")
        return {"FLOPSTEP_CUDA_MODULE": EMULATED, **switches}

    def test_a_gpu_for_each_rank(self):
        blas = (*BLAS[:-2], "--device")
        for asked, gpus, expected in (("cuda", 3, (0, 1, 2)), ("cuda", 2, (0, 1, 0)),
                                      ("cuda:1", 2, (1, 1, 1)), ("cuda", 1, (0, 0, 0))):
            with self.subTest(asked, gpus=gpus):
                lines = self.together(3, *blas, asked, env=self.gpu(FLOPSTEP_EMULATE=f"devices={gpus}"))
                self.judge(lines, 3)
                names = ["cuda-emulated" + (f":{n}" if n else "") for n in expected]
                self.assertEqual([line["device"] for line in lines if line["record"] == "rank"], names)
                shared = len(set(expected)) < 3
                self.assertEqual("share the GPU" in self.told.stdout, shared)
        self.judge(self.together(2, *GPU_PEAK, env=self.gpu()), 2)

    def test_a_lost_gpu_on_one_rank(self):
        """Whenever it happens all ranks go on alike, and the reason names the rank."""
        blas = (*BLAS[:-2], "--device", "cuda")
        for command in (blas, GPU_PEAK):
            for launches in (3, 60):
                with self.subTest(command[0], launches=launches):
                    lines = self.together(2, *command, env=self.gpu(), code=CASE_FAILED,
                                          last={"FLOPSTEP_EMULATE": f"lost-after={launches}"})
                    bad = [row for row in self.judge(lines, 2) if row["status"] != "ok"]
                    self.assertTrue(bad)
                    for row in bad:
                        self.assertRegex(row["reason"], r"^rank 1 \(.+\): .*illegal memory access")

    def test_little_memory_on_one_rank(self):
        lines = self.together(2, "blas", "--device", "cuda", "--kernels", "axpy", "--sizes", "16,5M",
                              "--time-budget", "0.01", env=self.gpu(),
                              last={"FLOPSTEP_EMULATE": "memory=100M"})
        rows = self.judge(lines, 2)
        self.assertEqual([row["status"] for row in rows], ["ok", "skipped"])
        self.assertRegex(rows[1]["reason"], r"^rank 1 \(.+\): operands need .* GB .*free for each rank$")

    def test_ranks_of_other_kinds_are_refused(self):
        for command in (BLAS, PEAK):
            with self.subTest(command[0]):
                self.together(2, *command, "--device", "all", env=self.gpu(), code=WRONG_USAGE,
                              last={"FLOPSTEP_EMULATE": "devices=2"})
                self.assertRegex(self.told.stderr, r"rank 1 \(.+\) would run other cases than rank 0")
                self.assertEqual(self.written(), [])


if __name__ == "__main__":
    launch.main()
