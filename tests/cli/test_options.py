#!/usr/bin/python3
"""What options promise: --dry-run, --out, --seed, --quiet, --blas, --threads, recipes, report."""
import json
import os
import shutil
import subprocess

import cli


class DryRun(cli.Case):
    def test_writes_nothing(self):
        for command in (("blas", "--blas", "naive"), ("peak",), ("blas", "--recipe", "matmul-5000",
                                                                "--blas", "naive")):
            for form in ("table", "csv", "jsonl"):
                result = self.works(*command, "--dry-run", "--format", form, "--out", self.out)
                self.assertEqual(result.stderr, "")
                self.assertGreater(len(result.stdout.splitlines()), 1 if form != "jsonl" else 0)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_lists_what_runs(self):
        arguments = ("--kernels", "axpy,gemv,gemm", "--types", "s,d", "--trans", "n,t,nn", "--blas",
                     "naive,blocked", "--threads", "1")
        listed = cli.csv_rows(self.works("blas", *cli.TINY, *arguments, "--dry-run", "--format",
                                         "csv").stdout)
        lines = self.blas(*arguments, "--format", "csv", "--time-budget", "0.001")
        ran = cli.csv_rows(self.result.stdout)
        self.assertEqual(len(cli.cases(lines)), len(listed))
        self.assertEqual(listed, [{key: row[key] for key in listed[0]} for row in ran])

    def test_peak_lists_what_runs(self):
        arguments = ("peak", "--working-sets", "16Ki", "--threads", "1", "--time-budget", "0.001",
                     "--format", "csv")
        listed = cli.csv_rows(self.works(*arguments, "--dry-run").stdout)
        ran = cli.csv_rows(self.works(*arguments, "--out", self.out).stdout)
        self.assertEqual(listed, [{key: row[key] for key in listed[0]} for row in ran])


class Out(cli.Case):
    SMALL = ("blas", *cli.TINY, "--kernels", "axpy", "--blas", "naive")

    def test_never_overwritten(self):
        texts = []
        for count in range(1, 4):
            self.works(*self.SMALL, "--out", self.out)
            files = sorted(self.out.iterdir())
            self.assertEqual(len(files), count)
            for path, text in texts:
                self.assertEqual(path.read_text(encoding="utf-8"), text)
            new, = set(files) - {path for path, _ in texts}
            texts.append((new, new.read_text(encoding="utf-8")))
        self.assertEqual(sorted(path.name for path, _ in texts),
                         ["blas-2.jsonl", "blas-3.jsonl", "blas.jsonl"])

    def test_a_dangling_link_is_not_followed(self):
        self.out.mkdir()
        (self.out / "blas.jsonl").symlink_to(self.folder / "elsewhere")
        self.works(*self.SMALL, "--out", self.out)
        self.assertFalse((self.folder / "elsewhere").exists())
        self.assertTrue((self.out / "blas-2.jsonl").is_file())

    def test_default(self):
        result = self.works(*self.SMALL)
        path, = self.written()
        self.assertRegex(path, r"\Aresults/local/[^/]+-\d{8}T\d{6}Z/blas\.jsonl\Z")
        self.assertIn(f"results: {path}\n", result.stdout)
        lines = cli.records(self.folder / path)
        self.assertEqual(path.split("/")[2], lines[0]["run"])

    def test_below_folders_that_are_not_there(self):
        self.works(*self.SMALL, "--out", "a/b//c/")
        self.assertEqual(self.written(), ["a/b/c/blas.jsonl"])

    def test_names_that_are_not_utf8(self):
        name = os.fsencode(self.folder) + b"/\xff\xfe"
        result = self.run_in(*self.SMALL, "--out", name, "--format", "csv")
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(name + b"/blas.jsonl", encoding="utf-8") as file:
            first, *rest = map(json.loads, file)
        self.assertEqual(len(first["command_line"]), 2 + len(self.SMALL) - 1 + 4)
        self.assertEqual([line["record"] for line in rest], ["case", "case", "end"])


class Seed(cli.Case):
    def errors(self, *arguments):
        lines = self.blas("--kernels", "gemv,gemm,trsv", "--sizes", "33,64", "--blas", "naive",
                          "--types", "s,d", "--time-budget", "0.001", *arguments)
        return [row["check_error"] for row in cli.cases(lines)]

    def test_reproducible(self):
        first = self.errors("--seed", "42")
        self.assertEqual(self.errors("--seed", "42"), first)
        self.assertEqual(self.errors("--seed", "0x2a"), first)
        other = self.errors("--seed", "43")
        self.assertNotEqual(other, first)
        self.assertEqual(self.errors(), self.errors("--seed", "1"), "the default is 1")
        self.assertTrue(any(first) and any(other), "the check compared nothing")
        self.errors("--seed", str(2 ** 63 - 1))

    def test_cold_checks_the_same_data(self):
        self.assertEqual(self.errors("--seed", "5"), self.errors("--seed", "5", "--cold"))


