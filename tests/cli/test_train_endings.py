#!/usr/bin/python3
"""How trainings end before their time: signals, divergence, full disks, data that is not there, wrong
usage. What was trained stays, and what is wrong is said before anything runs."""
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess

import cli

CASE_FAILED, USAGE, MISSING, NOT_WRITTEN = 1, 2, 3, 4
CIRCLES = ("--network", "2-6tanh-2softmax", "--dataset", "circles", "--batch", "50", "--lr", "0.1")
QUICK = ("--threads", "1", "--time-budget", "0.01")
ENDLESS = ("train", *CIRCLES, *QUICK, "--epochs", "1000000", "--history", "100")
SOFTMAX = ("--network", "784-10softmax")


def arrays(path):
    """Parameters and what the optimizer keeps: all behind the header."""
    data = pathlib.Path(path).read_bytes()
    return data[struct.unpack("<8sIIQ", data[:24])[2]:-4]


class Signals(cli.Case):
    def interrupted(self, number, *command):
        """Ends a run that would take hours once its third row was printed."""
        child = subprocess.Popen([cli.BINARY, *command, "--out", self.out, "--format", "csv"],
                                 text=True, cwd=self.folder, env=cli.environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        for _ in range(4):
            child.stdout.readline()
        child.send_signal(number)
        _, text = child.communicate(timeout=60)
        self.assertEqual(child.returncode, -number, text)
        name = signal.Signals(number).name
        self.one_line(text, f"interrupted by {name}", "train.jsonl")
        lines = cli.records(self.out / "train.jsonl")
        self.assertEqual([lines[0]["record"], lines[-1]["record"]], ["provenance", "incomplete"])
        self.assertIn(name, lines[-1]["reason"])
        return text, cli.cases(lines)

    def test_training(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            name = signal.Signals(number).name
            with self.subTest(name):
                self.out = self.folder / name
                saved = self.folder / f"{name}.ckpt"
                text, rows = self.interrupted(number, *ENDLESS, "--checkpoint", saved)
                self.assertIn(str(saved), text)
                self.assertIn("--resume", text)
                self.assertEqual({row["status"] for row in rows}, {"ok"})
                self.assertGreaterEqual(len(rows), 3)
                last = rows[-1]["step"]
                self.assertEqual([row["step"] for row in rows[:-1]],
                                 list(range(0, 100 * (len(rows) - 1), 100)))
                # Gone on with, it is the training that was never interrupted.
                end = last + 7
                self.works("train", "--resume", saved, "--steps", end, *QUICK, "--quiet", "--out",
                           self.out)
                self.works("train", *CIRCLES, *QUICK, "--steps", end, "--quiet", "--out", self.out,
                           "--checkpoint", "straight")
                self.assertEqual(arrays(saved), arrays(self.folder / "straight"))

    def test_without_a_checkpoint(self):
        text, _ = self.interrupted(signal.SIGINT, *ENDLESS)
        self.assertNotIn("--resume", text)

    def test_timed_steps(self):
        networks = ",".join(f"784-{n}relu-10softmax" for n in range(1, 60))
        _, rows = self.interrupted(signal.SIGINT, "train", "--network", networks, "--batch", "1",
                                   "--threads", "1", "--time-budget", "0.1", "--precision", "0")
        self.assertGreaterEqual(len(rows), 3)
        good = [row for row in rows if row["status"] == "ok"]
        for row in rows[len(good):]:
            self.assertEqual(row["status"], "incomplete")
            self.assertIn("SIGINT", row["reason"])
            self.assertIsNone(row["median_s"])

    def test_recipes(self):
        """The table of several recipes ends with what was reached."""
        _, rows = self.interrupted(signal.SIGTERM, "train", "--recipe", "circles,linreg", "--epochs",
                                   "1000000", "--history", "100", *QUICK)
        self.assertEqual({row["recipe"] for row in rows}, {"circles"})


class Divergence(cli.Case):
    def diverges(self, *arguments):
        result = self.run_in("train", *QUICK, "--quiet", "--out", self.out, "--format", "csv",
                             *arguments)
        self.assertEqual(result.returncode, CASE_FAILED, result.stderr)
        lines = cli.records(self.out / "train.jsonl")
        last = cli.cases(lines)[-1]
        self.one_line(result.stderr, last["reason"])
        self.assertEqual([lines[-1]["record"], lines[-1]["failed"], last["status"]],
                         ["end", 1, "failed"])
        for key in ("median_s", "gflops", "train_loss", "test_accuracy"):
            self.assertIsNone(last[key])
        self.assertEqual([last["samples"], last["samples_s"], last["flags"]], [0, [], ""])
        return lines, last

    def test_training(self):
        lines, last = self.diverges("--network", "1-1", "--dataset", "linear", "--loss",
                                    "mean-squared", "--optimizer", "sgd:lr=1e5", "--epochs", "20",
                                    "--checkpoint", "saved")
        for word in (f"diverged at step {last['step']}:", "layer dense1", "learning rate 100000",
                     "--lr"):
            self.assertIn(word, last["reason"])
        self.assertEqual({row["status"] for row in cli.cases(lines)[:-1]}, {"ok"})

    def test_in_the_last_step(self):
        """Numbers that are not finite are found where no step follows, too, and not saved."""
        self.works("train", "--network", "1-1", "--dataset", "linear", "--optimizer", "sgd:lr=10",
                   *QUICK, "--quiet", "--steps", "8", "--checkpoint", "saved", "--out", "fine")
        kept = (self.folder / "saved").read_bytes()
        _, last = self.diverges("--resume", "saved", "--steps", "16")
        self.assertEqual(last["step"], 16)
        self.assertEqual((self.folder / "saved").read_bytes(), kept)

    def test_of_several_recipes_the_others_go_on(self):
        result = self.run_in("train", "--recipe", "linreg,circles,function-graph", "--optimizer",
                             "sgd:lr=1e5", "--initial", "normal", *QUICK, "--quiet", "--out", self.out,
                             "--steps", "200")
        self.assertEqual(result.returncode, CASE_FAILED, result.stderr)
        lines = cli.records(self.out / "train.jsonl")
        self.assertEqual({(row["recipe"], row["status"]) for row in cli.cases(lines)
                          if row["status"] == "failed"}, {("linreg", "failed")})
        self.assertEqual(cli.cases(lines)[-1]["recipe"], "function-graph")
        notes = {line["note"] for line in lines
                 if line["record"] == "reported" and line["recipe"] == "linreg"}
        self.assertEqual(len(notes), 1)
        self.assertIn("diverged at step", notes.pop())


class Disk(cli.Case):
    def limited(self, *arguments, size=20000):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        result = self.run_in(*arguments, "--out", self.out, preexec=limit)
        self.assertEqual(result.returncode, NOT_WRITTEN, result.stderr)
        lines = cli.records(self.out / "train.jsonl")
        self.assertEqual(lines[0]["record"], "provenance")
        return result, lines

    def test_results(self):
        result, lines = self.limited(*ENDLESS, "--checkpoint", "saved")
        self.one_line(result.stderr, "train.jsonl", "too large", "kept")
        self.assertGreaterEqual(len(lines), 2)
        self.assertEqual({line["record"] for line in lines[1:]}, {"case"})
        self.assertGreater((self.folder / "saved").stat().st_size, 0)

    def test_checkpoint(self):
        """18 002 numbers in single precision: more than the limit of a file."""
        result, lines = self.limited("train", "--network", "2-3000tanh-2sigmoid", "--dataset",
                                     "circles", "--history", "1", *QUICK, "--checkpoint", "saved")
        self.one_line(result.stderr, "saved", "too large", "train.jsonl")
        self.assertEqual([line["record"] for line in lines], ["provenance", "case", "incomplete"])
        self.assertIn("saved", lines[-1]["reason"])
        self.assertEqual([path.name for path in self.folder.iterdir()], ["out"])

    def test_full_disk(self):
        """A small file system of our own, mounted where nobody else sees it."""
        if not shutil.which("unshare"):
            self.skipTest("no unshare(1)")
        (self.folder / "disk").mkdir()
        script = ('mount -t tmpfs -o size=32k flopstep disk || exit 77\n'
                  '"$@"; code=$?; ls -A disk; exit $code\n')
        flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
        result = subprocess.run(["unshare", *flags, "sh", "-c", script, "sh", cli.BINARY, "train",
                                 "--network", "2-3000tanh-2sigmoid", "--dataset", "circles",
                                 "--checkpoint", "disk/saved", "--quiet", *QUICK, "--out", "out",
                                 "--format", "jsonl"], cwd=self.folder, text=True,
                                env=cli.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, check=False, timeout=120)
        if result.returncode in (1, 77) and "flopstep: " not in result.stderr:
            self.skipTest(f"no file system can be mounted here: {result.stderr.strip()}")
        self.assertEqual(result.returncode, NOT_WRITTEN, result.stderr)
        self.one_line(result.stderr, "disk/saved", "No space left", "kept in 'out/train.jsonl'")
        self.assertTrue(result.stdout.endswith("}\n"), "something was left on the disk")

    def test_full_standard_output(self):
        for form in ("table", "csv", "jsonl"):
            with open("/dev/full", "w", encoding="utf-8") as full:
                result = self.run_in("train", *CIRCLES, *QUICK, "--format", form, "--out", self.out,
                                     stdout=full)
                self.assertEqual(result.returncode, NOT_WRITTEN)
                self.one_line(result.stderr, "standard output")

    def test_places_that_cannot_be_written(self):
        """Found before the training: nothing is in the folder afterwards."""
        (self.folder / "folder").mkdir()
        (self.folder / "file").write_text("kept", encoding="utf-8")
        for place, word in (("missing/x.ckpt", "No such file"), ("folder", "folder"),
                            ("/dev/full", "not a plain file"), ("file/x", "Not a directory"),
                            ("/proc/x", "cannot write"), ("n" * 300, "too long")):
            self.fails(NOT_WRITTEN, *ENDLESS, "--checkpoint", place,
                       words=("--checkpoint", word))
        for out in ("file", "file/below", "/proc/nowhere"):
            self.fails(NOT_WRITTEN, *ENDLESS, "--out", out, words=("--out",))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["file", "folder"])


class Missing(cli.Case):
    def setUp(self):
        super().setUp()
        # No home, no variable: only what the system may have in /usr.
        self.nowhere = {"HOME": str(self.folder), "FLOPSTEP_DATA": None}

    def test_data(self):
        for recipe, data in (("two-layer", "mnist"), ("two-layer-kuzushiji", "kuzushiji")):
            if os.path.exists(f"/usr/share/datasets/{data}"):
                continue
            for arguments in (("--recipe", recipe), ("--recipe", f"linreg,{recipe}"),
                              (*SOFTMAX, "--dataset", data)):
                self.fails(MISSING, "train", *arguments, env=self.nowhere,
                           words=(f"'{data}'", "scripts/fetch_data.sh"))
        self.fails(MISSING, "train", "--recipe", "two-layer", "--data", "nowhere",
                   words=("'nowhere'", "No such file"))
        self.fails(MISSING, "train", "--recipe", "two-layer", "--data", self.folder,
                   words=(str(self.folder),))

    def test_files(self):
        self.fails(MISSING, "train", "--resume", "missing.ckpt", words=("missing.ckpt", "No such"))
        self.fails(MISSING, "train", "--network", "./missing.txt", words=("missing.txt", "No such"))
        self.fails(MISSING, "train", "--network", f"{self.folder}/", words=("a folder",))
        self.fails(MISSING, "train", *SOFTMAX, "--blas", "xyzzy", words=("'xyzzy'",))
        self.fails(MISSING, "train", *SOFTMAX, "--types", "h", words=("cpu has s and d",))
        self.fails(MISSING, "train", *SOFTMAX, "--device", "cuda", words=("--device cpu",))


class Usage(cli.Case):
    def refused(self, *arguments, words=()):
        with self.subTest(arguments):
            self.fails(USAGE, "train", *arguments, words=words)

    def test_names(self):
        for option, value, *words in (
                ("--recipe", "linrek", "'linrek'", "did you mean 'linreg'?"),
                ("--recipe", "linreg,circle", "'circle'", "'circles'"),
                ("--recipe", "xyzzyx", "'xyzzyx'", "flopstep list"),
                ("--network", "lenet", "'lenet'", "did you mean 'lenet5'?"),
                ("--network", "softmx", "did you mean 'softmax'?"),
                ("--recipe", "", "empty value"), ("--network", "mlp5,,cnn", "empty entry")):
            self.refused(option, value, words=(option, *words))
        self.refused(*SOFTMAX, "--dataset", "mnits", words=("did you mean 'mnist'?",))
        self.refused(*SOFTMAX, "--dataset", "soup", words=("'soup'", "flopstep list datasets"))
        for option, value, *words in (
                ("--optimizer", "adm", "'adm'", "adam"), ("--optimizer", "sgd:lrr=1", "'lrr'", "lr"),
                ("--optimizer", "sgd:lr=x", "'x'"), ("--optimizer", "sgd:lr", "lr"),
                ("--optimizer", "sgd:", "name=value"), ("--optimizer", "adam:beta1=2", "beta1"),
                ("--loss", "half", "half-sum", "crossentropy"), ("--schedule", "step", "cosine"),
                ("--initial", "ones", "glorot"), ("--sampling", "soon", "replacement"),
                ("--types", "q", "'q'"), ("--format", "xml", "csv")):
            self.refused(*SOFTMAX, option, value, words=(option, *words))
        self.refused(*SOFTMAX, "--epoch", "1", words=("--epoch;", "did you mean --epochs?"))
        self.refused("mlp5", words=("'mlp5'",))

    def test_notations(self):
        """Every mistake is shown by its place."""
        for text, at, *words in (
                ("784-200rleu-10softmax", 8, "'200rleu'", "no layer is called 'rleu'"),
                ("784-0relu", 5, "1 at least"), ("784-10softmaxx", 7, "softmaxx"),
                ("28x28x1x1 10softmax", 9, "three sizes"), ("28x28x1 conv3x3", 16, ""),
                ("2-dropout1.5-2softmax", 10, "below 1"), ("100-20rleu", 7, "rleu"),
                ("784-99999999999relu", 5, "too large"), ("10softmax-784x", 14, "'784x'")):
            self.refused("--network", text, words=(f"at {at} ", *words))
        self.refused("--network", "784", words=("no layers",))
        self.refused("--network", "-", words=("no layers",))
        self.refused("--network", "2-2 softmax\n784q", words=("'784q'",))

    def test_network_files(self):
        files = {"binary": b"784-10softmax\0\1\2", "long": b"#" + b"x" * 70000, "empty": b"",
                 "comment": b"# nothing else\n", "wrong": b"784\n10softmax\n# fine\nconv\n"}
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        for name in ("binary", "long"):
            self.refused("--network", name, words=(f"'{name}'", "is no network", "64 KiB"))
        for name in ("empty", "comment"):
            self.refused("--network", name, words=("no layers",))
        self.refused("--network", "wrong", words=("at ", "'conv'"))
        self.refused("--network", "/dev/zero", words=("is no network",))

    def test_numbers(self):
        for option, values in {"--batch": ("0", "-1", "x", "1.5", "1,", "16385", "9" * 20),
                               "--steps": ("-1", "x", "1.5"), "--lr": ("-1", "nan", "x", "1e9")}.items():
            for value in values:
                self.refused(*SOFTMAX, f"{option}={value}", words=(option,))
        self.refused(*SOFTMAX, "--steps", "0", words=("nothing to time",))
        for option, values in {"--epochs": ("0", "-1", "nan", "x"), "--history": ("0", "-1", "x"),
                               "--validation": ("-1", "x", "400", "401")}.items():
            for value in values:
                self.refused(*CIRCLES, f"{option}={value}", words=(option,))

    def test_what_does_not_fit(self):
        self.refused(*CIRCLES, "--batch", "401", words=("401", "400 training samples"))
        self.refused("--recipe", "circles", "--batch", "401", words=("401", "400"))
        self.refused("--network", "2-3softmax", "--dataset", "circles", words=("3 outputs", "2 classes"))
        self.refused("--network", "784-2softmax", "--dataset", "circles", words=("784", "2 numbers"))
        self.refused("--network", "784-10relu", "--loss", "crossentropy", words=("needs a softmax",))
        self.refused(*SOFTMAX, "--loss", "binary-crossentropy", words=("needs a sigmoid",))
        self.refused("--network", "1-1softmax", "--dataset", "linear", words=("--loss half-mean",))
        self.refused("--network", "1-1sigmoid", "--dataset", "linear", words=("--loss half-mean",))
        self.refused(*SOFTMAX, "--device", "gpu", words=("'gpu'",))
        self.refused(*SOFTMAX, "--threads", os.cpu_count() + 1, words=("may use",))

    def test_lists_are_for_timed_steps(self):
        self.refused(*CIRCLES, "--batch", "1,2", words=("one batch size",))
        self.refused(*CIRCLES, "--types", "s,d", words=("one element type",))
        if os.cpu_count() > 1:
            self.refused(*CIRCLES, "--threads", "1,2", words=("one number of threads",))
        self.refused("--network", "2-2softmax,2-2sigmoid", "--dataset", "circles",
                     words=("one network",))
        for name in ("circles,linreg", "all"):
            self.refused("--recipe", name, "--checkpoint", "x", words=("one recipe",))

    def test_what_excludes_each_other(self):
        self.refused(words=("train what?", "--recipe", "--network", "--resume"))
        self.refused("--recipe", "linreg", *SOFTMAX, words=("exclude each other",))
        self.refused("--recipe", "linreg", "--resume", "x", words=("exclude each other",))
        self.refused(*SOFTMAX, "--resume", "x", words=("--resume", "--network"))
        self.refused(*SOFTMAX, "--cold", words=("--cold",))
        self.refused("--recipe", "neuron-graph", "--checkpoint", "x", words=("exercise",))
        for option, value in (("--epochs", "2"), ("--checkpoint", "x"), ("--history", "1"),
                              ("--validation", "1")):
            self.refused(*SOFTMAX, option, value, words=(option, "belongs to a training"))

    def test_resume(self):
        (self.folder / "noise").write_bytes(os.urandom(1000))
        (self.folder / "empty").touch()
        for name in ("noise", "empty", ".", "/dev/null"):
            self.refused("--resume", name, words=("--resume", name))
        self.works("train", *CIRCLES, *QUICK, "--quiet", "--checkpoint", "saved", "--out", "out")
        shutil.rmtree(self.folder / "out")
        kept = (self.folder / "saved").read_bytes()
        for option, value in (("--optimizer", "adam"), ("--lr", "1"), ("--loss", "half-sum"),
                              ("--schedule", "cosine"), ("--initial", "he"), ("--sampling", "order"),
                              ("--batch", "2"), ("--dataset", "circles"), ("--types", "d"),
                              ("--seed", "2")):
            self.refused("--resume", "saved", option, value, words=("goes on as the training began",))
        self.refused("--resume", "saved", "--validation", "100", words=("400", "300"))
        (self.folder / "flipped").write_bytes(kept[:-20] + bytes([kept[-20] ^ 1]) + kept[-19:])
        (self.folder / "cut").write_bytes(kept[:-1])
        for name in ("flipped", "cut"):
            self.refused("--resume", name, words=(name,))
        self.assertEqual((self.folder / "saved").read_bytes(), kept)


if __name__ == "__main__":
    cli.main()
