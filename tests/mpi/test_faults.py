"""What goes wrong with ranks: one is killed, stopped, started otherwise, sees other data, gets a
signal, has no room for its results. The job ends soon, a line names the rank, results are kept."""
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import launch
import cli
from test_training import write_images

NETWORK = "12x12x1 20relu 10softmax"


class Faults(launch.RankTest, cli.Case):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        write_images(self.data, 100, 20)

    def options(self, *more):
        return ("train", "--network", NETWORK, "--dataset", "mnist", "--data", self.data,
                "--threads", 1, "--batch", 5, "--history", 20, "--time-budget", 0.02, "--out",
                self.out, *more)

    def start(self, ranks, *more, **options):
        """An endless training that has written two rows at least."""
        job = launch.start(ranks, *self.options("--epochs", 1000000, *more), cwd=self.folder,
                           **options)
        self.addCleanup(self.end, job)
        file = self.out / "train.jsonl"
        for _ in range(600):
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            if text.count('"record":"case"') >= 2:
                time.sleep(1)  # ranks have told each other what they do
                return job
            if job.poll() is not None:
                break
            time.sleep(0.1)
        self.fail(f"the training wrote no rows: {job.communicate()[0]}")
        return None

    def end(self, job):
        if job.poll() is None:
            job.kill()
        job.communicate()

    def process(self, rank):
        return cli.records_so_far(self.out / "train.jsonl")[0]["mpi"]["table"][rank]["pid"]

    def ended(self, job, within=30):
        """What the job said; it ends within 30 seconds, not well, and keeps its rows."""
        begin = time.monotonic()
        text = job.communicate(timeout=4 * within)[0]
        self.assertLess(time.monotonic() - begin, within, text)
        self.assertNotEqual(job.returncode, 0, text)
        lines = cli.records(self.out / "train.jsonl")
        self.assertGreaterEqual(len(cli.cases(lines)), 2)
        self.assertNotIn("end", [line["record"] for line in lines])
        return text

    def test_a_rank_is_killed(self):
        for rank in (0, 2):
            with self.subTest(rank=rank):
                shutil.rmtree(self.out, ignore_errors=True)
                job = self.start(3)
                os.kill(self.process(rank), signal.SIGKILL)
                text = self.ended(job)
                self.assertRegex(text, rf"rank {rank}\b.*(killed|Killed|KILLED|signal 9)"
                                 if "Open MPI" in self.library() else r"(KILLED|signal 9|EXIT CODE: 9)")

    def library(self):
        return cli.run("info", cwd="/", env=launch.ENVIRONMENT).stdout

    def test_a_rank_is_stopped(self):
        for rank in (0, 1):
            with self.subTest(rank=rank):
                shutil.rmtree(self.out, ignore_errors=True)
                job = self.start(3, "--timeout", 3)
                process = self.process(rank)
                os.kill(process, signal.SIGSTOP)
                text = self.ended(job)
                self.assertIn(f"process {process}) has not answered", text)
                self.assertRegex(text, rf"flopstep: (rank \d \(\S+\): )?rank {rank} \(")
                self.assertRegex(text, r"the last known of it: (training step|evaluation at step) \d+")

    def test_a_signal_to_one_rank_ends_all_in_good_order(self):
        job = self.start(3, "--checkpoint", self.folder / "kept.ckpt")
        os.kill(self.process(1), signal.SIGTERM)
        text = job.communicate(timeout=60)[0]
        lines = cli.records(self.out / "train.jsonl")
        self.assertEqual((lines[-1]["record"], lines[-1]["reason"]),
                         ("incomplete", "interrupted by SIGTERM"), text)
        self.assertIn("interrupted by SIGTERM", text)
        last = cli.cases(lines)[-1]
        told = launch.run(2, "train", "--resume", self.folder / "kept.ckpt", "--data", self.data,
                          "--threads", 1, "--steps", last["step"] + 5, "--out", self.folder / "on",
                          cwd=self.folder)
        self.assertEqual(told.returncode, 0, told.stderr)
        rows = cli.cases(cli.records(self.folder / "on" / "train.jsonl"))
        self.assertEqual(rows[0]["step"], last["step"])
        self.assertEqual(rows[-1]["step"], last["step"] + 5)

    def refused(self, code, words, *program, env=None):
        told = subprocess.run([*launch.launcher(), *map(str, program)], cwd=self.folder, text=True,
                              capture_output=True, timeout=60, check=False,
                              env=cli.environment(**launch.ENVIRONMENT, **(env or {})))
        lines = [l for l in told.stderr.splitlines() if l.startswith("flopstep:")]
        self.assertEqual(len(lines), 1, told.stderr)
        self.assertEqual(told.returncode, code, told.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(self.written(), [])

    def test_other_options(self):
        self.refused(2, ("rank 1 (", "other options"), "-n", 1, cli.BINARY, *self.options(), ":",
                     "-n", 1, cli.BINARY, *self.options("--lr", "0.01"))

    def test_another_binary(self):
        other = self.folder / "flopstep"
        shutil.copy(cli.BINARY, other)
        with open(other, "ab") as file:
            file.write(b"\0")
        self.refused(2, ("rank 2 (", "another binary"), "-n", 2, cli.BINARY, *self.options(), ":",
                     "-n", 1, other, *self.options())

    def other_data(self):
        """The same options in another folder, where --data means something else."""
        there = self.folder / "there"
        write_images(there / "data", 100, 20, seed=4)
        return there

    def test_other_data(self):
        there = self.other_data()
        options = ("train", "--network", NETWORK, "--dataset", "mnist", "--data", "data",
                   "--threads", 1, "--batch", 5)
        self.refused(2, ("rank 1 (", "has other data", "mnist"), "-n", 1, "-wdir", self.folder,
                     cli.BINARY, *options, ":", "-n", 1, "-wdir", there, cli.BINARY, *options)

    def test_a_rank_without_data(self):
        """Only the rank that lacks it can say so."""
        (self.folder / "empty").mkdir()
        options = ("train", "--network", NETWORK, "--dataset", "mnist", "--data", "data",
                   "--threads", 1, "--batch", 5)
        self.refused(3, ("rank 1 (", "data"), "-n", 1, "-wdir", self.folder, cli.BINARY, *options,
                     ":", "-n", 1, "-wdir", self.folder / "empty", cli.BINARY, *options)

    def test_no_room_for_results(self):
        """The first rank writes, on a disk that is soon full."""
        self.out.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", self.out],
                                 capture_output=True, check=False)
        if mounted.returncode:
            self.skipTest(f"a small disk can't be had: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.out], check=True)
        told = launch.run(2, *self.options("--epochs", 1000000), cwd=self.folder)
        self.assertEqual(told.returncode, 4, told.stderr)
        self.assertIn("cannot write", told.stderr)
        self.assertGreater(len(cli.cases(cli.records(self.out / "train.jsonl"))), 0)

    def test_a_launch_of_strangers(self):
        """Each believes to be one of several, and is alone."""
        result = cli.run("list", cwd=self.folder, env={"OMPI_COMM_WORLD_SIZE": "4",
                                                       "OMPI_COMM_WORLD_RANK": "1",
                                                       **launch.ENVIRONMENT})
        self.assertNotEqual(result.returncode, 0)

    def test_a_launch_that_srun_did_not_connect(self):
        result = cli.run("list", cwd=self.folder, env={
            "SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4",
            "SLURM_JOB_ID": "12", "SLURM_NTASKS": "4"})
        self.assertEqual(result.returncode, 2, result.stderr)
        self.one_line(result.stderr, "4 tasks", "srun --mpi=pmix")
        self.assertEqual(result.stdout, "")

    def test_an_error_of_all_is_said_once(self):
        self.refused(2, ("no layer is called",), "-n", 3, cli.BINARY, "train", "--network", "cnnn")
        self.refused(3, ("nowhere",), "-n", 3, cli.BINARY, "train", "--network", NETWORK, "--dataset",
                     "mnist", "--data", pathlib.Path("nowhere"))


if __name__ == "__main__":
    launch.main()
