#!/usr/bin/python3
"""How runs end: Ctrl-C, full disks, closed streams, memory, failed checks. What is measured stays."""
import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess

import cli

CASE_FAILED, MISSING, NOT_WRITTEN = 1, 3, 4

# Many cases of 20 ms and more each: a signal comes in their midst however busy the machine is.
LONG = ("--blas", "naive", "--precision", "0", "--time-budget", "0.02")
LONG_BLAS = ("blas", "--kernels", "axpy", "--sizes", "8:16000:8", *LONG)
LONG_PEAK = ("peak", "--probes", "copy", "--threads", "1", "--working-sets", "1Ki:60Ki:1Ki",
             "--precision", "0", "--time-budget", "0.1")


class Signals(cli.Case):
    def interrupted(self, number, command):
        self.out = self.folder / signal.Signals(number).name
        child = subprocess.Popen([cli.BINARY, *command, "--out", self.out], text=True,
                                 cwd=self.folder, env=cli.environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        header_seen = rows = 0
        for line in child.stdout:
            header_seen = header_seen or line.startswith(("kernel ", "probe "))
            rows += bool(header_seen)
            if rows > 2:
                break
        child.send_signal(number)
        _, text = child.communicate(timeout=60)
        self.assertEqual(child.returncode, -number, text)
        return text

    def test_signals(self):
        for number, command in ((signal.SIGINT, LONG_BLAS), (signal.SIGTERM, LONG_BLAS),
                                (signal.SIGHUP, LONG_BLAS), (signal.SIGINT, LONG_PEAK)):
            name = signal.Signals(number).name
            with self.subTest(name, command=command[0]):
                text = self.interrupted(number, command)
                self.one_line(text, name, f"{command[0]}.jsonl")
                lines = cli.records(self.out / f"{command[0]}.jsonl")
                self.assertEqual(lines[0]["record"], "provenance")
                self.assertEqual({line["record"] for line in lines[1:-1]}, {"case"})
                last = lines[-1]
                self.assertEqual([last["record"], last["status"]], ["incomplete", "incomplete"])
                self.assertIn(name, last["reason"])
                rows = cli.cases(lines)
                self.assertEqual(last["cases"], len(rows))
                good = [row for row in rows if row["status"] == "ok"]
                self.assertGreaterEqual(len(good), 2)
                self.assertEqual(last["ok"], len(good))
                for row in rows[len(good):]:
                    self.assertEqual(row["status"], "incomplete")
                    self.assertIn(name, row["reason"])
                    for key in ("median_s", "gflops", "gbytes_per_s", "peak_fraction"):
                        self.assertIsNone(row[key])
                self.valid(lines)

    def valid(self, lines):
        try:
            import jsonschema
        except ImportError:
            return
        schema = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))
        for line in lines:
            jsonschema.Draft7Validator(schema).validate(line)

    def test_report_of_an_interrupted_run(self):
        self.interrupted(signal.SIGINT, LONG_BLAS)
        report = self.folder / "report"
        result = self.run_in("report", self.out, "--out", report, "--figures", "gflops-level1",
                             "--formats", "svg", "--quiet")
        self.assertIn(result.returncode, (0, 3))
        self.assertIn("is incomplete: interrupted by SIGINT", result.stderr)
        self.assertIn("interrupted by SIGINT", (report / "index.html").read_text(encoding="utf-8"))

    def test_a_crash_leaves_what_was_finished(self):
        """Killed at once: no last record, but every case that was printed is in the file."""
        self.out = self.folder / "killed"
        with subprocess.Popen([cli.BINARY, *LONG_BLAS, "--out", self.out, "--format", "jsonl"],
                              cwd=self.folder, env=cli.environment(), text=True,
                              stdout=subprocess.PIPE) as child:
            printed = [child.stdout.readline() for _ in range(4)]
            child.kill()
        text = (self.out / "blas.jsonl").read_text(encoding="utf-8")
        self.assertTrue(text.startswith("".join(printed)))
        self.assertNotIn('"record":"end"', text)


