"""Holds the tree to the direction of the design's arrows: kernels <- nn, kernels <- mpi,
{kernels, nn, mpi} <- bench, and bench/harness knows nothing of nn, mpi or of the commands above it."""
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# folder: what its files may include, besides system headers and the generated build_info.h
ALLOWED = {
    "kernels": ["kernels/"],
    "nn": ["nn/", "kernels/"],
    "mpi": ["mpi/", "kernels/"],
    "bench/harness": ["bench/harness/", "kernels/"],
    "bench": ["bench/", "nn/", "mpi/", "kernels/"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def allowed_for(path):
    name = path.relative_to(ROOT).as_posix()
    folder = max((f for f in ALLOWED if name.startswith(f + "/")), key=len, default=None)
    return ALLOWED[folder] if folder else None


class Includes(unittest.TestCase):
    def test_arrows(self):
        wrong, seen = [], 0
        for pattern in ("*.c", "*.h", "*.cu", "*.cuh"):
            for folder in ("kernels", "nn", "mpi", "bench"):
                for path in (ROOT / folder).rglob(pattern):
                    rules = allowed_for(path)
                    for name in INCLUDE.findall(path.read_text()):
                        seen += 1
                        if name != "build_info.h" and not any(name.startswith(r) for r in rules):
                            wrong.append(f"{path.relative_to(ROOT)} includes {name}")
        self.assertGreater(seen, 100, "no includes found: has the tree moved?")
        self.assertEqual(wrong, [])

    def test_the_binary_links_no_blas(self):
        if not shutil.which("readelf"):
            self.skipTest("readelf (binutils) is missing")
        told = subprocess.run(["readelf", "-d", sys.argv[1]], capture_output=True, text=True, check=True)
        needed = re.findall(r"NEEDED.*\[(.+)\]", told.stdout)
        self.assertIn("libjansson.so.4", needed)
        self.assertFalse([n for n in needed if re.search(r"blas|blis|mkl|lapack|cuda", n)], needed)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
