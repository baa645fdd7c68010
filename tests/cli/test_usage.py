#!/usr/bin/python3
"""Wrong usage and things that are not there: the exit code, one line that names what is wrong and
what to do, and nothing written."""
import os

import cli

USAGE, MISSING, NOT_WRITTEN = 2, 3, 4


class Names(cli.Case):
    def test_command(self):
        self.fails(USAGE, words=("which command?", "--help"))
        self.fails(USAGE, "balls", words=("'balls'", "did you mean 'blas'?"))
        self.fails(USAGE, "pek", words=("'peak'",))
        self.fails(USAGE, "xyzzyx", words=("'xyzzyx'", "flopstep --help"))
        self.fails(USAGE, "", words=("''",))
        self.fails(USAGE, "--kernels", words=("'--kernels'",))

    def test_option(self):
        self.fails(USAGE, "blas", "--kernel", "axpy", words=("--kernel;", "did you mean --kernels?"))
        self.fails(USAGE, "blas", "--xyzzy", words=("--xyzzy", "flopstep blas --help"))
        self.fails(USAGE, "blas", "-k", "axpy", words=("-k", "--name"))
        self.fails(USAGE, "blas", "axpy", words=("'axpy'", "--"))
        self.fails(USAGE, "peak", "--kernels", "axpy", words=("peak has no option --kernels",))
        self.fails(USAGE, "info", "--threads", "1", words=("info has no option",))
        self.fails(USAGE, "info", "cpu", words=("'cpu'",))
        self.fails(USAGE, "list", "kernel", words=("'kernel'", "did you mean 'kernels'?"))
        self.fails(USAGE, "report", words=("report DIR",))
        self.fails(USAGE, "blas", "--" + "x" * 5000)

    def test_missing_and_surplus_values(self):
        for command, option in (("blas", "--kernels"), ("blas", "--sizes"), ("blas", "--blas"),
                                ("blas", "--threads"), ("blas", "--out"), ("peak", "--probes"),
                                ("report", "--out")):
            self.fails(USAGE, command, option, words=(option, "needs a value"))
            self.fails(USAGE, command, option, "", words=(option, "empty value"))
            self.fails(USAGE, command, f"{option}=", words=(option, "empty value"))
        self.fails(USAGE, "blas", "--cold=yes", words=("--cold takes no value",))

    def test_kernel(self):
        self.fails(USAGE, "blas", "--kernels", "gemmm", words=("'gemmm'", "did you mean 'gemm'?"))
        self.fails(USAGE, "blas", "--kernels", "axpy,gemvv", words=("'gemvv'", "'gemv'"))
        self.fails(USAGE, "blas", "--kernels", "level4", words=("'level4'", "did you mean 'level"))
        self.fails(USAGE, "blas", "--kernels", "fft", words=("'fft'", "flopstep list"))
        self.fails(USAGE, "blas", "--kernels", "axpy,,dot", words=("empty entry",))
        self.fails(USAGE, "blas", "--kernels", "a\nb", words=("'a?b'",))

    def test_type(self):
        self.fails(USAGE, "blas", "--types", "q", words=("'q'", "s, d"))
        self.fails(USAGE, "blas", "--types", "double", words=("'double'",))
        for name in ("h", "bf16", "tf32"):
            for command in ("blas", "peak"):
                self.fails(MISSING, command, "--types", f"d,{name}", words=(name, "cpu has s and d"))

    def test_device(self):
        self.fails(USAGE, "blas", "--device", "gpu", words=("'gpu'", "cuda"))
        for device in ("cuda", "cuda:1"):
            for command in ("blas", "peak"):
                self.fails(MISSING, command, "--device", device, words=(device, "--device cpu"))
        self.fails(MISSING, "blas", "--transfer", words=("GPU",))

    def test_format_mode_recipe_probe_figure(self):
        self.fails(USAGE, "blas", "--format", "json", words=("'json'", "jsonl"))
        self.fails(USAGE, "peak", "--format", "xml", words=("'xml'", "csv"))
        self.fails(USAGE, "blas", "--mode", "speed", words=("'speed'", "latency", "throughput"))
        self.fails(USAGE, "blas", "--recipe", "blas-level", words=("'blas-levels'",))
        self.fails(USAGE, "blas", "--recipe", "soup", words=("'soup'", "flopstep list"))
        self.fails(USAGE, "peak", "--probes", "triadd", words=("'triadd'", "did you mean 'triad'?"))
        self.fails(USAGE, "peak", "--probes", "soup", words=("'soup'", "list probes"))
        self.fails(USAGE, "report", "--figures", "rofline", words=("roofline",))

    def test_reference(self):
        for arguments in (("--recipe", "blas-levels"), ()):
            self.fails(USAGE, "blas", *arguments, "--reference", "p10", words=("'p10'", "p100"))
            self.fails(USAGE, "blas", *arguments, "--reference", "p100,soup", words=("'soup'",))
        self.fails(MISSING, "blas", "--reference", "p100", words=("FLOPSTEP_SHARE",),
                   env={"FLOPSTEP_SHARE": "/nowhere"})


