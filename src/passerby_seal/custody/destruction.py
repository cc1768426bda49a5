"""The end of retention: keys overwritten and taken away, and the register's entries that say so.

What is about to be destroyed is noted first, so that an end in between leaves no key destroyed that no entry tells of.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from passerby.errors import FormatError, StorageError
from passerby.files import write_atomic
from passerby.register import RetentionShredded, format_instant
from passerby_seal.custody.hours import HOUR, HourKey, hour_of, keys_due

NOTE = "destroying.json"


def destroy_due(keys: Path, public: Path | None, retention_s: int, now: datetime) -> list[RetentionShredded]:
    """Destroy the keys whose retention is over, and return the entries that say so; ``stated`` ends it.

    Args:
        keys: The custodian's folder of private keys.
        public: The folder of public ones; those of the same hours go too. None leaves them.
        retention_s: How long after the end of its hour a key is kept, at most; a key whose file tells less goes earlier.
        now: Aware.

    Returns:
        One entry for each run of hours, those of an earlier call that were never stated among them.

    Raises:
        UsageError: there is no such folder.
        StorageError: a key cannot be destroyed, or the note not be written.
        FormatError: the note was damaged.
    """
    due = keys_due(keys, retention_s, now)
    noted = {(key.camera, key.begin) for key in due} | _noted(keys)
    if not noted:
        return []
    lines = [[camera, format_instant(begin)] for camera, begin in sorted(noted)]
    write_atomic(keys / NOTE, json.dumps(lines).encode(), mode=0o600)
    for camera, begin in sorted(noted):
        destroy_key(keys / camera / f"{hour_of(begin)}.key")
        if public is not None:
            (public / camera / f"{hour_of(begin)}.pub").unlink(missing_ok=True)
    return [
        RetentionShredded(at=now, begin=run[0].begin, end=run[-1].begin + HOUR, camera=run[0].camera, keys=len(run))
        for run in _runs([HourKey(camera, begin, keys) for camera, begin in sorted(noted)])
    ]


def stated(keys: Path) -> None:
    """Forget the note: what was destroyed is told.

    Raises:
        StorageError: it cannot be taken away.
    """
    try:
        (keys / NOTE).unlink(missing_ok=True)
    except OSError as exc:
        raise StorageError(f"{keys / NOTE} cannot be taken away: {exc.strerror}") from exc


def destroy_key(path: Path) -> None:
    """Overwrite a key's file and take it away, durable when this returns. One that is not there is destroyed.

    Raises:
        StorageError: it cannot be written or taken away; nothing of it is said to be destroyed then.
    """
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StorageError(f"key {path} cannot be destroyed: {exc.strerror}") from exc
    try:
        with os.fdopen(handle, "r+b", buffering=0) as file:
            file.write(os.urandom(os.fstat(handle).st_size))
            os.fsync(handle)
        path.unlink()
        _sync(path.parent)
    except OSError as exc:
        raise StorageError(f"key {path} cannot be destroyed: {exc.strerror}") from exc


def _sync(folder: Path) -> None:
    if os.name == "nt":
        return  # a directory cannot be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _noted(keys: Path) -> set[tuple[str, datetime]]:
    try:
        lines = json.loads((keys / NOTE).read_bytes())
        return {(str(camera), datetime.fromisoformat(begin).astimezone(UTC)) for camera, begin in lines}
    except FileNotFoundError:
        return set()
    except OSError as exc:
        raise StorageError(f"{keys / NOTE} cannot be read: {exc.strerror}") from exc
    except (ValueError, TypeError) as exc:
        raise FormatError(f"{keys / NOTE} must be what this program wrote, was changed") from exc


def _runs(keys: Sequence[HourKey]) -> Iterator[list[HourKey]]:
    run: list[HourKey] = []
    for key in keys:
        if run and (key.camera != run[-1].camera or key.begin != run[-1].begin + HOUR):
            yield run
            run = []
        run.append(key)
    if run:
        yield run
