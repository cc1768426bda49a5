"""Keeps bare frames inside the process: no core dump, no reading of its memory by other programs of the user.

A crash dump would hold the last decoded frames. Two locks, each enough for its case: the size limit of core files
(RLIMIT_CORE 0, POSIX), and on Linux the process attribute *dumpable* 0, which also keeps a collector such as
systemd-coredump or apport from getting the dump and other processes of the same user from attaching.

What this does not do: memory can be swapped out (encrypt the swap, or switch it off), the system's administrator can read
any memory, and a laptop that hibernates writes it to disk.

Source: core(5), prctl(2) PR_SET_DUMPABLE; the kernel's fs/coredump.c asks the attribute before it asks for the limit.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from dataclasses import dataclass
from types import ModuleType

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


@dataclass(frozen=True, slots=True)
class Protection:
    """What could be set up.

    Attributes:
        core_dumps_off: The system writes no core file when the process crashes.
        not_dumpable: Linux: no dump by any route, and no attaching by other processes of the user.
        missing: What this system does not offer, one sentence each; empty where all holds.
    """

    core_dumps_off: bool
    not_dumpable: bool
    missing: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Say whether all of it holds."""
        return self.core_dumps_off and self.not_dumpable


def protect_process() -> Protection:
    """Switch off crash dumps of this process and of those it forks, before the first frame is decoded.

    Call it again after ``exec``: a program started anew is dumpable again. Calling it twice does no harm. It never
    raises: where the system refuses, ``missing`` says so and the caller tells people.
    """
    missing = []
    limited = _limit_core_files()
    if not limited:
        missing.append("core dumps cannot be switched off on this system: switch them off for this user yourself")
    hidden = _forbid_dumps()
    if not hidden:
        missing.append("other programs of this user may read this program's memory: only Linux can forbid it")
    return Protection(core_dumps_off=limited or hidden, not_dumpable=hidden, missing=tuple(missing))


def protection_now() -> Protection:
    """Return what holds at present, as the system says it."""
    resource = _resource()
    limited = resource is not None and resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    hidden = sys.platform == "linux" and _libc().prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
    return Protection(core_dumps_off=limited or hidden, not_dumpable=hidden)


def _limit_core_files() -> bool:
    resource = _resource()
    if resource is None:
        return False
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the hard limit too: nothing in here can raise it again
    except (OSError, ValueError):
        return False
    return bool(resource.getrlimit(resource.RLIMIT_CORE)[0] == 0)


def _forbid_dumps() -> bool:
    if sys.platform != "linux":
        return False
    libc = _libc()
    return bool(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 and libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    libc.prctl.restype = ctypes.c_int
    return libc


def _resource() -> ModuleType | None:
    try:
        return importlib.import_module("resource")
    except ImportError:  # not on Windows
        return None
