#!/usr/bin/python3
"""flopstep blas on a GPU: cases, columns, copies, and what goes wrong with GPUs. The GPU is the
emulated one; where that was not built there is nothing to test.
"""
import json
import os
import pathlib
import sys

import cli

try:
    import jsonschema
except ImportError:  # test_results.py says so
    jsonschema = None

SCHEMA = json.loads((cli.ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))
MODULE = os.environ.get("FLOPSTEP_EMULATED", "")
USAGE, MISSING, FAILED = 2, 3, 1
GPU = "cuda-emulated"


def emulated(switches="", **more):
    """The environment of a machine whose GPU has these switches of tests/cuda_on_host."""
    words = ",".join(filter(None, ["not-strict", switches]))
    return {"FLOPSTEP_CUDA_MODULE": MODULE, "FLOPSTEP_EMULATE": words, **more}


class CudaBlas(cli.Case):
    def gpu(self, *arguments, switches="", code=0):
        """Case records of a tiny run with the GPU there."""
        cpu = ("--blas", "naive", "--threads", "1") if arguments[1] == "all" else ()
        lines = self.blas(*cpu, *arguments, code=code, env=emulated(switches))
        if jsonschema:
            for line in lines:
                jsonschema.Draft7Validator(SCHEMA).validate(line)
        return cli.cases(lines)

    def test_rows_of_a_gpu(self):
        rows = self.gpu("--device", "cuda", "--kernels", "axpy,dot,gemv,gemm", "--types", "s,d")
        self.assertEqual(len(rows), 4 * 2 * 2)
        for row in rows:
            self.assertEqual((row["device"], row["library"], row["threads"], row["status"]),
                             (GPU, "cublas", 1, "ok"))
            self.assertEqual(row["math"], {"s": "fp32", "d": "fp64"}[row["type"]])
            self.assertIsNone(row["transfer"])
            self.assertIsNone(row["batch"])
            self.assertIsNone(row["clock_ghz"])  # that of the processor tells nothing
            self.assertLessEqual(row["check_error"], row["check_bound"])
            self.assertGreater(row["median_s"], 0)
            self.assertIsNotNone(row["gflops"])

    def test_every_type(self):
        rows = self.gpu("--device", "cuda", "--kernels", "gemm,gemm_strided_batched", "--types",
                        "h,tf32,s,bf16,d", "--batch", "3")
        self.assertEqual(len(rows), 2 * 5 * 2)
        width = {"s": 4, "d": 8, "h": 2, "bf16": 2, "tf32": 4}
        math = {"s": "fp32", "d": "fp64", "h": "tensor-fp16", "bf16": "tensor-bf16", "tf32": "tf32"}
        bound = {"s": 2**-24, "d": 2**-53, "h": 2**-11, "bf16": 2**-8, "tf32": 2**-11}
        for row in rows:
            n, t, batch = row["n"], row["type"], row["batch"] or 1
            self.assertEqual(row["batch"], None if row["kernel"] == "gemm" else 3)
            self.assertEqual(row["flops"], 2 * n**3 * batch)
            self.assertEqual(row["bytes"], 4 * n**2 * batch * width[t])
            self.assertEqual(row["math"], math[t])
            self.assertAlmostEqual(row["check_bound"] / bound[t], 1, places=9)

    def test_copies(self):
        rows = self.gpu("--device", "cuda", "--kernels", "gemm,dot", "--transfer")
        self.assertEqual([row["transfer"] for row in rows], [None, "pageable", "pinned"] * 4)
        for row in rows:
            self.assertEqual(row["status"], "ok")
            self.assertLessEqual(row["check_error"], row["check_bound"])
            if row["transfer"]:  # bound by the bus
                self.assertIsNone(row["ceiling"])
                self.assertIsNone(row["peak_fraction"])

    def test_all_devices_side_by_side(self):
        rows = self.gpu("--device", "all", "--kernels", "gemm", "--types", "s,h", "--transfer")
        found = [(r["device"], r["type"], r["transfer"]) for r in rows]
        one_size = [("cpu", "s", None), *[(GPU, t, c) for t in "sh"
                                          for c in (None, "pageable", "pinned")]]
        self.assertEqual(found, one_size * 2)
        provenance = cli.records(self.folder / self.written()[0])[0]
        self.assertEqual([d["name"] for d in provenance["devices"]], [GPU])
        self.assertIn("cuBLAS", provenance["devices"][0]["versions"])

    def test_all_devices_without_gpu(self):
        for env in ({"FLOPSTEP_CUDA_MODULE": "/nowhere/x.so"}, emulated("devices=0")):
            lines = self.blas("--device", "all", "--kernels", "gemm", "--blas", "naive", env=env)
            self.assertEqual({r["device"] for r in cli.cases(lines)}, {"cpu"})
            self.fails(MISSING, "blas", "--device", "all", "--transfer", env=env, keeps=True,
                       words=("GPU",))

    def test_two_gpus_in_the_same_rounds(self):
        rows = self.gpu("--device", "all", "--kernels", "dot,gemm", switches="devices=2")
        self.assertEqual([r["device"] for r in rows], ["cpu", GPU, GPU + ":1"] * 4)
        self.assertEqual({r["status"] for r in rows}, {"ok"})

    def test_cold_operands_and_layouts(self):
        rows = self.gpu("--device", "cuda", "--kernels", "all", "--cold", "--lda", "+3", "--incx",
                        "2", "--trans", "t,tn", "--uplo", "u")
        self.assertEqual({r["status"] for r in rows}, {"ok"})
        self.assertTrue(all(r["cold"] and "cold" in r["flags"] for r in rows))
        self.assertEqual({r["lda"] for r in rows if r["kernel"] == "gemm"}, {11, 19})

    def test_no_gpu(self):
        nothing = (("no-driver", "driver"), ("devices=0", "GPU"), ("no-image", "CMAKE_CUDA_ARCH"))
        for switch, word in nothing:
            with self.subTest(switch):
                self.fails(MISSING, "blas", "--device", "cuda", env=emulated(switch),
                           words=("--device cuda", word, "--device cpu"))
        self.fails(MISSING, "blas", "--device", "cuda", words=("CUDA_VISIBLE_DEVICES",),
                   env=emulated(CUDA_VISIBLE_DEVICES=""))
        self.fails(MISSING, "blas", "--device", "cuda:1", env=emulated(), words=("1 GPU",))
        self.fails(USAGE, "blas", "--device", "cuda:x", env=emulated(), words=("cuda:x",))

    def test_usage(self):
        wrong = ((USAGE, ("--device", "cuda", "--mode", "throughput"), "--mode throughput"),
                 (USAGE, ("--device", "cuda", "--blas", "naive"), "cublas"),
                 (MISSING, ("--device", "cuda", "--kernels", "axpy", "--types", "h"), "axpy of type h"),
                 (MISSING, ("--device", "all", "--blas", "naive", "--kernels", "gemm,axpy,dot",
                            "--types", "h,tf32"), "axpy of type h, tf32;"),
                 (USAGE, ("--device", "cuda", "--sustain", "2", "--transfer", "--kernels", "gemm",
                          "--sizes", "8"), "these are 3; choose one of --kernels, --sizes, --trans, "
                  "--types, --threads, --blas and --device, without --transfer"),
                 (MISSING, ("--types", "h", "--device", "cpu"), "cpu has s and d"))
        for code, arguments, word in wrong:
            with self.subTest(arguments):
                self.fails(code, "blas", *arguments, env=emulated(), words=(word,))
        self.fails(MISSING, "blas", "--device", "cuda", "--kernels", "gemm", "--types", "bf16",
                   env=emulated("arch=7.0"), words=("bf16", "s, d and h"))
        # The order of options says nothing.
        self.works("blas", "--types", "h", "--device", "cuda", "--kernels", "gemm", "--dry-run",
                   env=emulated())

    def test_kernels_without_the_type_are_left_out_of_a_level(self):
        result = self.works("blas", "--dry-run", "--device", "cuda", "--kernels", "level3", "--types",
                            "h", "--sizes", "8", "--format", "csv", env=emulated())
        self.assertEqual([r["kernel"] for r in cli.csv_rows(result.stdout)],
                         ["gemm", "gemm_strided_batched"])

    def left_out(self):
        """The notes of what does not run, which the provenance tells as well."""
        notes = [line[len("note: "):] for line in self.result.stdout.splitlines()
                 if line.startswith("note: ")]
        provenance = cli.records(self.folder / self.written()[0])[0]
        self.assertEqual(provenance.get("left_out", []), notes)
        return notes

    def test_a_kernel_runs_where_its_type_is(self):
        rows = self.gpu("--device", "cuda", "--kernels", "axpy,gemm,dot", "--types", "s,d,h,tf32",
                        "--sizes", "8")
        self.assertEqual([r["type"] + r["kernel"] for r in rows],
                         ["saxpy", "daxpy", "sgemm", "dgemm", "hgemm", "tf32gemm", "sdot", "ddot"])
        self.assertEqual(self.left_out(),
                         [f"cublas of {GPU} has no {kernel} of type h, tf32: left out there"
                          for kernel in ("axpy", "dot")])

    def test_a_kernel_runs_on_the_device_that_has_it(self):
        path = cli.library_paths().get("lacks_symbols")
        if not path:
            self.skipTest("the broken libraries were not built")
        rows = self.gpu("--device", "all", "--blas", path, "--kernels", "axpy,dot", "--sizes", "8")
        self.assertEqual([(r["device"], r["kernel"]) for r in rows],
                         [("cpu", "axpy"), (GPU, "axpy"), (GPU, "dot")])
        self.assertEqual(self.left_out(), ["lacks_symbols has no cblas_ddot: dot is left out there"])
        text = self.works("blas", "--device", "all", "--blas", path, "--kernels", "axpy,dot",
                          "--sizes", "8", "--threads", "1", "--dry-run", env=emulated()).stdout
        self.assertIn("note: lacks_symbols has no cblas_ddot: dot is left out there\n", text)
        self.assertIn("\n3 cases, none run\n", text)

    def test_a_kernel_runs_in_the_library_that_has_it(self):
        path = cli.library_paths().get("lacks_symbols")
        if not path:
            self.skipTest("the broken libraries were not built")
        rows = cli.cases(self.blas("--blas", f"naive,{path}", "--kernels", "dot", "--sizes", "8"))
        self.assertEqual([r["library"] for r in rows], ["naive"])
        self.assertEqual(self.left_out(), ["lacks_symbols has no cblas_ddot: dot is left out there"])

    def test_long_names_stand_in_their_column(self):
        kernels = ("--kernels", "gemm,gemm_strided_batched", "--types", "d,bf16", "--sizes", "8")
        for dry in (), ("--dry-run",):
            text = self.works("blas", "--device", "cuda", *kernels, "--time-budget", "0.001", *dry,
                              "--out", self.out, env=emulated()).stdout
            lines = [line for line in text.splitlines() if f" cublas {GPU} " in line]
            self.assertEqual(len(lines), 4)
            self.assertTrue(any(line.startswith("bf16gemm_strided_batched nn ") for line in lines))
            self.assertEqual(len({line.index(" cublas") for line in lines}), 1, text)
            if not dry:
                head, = (line for line in text.splitlines() if line.startswith("kernel "))
                self.assertEqual(head.index(" library"), lines[0].index(" cublas"))
        short = self.works("blas", "--device", "cuda", "--kernels", "dot", "--sizes", "8", "--dry-run",
                           env=emulated()).stdout
        self.assertTrue(short.startswith(f"{'ddot':9} {'8':>14}  cublas"), short)

    def test_threads_are_those_of_the_processor(self):
        asked = ("blas", "--dry-run", "--kernels", "dot", "--blas", "naive", "--sizes", "8")
        gpu = [word for word in asked if word not in ("--blas", "naive")]
        result = self.works(*gpu, "--device", "cuda", "--threads", "1", env=emulated())
        self.assertEqual(result.stderr, "note: --threads counts the processor's threads; a GPU row "
                                        "has none to count\n")
        for silent in ((*gpu, "--device", "cuda"), (*asked, "--device", "all", "--threads", "1"),
                       (*asked, "--threads", "1"),
                       (*gpu, "--device", "cuda", "--threads", "1", "--quiet")):
            self.assertEqual(self.works(*silent, env=emulated()).stderr, "", silent)

    def test_wrong_results(self):
        rows = self.gpu("--device", "cuda", "--kernels", "gemm", switches="wrong-after=1", code=FAILED)
        for row in rows:
            self.assertEqual(row["status"], "failed")
            self.assertIn("wrong result", row["reason"])
            self.assertIsNone(row["median_s"])
        self.assertIn("failed their check", self.result.stderr)

    def lose(self, switches, *arguments):
        result = self.works("blas", "--kernels", "gemm", "--time-budget", "0.001", "--max-samples",
                            "3", "--out", self.out, *arguments, code=FAILED, env=emulated(switches))
        self.one_line(result.stderr, "was lost", "illegal memory access")
        self.stderr = result.stderr
        rows = cli.cases(cli.records(self.out / "blas.jsonl"))
        for row in rows:
            if row["status"] == "skipped":
                self.assertIn("the device is lost: ", row["reason"])
            if row["status"] == "failed":
                self.assertIn("the device failed: ", row["reason"])
                self.assertIsNone(row["median_s"])
        return rows

    def test_a_device_that_is_lost_in_the_middle(self):
        """What was measured stays. Calls this large are few in a region."""
        rows = self.lose("lost-after=40", "--device", "cuda", "--types", "h", "--sizes",
                         "300:440:20")
        status = [r["status"] for r in rows]
        self.assertEqual(len(status), 8)
        self.assertEqual(status, sorted(status, key=("ok", "failed", "skipped").index))
        self.assertEqual(status.count("failed"), 1)
        self.assertIn("ok", status)
        self.assertIn("skipped", status)

    def test_every_device_that_was_lost_is_named(self):
        rows = self.lose("devices=2,lost-after=9", "--device", "all", "--blas", "naive",
                         "--threads", "1", "--sizes", "8,16")
        lost = {row["device"] for row in rows if row["status"] == "failed"}
        self.assertEqual(lost, {GPU, GPU + ":1"})
        for name in lost:
            self.assertIn(f"; {name} was lost: ", self.stderr)

    def test_the_cpu_goes_on(self):
        rows = self.lose("lost-after=3", "--device", "all", "--blas", "naive", "--threads", "1",
                         "--sizes", "8,16")
        self.assertEqual([(r["device"], r["status"]) for r in rows],
                         [("cpu", "ok"), (GPU, "failed"), ("cpu", "ok"), (GPU, "skipped")])

    def test_too_little_memory(self):
        """33.5 MB of it are the libraries' workspace."""
        rows = self.gpu("--device", "all", "--kernels", "axpy", "--sizes", "16,4M", "--types", "s",
                        switches="memory=48M")
        found = {(r["device"], r["n"]): r for r in rows}
        self.assertEqual(found[GPU, 16]["status"], "ok")
        self.assertEqual(found["cpu", 4000000]["status"], "ok")
        self.assertEqual(found[GPU, 4000000]["status"], "skipped")
        self.assertRegex(found[GPU, 4000000]["reason"],
                         r"operands need 0\.032 GB, 0\.0\d+ GB of device memory are free")

    def test_memory_that_is_refused(self):
        rows = self.gpu("--device", "cuda", "--kernels", "gemm", switches="refuse-after=5")
        self.assertTrue(any(r["status"] == "skipped" and "refused" in r["reason"] for r in rows))

    def test_results_that_a_16_bit_number_cannot_hold(self):
        rows = self.gpu("--device", "cuda", "--kernels", "gemm", "--types", "h,bf16", "--fill",
                        "-1000:1000")
        for row in rows:
            self.assertEqual(row["status"], "skipped" if row["type"] == "h" else "ok")
            if row["type"] == "h":
                self.assertIn("65504", row["reason"])

    def test_dry_run_lists_the_copies(self):
        arguments = ("blas", "--dry-run", "--device", "cuda", "--kernels", "gemm", "--sizes", "8",
                     "--transfer")
        text = self.works(*arguments, env=emulated()).stdout
        self.assertEqual(text.count(GPU), 3)
        self.assertIn("3 cases, none run", text)
        rows = [json.loads(line) for line in
                self.works(*arguments, "--format", "jsonl", env=emulated()).stdout.splitlines()]
        self.assertEqual([r["transfer"] for r in rows], [None, "pageable", "pinned"])


if __name__ == "__main__":
    if not MODULE or not pathlib.Path(MODULE).exists():
        print("skipped: no emulated CUDA module; FLOPSTEP_EMULATED names it")
        sys.exit(77)
    cli.main()
