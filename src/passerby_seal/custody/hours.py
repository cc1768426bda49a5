"""A key pair for each camera and hour: the public ones lie with the gateway, the private ones with the custodian.

``FOLDER/<camera>/<hour>.pub`` and ``FOLDER/<camera>/<hour>.key``; an hour is written ``2026-11-30T10``, in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from passerby.errors import StorageError, UsageError
from passerby.files import write_atomic
from passerby_seal.keys import CustodyKey, SealingKey
from passerby_seal.refusals import KeyFormatError

HOUR = timedelta(hours=1)
MOST_AHEAD_H = 24 * 400
"""Source: a year, and some: what is made ahead and stolen opens the outer box of everything until then."""
_SPELLING = "%Y-%m-%dT%H"
_CAMERA = re.compile(r"[0-9a-f]{32}")
_MOST_BYTES = 8192


@dataclass(frozen=True, slots=True)
class HourKey:
    """A private key that a custodian holds.

    Attributes:
        camera: In the register.
        begin: Of its hour.
        path: Its file.
    """

    camera: str
    begin: datetime
    path: Path

    @property
    def hour(self) -> str:
        """Its hour, as it is written."""
        return hour_of(self.begin)


def hour_of(instant: datetime) -> str:
    """Return the hour of an aware instant, as it is written.

    >>> hour_of(datetime(2026, 11, 30, 10, 59, tzinfo=UTC))
    '2026-11-30T10'
    """
    return instant.astimezone(UTC).strftime(_SPELLING)


def begin_of(hour: str) -> datetime:
    """Return when an hour begins.

    >>> begin_of("2026-11-30T10").isoformat()
    '2026-11-30T10:00:00+00:00'

    Raises:
        ValueError: it is not written as one.
    """
    return datetime.strptime(f"{hour}+0000", f"{_SPELLING}%z").astimezone(UTC)


def hour_key(folder: Path, camera: str, hour: str) -> bytes:
    """Return the public key that a camera seals an hour to.

    Raises:
        UsageError: the custodian has made none for that hour; then nothing is sealed.
        KeyFormatError: the file holds none.
        StorageError: it cannot be read.
    """
    path = folder / camera / f"{hour}.pub"
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
    except FileNotFoundError as exc:
        raise UsageError(
            f"custodian must have made a key of camera {camera[:8]} for the hour {hour}, {path} is not there",
            hint="passerby seal custody make; until then nothing is sealed",
        ) from exc
    except OSError as exc:
        raise StorageError(f"key {path} cannot be read: {exc.strerror}") from exc
    try:
        return SealingKey.parse(text.decode("ascii")).raw
    except UnicodeDecodeError as exc:
        raise KeyFormatError(f"key {path} must be a public key in ASCII, got something else") from exc


def make_ahead(keys: Path, public: Path, camera: str, begin: datetime, hours: int, *, retention_s: int) -> int:
    """Make the key pairs of the hours from an instant on that are not there; returns how many were made.

    The private key is durable before its public one can be found, so that nothing is ever sealed to a key that nobody has.

    Args:
        keys: The custodian's folder of private keys.
        public: The folder of public keys, which the gateway reads.
        camera: In the register.
        begin: An instant of the first hour, aware.
        hours: How many.
        retention_s: For how long these keys are kept after their hour, at most; it stands in their files.

    Raises:
        UsageError: the camera is no identifier, or so many hours are never needed.
        OutputError: a file cannot be written.
        StorageError: a folder cannot be made, or a key that is there not be read.
    """
    check_camera(camera)
    if not 1 <= hours <= MOST_AHEAD_H:
        raise UsageError(f"hours must be from 1 to {MOST_AHEAD_H}, got {hours}")
    try:
        for folder in (keys, keys / camera):  # parents that mkdir makes by itself have another mode
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (public / camera).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageError(
            f"folder {exc.filename} cannot be made: {exc.strerror}", hint="choose a folder that you may write to"
        ) from exc
    first, made = begin_of(hour_of(begin)), 0
    for number in range(hours):
        hour = hour_of(first + number * HOUR)
        private, shown = keys / camera / f"{hour}.key", public / camera / f"{hour}.pub"
        if shown.exists() and private.exists():
            continue
        if private.exists():
            key = CustodyKey.load(private)
        else:
            key = CustodyKey.make(camera=camera, hour=hour, retention_s=str(retention_s))
            key.save(private)
        write_atomic(shown, f"{key.public.text}\n".encode(), mode=0o644)
        key.forget()
        made += 1
    return made


def check_camera(camera: str) -> None:
    """Refuse what is no identifier of a camera.

    Raises:
        UsageError: it is none.
    """
    if not _CAMERA.fullmatch(camera):
        raise UsageError(
            f"camera must be its identifier in the register, 32 hex digits, got {camera!r}",
            hint="it stands on the camera's page, and in the entry camera.registered; its name is not in the register",
        )


def hours_ahead(public: Path, camera: str, now: datetime) -> int:
    """Return for how many hours without a gap, from the present one on, public keys are there."""
    count, begin = 0, now
    while count < MOST_AHEAD_H and (public / camera / f"{hour_of(begin)}.pub").exists():
        count, begin = count + 1, begin + HOUR
    return count


def keys_due(keys: Path, retention_s: int, now: datetime) -> list[HourKey]:
    """Return the private keys whose hour ended at least the retention ago, the oldest first.

    A key's own retention, which its file tells, holds where it is the shorter one.

    Raises:
        UsageError: it is no folder.
        StorageError: it cannot be read.
    """
    if not keys.is_dir():
        raise UsageError(
            f"keys must lie in a folder, got {keys}, which is none", hint="the one that `seal custody make` was given"
        )
    found = []
    try:
        for path in keys.glob("*/*.key"):
            begin = _begin_of(path)
            if begin is None:
                continue
            told_s = CustodyKey.told_retention_s(path)
            kept_s = retention_s if told_s is None else min(told_s, retention_s)
            if begin + HOUR + timedelta(seconds=kept_s) <= now:
                found.append(HourKey(path.parent.name, begin, path))
    except OSError as exc:
        raise StorageError(f"folder {keys} cannot be read: {exc.strerror}") from exc
    return sorted(found, key=lambda key: (key.camera, key.begin))


def _begin_of(path: Path) -> datetime | None:
    if not _CAMERA.fullmatch(path.parent.name):
        return None
    try:
        return begin_of(path.stem)
    except ValueError:
        return None
