"""What the benchmark counts: its modules' own examples. They run in a process of their own, where their names are free."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent.parent / "bench"


@pytest.mark.parametrize("module", ["coverage", "covers", "exposure", "figures", "hard", "veil_bench"])
def test_examples_of_the_benchmark_hold(module: str) -> None:
    command = [sys.executable, "-m", "doctest", "-v", f"{module}.py"]
    done = subprocess.run(command, cwd=BENCH, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 passed" not in done.stdout, "there are some"
