#!/usr/bin/python3
"""--conv onednn where it cannot be had: refused in one line, before anything is measured."""
import pathlib
import tempfile
import unittest

import cli


class Refusals(unittest.TestCase):
    def refused(self, code, *options, **changes):
        with tempfile.TemporaryDirectory() as folder:
            for major in (2, 3):  # files that are no libraries
                (pathlib.Path(folder) / f"libdnnl.so.{major}").touch()
            done = cli.run("train", "--network", "784-10softmax", "--conv", "onednn", *options,
                           cwd=folder, env={key: folder for key in changes.get("empty", ())})
            self.assertFalse((pathlib.Path(folder) / "results").exists())
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_a_missing_library(self):
        said = self.refused(3, empty=["LD_LIBRARY_PATH"])
        self.assertIn("--conv onednn", said)
        self.assertIn("install", said)

    def test_double(self):
        for types in ("d", "s,d"):
            self.assertIn("single precision", self.refused(2, "--types", types))


if __name__ == "__main__":
    cli.main()
