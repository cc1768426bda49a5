"""Whose program a connection over the loopback comes from, where Linux tells it.

Source: Linux, Documentation/networking/proc_net_tcp.rst: local and remote address in hexadecimal, the user's number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TABLE = Path("/proc/net/tcp")


def is_own_program(port: int, served: int, *, table: Path = _TABLE, user: int | None = None) -> bool:
    """Return whether a connection to one of our ports comes from a program of our user; true where nobody can tell.

    Args:
        port: That the other end has.
        served: That we have.
        table: Of the system's TCP connections.
        user: Whose it must be; None takes who runs this process.
    """
    if not hasattr(os, "getuid"):
        return True
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except (OSError, ValueError):
        return True
    return all(found == (os.getuid() if user is None else user) for found in _users(lines, port, served))


def _users(lines: Iterable[str], port: int, served: int) -> Iterable[int]:
    for line in lines:
        part = line.split()
        if len(part) > 7 and (_port(part[1]), _port(part[2])) == (port, served):
            yield int(part[7])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
