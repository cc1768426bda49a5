"""Serves the desk on this machine alone, until it is told to stop."""

from __future__ import annotations

import contextlib
import errno
import getpass
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from passerby.desk import DeskFiles, DroppedFiles, Places, VeilJobs, media_folders
from passerby.web.desk.app import DeskParts, desk_app
from passerby.web.desk.entry import DeskEntry, desk_name
from passerby.web.desk.idle import IdleWatch
from passerby.web.desk.opened import OpenedFiles
from passerby.web.desk.peers import is_own_program
from passerby.web.listening import bind_port, serve_app

LOOPBACK = "127.0.0.1"
_TRIES = 8


@contextlib.contextmanager
def loopback_port() -> Iterator[socket.socket]:
    """Take a free port of this machine: served on IPv4, and held on IPv6 so that nobody else can answer there for us."""
    with contextlib.ExitStack() as held:
        for _ in range(_TRIES):
            listener = held.enter_context(contextlib.closing(bind_port(LOOPBACK, 0)))
            try:
                other = held.enter_context(socket.socket(socket.AF_INET6))
                other.bind(("::1", listener.getsockname()[1]))
                break
            except OSError as exc:
                if not _is_taken(exc):
                    break  # this machine has no such address, or none of that family, so nobody can take it
        yield listener


def _is_taken(exc: OSError) -> bool:
    return exc.errno in {errno.EADDRINUSE, errno.EACCES}


def serve_desk(named: Sequence[Path], ready: Callable[[str], None], *, most: int | None = None) -> None:
    """Serve until SIGINT, SIGTERM or the page's button; then what is being veiled is undone, and nothing is left.

    Args:
        named: Files to veil at once, folders that may be listed; the first one's folder is where the list begins.
        ready: Called with the one-time address once it answers.
        most: Files that are veiled at once; None takes what memory and processors allow.

    Raises:
        ServiceError: no port can be had.
        UsageError: a named file is missing, or holds nothing to veil.
    """
    places = Places(Path.home(), named, media=media_folders(_user()))
    with (
        loopback_port() as listener,
        DroppedFiles() as dropped,
        VeilJobs(most) as jobs,
        DeskFiles(jobs, dropped) as files,
        OpenedFiles(files.get) as edited,
    ):
        for one in named:
            if one.is_file():
                files.open(places.allowed(one))
        port = listener.getsockname()[1]
        entry = DeskEntry(f"{desk_name()}:{port}", is_own=partial(is_own_program, served=port))
        with IdleWatch(lambda: files.busy or edited.busy, _end) as idle:
            parts = DeskParts(entry=entry, files=files, places=places, edited=edited, end=_end, asked=idle.asked)
            serve_app(desk_app(parts), listener, ready=lambda: ready(entry.address))


def _end() -> None:
    signal.raise_signal(signal.SIGTERM)  # not os.kill, by which Windows ends a process at once


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
