#!/usr/bin/python3
"""Accuracies of the trainings, the mean of three seeds, against what each must reach.

label: full
timeout: 7200

    tests/train/test_accuracies.py build/flopstep                  # all of them, an hour on 2 cores
    tests/train/test_accuracies.py build/flopstep cnn lenet5       # these
Data: FLOPSTEP_DATA or the usual places. Prints one line a recipe: mean, every seed, the bound.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared/data"

# recipe: figure, least mean, largest mean, seeds
BOUNDS = {
    "softmax-sgd": ("test_accuracy", 0.910, 1, 3),
    "softmax-rmsprop": ("test_accuracy", 0.917, 1, 3),
    "two-layer": ("test_accuracy", 0.941, 0.953, 3),
    "mlp128-adam": ("test_accuracy", 0.975, 1, 3),
    "mlp5-sigmoid": ("test_accuracy", 0.9735, 1, 3),
    "mlp5-tanh": ("test_accuracy", 0.976, 1, 3),
    "mlp5-relu": ("test_accuracy", 0.980, 1, 3),
    "mlp5-dropout": ("test_accuracy", 0.982, 1, 3),
    "mlp5-fashion": ("test_accuracy", 0.885, 1, 3),
    "lenet5": ("test_accuracy", 0.989, 1, 3),
    "cnn": ("test_accuracy", 0.992, 1, 3),
    "cnn-fashion": ("test_accuracy", 0.920, 1, 3),
    "circles": ("test_accuracy", 0.80, 0.90, 10),
    "digits500": ("train_accuracy", 0.85, 1, 3),
}


def train(binary, recipe, seed):
    """The last row of the history; None where the data is not here."""
    environment = dict(os.environ)
    if "FLOPSTEP_DATA" not in environment and SHARED.is_dir():
        environment["FLOPSTEP_DATA"] = str(SHARED)
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([binary, "train", "--recipe", recipe, "--seed", str(seed), "--quiet",
                                 "--format", "jsonl", "--out", folder], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode == 3:
        return None
    if result.returncode:
        sys.exit(f"{recipe}: exit code {result.returncode}: {result.stderr}")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return [row for row in rows if row["record"] == "case"][-1]


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else os.environ["FLOPSTEP"]
    wanted = sys.argv[2:] or list(BOUNDS)
    failed = ran = 0
    for recipe in wanted:
        figure, least, most, seeds = BOUNDS[recipe]
        values = []
        for seed in range(1, seeds + 1):
            row = train(binary, recipe, seed)
            if row is None:
                break
            values.append(row[figure])
        if not values:
            print(f"{recipe}: skipped, its data is not here", flush=True)
            continue
        ran += 1
        mean = sum(values) / len(values)
        fine = least <= mean <= most
        failed += not fine
        print(f"{recipe:16} {figure} {mean:.4f} ({' '.join(f'{v:.4f}' for v in values)}), "
              f"bound {least} to {most}: {'ok' if fine else 'FAILED'}", flush=True)
    if not ran:
        print("skipped: no data set is here")
        return 77
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
