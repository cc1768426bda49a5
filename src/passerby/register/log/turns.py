"""Two processes, one log: who writes it for long lets go of it when a command asks, and takes it again afterwards.

Whoever asks holds a lock on ``private/wanted`` until it has the log; the system lets that lock go when the process dies, however
it dies. While the log is away, what its writer should write waits or is tried again, as after any failure.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from passerby.errors import LockedError
from passerby.register.log.log import Log
from passerby.register.storage import as_storage_errors

LOOKED_EVERY_S = 0.2
"""How often a writer looks whether its log is wanted."""
GIVEN_WITHIN_S = 20.0
"""Source: a writer finishes what is under way, on an object store too."""
_AGAIN_S = 0.05


def open_in_turn(path: Path, *, wait_s: float = GIVEN_WITHIN_S) -> Log:
    """Open a log for writing; a process that writes it is asked to let go of it first.

    Args:
        path: As ``Log.open`` takes it.
        wait_s: How long it is waited for.

    Raises:
        LockedError: it is not let go.
        RegisterError: as ``Log.open``.
    """
    try:
        return Log.open(path)
    except LockedError:
        pass
    until_s = time.monotonic() + wait_s
    with _wanted(path):
        while True:
            try:
                return Log.open(path)
            except LockedError as exc:
                if time.monotonic() >= until_s:
                    raise LockedError(
                        f"another process writes the log at {path}, and did not let go of it within {wait_s:g} s",
                        hint="stop it, run this, and start it again; gateways keep what they have to say meanwhile",
                    ) from exc
            time.sleep(_AGAIN_S)


def is_wanted(path: Path) -> bool:
    """Return whether somebody asks for a log that this process writes."""
    try:
        handle = os.open(_file(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def wait_while_wanted(path: Path, *, most_s: float = GIVEN_WITHIN_S) -> None:
    """Return when nobody asks for a log any more: whoever asked has it, or has gone."""
    until_s = time.monotonic() + most_s
    while is_wanted(path) and time.monotonic() < until_s:
        time.sleep(_AGAIN_S)


@contextmanager
def _wanted(path: Path) -> Iterator[None]:
    with as_storage_errors(f"{_file(path)} cannot be made"):
        handle = os.open(_file(path), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _file(path: Path) -> Path:
    return path / "private" / "wanted"
