"""A system that does not permit threads to be pinned: measured all the same, flagged, said by info."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

FLOPSTEP = sys.argv[1]
SHIM = pathlib.Path(os.environ.get("FLOPSTEP_BROKEN", "")) / "libno_pinning.so"


def run(*arguments):
    environment = dict(os.environ, LD_PRELOAD=str(SHIM))
    options = environment.get("ASAN_OPTIONS", "")
    environment["ASAN_OPTIONS"] = options + ":verify_asan_link_order=0"
    return subprocess.run([FLOPSTEP, *arguments], capture_output=True, text=True, env=environment)


@unittest.skipUnless(SHIM.is_file(), f"no library to preload at {SHIM}")
class Unpinned(unittest.TestCase):
    def test_blas_is_measured_and_flagged(self):
        with tempfile.TemporaryDirectory() as out:
            done = run("blas", "--blas", "naive", "--kernels", "axpy", "--sizes", "64", "--threads", "1",
                       "--time-budget", "0.02", "--out", out, "--quiet")
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = [json.loads(line) for line in pathlib.Path(out, "blas.jsonl").read_text().splitlines()]
            self.assertFalse(lines[0]["pinned"])
            self.assertEqual(lines[1]["status"], "ok")
            self.assertIn("unpinned", lines[1]["flags"].split(";"))

    def test_info_says_so(self):
        self.assertIn("not permitted", run("info").stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
