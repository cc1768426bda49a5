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
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

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


def _find_resource() -> ModuleType | None:
    try:
        return importlib.import_module("resource")
    except ImportError:  # on Windows
        return None


def _call_prctl(*arguments: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    libc.prctl.restype = ctypes.c_int
    return int(libc.prctl(*arguments))


@dataclass(frozen=True, slots=True)
class System:
    """What protecting needs of the system.

    Attributes:
        platform: As ``sys.platform`` says it.
        resource: The module of that name; None where there is none.
        prctl: The call of that name, asked on Linux only.
    """

    platform: str = sys.platform
    resource: Any = field(default_factory=_find_resource)
    prctl: Callable[..., int] = _call_prctl

    def limit_core_files(self) -> bool:
        """Let no core file be written, now or later; False where the system knows no such limit, or refuses."""
        if self.resource is None:
            return False
        try:
            # the hard limit too: nothing in here can raise it again
            self.resource.setrlimit(self.resource.RLIMIT_CORE, (0, 0))
        except (OSError, ValueError):
            return False
        return bool(self.resource.getrlimit(self.resource.RLIMIT_CORE)[0] == 0)

    def forbid_dumps(self) -> bool:
        """Make the process undumpable; False where the system knows no such thing, or refuses."""
        if self.platform != "linux":
            return False
        return self.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 and self.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0


def protect_process(system: System | None = None) -> Protection:
    """Switch off crash dumps of this process and of those it forks, before the first frame is decoded.

    Call it again after ``exec``: a program started anew is dumpable again. Calling it twice does no harm. It never
    raises: where the system refuses, ``missing`` says so and the caller tells people.

    Args:
        system: This one; another in tests.
    """
    system = system or System()
    missing = []
    limited = system.limit_core_files()
    if not limited:
        missing.append("core dumps cannot be switched off on this system: switch them off for this user yourself")
    hidden = system.forbid_dumps()
    if not hidden:
        missing.append("other programs of this user may read this program's memory: only Linux can forbid it")
    return Protection(core_dumps_off=limited or hidden, not_dumpable=hidden, missing=tuple(missing))
