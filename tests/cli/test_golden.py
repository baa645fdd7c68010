#!/usr/bin/python3
"""Texts that people and scripts rely on, word by word: --help, --dry-run, lists, headers.

Where a change is meant, renew tests/cli/golden/ and read the difference before it is committed:

    FLOPSTEP_RENEW_GOLDEN=1 tests/cli/test_golden.py build/flopstep
"""
import json
import os
import sys

import cli

FOLDER = cli.ROOT / "tests/cli/golden"
RENEW = os.environ.get("FLOPSTEP_RENEW_GOLDEN") == "1"

# Built-in libraries, one thread, both types, every kind of shape: nothing of this machine.
DRY_RUN = ("blas", "--dry-run", "--blas", "naive,blocked", "--threads", "1", "--types", "s,d",
           "--kernels", "axpy,gemv,symm,gemm", "--trans", "n,t,nn,tn", "--uplo", "l,u", "--sizes",
           "100:300:100")
STEPS = ("train", "--dry-run", "--network", "two-layer,784-20relu-10softmax", "--batch", "1,32",
         "--threads", "1", "--types", "s,d")
PEAK = ("peak", "--dry-run", "--probes", "copy,triad", "--working-sets", "48Ki,1Mi", "--threads", "1")

TEXTS = {
    "help.txt": ("--help",),
    "help-info.txt": ("info", "--help"),
    "help-list.txt": ("list", "--help"),
    "help-peak.txt": ("peak", "--help"),
    "help-blas.txt": ("blas", "--help"),
    "help-train.txt": ("train", "--help"),
    "help-predict.txt": ("predict", "--help"),
    "help-allreduce.txt": ("allreduce", "--help"),
    "help-report.txt": ("report", "--help"),
    "dry-run-blas.txt": DRY_RUN,
    "dry-run-blas.csv": DRY_RUN + ("--format", "csv"),
    "dry-run-blas.jsonl": DRY_RUN + ("--format", "jsonl"),
    "dry-run-shapes.txt": ("blas", "--dry-run", "--blas", "naive", "--kernels", "gemm", "--sizes",
                           "128x1024x784,1k,2Ki"),
    "dry-run-recipe.txt": ("blas", "--dry-run", "--blas", "blocked", "--recipe", "matmul-lab"),
    "list-kernels.txt": ("list", "kernels"),
    "list-libraries.txt": ("list", "libraries"),
    "list-recipes.txt": ("list", "recipes"),
    "list-networks.txt": ("list", "networks"),
    "list-layers.txt": ("list", "layers"),
    "list-optimizers.txt": ("list", "optimizers"),
    "list-datasets.txt": ("list", "datasets"),
    "list-figures.txt": ("list", "figures"),
    "dry-run-train.txt": STEPS,
    "dry-run-train.csv": STEPS + ("--format", "csv"),
    "dry-run-train.jsonl": STEPS + ("--format", "jsonl"),
}


