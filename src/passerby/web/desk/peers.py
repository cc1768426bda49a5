"""Whose program a connection over the loopback comes from, where Linux tells it.

A program that reaches an address of IPv4 through a socket of IPv6 stands in the table of IPv6, and nowhere else.

Source: Linux, Documentation/networking/proc_net_tcp.rst: local and remote address in hexadecimal, the user's number; RFC 4291,
2.5.5.2.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def is_own_program(port: int, served: int, *, tables: Sequence[Path] = _TABLES, user: int | None = None) -> bool:
    """Return whether a connection to one of our ports comes from a program of our user; true where nobody can tell.

    Args:
        port: That the other end has.
        served: That we have.
        tables: Of the system's TCP connections.
        user: Whose it must be; None takes who runs this process.
    """
    if not hasattr(os, "getuid"):
        return True
    own = os.getuid() if user is None else user
    return all(found == own for table in tables for found in _users(_lines(table), port, served))


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text(encoding="ascii").splitlines()[1:]
    except (OSError, ValueError):
        return []


def _users(lines: Iterable[str], port: int, served: int) -> Iterable[int]:
    for line in lines:
        part = line.split()
        if len(part) > 7 and (_port(part[1]), _port(part[2])) == (port, served):
            yield int(part[7])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
