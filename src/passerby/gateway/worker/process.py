"""What a camera's process does to itself first, and what it reports of itself."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

from passerby.errors import ServiceError
from passerby.media import protect_process

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
_STATM = Path("/proc/self/statm")


def guard_process(parent: int) -> None:
    """Make this process unreadable and without core dumps, and let it end with the one that started it.

    Args:
        parent: That one's process number.

    Raises:
        ServiceError: the system refuses, or the parent is gone; nothing bare may be read then.
    """
    protection = protect_process()
    if sys.platform != "linux":
        if not protection.core_dumps_off:
            raise ServiceError("process must have core dumps off, got: " + "; ".join(protection.missing))
        return
    if not protection.whole:
        raise ServiceError("process must be undumpable, got: " + "; ".join(protection.missing))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        # the parent ended before the request was in place
        raise ServiceError(f"process must have its parent {parent}, got {os.getppid()}")


def memory_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not say."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0