class Quiet(cli.Case):
    def test_no_notes(self):
        small = ("blas", *cli.TINY, "--kernels", "axpy", "--blas", "naive", "--out", self.out)
        loud = self.works(*small)
        quiet = self.works(*small, "--quiet")
        self.assertEqual([loud.stderr, quiet.stderr], ["", ""])
        self.assertIn("results: ", loud.stdout)
        self.assertRegex(loud.stdout, r"\n2 cases: 2 ok, 0 failed, 0 skipped\n\Z")
        lines = quiet.stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0].split()[:3], ["kernel", "size", "library"])
        self.assertEqual([line.split()[:2] for line in lines[1:]], [["daxpy", "8"], ["daxpy", "16"]])

    def test_peak(self):
        small = ("peak", "--probes", "copy", "--working-sets", "16Ki", "--threads", "1",
                 "--time-budget", "0.001", "--out", self.out)
        self.assertIn("results: ", self.works(*small).stdout)
        self.assertEqual(len(self.works(*small, "--quiet").stdout.splitlines()), 2)


class Threads(cli.Case):
    def one_core(self):
        core = min(os.sched_getaffinity(0))
        return lambda: os.sched_setaffinity(0, {core})

    def test_one_core_only(self):
        lines = self.blas("--kernels", "axpy,gemm", "--mode", "throughput", preexec=self.one_core(),
                          *(() if "openblas" in cli.usable_libraries() else ("--blas", "naive")))
        for row in cli.cases(lines):
            self.assertEqual([row["status"], row["threads"]], ["ok", 1])
        self.assertEqual(lines[0]["affinity"], [lines[0]["affinity_at_start"]])
        self.assertEqual(lines[0]["cpu"]["cores"], 1)
        self.fails(2, "blas", "--threads", "2", preexec=self.one_core(), keeps=True,
                   words=("1 hardware thread\n",))

    def test_peak_on_one_core(self):
        self.works("peak", "--probes", "fma,copy", "--working-sets", "16Ki", "--time-budget", "0.001",
                   "--out", self.out, preexec=self.one_core())
        rows = cli.cases(cli.records(self.out / "peak.jsonl"))
        self.assertEqual({row["threads"] for row in rows}, {1})

    def test_two_counts(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one core")
        libraries = [n for n in cli.usable_libraries() if n not in ("naive", "blocked")][:1]
        lines = self.blas("--kernels", "gemm", "--threads", "1,2", "--blas",
                          ",".join(["naive", *libraries]))
        counts = {}
        for row in cli.cases(lines):
            if row["n"] == 8:
                counts.setdefault(row["library"], []).append(row["threads"])
        self.assertEqual(counts.pop("naive"), [1], "a library without threads runs once")
        threaded = {entry["name"] for entry in lines[0]["blas"]
                    if entry["thread_control"] != "none"}
        for name, ran in counts.items():
            if name in threaded:
                self.assertEqual(ran, [1, 2])


class Blas(cli.Case):
    def test_one_library_under_two_names_is_measured_once(self):
        lines = self.blas("--kernels", "axpy", "--blas", "naive,blocked,naive")
        self.assertEqual([entry["name"] for entry in lines[0]["blas"]], ["naive", "blocked"])
        self.assertEqual(len(cli.cases(lines)), 4)

    def test_a_library_by_path(self):
        provenance = None
        for name in cli.usable_libraries()[2:]:
            provenance = self.blas("--kernels", "axpy", "--blas", name)[0]
            break
        if not provenance:
            self.skipTest("no library is installed")
        path = provenance["blas"][0]["path"]
        lines = self.blas("--kernels", "axpy", "--blas", path)
        self.assertEqual(lines[0]["blas"][0]["path"], path)
        odd = os.fsencode(self.folder) + b'/lib\xff"x y.so'
        os.symlink(path, odd)
        result = self.works("blas", *cli.TINY, "--kernels", "axpy", "--blas", odd, "--out",
                            self.folder / "odd", "--format", "csv")
        rows = cli.csv_rows(result.stdout)
        self.assertEqual([row["status"] for row in rows], ["ok", "ok"])
        self.assertEqual(len(result.stdout.splitlines()), 3, "a name may not break a line")

    def test_max_samples(self):
        for number in (1, 2, 7):
            for row in cli.cases(self.blas("--kernels", "axpy", "--blas", "naive", "--max-samples",
                                           number, "--precision", "0", "--time-budget", "10")):
                self.assertEqual(row["samples"], number)
                self.assertEqual(row["low_s"] is None, number < 5)

    def test_last_of_two_counts(self):
        lines = self.blas("--kernels", "axpy", "--kernels", "dot", "--blas", "blocked", "--blas",
                          "naive")
        self.assertEqual({(r["kernel"], r["library"]) for r in cli.cases(lines)}, {("dot", "naive")})

    def test_equals_sign(self):
        self.assertEqual(len(cli.cases(self.blas("--kernels=axpy", "--blas=naive", "--sizes=4"))), 1)

    def test_device_all(self):
        rows = cli.cases(self.blas("--kernels", "axpy", "--blas", "naive", "--device", "all"))
        self.assertEqual({row["device"] for row in rows}, {"cpu"})


class Recipes(cli.Case):
    def test_reported_beside_ours(self):
        tiny = ("--sizes", "8,16", "--time-budget", "0.001", "--blas", "naive", "--out", self.out)
        for name in ("blas-levels", "intensity", "matmul-lab", "matmul-5000"):
            result = self.works("blas", "--recipe", name, *tiny)
            self.assertIn("Source: ", result.stdout)
            wanted = "FLOP/element" if name == "intensity" else "reported GFLOP/s"
            self.assertIn(wanted, result.stdout)
            self.assertIn("not measured" if name.startswith("matmul") else "8", result.stdout)
        levels = self.works("blas", "--recipe", "blas-levels", *tiny).stdout
        for reported in ("52", "145", "4503"):
            self.assertRegex(levels, rf"\b{reported}\b")

    def test_the_users_option_wins(self):
        for arguments in (("--beta", "0.5", "--recipe", "matmul-lab"),
                          ("--recipe", "matmul-lab", "--beta", "0.5")):
            lines = self.blas(*arguments, "--blas", "naive", "--format", "csv")
            rows = cli.cases(lines)
            self.assertEqual({(row["kernel"], row["beta"]) for row in rows}, {("gemm", 0.5)})
            self.assertEqual({row["type"] for row in rows}, {"s", "d"})
            self.assertEqual(lines[0]["settings"]["fill"], [0, 1])
            self.assertEqual(lines[0]["settings"]["recipe"], "matmul-lab")


class Report(cli.Case):
    def test_without_gnuplot(self):
        """The numbers are written all the same."""
        self.blas("--blas", "naive", "--format", "csv")
        result = self.run_in("report", self.out, "--quiet", "--figures", "gflops-level3",
                             env={"PATH": "/nonexistent"})
        self.assertEqual(result.returncode, 3)
        self.one_line(result.stderr, "gnuplot", "install")
        self.assertEqual((self.out / "blas.csv").read_text(encoding="utf-8"), self.result.stdout)

    def test_figure_of_a_recipe(self):
        if not shutil.which("gnuplot"):
            self.skipTest("no gnuplot")
        result = self.works("blas", *cli.TINY, "--recipe", "blas-levels", "--blas", "naive",
                            "--reference", "p100", "--out", self.out)
        self.assertEqual(result.stderr, "")
        self.assertIn("Figure: ", result.stdout)
        self.assertTrue((self.out / "figures/blas-levels.svg").is_file())
        self.assertIn("P100", (self.out / "figures/blas-levels.csv").read_text(encoding="utf-8"))

    def test_recipe_without_gnuplot(self):
        """The measurement is done and counts; a line says why there is no figure."""
        result = self.run_in("blas", *cli.TINY, "--recipe", "blas-levels", "--blas", "naive", "--out",
                             self.out, env={"PATH": "/nonexistent"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.one_line(result.stderr, "gnuplot")
        self.assertNotIn("Figure: ", result.stdout)


class Elsewhere(cli.Case):
    def test_info_and_list(self):
        text = self.works("info").stdout
        for word in ("processor", "topology", "affinity", "BLAS", "devices", "naive", "cuda"):
            self.assertIn(word, text)
        whole = self.works("list").stdout
        parts = "".join(self.works("list", part).stdout for part in
                        ("kernels", "libraries", "recipes", "networks", "layers", "optimizers",
                         "measures", "datasets", "probes", "devices", "figures"))
        self.assertEqual(whole, parts)
        self.assertEqual(self.works("list", "probes", "devices", "probes").stdout,
                         self.works("list", "devices", "probes").stdout)
        self.assertEqual(self.written(), [])

    def test_a_hostile_environment(self):
        """Settings that hold a library back are said; nonsense does no harm."""
        result = self.works("blas", *cli.TINY, "--blas", "naive", "--out", self.out,
                            env={"OPENBLAS_CORETYPE": "Prescott", "OMP_NUM_THREADS": "nonsense",
                                 "HOME": None, "LC_ALL": "de_DE.UTF-8"})
        self.assertIn("OPENBLAS_CORETYPE=Prescott", result.stdout)
        warnings = cli.records(self.out / "blas.jsonl")[0]["warnings"]
        self.assertTrue(any("Prescott" in line for line in warnings))

    def test_started_by_a_link_and_from_another_folder(self):
        link = self.folder / "fs"
        link.symlink_to(cli.BINARY)
        result = subprocess.run([link, "--version"], cwd="/", text=True, check=True,
                                stdout=subprocess.PIPE)
        self.assertRegex(result.stdout, r"\Aflopstep ")


if __name__ == "__main__":
    cli.main()
