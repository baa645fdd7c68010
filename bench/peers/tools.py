"""The tools that bench/peers/frameworks.py compares: how they are found, started and asked."""
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# module, name, worker, how to get it
FRAMEWORKS = [
    ("torch", "PyTorch", "peer_torch.py", "apt install python3-torch, or pip install torch"),
    ("tensorflow", "TensorFlow", "peer_tensorflow.py", "pip install tensorflow-cpu"),
    ("jax", "JAX", "peer_jax.py", "pip install jax"),
]
# On a GPU each is started once for each mode, with a word for it.
GPU_FRAMEWORKS = [
    ("torch", "PyTorch", "peer_torch_cuda.py", "pip install torch, a build for CUDA"),
]
GPU_MODES = ["eager", "graph"]
# What workers may try, beyond their plain forms
SWITCHES = ["channels_last", "no-mkldnn", "foreach", "fused", "trace", "compile", "xla", "rbg"]
MATHS = ["fp32", "tf32", "bf16"]
# They change which kernels libraries choose, or where threads run: unset for all tools alike.
UNSET = """OPENBLAS_CORETYPE OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS GOTO_NUM_THREADS MKL_NUM_THREADS
MKL_ENABLE_INSTRUCTIONS DNNL_MAX_CPU_ISA ONEDNN_MAX_CPU_ISA ATEN_CPU_CAPABILITY BLIS_NUM_THREADS
BLIS_ARCH_TYPE OMP_NUM_THREADS OMP_THREAD_LIMIT OMP_DYNAMIC OMP_PROC_BIND OMP_PLACES OMP_WAIT_POLICY
GOMP_CPU_AFFINITY GOMP_SPINCOUNT KMP_AFFINITY KMP_BLOCKTIME XLA_FLAGS TF_ENABLE_ONEDNN_OPTS
NVIDIA_TF32_OVERRIDE TORCH_ALLOW_TF32_CUBLAS_OVERRIDE CUDA_LAUNCH_BLOCKING CUBLAS_WORKSPACE_CONFIG
CUDA_DEVICE_MAX_CONNECTIONS""".split()
USAGE, MISSING, NOT_WRITTEN = 2, 3, 4


def die(code, text):
    print(f"{os.path.basename(sys.argv[0]) or 'frameworks.py'}: {text}", file=sys.stderr)
    sys.exit(code)


def note(text):
    print(text, file=sys.stderr, flush=True)


# ---- the machine ----

def own_cores():
    """One processor of each physical core that this process may use, in order."""
    cores, seen = [], set()
    for cpu in sorted(os.sched_getaffinity(0)):
        try:
            siblings = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/"
                                    "thread_siblings_list").read_text(encoding="ascii")
        except OSError:
            siblings = str(cpu)
        if siblings not in seen:
            cores.append(cpu)
        seen.add(siblings)
    return cores


def openmp_blas(info):
    """The folder in which the system's libblas.so.3 is OpenBLAS built with OpenMP, from what
    `flopstep info` prints; "" where there is none."""
    at = re.search(r"^ *openblas-openmp +(/[^;]*)/[^/;]*;", info, re.MULTILINE)
    return at[1] if at and os.path.exists(f"{at[1]}/libblas.so.3") else ""


def start(command, threads, blas="", **more):
    """A process on the last `threads` cores (interrupts go to the first ones more often)."""
    env = {k: v for k, v in os.environ.items() if k not in UNSET}
    if blas:
        env["LD_LIBRARY_PATH"] = ":".join(filter(None, [blas, env.get("LD_LIBRARY_PATH")]))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env[name] = str(threads)
    cores = own_cores()[-threads:]
    return subprocess.Popen(command, env=env, text=True, cwd=ROOT,
                            preexec_fn=lambda: os.sched_setaffinity(0, cores), **more)


# ---- the tools ----

class Failure(Exception):
    """A case that a tool could not run, with its reason in one line."""


