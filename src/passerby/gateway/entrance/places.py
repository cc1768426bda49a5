"""How many connections may be open at once: what the system allows, less what cameras, register and recordings need."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

FOR_A_CAMERA = 16
"""Its process's socket and pipes, the files of its recorder, and those of a new one before the old one has gone."""
FOR_THE_HOUSE = 96
"""Register, accounts, access log, broker, pictures of snapshots and clips that are being read, and room to start a process."""
ENOUGH = 65_536
MOST_HTTP = 2000


@dataclass(frozen=True, slots=True)
class ConnectionPlaces:
    """How many connections of each kind there may be at once.

    Attributes:
        http: Requests, and connections that wait for the next.
        rtsp: Of readers, with sessions or not.
        views: Live views in browsers.
    """

    http: int
    rtsp: int
    views: int


def divided_places(places: int, *, readers: int, viewers: int) -> ConnectionPlaces:
    """Divide what ``connection_places`` found.

    Args:
        places: To divide.
        readers: RTSP sessions that are wished for.
        viewers: Live views that are wished for.

    >>> divided_places(170, readers=200, viewers=240)
    ConnectionPlaces(http=72, rtsp=56, views=42)
    """
    rtsp, views = min(2 * readers, places // 3), min(viewers, places // 4)
    return ConnectionPlaces(min(MOST_HTTP, places - rtsp - views), rtsp, views)


def connection_places(cameras: int) -> int:
    """Raise this process's limit of open files as far as it may go, and return how many are left for connections, at least 32.

    Args:
        cameras: That will run.
    """
    if sys.platform == "win32":
        return 512
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    limit = ENOUGH if soft == resource.RLIM_INFINITY else soft
    return max(32, limit - _open_now() - FOR_THE_HOUSE - cameras * FOR_A_CAMERA)


def _open_now() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 32