class Disk(cli.Case):
    def kept(self, result, path, words):
        self.assertEqual(result.returncode, NOT_WRITTEN, result.stderr)
        self.one_line(result.stderr, str(path), *words)
        lines = cli.records(path)
        self.assertEqual(lines[0]["record"], "provenance")
        self.assertGreaterEqual(len(lines), 2)
        self.assertEqual({line["record"] for line in lines[1:]}, {"case"})
        return lines

    def test_file_size_limit(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        for command in (LONG_BLAS, LONG_PEAK):
            result = self.run_in(*command, "--out", self.out, preexec=limit)
            lines = self.kept(result, self.out / f"{command[0]}.jsonl", ("too large", "kept"))
            self.assertIn(f"the {len(lines) - 1} cases before are kept", result.stderr)

    def test_full_disk(self):
        """A small file system of our own, mounted where nobody else sees it."""
        mount = self.folder / "disk"
        mount.mkdir()
        script = ('mount -t tmpfs -o size=64k flopstep "$1" || exit 77\n'
                  'shift; out=$1; shift; "$@"; code=$?; cp -r disk/. kept; exit $code\n')
        if not shutil.which("unshare"):
            self.skipTest("no unshare(1)")
        flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
        result = subprocess.run(["unshare", *flags, "sh", "-c", script, "sh", mount, "x", cli.BINARY,
                                 *LONG_BLAS, "--out", "disk/out"], cwd=self.folder, text=True,
                                env=cli.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, check=False, timeout=120)
        if result.returncode in (1, 77) and "flopstep: " not in result.stderr:
            self.skipTest(f"no file system can be mounted here: {result.stderr.strip()}")
        self.assertEqual(result.returncode, NOT_WRITTEN, result.stderr)
        self.one_line(result.stderr, "disk/out/blas.jsonl", "No space left", "kept")
        lines = cli.records(self.folder / "kept/out/blas.jsonl")
        self.assertGreaterEqual(len(lines), 2)
        self.assertEqual({line["record"] for line in lines[1:]}, {"case"})


class Streams(cli.Case):
    SMALL = ("blas", *cli.TINY, "--kernels", "axpy,dot", "--blas", "naive")

    def test_full_standard_output(self):
        for arguments in (("--help",), ("blas", "--help"), ("list",), ("info",),
                          ("blas", "--dry-run", "--blas", "naive"),
                          *((*self.SMALL, "--format", form) for form in ("table", "csv", "jsonl"))):
            with self.subTest(arguments[-1]), open("/dev/full", "w", encoding="utf-8") as full:
                result = self.run_in(*arguments, stdout=full)
                self.assertEqual(result.returncode, NOT_WRITTEN)
                self.one_line(result.stderr, "standard output")

    def test_closed_streams(self):
        """No results file may get the number of a closed stream and what is printed there."""
        for number in (0, 1, 2):
            out = self.folder / str(number)
            result = self.run_in(*self.SMALL, "--out", out, preexec=lambda: os.close(number))
            self.assertEqual(result.returncode, NOT_WRITTEN if number == 1 else 0, result.stderr)
            lines = cli.records(out / "blas.jsonl")
            self.assertEqual([len(lines), lines[-1]["record"]], [6, "end"])

    def test_closed_streams_of_a_failing_command(self):
        for number in (1, 2):
            out = self.folder / str(number)
            result = self.run_in("blas", "--kernels", "gemm", "--sizes", "2000000", "--blas", "naive",
                                 "--out", out, preexec=lambda: os.close(number))
            self.assertIn(result.returncode, (MISSING, NOT_WRITTEN))
            self.assertEqual(len(cli.records(out / "blas.jsonl")), 3)
            self.assertEqual(self.run_in("nix", preexec=lambda: os.close(number)).returncode, 2)

    def test_reader_that_leaves(self):
        """flopstep blas … | head -1"""
        with subprocess.Popen([cli.BINARY, *LONG_BLAS, "--format", "csv", "--out", self.out],
                              cwd=self.folder, env=cli.environment(), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            child.stdout.readline()
            child.stdout.close()
            text = child.stderr.read()
        self.assertIn(child.returncode, (-signal.SIGPIPE, NOT_WRITTEN))
        self.assertLessEqual(len(text.splitlines()), 1)
        lines = cli.records(self.out / "blas.jsonl")
        self.assertEqual({line["record"] for line in lines[1:]}, {"case"})

    def test_progress_only_on_a_terminal(self):
        for arguments, shown in (((), True), (("--quiet",), False)):
            try:
                master, slave = pty.openpty()
            except OSError as reason:
                self.skipTest(f"no terminal to be had: {reason}")
            result = self.run_in(*self.SMALL, "--time-budget", "0.3", "--precision", "0", *arguments,
                                 stderr=slave)
            os.close(slave)
            text = b""
            while select.select([master], [], [], 0.1)[0]:
                try:
                    chunk = os.read(master, 65536)
                except OSError:
                    break
                if not chunk:
                    break
                text += chunk
            os.close(master)
            self.assertEqual(result.returncode, 0)
            self.assertEqual(b"[1/4] axpy 8" in text, shown, text)
            if shown:
                self.assertTrue(text.endswith(b"\r\x1b[K"), "the line is not wiped")
            else:
                self.assertEqual(text, b"")


class Memory(cli.Case):
    def test_a_case_that_does_not_fit_is_skipped(self):
        lines = self.blas("--kernels", "gemm,axpy", "--sizes", "8,2000000", "--blas", "naive",
                          "--types", "s,d")
        rows = {(row["kernel"], row["n"], row["type"]): row for row in cli.cases(lines)}
        for type_ in "sd":
            skipped = rows["gemm", 2000000, type_]
            self.assertEqual(skipped["status"], "skipped")
            self.assertIn("memory", skipped["reason"])
            for key in ("gflops", "median_s", "check_error"):
                self.assertIsNone(skipped[key])
            for key in (("gemm", 8), ("axpy", 8), ("axpy", 2000000)):
                self.assertEqual(rows[(*key, type_)]["status"], "ok")

    def test_sizes_beyond_anything(self):
        lines = self.blas("--kernels", "axpy,gemm", "--sizes", "2147483647k,3037000500,8", "--incx",
                          "1000000", "--blas", "naive")
        self.assertEqual([row["status"] for row in cli.cases(lines)],
                         ["skipped", "skipped", "ok"] * 2)

    def test_all_skipped(self):
        lines = self.blas("--kernels", "gemm", "--sizes", "2000000,3000000", "--blas", "naive",
                          code=MISSING)
        self.assertEqual([line["record"] for line in lines], ["provenance", "case", "case", "end"])
        self.one_line(self.result.stderr, "nothing could run", "blas.jsonl")
        result = self.works("peak", "--probes", "copy", "--working-sets", "900000000M", "--threads",
                            "1", "--out", self.out, code=MISSING)
        self.one_line(result.stderr, "nothing could run", "peak.jsonl")

    def test_memory_refused(self):
        """A limit on addresses: the system says no to what looked free."""
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        if is_sanitized():
            self.skipTest("sanitizers need all addresses")
        lines = self.blas("--kernels", "gemm", "--sizes", "8,8000", "--blas", "naive", "--threads",
                          "1", preexec=limit)
        self.assertEqual([row["status"] for row in cli.cases(lines)], ["ok", "skipped"])
        self.assertIn("memory", cli.cases(lines)[1]["reason"])


class Checks(cli.Case):
    """Libraries that are broken on purpose (tests/broken)."""

    def setUp(self):
        super().setUp()
        self.kernels = [line.split()[0]
                        for line in self.works("list", "kernels").stdout.splitlines()[1:]]
        self.libraries, self.wide = {}, {}
        for name, path in cli.library_paths().items():
            text = path.read_bytes()
            has = {type_: [k for k in self.kernels if f"cblas_{type_}{k}\0".encode() in text]
                   for type_ in "sd"}
            if b"USE64BITINT" in text:
                self.wide[name] = path
            elif has["s"] or has["d"]:
                self.libraries[name] = path, has
        if not self.libraries:
            self.skipTest(f"no broken BLAS in '{cli.BROKEN}'")

    def test_reasons(self):
        """What was seen of each, for outputs that are compared in full and by probe."""
        for name, beta, word in (("wrong_result", "1", "wrong result"),
                                 ("wrong_result", "0", "wrong result"),
                                 ("leaves_unwritten", "1", "wrong result"),
                                 ("leaves_unwritten", "0", "NaN"),
                                 ("writes_outside", "1", "outside")):
            if name not in self.libraries:
                continue
            with self.subTest(name, beta=beta):
                lines = self.blas("--kernels", "gemm", "--types", "s,d", "--sizes", "9,300", "--beta",
                                  beta, "--blas", self.libraries[name][0], code=CASE_FAILED)
                rows = cli.cases(lines)
                self.assertEqual(self.judge(lines), 4)
                for row in rows:
                    self.assertIn(word, row["reason"])
                    self.assertEqual(row["library"], name)

    def test_other_integers_are_refused(self):
        for name, path in self.wide.items():
            self.fails(MISSING, "blas", *cli.TINY, "--kernels", "axpy", "--blas", f"naive,{path}",
                       words=(name, "64-bit"))

    def test_one_bad_library_does_not_spoil_the_others(self):
        path = next(p for p, has in self.libraries.values() if "gemm" in has["d"])
        lines = self.blas("--kernels", "gemm", "--blas", f"naive,{path},blocked", code=CASE_FAILED)
        self.assertEqual([row["status"] for row in cli.cases(lines)], ["ok", "failed", "ok"] * 2)
        self.assertEqual(lines[-1]["record"], "end")

    def test_wrong_results_fail_and_have_no_rate(self):
        for name, (path, has) in self.libraries.items():
            with self.subTest(name):
                failed = 0
                for type_, kernels in has.items():
                    if not kernels:
                        continue
                    out = self.folder / name / type_
                    result = self.run_in("blas", "--kernels", ",".join(kernels), "--sizes", "9,33",
                                         "--trans", "n,t,nn,nt,tn,tt", "--types", type_,
                                         "--time-budget", "0.001", "--blas", f"naive,{path}",
                                         "--out", out)
                    count = self.judge(cli.records(out / "blas.jsonl"))
                    self.assertEqual(result.returncode, CASE_FAILED if count else 0, result.stderr)
                    if count:
                        self.one_line(result.stderr, f"{count} of ", "failed their check", str(out))
                        self.assertEqual(result.stdout.count("failed: "), count)
                    failed += count
                lacks = any(len(kernels) < len(self.kernels) for kernels in has.values())
                self.assertTrue(failed or lacks, "nothing is wrong with it")

    def test_missing_routines_are_found_before(self):
        for name, (path, has) in self.libraries.items():
            if any(kernel not in has["s"] and kernel not in has["d"] for kernel in self.kernels):
                self.fails(MISSING, "blas", *cli.TINY, "--kernels", ",".join(self.kernels), "--types",
                           "s,d", "--blas", path, words=("has no cblas_", name, "--blas"))

    def test_unchecked_is_said(self):
        """Without a check nothing fails, and every row says that nothing was looked at."""
        for name, (path, has) in self.libraries.items():
            if not has["d"]:
                continue
            with self.subTest(name):
                rows = cli.cases(self.blas("--kernels", has["d"][0], "--no-check", "--blas", path))
                for row in rows:
                    self.assertEqual(row["status"], "ok")
                    self.assertIn("unchecked", row["flags"].split(";"))
                    self.assertIsNone(row["check_error"])
            break

    def judge(self, lines):
        self.assertEqual(lines[-1]["record"], "end")
        bad = [row for row in cli.cases(lines) if row["status"] == "failed"]
        self.assertEqual(lines[-1]["failed"], len(bad))
        for row in bad:
            self.assertNotEqual(row["library"], "naive")
            self.assertTrue(row["reason"])
            self.assertEqual([row["samples"], row["samples_s"]], [0, []])
            for key in ("median_s", "low_s", "high_s", "min_s", "gflops", "gbytes_per_s",
                        "peak_fraction"):
                self.assertIsNone(row[key], f"{key} of a failed case")
            if row["check_error"] is not None and "wrong result" in row["reason"]:
                self.assertGreater(row["check_error"], row["check_bound"])
        for row in cli.cases(lines):
            if row["library"] == "naive":
                self.assertEqual(row["status"], "ok")
        return len(bad)


def is_sanitized():
    with open(cli.BINARY, "rb") as file:
        return b"__asan_init" in file.read()


if __name__ == "__main__":
    cli.main()
