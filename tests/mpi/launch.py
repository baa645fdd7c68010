"""What the tests of several ranks share: how ranks are started, and why they can't be.

FLOPSTEP_MPIEXEC names another launcher, e.g. "mpiexec.mpich"."""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import cli  # noqa: E402  pylint: disable=wrong-import-position

# Open MPI asks root twice, and for leave to start more ranks than cores. What it leaves behind at the
# end can't be told from leaks of ours, since its modules are unloaded by then.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0",
               "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl_base_warn_component_unused": "0",
               "OMPI_MCA_hwloc_base_binding_policy": None, "SLURM_JOB_ID": None}


# More ranks than cores: where a library spins while it waits (MPICH), 7 take minutes on 2 cores.
SEVERAL = tuple(int(n) for n in os.environ.get("FLOPSTEP_TEST_RANKS", "1,2,3,4,7").split(","))


def launcher():
    return os.environ.get("FLOPSTEP_MPIEXEC", "mpirun").split()


def why_not():
    """Why no ranks can be started here; None where they can."""
    if not shutil.which(launcher()[0]):
        return f"{launcher()[0]} is missing (Debian: openmpi-bin)"
    told = cli.run("info", cwd="/", env=ENVIRONMENT).stdout
    mpi = [line for line in told.splitlines() if line.startswith("MPI ")]
    if not mpi or "without" in mpi[0]:
        return "this flopstep was built without MPI (Debian: libopenmpi-dev)"
    version = subprocess.run([*launcher(), "--version"], capture_output=True, text=True, check=False,
                             env=cli.environment(**ENVIRONMENT)).stdout
    ours, theirs = "Open MPI" in mpi[0], "Open MPI" in version or "OpenRTE" in version
    if ours != theirs:
        return f"{launcher()[0]} is not of the MPI that flopstep was built with ({mpi[0][4:].strip()})"
    return None


def command(ranks, *arguments, options=()):
    return [*launcher(), "-n", str(ranks), *options, cli.BINARY, *map(str, arguments)]


def run(ranks, *arguments, cwd, options=(), env=None, timeout=120):
    return subprocess.run(command(ranks, *arguments, options=options), cwd=cwd, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False,
                          env=cli.environment(**{**ENVIRONMENT, **(env or {})}))


def start(ranks, *arguments, cwd, options=(), env=None):
    """The same without waiting for its end."""
    return subprocess.Popen(command(ranks, *arguments, options=options), cwd=cwd, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=cli.environment(**{**ENVIRONMENT, **(env or {})}))


def full(test):
    """A long one: only in the full tier, where FLOPSTEP_FULL is set by the file that is of it."""
    return unittest.skipUnless(os.environ.get("FLOPSTEP_FULL"), "runs in the full tier")(test)


class RankTest(unittest.TestCase):
    """A test in a folder of its own; skipped with its reason where there are no ranks."""

    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)


def main():
    """Runs the tests of the calling file; exit code 77 where all of them were skipped."""
    cli.BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ["FLOPSTEP"])
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(module="__main__", argv=sys.argv[:1] + sys.argv[2:], verbosity=1)