class Worker:
    """One framework on one number of threads: a process that waits for requests."""

    def __init__(self, python, script, threads, blas, log, words=()):
        self.python = python
        self.process = start([python, "-B", str(HERE / script), str(threads), *words], threads, blas,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure("its process ended")
        fields = json.loads(line)
        if "error" in fields:
            raise Failure(fields["error"])
        return fields

    def ask(self, **request):
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except OSError:
            raise Failure("its process ended") from None
        return self.answer()

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Flopstep:
    """flopstep is one process a visit: it plans, warms up and samples by itself."""

    def __init__(self, path, folder, device="cpu", math="fp32"):
        self.path, self.folder, self.visits, self.provenance = path, folder, 0, None
        self.device, self.math = device, math
        self.info = start([path, "info"], 1, stdout=subprocess.PIPE).communicate()[0]
        if "flopstep" not in self.info:
            die(MISSING, f"'{path} info' says nothing of flopstep; name the program with --flopstep")
        self.blas = openmp_blas(self.info)

    def visit(self, network, batch, threads, seconds):
        """The record of one case: samples_s, parameters, optimizer, ..."""
        where = (["--threads", str(threads)] if self.device == "cpu" else
                 ["--device", self.device, "--math", self.math])
        return self.record("train", ["--network", network, "--batch", str(batch), *where], threads, seconds)

    def record(self, command, options, threads, seconds):
        """Of the command's only case."""
        self.visits += 1
        out = self.folder / f"visit{self.visits}"
        process = start([self.path, command, *options, "--format", "csv", "--precision", "0",
                         "--time-budget", str(seconds), "--quiet", "--out", str(out)], threads,
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = process.communicate()[1].strip()
        try:
            lines = (out / f"{command}.jsonl").read_text(encoding="utf-8").splitlines()
        except OSError:
            raise Failure(errors.splitlines()[-1] if errors else "flopstep wrote nothing") from None
        shutil.rmtree(out)
        records = [json.loads(line) for line in lines]
        case = next((r for r in records if r["record"] == "case"), {})
        self.provenance = self.provenance or records[0]
        if case.get("status") != "ok":
            raise Failure(case.get("reason") or errors or "flopstep has no result")
        return case


def require_device(path, device):
    """Ends the program where flopstep can't use the device, with what flopstep says."""
    run = subprocess.run([path, "blas", "--device", device, "--kernels", "gemm", "--dry-run"],
                         stdin=subprocess.DEVNULL, text=True, capture_output=True, check=False)
    if run.returncode:
        die(MISSING, (run.stderr.strip() or f"flopstep can't use {device}").splitlines()[-1])


def find_frameworks(given, frameworks=None):
    """[(python, row of frameworks, by default FRAMEWORKS)], every installation once: those of the given
    interpreters, and of the default ones the first that has it. Modules are looked for, not imported."""
    for path in given:
        if not shutil.which(path):
            die(MISSING, f"--python: '{path}' is no program")
    frameworks = FRAMEWORKS if frameworks is None else frameworks
    code = ("import importlib.util as u, json\n"
            "print(json.dumps([getattr(u.find_spec(m), 'origin', None) for m in %r]))"
            % [row[0] for row in frameworks])
    found, seen, names = [], set(), set()
    for python in [*given, "/usr/bin/python3", shutil.which("python3")]:
        if not python or not shutil.which(python):
            continue
        run = subprocess.run([python, "-c", code], text=True, capture_output=True, check=False)
        if run.returncode:
            note(f"{python}: {(run.stderr.strip() or 'does not run').splitlines()[-1]}")
            continue
        try:
            origins = json.loads(run.stdout)
        except ValueError:
            note(f"{python}: this is no Python")
            continue
        if python in given and not any(origins):
            note(f"{python}: has no framework")
        for row, origin in zip(frameworks, origins):
            if origin and origin not in seen and (python in given or row[0] not in names):
                found.append((python, row))
                seen.add(origin)
                names.add(row[0])
    for row in frameworks:
        if row[0] not in names:
            note(f"{row[1]}: not installed ({row[3]}; a virtual environment's Python by --python)")
    return sorted(found, key=lambda pair: frameworks.index(pair[1]))


def start_tools(found, threads, blas, log, modes=((),)):
    """{name of the tool: {threads: worker}}; each framework in each mode, the words its worker gets."""
    tools = {}
    for (python, row), words in itertools.product(found, modes):
        try:
            workers = {t: Worker(python, row[2], t, blas, log, words) for t in threads}
        except Failure as failure:
            note(f"{row[1]} of {python}: left out: {failure}")
            continue
        about = workers[threads[0]].about
        name = f"{about['framework']} {about['version']}"
        while name in tools:
            name += "'"
        tools[name] = workers
        note(f"{name}: {python}")
    return tools