class Numbers(cli.Case):
    def test_sizes(self):
        for text, *words in (("0", "positive"), ("-5", "positive"), ("8,0", "positive"),
                             ("8:0", "positive"), ("16:8", "descends"), ("500:100:100", "descends"),
                             ("8:16:0", "positive"), ("8:16:-4", "positive"), ("8:16:x1", "above 1"),
                             ("8:16:x0.5", "above 1"), ("8:16:x", "factor"), ("eight", "number"),
                             ("8.5", "',' is expected"), ("8;16", "',' is expected"),
                             ("8,", "number"), (",8", "number"), ("8,,16", "number"),
                             ("8x", "number"), ("8x0x8", "positive"), ("8x8x8x8", "three"),
                             ("1e3", "',' is expected"), ("8kk", "',' is expected"),
                             ("1:1000000:1", "100000 sizes"), ("9" * 30, "too large"),
                             ("9223372036854775807k", "too large"), (" ", "number")):
            with self.subTest(text):
                self.fails(USAGE, "blas", "--sizes", text, words=("--sizes", *words))
        self.fails(USAGE, "blas", "--sizes", "8," * 400 + "x", words=("a number is expected",))
        self.fails(USAGE, "peak", "--working-sets", "16Kix2", words=("--working-sets",))
        self.fails(USAGE, "peak", "--working-sets", "0", words=("positive",))

    def test_size_that_does_not_fit_the_kernel(self):
        self.fails(USAGE, "blas", "--kernels", "gemm", "--sizes", "8x8", words=("gemm", "mnk"))
        self.fails(USAGE, "blas", "--kernels", "axpy", "--sizes", "8x8", words=("axpy",))

    def test_threads(self):
        more = os.cpu_count() + 1
        for text in ("0", "-1", "two", "1.5", "1,", "99999999999999999999", "1,0"):
            self.fails(USAGE, "blas", "--threads", text, words=("--threads",))
        self.fails(USAGE, "blas", "--threads", more, words=(str(more), "may use"))
        self.fails(USAGE, "peak", "--threads", f"1,{more}", words=(str(more),))

    def test_a_limit_of_openmp_is_said_before_a_library_waits_for_ever(self):
        if os.cpu_count() < 2:
            self.skipTest("one processor: nothing to limit")
        result = self.run_in("blas", "--blas", "naive", "--threads", "2", env={"OMP_THREAD_LIMIT": "1"})
        self.assertEqual(result.returncode, USAGE, result.stderr)
        self.assertIn("OMP_THREAD_LIMIT", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_openmp_places_hide_no_processor(self):
        plain = self.run_in("info").stdout
        bound = self.run_in("info", env={"OMP_PROC_BIND": "true", "OMP_PLACES": "threads"}).stdout
        topology = [line for line in plain.splitlines() if line.startswith("topology")]
        self.assertEqual([line for line in bound.splitlines() if line.startswith("topology")], topology)

    def test_peak_has_no_cold(self):
        self.fails(USAGE, "peak", "--cold", words=("--working-sets",))

    def test_strides(self):
        for lda in ("7", "15"):
            self.fails(USAGE, "blas", *cli.TINY, "--kernels", "gemm", "--lda", lda, "--blas", "naive",
                       words=(f"--lda {lda}", "rows"))
        self.fails(USAGE, "blas", *cli.TINY, "--kernels", "axpy,gemm", "--lda", "8", "--blas", "naive",
                   "--dry-run", words=("16 rows", "--lda +8"))
        for text in ("0", "-8", "wide", "+", "+-1", "+2147483647", "3000000000"):
            self.fails(USAGE, "blas", *cli.TINY, "--kernels", "gemm", "--blas", "naive",
                       "--lda", text, words=("--lda",))
        for option in ("--incx", "--incy"):
            for text in ("0", "x", "1.5", "9999999999"):
                self.fails(USAGE, "blas", option, text, words=(option,))

    def test_other_numbers(self):
        for option, values in {"--seed": ("-1", "x", "1.5", "9" * 20, " -3", "18446744073709551615"),
                               "--time-budget": ("0", "-1", "nan", "inf", "1s", "1e300"),
                               "--precision": ("-0.1", "2", "2%", "nan"),
                               "--max-samples": ("0", "-1", "many"),
                               "--alpha": ("one", "nan", "1e9", "1e-9", "0", "-0.0"),
                               "--beta": ("inf", "1e-320", "-1e-40"),
                               "--trans": ("c", "nnn", "n,", "N"),
                               "--uplo": ("x", "lu", "L"),
                               "--fill": ("1", "1:0", "1:1", "a:b", ":1", "0:", "0:1e9")}.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.fails(USAGE, "blas", f"{option}={value}", words=(option,))


class Libraries(cli.Case):
    def asks(self, code, library, *words, **options):
        return self.fails(code, "blas", *cli.TINY, "--blas", library, "--out", self.out, words=words,
                          **options)

    def test_unknown_name(self):
        self.asks(MISSING, "opnblas", "'opnblas'", "did you mean 'openblas'?")
        self.asks(MISSING, "naive,blocke", "'blocke'", "'blocked'")
        self.asks(MISSING, "xyzzy", "'xyzzy'", "flopstep list", "path")

    def test_not_installed(self):
        text = self.works("info").stdout
        names = [line.split()[0] for line in text.splitlines() if "not usable: not installed" in line]
        for name in names:
            self.asks(MISSING, f"naive,{name}", f"'{name}'", "is not installed", "install it")

    def test_does_not_load(self):
        text = self.folder / "libtext.so"
        text.write_text("not a library\n", encoding="utf-8")
        empty = self.folder / "libempty.so"
        empty.touch()
        for path in (text, empty, self.folder, self.folder / "missing.so", "/dev/null",
                     "missing.so"):
            self.asks(MISSING, path, "does not load")
        self.asks(MISSING, f"naive,{text}", "libtext.so")
        self.asks(MISSING, "/tmp/a\nb.so", "a?b.so")

    def test_lacks_symbols(self):
        """A sound library, but no BLAS: said before anything is measured."""
        for name in ("libm.so.6", "libz.so.1"):
            result = self.run_in("blas", *cli.TINY, "--blas", f"naive,{name}", "--out", self.out)
            if "does not load" in result.stderr:
                continue
            self.assertEqual(result.returncode, MISSING)
            self.one_line(result.stderr, "has no cblas_daxpy", "--blas")
        self.assertEqual(self.written(), [])

    def test_dry_run_needs_the_libraries_too(self):
        self.asks(MISSING, "/missing.so", "does not load")
        self.fails(MISSING, "blas", "--dry-run", "--blas", "/missing.so")


class NotWritable(cli.Case):
    def test_out(self):
        file = self.folder / "file"
        file.write_text("kept", encoding="utf-8")
        for command in (("blas", *cli.TINY, "--blas", "naive"), ("peak",)):
            for out in (file, file / "below", "/proc/nowhere", "/proc/self", "/dev/null/x",
                        "n" * 300, "/".join(["d" * 200] * 30)):
                with self.subTest(command=command[0], out=str(out)[:80]):
                    self.fails(NOT_WRITTEN, *command, "--out", out, words=("--out",))
        self.assertEqual(file.read_text(encoding="utf-8"), "kept")

    def test_default_out(self):
        (self.folder / "results").touch()
        self.fails(NOT_WRITTEN, "blas", *cli.TINY, "--blas", "naive",
                   words=("results/local", "--out"))

    def test_no_permission(self):
        """For root every folder is writable, so this process becomes somebody else first."""
        self.folder.chmod(0o755)
        locked = self.folder / "locked"
        locked.mkdir(mode=0o555)

        def drop():
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
        if os.geteuid() == 0 and not readable_by_others(cli.BINARY):
            self.skipTest("the binary lies where only root can run it")
        self.fails(NOT_WRITTEN, "blas", *cli.TINY, "--blas", "naive", "--out", locked,
                   words=("Permission denied", "--out"), preexec=drop)


def readable_by_others(path):
    path = os.path.realpath(path)
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


if __name__ == "__main__":
    cli.main()
