#!/usr/bin/python3
"""`flopstep predict`: pictures of test digits are told by a network that `train` saved, results
hold what was printed, and every bad picture or checkpoint is one line before anything runs."""
import functools
import gzip
import os
import pathlib
import struct
import sys
import tempfile
import zlib

import cli

SIDE = 28


def mnist():
    """The folder of the files, or None. It must be MNIST itself: others have the same names."""
    for folder in filter(None, [os.environ.get("FLOPSTEP_DATA"), cli.ROOT.parent / "shared/data"]):
        for place in (pathlib.Path(folder) / "mnist", pathlib.Path(folder)):
            if (place / "t10k-images-idx3-ubyte.gz").exists():
                return place
    return None


def png(rows, colour=0):
    """A PNG of 8 bits: grey (0) or RGB (2), rows of bytes."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    width = len(rows[0]) // (3 if colour == 2 else 1)
    header = struct.pack(">IIBBBBB", width, len(rows), 8, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data)
            + chunk(b"IEND", b""))


@functools.lru_cache
def digits():
    """The first hundred test images, as rows, with their labels."""
    images = gzip.decompress((mnist() / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((mnist() / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    size = SIDE * SIDE
    return [([images[size * i + SIDE * y:size * i + SIDE * (y + 1)] for y in range(SIDE)],
             labels[i]) for i in range(100)]


def photo(rows):
    """The digit as on paper: dark on light, larger, in a wide picture, coloured."""
    wide = []
    for y in range(4 * SIDE):
        row = bytearray(b"\xf0\xf0\xe0" * 20)
        for x in range(4 * SIDE):
            shade = 240 - rows[y // 4][x // 4] * 230 // 255
            row += bytes((shade, shade, max(shade - 16, 0)))
        wide.append(bytes(row) + b"\xf0\xf0\xe0" * 40)
    return png(wide, colour=2)


@functools.lru_cache
def checkpoint():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="flopstep-predict-"))
    cli.atexit.register(cli.shutil.rmtree, folder, ignore_errors=True)
    result = cli.run("train", "--network", "784-30relu-10softmax", "--dataset", "mnist",
                     "--data", mnist(), "--epochs", 1, "--checkpoint", folder / "saved.ckpt",
                     "--out", folder, "--quiet", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "saved.ckpt"


class Predict(cli.Case):
    def picture(self, name, data):
        (self.folder / name).write_bytes(data)
        return name

    def predict(self, *arguments, **options):
        return self.works("predict", "--checkpoint", checkpoint(), "--out", self.out, *arguments,
                          **options)

    def refused(self, code, *arguments, words=()):
        self.fails(code, "predict", *arguments, "--out", self.out, words=words)

    def test_digits_are_told(self):
        files = [self.picture(f"{i}.png", png(rows)) for i, (rows, _) in enumerate(digits())]
        result = self.predict("--raw", "--format", "jsonl", *files)
        self.assertEqual(result.stderr, "")
        lines = cli.records(self.out / "predict.jsonl")
        self.assertEqual(result.stdout, (self.out / "predict.jsonl").read_text())
        self.assertEqual([line["record"] for line in lines],
                         ["provenance"] + ["case"] * 100 + ["examples", "end"])
        rows = cli.cases(lines)
        self.assertEqual([row["file"] for row in rows], files)
        right = sum(row["predicted"] == label for row, (_, label) in zip(rows, digits()))
        self.assertGreater(right, 80)  # one epoch gives about 91 of 100
        for row in rows:
            outputs = [row[f"p{j}"] for j in range(10)]
            self.assertEqual(outputs, row["probabilities"])
            self.assertAlmostEqual(sum(outputs), 1, places=5)
            self.assertEqual(outputs.index(max(outputs)), row["predicted"])
            self.assertEqual([row["probability"], row["class_name"], row["status"]],
                             [max(outputs), str(row["predicted"]), "ok"])
        examples = lines[-2]
        self.assertEqual([examples["height"], examples["width"]], [SIDE, SIDE])
        self.assertEqual(examples["class_names"], [str(j) for j in range(10)])
        for item, row, (pixels, _) in zip(examples["items"], rows, digits()):
            self.assertEqual(item["pixels"], b"".join(pixels).hex())
            self.assertEqual([item["name"], item["predicted"], item["probabilities"]],
                             [row["file"], row["predicted"], row["probabilities"]])
            self.assertIsNone(item["label"])

    def test_photos_become_like_the_data(self):
        files = [self.picture(f"{i}.png", photo(rows)) for i, (rows, _) in enumerate(digits()[:40])]
        rows = cli.csv_rows(self.predict("--format", "csv", *files).stdout)
        right = sum(row["predicted"] == str(label) for row, (_, label) in zip(rows, digits()))
        self.assertGreater(right, 30)

    def test_table(self):
        name = self.picture("seven.png", png(digits()[0][0]))
        result = self.predict("--quiet", "--raw", name)
        head, row = result.stdout.splitlines()[:2]
        self.assertEqual(head.split(), ["file", "class", "%"] + [str(j) for j in range(10)])
        self.assertEqual(row.split()[:2], ["seven.png", str(digits()[0][1])])
        self.assertIn("784-30relu-10softmax", self.predict("--raw", name).stdout)
        self.assertEqual(self.written(), ["out/predict-2.jsonl", "out/predict.jsonl"])

    def test_same_for_any_threads_and_library(self):
        files = [self.picture(f"{i}.png", png(rows)) for i, (rows, _) in enumerate(digits()[:70])]
        tables = [cli.csv_rows(self.predict("--raw", "--format", "csv", *more, *files).stdout)
                  for more in ([], ["--blas", "naive"])]
        for one, other in zip(*tables):
            self.assertEqual(one["predicted"], other["predicted"])
            self.assertAlmostEqual(float(one["probability"]), float(other["probability"]), places=4)

    def test_wrong_usage(self):
        name = self.picture("a.png", png(digits()[0][0]))
        self.refused(2, name, words=["--checkpoint"])
        self.refused(2, "--checkpoint", checkpoint(), words=["picture"])
        self.refused(2, "--checkpoint", checkpoint(), "--threads", 0, name, words=["--threads"])
        self.refused(2, "--checkpoint", checkpoint(), "--sizes", 8, name, words=["sizes"])
        self.refused(3, "--checkpoint", checkpoint(), "--blas", "nonesuch", name,
                     words=["nonesuch"])

    def test_bad_pictures(self):
        good = self.picture("good.png", png(digits()[0][0]))
        wide = self.picture("wide.png", png([b"\0" * 30] * 28))
        whole = (self.folder / good).read_bytes()
        bad = {"none.png": "none.png", ".": ".",
               self.picture("cut.png", whole[:60]): "cut.png",
               self.picture("text.png", b"no picture"): "text.png",
               self.picture("empty.png", b""): "empty.png",
               self.picture("white.png", png([b"\xff" * 40] * 40)): "white.png"}
        for name, word in bad.items():
            with self.subTest(name):
                self.refused(3, "--checkpoint", checkpoint(), good, name, words=[word])
        self.refused(3, "--checkpoint", checkpoint(), "--raw", good, wide, words=["30x28"])

    def test_bad_checkpoints(self):
        good = self.picture("good.png", png(digits()[0][0]))
        whole = checkpoint().read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        bad = {"none.ckpt": "none.ckpt", ".": "folder", good: "not a checkpoint",
               self.picture("cut.ckpt", whole[:-9]): "truncated",
               self.picture("long.ckpt", whole + b"!"): "follow",
               self.picture("flipped.ckpt", bytes(flipped)): "CRC",
               self.picture("new.ckpt", whole[:8] + b"\x63" + whole[9:]): "version 99"}
        for name, word in bad.items():
            with self.subTest(name):
                self.refused(3, "--checkpoint", name, good, words=[word])

    def test_network_for_other_inputs(self):
        good = self.picture("good.png", png(digits()[0][0]))
        self.works("train", "--network", "2-4tanh-2softmax", "--dataset", "circles", "--epochs", 1,
                   "--checkpoint", "circles.ckpt", "--out", self.folder / "train", "--quiet")
        result = self.run_in("predict", "--checkpoint", "circles.ckpt", "--out", self.out, good)
        self.assertEqual(result.returncode, 3)
        self.one_line(result.stderr, "circles.ckpt", "28x28")
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    if not mnist():
        print("skipped: no MNIST in FLOPSTEP_DATA or ../shared/data")
        sys.exit(77)
    cli.main()
