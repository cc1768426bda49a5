"""Where Passerby finds its own files, and how many processors it may use. Settings of a job stand beside the job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
"""Files that the build hook copied in: ``centerface.onnx``, ``portrait.png``, ``NOTICE.txt``."""
WEIGHTS = ASSETS / "centerface.onnx"
PORTRAIT = ASSETS / "portrait.png"
MEASURED = Path(__file__).parent / "veil" / "measured.json"
"""What this version leaves exposed, as ``passerby audit veil --json`` wrote it, for reports and the model card."""


_sharers = 1


def share_processors(among: int) -> None:
    """Say that so many processes like this one work side by side, so that each counts on its share of the processors."""
    global _sharers
    _sharers = max(1, among)


def processors() -> int:
    """Return how many processors this process may use: at least one."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, count // _sharers)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder for what can be made anew, which need not exist, or None where this user has no home.

    A service manager's comes first, then the user's own.

    Source: ``CACHE_DIRECTORY`` of systemd.exec(5), ``XDG_CACHE_HOME`` of the XDG Base Directory Specification.
    """
    managed = environ.get("CACHE_DIRECTORY", "").split(":")[0]
    if Path(managed).is_absolute():
        return Path(managed) / "networks"
    base, home = environ.get("XDG_CACHE_HOME", ""), environ.get("HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "passerby"
    return Path(home) / ".cache" / "passerby" if Path(home).is_absolute() else None


_BYTES_EACH = 1 << 30
"""Memory that a process gets where their number is chosen here. Source: docs/measures.md, memory at 1080p."""


def processes_for(files: int) -> int:
    """Return how many processes veil so many files best: one a processor, as far as memory goes."""
    memory = _free_bytes() // _BYTES_EACH
    return max(1, min(processors(), files, memory))


def _free_bytes() -> int:
    with suppress(OSError, ValueError, IndexError), Path("/proc/meminfo").open(encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 2 * _BYTES_EACH