class Golden(cli.Case):
    maxDiff = None

    def compare(self, name, text):
        path = FOLDER / name
        if RENEW:
            path.write_text(text, encoding="utf-8")
        self.assertEqual(text, path.read_text(encoding="utf-8"),
                         f"differs from tests/cli/golden/{name}; if that is meant, renew it")

    def test_texts(self):
        for name, arguments in TEXTS.items():
            with self.subTest(name):
                result = self.works(*arguments)
                self.assertEqual(result.stderr, "")
                self.compare(name, result.stdout)
        self.assertEqual(self.written(), [])

    def test_peak_dry_run(self):
        """The instruction set is that of this machine."""
        for form in ("table", "csv", "jsonl"):
            result = self.works(*PEAK, "--format", form)
            text = result.stdout
            for isa in ("generic", "sse2", "avx2", "avx512", "neon"):
                for before, behind in ((" ", " "), (",", ","), ('"', '"')):
                    width = max(7, len(isa)) if before == " " else 0
                    text = text.replace(before + isa.ljust(width) + behind,
                                        before + "ISA".ljust(7 if width else 0) + behind)
            self.compare(f"dry-run-peak.{'txt' if form == 'table' else form}", text)

    def test_headers(self):
        """Of the table and the CSV of real runs; rows hold measured numbers."""
        found = {}
        for command in (("blas", "--blas", "naive", "--kernels", "copy"),
                        ("peak", "--probes", "copy", "--working-sets", "16Ki")):
            for form in ("table", "csv"):
                result = self.works(*command, "--threads", "1", "--time-budget", "0.001", "--quiet",
                                    *(("--sizes", "8") if command[0] == "blas" else ()), "--out",
                                    self.out, "--format", form)
                lines = result.stdout.splitlines()
                self.assertEqual(len(lines), 2, result.stdout)
                found[command[0], form] = lines[0].rstrip()
        text = "".join(f"{command} {form}: {line}\n" for (command, form), line in found.items())
        self.compare("headers.txt", text)

    @cli.unittest.skipIf(RENEW, "renewing")
    def test_every_file_is_used(self):
        used = set(TEXTS) | {"headers.txt"} | {f"dry-run-peak.{e}" for e in ("txt", "csv", "jsonl")}
        self.assertEqual({path.name for path in FOLDER.iterdir()}, used)

    def test_dry_run_forms_agree(self):
        rows = cli.csv_rows(self.works(*DRY_RUN, "--format", "csv").stdout)
        lines = [json.loads(line)
                 for line in self.works(*DRY_RUN, "--format", "jsonl").stdout.splitlines()]
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines):
            self.assertEqual(set(row), set(line))
            for key, value in line.items():
                self.assertTrue(cli.same(row[key], value), (key, row[key], value))
        table = self.works(*DRY_RUN).stdout.splitlines()
        self.assertEqual(table[-1], f"{len(rows)} cases, none run")
        self.assertEqual(len(table), len(rows) + 1)

    def test_commands_and_options_of_the_help(self):
        """Every command is in --help and has help with examples; every example can be parsed."""
        listed = [line.split()[0] for line in self.works("--help").stdout.splitlines()
                  if line.startswith("  ")]
        self.assertEqual(listed, ["info", "list", "peak", "blas", "train", "predict", "allreduce",
                                  "report"])
        for command in listed:
            text = self.works(command, "--help").stdout
            self.assertEqual(text, self.works(command, "-h").stdout)
            joined = text.split("Examples:\n")[1].replace("\\\n", " ")
            examples = [words[words.index("flopstep"):]  # launchers stand before it
                        for words in map(str.split, joined.splitlines())]
            self.assertIn(["flopstep", command], [words[:2] for words in examples])
            for words in examples:
                self.assertEqual(words[0], "flopstep")
                if words[1] != command:  # what another command makes for this one
                    self.assertEqual([command, words[1]], ["predict", "train"])
                    self.example_of_train(words[1:])
                    continue
                if command in ("blas", "peak"):
                    # Threads, libraries and GPUs that the machine lacks are no fault of the example.
                    words = [w for w in words[1:] if "blis" not in w and w not in ("--blas",)]
                    library = ("--blas", "naive") if command == "blas" and "cuda" not in words else ()
                    result = self.run_in(*words, "--threads", "1", *library, "--dry-run")
                    lacks = ("hardware thread", "needs no GPU", "only a GPU has")
                    if not any(text in result.stderr for text in lacks):
                        self.assertEqual(result.returncode, 0, (words, result.stderr))
                if command == "train":
                    self.example_of_train(words[1:])
                if command == "allreduce":  # what is written is read before ranks are looked for
                    self.fails(3, *words[1:], "--dry-run", words=["MPI" if "without MPI" in self.run_in(
                        "info").stdout else "mpirun -n 2 flopstep allreduce"])

    def example_of_train(self, words):
        """Nothing is wrong with it, but that its data, its checkpoint or a second thread may not be
        here: what is written is read before any of these is looked for."""
        result = self.run_in(*words, "--dry-run")
        lacks = [text for text in ("is not here", "data folder", "No such file", "hardware thread")
                 if text in result.stderr]
        self.assertEqual(result.returncode != 0, bool(lacks), (words, result.stderr))

    def test_version(self):
        self.assertRegex(self.works("--version").stdout, r"\Aflopstep \d+\.\d+\.\d+ \(\S+\)\n\Z")


if __name__ == "__main__":
    if RENEW:
        print(f"renewing {FOLDER}", file=sys.stderr)
    cli.main()
