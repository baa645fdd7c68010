"""What the tests of the command line share: running flopstep, reading its results, judging its
words. Each test is run as

    test_<name>.py PATH/TO/flopstep [unittest options]

or with the path in FLOPSTEP.
"""
import atexit
import csv
import functools
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BROKEN = pathlib.Path(os.environ.get("FLOPSTEP_BROKEN", ""))
BINARY = ""

# So small that a whole test takes seconds. No test looks at a time.
TINY = ("--time-budget", "0.01", "--sizes", "8,16")

COMMON_COLUMNS = ("run command device library threads ranks type status reason samples median_s "
                  "low_s high_s min_s gflops gbytes_per_s peak_fraction sheet_fraction "
                  "flags").split()
PROMISED_COLUMNS = {
    "blas": COMMON_COLUMNS + "kernel level trans m n k check_error check_bound transfer".split(),
    "peak": COMMON_COLUMNS + "probe isa working_set_bytes".split(),
}


@functools.lru_cache
def share():
    """A folder with this tree's plots and published figures, wherever the binary was built."""
    folder = tempfile.mkdtemp(prefix="flopstep-share-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.symlink(ROOT / "plots", f"{folder}/plots")
    os.symlink(ROOT / "results/published", f"{folder}/published")
    return folder


def environment(**changes):
    env = {**os.environ, "FLOPSTEP_SHARE": share(), "LC_ALL": "C.UTF-8", **changes}
    return {key: value for key, value in env.items() if value is not None}


def run(*arguments, cwd, env=None, preexec=None, timeout=120, **options):
    """Runs flopstep to its end; texts of both streams and the exit code."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([BINARY, *map(os.fspath, map(_text, arguments))], cwd=cwd, text=True,
                          env=environment(**(env or {})), preexec_fn=preexec, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False, **options)


def _text(argument):
    return argument if isinstance(argument, (bytes, str, os.PathLike)) else str(argument)


def records(path):
    """The lines of a results file; fails where one of them is no JSON."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    assert not text or text.endswith("\n"), "half a line at the end"
    return [json.loads(line, parse_constant=_no_constant) for line in text.splitlines()]


def records_so_far(path):
    """The whole lines of a file that is being written."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def cases(lines):
    return [line for line in lines if line.get("record") == "case"]


def csv_rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def csv_text(value):
    """How a JSON value stands in the CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def same(text, value):
    if isinstance(value, float):
        return text != "" and float(text) == value
    return text == csv_text(value)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = self.folder / "out"

    def run_in(self, *arguments, **options):
        return run(*arguments, cwd=self.folder, **options)

    def one_line(self, text, *words):
        """One line of flopstep's own that holds these words."""
        self.assertRegex(text, r"\Aflopstep: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word, text)

    def fails(self, code, *arguments, words=(), keeps=False, **options):
        """The command ends with that code and one line; nothing is written but where `keeps`."""
        result = self.run_in(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.one_line(result.stderr, *words)
        if not keeps:
            self.assertEqual(result.stdout, "")
            self.assertEqual(self.written(), [])
        return result

    def works(self, *arguments, code=0, **options):
        result = self.run_in(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def written(self):
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*.jsonl"))

    def blas(self, *arguments, code=0, **options):
        """Runs a tiny `blas` into a fresh file and returns its lines."""
        before = set(self.written())
        result = self.works("blas", *TINY, "--out", self.out, *arguments, code=code, **options)
        if code == 0:
            self.assertEqual(result.stderr, "")
        new, = set(self.written()) - before
        self.result = result
        return records(self.folder / new)


def library_paths():
    """The broken libraries that were built, by name."""
    return {p.name[3:-3]: p for p in sorted(BROKEN.glob("lib*.so"))} if str(BROKEN) != "." else {}


@functools.lru_cache
def usable_libraries():
    """Names of the libraries that load here, built-in ones first."""
    text = run("info", cwd="/").stdout.split("\nBLAS", 1)[-1].split("\ndevices", 1)[0]
    rows = [line for line in text.splitlines()[1:] if "not usable" not in line]
    return [line.split()[0] for line in rows]


def main():
    global BINARY
    given = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
    if given and os.access(given, os.X_OK) and not os.path.isdir(given):
        del sys.argv[1]
    else:
        given = os.environ.get("FLOPSTEP")
    if not given:
        sys.exit("usage: test_<name>.py PATH/TO/flopstep [unittest options]")
    BINARY = str(pathlib.Path(given).resolve())
    unittest.main(module="__main__")
