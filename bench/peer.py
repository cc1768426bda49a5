"""Runs commands to be compared, in turn, and measures each as a whole process: wall time, processor time, peak memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Sequence
from compileall import compile_dir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
PEER = "deface-1.5.0"
KEY = (255, 0, 255)
"""The colour that Passerby is told to cover with; the footage does not have it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: seconds of wall time, seconds of processor time, peak resident memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def deface() -> str:
    """Return the command ``deface`` 1.5.0, installed into an environment of its own on first use."""
    given = os.environ.get("PASSERBY_DEFACE")
    if given:
        return given
    home = CACHE / "deface"
    command = home / "bin" / "deface"
    if not command.exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", PEER.replace("-", "==")], check=True)
    return str(command)


def peer_python() -> str:
    """Return the interpreter that the command ``deface`` runs in."""
    return str(Path(shutil.which(deface()) or deface()).parent / "python")


@cache
def as_installed() -> None:
    """Compile this project's modules, as ``pip`` does with those that it installs, deface's among them."""
    compile_dir(ROOT / "src", quiet=1)


def passerby(source: Path, target: Path, *more: str) -> list[str]:
    """Return the command of this project that covers with the key colour."""
    as_installed()
    fill = "#{:02x}{:02x}{:02x}".format(*KEY)
    return [sys.executable, "-m", "passerby", "veil", str(source), "-o", str(target), "--overwrite", "--quiet",
            "--no-manifest", "--fill", fill, *more]  # fmt: skip


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end and return what it took.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read() if process.stderr else b""))
    reader.start()
    watch = threading.Thread(target=_watch_memory, args=(process.pid, peaks := [0.0]))
    watch.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    reader.join()
    watch.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=errors[0][-2000:])
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, max(peaks))


def _watch_memory(pid: int, peaks: list[float]) -> None:
    """Note a process's largest memory in MB until it ends; what wait4 says counts what its parent had when it was made."""
    status = Path(f"/proc/{pid}/status")
    while True:
        try:
            words = status.read_text().partition("VmHWM:")[2].split()
        except OSError:
            return
        if not words:
            return
        peaks.append(int(words[0]) / 1024)
        time.sleep(0.05)


def in_turn(commands: Sequence[Sequence[str]], runs: int) -> list[Cost]:
    """Run commands in turn, A B A B and so on, and return the median of each."""
    costs: list[list[Cost]] = [[] for _ in commands]
    for _ in range(runs):
        for one, command in zip(costs, commands, strict=True):
            one.append(run(command))
    return [
        Cost(median(c.wall_s for c in one), median(c.cpu_s for c in one), max(c.peak_mb for c in one)) for one in costs
    ]
