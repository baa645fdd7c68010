"""Sums of gradients with 1, 2, 3, 4 and 7 ranks: ranks_gradients.c, built beside the tests."""
import os
import pathlib
import subprocess
import unittest

import launch
import cli


class Gradients(launch.RankTest):
    def test_all_modes(self):
        binary = pathlib.Path(cli.BINARY).parent / "tests" / "ranks_gradients"
        self.assertTrue(os.access(binary, os.X_OK), f"{binary} is missing")
        for ranks in launch.SEVERAL:
            with self.subTest(ranks=ranks):
                told = subprocess.run([*launch.launcher(), "-n", str(ranks), str(binary)], text=True,
                                      capture_output=True, timeout=300, check=False,
                                      env=cli.environment(**launch.ENVIRONMENT))
                self.assertEqual((told.returncode, told.stdout),
                                 (0, f"{ranks} ranks, 0 failures\n"), told.stderr[-2000:])


if __name__ == "__main__":
    launch.main()
