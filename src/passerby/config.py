"""Where Passerby finds its own files, and how many processors it may use. Settings of a job stand beside the job."""

from __future__ import annotations

import os
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
"""Files that the build hook copied in: ``centerface.onnx``, ``portrait.png``, ``NOTICE.txt``."""
WEIGHTS = ASSETS / "centerface.onnx"
PORTRAIT = ASSETS / "portrait.png"


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
