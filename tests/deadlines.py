"""Waits that end, without looking again and again."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def killed_after(process: subprocess.Popen[str], limit_s: float) -> Iterator[None]:
    """Kill a process that is not done by then with what is awaited in the block: reading from it ends, and the test fails."""
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
