"""What of a camera may be sealed now, put together from its configuration and from what the register announces."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from passerby import sealing
from passerby.errors import PasserbyError
from passerby.files import write_atomic
from passerby.gateway.config import CameraConfig, CityConfig
from passerby.gateway.publish.register_link import RegisterLink
from passerby.gateway.publish.statements import Statements
from passerby.objects import StoredPath, is_address, place_named
from passerby.register import LogReader, SealHeld
from passerby.sealing import SealedCamera

WARNED_H = 48
"""Source: a choice; a custodian who makes keys weekly hears of it over a weekend before nothing is sealed any more."""
STORES = "seal-stores.json"
"""File of the gateway's state that remembers where packs were ever written, so that none stays when sealing ends."""
SPOOL = "seal"
"""Folder below the gateway's state in which packs wait that go to a bucket."""


def pack_folder(city: CityConfig, store: str) -> Path:
    """Return the folder of this machine in which packs are written."""
    return city.state / SPOOL if is_address(store) else Path(store)


def keep_packs(city: CityConfig, record: RegisterLink, wall_ns: int) -> None:
    """Bring packs to their store and delete those whose retention is over; to be called in a thread."""
    if not sealing.installed():
        return
    kept_h = {}
    for name, statement in city.statements.items():
        identifier = record.identifier(name)
        if identifier is not None and statement.seal is not None:
            kept_h[identifier] = statement.seal.retention_h
    holds = functools.cache(functools.partial(_holds, city, wall_ns))
    for store in _stores(city):
        put = _put_to(place_named(store)) if is_address(store) else None
        sweeper = sealing.load("camera").PackSweeper(pack_folder(city, store), put)
        sweeper.sweep(wall_ns, kept_h.get, holds)


def _stores(city: CityConfig) -> list[str]:
    """Return where packs may lie: the stores in the file, and those that ever stood there, which are remembered."""
    path = city.state / STORES
    before: set[str] = set()
    with suppress(OSError, ValueError, TypeError):
        before = {str(store) for store in json.loads(path.read_bytes())}
    found = before | {camera.seal.store for camera in city.cameras.values() if camera.seal is not None}
    if found != before:
        with suppress(PasserbyError):  # a full disk is what sweeping frees; it is written the next time
            write_atomic(path, json.dumps(sorted(found)).encode(), mode=0o600)
    return sorted(found)


def _holds(city: CityConfig, wall_ns: int) -> dict[str, datetime]:
    """Return which pieces the gateway's own log says are held now, and until when; a log elsewhere is not asked."""
    holds: dict[str, datetime] = {}
    if city.register.address is not None:
        return holds
    now = datetime.fromtimestamp(wall_ns / 1e9, UTC)
    with closing(LogReader.open(city.register.path)) as reader:
        for entry in reader.entries():
            if isinstance(entry, SealHeld) and entry.until > now:
                holds |= {piece: max(entry.until, holds.get(piece, now)) for piece in entry.pieces}
    return holds


def keys_short(city: CityConfig, now: datetime) -> list[str]:
    """Say of each camera that keeps faces locked how long the custodian's keys last, where that is less than 48 hours.

    Raises:
        StorageError: the file that names cameras in the register is damaged.
    """
    sealed = {name: camera.seal for name, camera in city.cameras.items() if camera.seal is not None}
    if not sealed or not sealing.installed():
        return []
    known, hours_ahead, told = Statements(city.register.path), sealing.load("custody").hours_ahead, []
    for name, seal in sealed.items():
        identifier = known.identifier(name)
        hours = 0 if identifier is None else hours_ahead(seal.custody, identifier, now)
        if hours < WARNED_H:
            whose = identifier or "its identifier, which the first start of the gateway gives it"
            told.append(
                f"camera {name}: the custodian's keys last for {hours} hours, then nothing is sealed: "
                f"passerby seal custody make --camera {whose}"
            )
    return told


def _put_to(place: Path) -> Callable[[str, Path], None]:
    def put(key: str, path: Path) -> None:
        if isinstance(place, StoredPath):
            (place / key).write_atomic(path, overwrite=True)

    return put


def sealed_camera(city: CityConfig, config: CameraConfig, record: RegisterLink) -> SealedCamera | None:
    """Return what is sealed of a camera now; None where it seals nothing, or where the register does not announce it yet."""
    seal, identifier = config.seal, record.identifier(config.name)
    statement = city.statements.get(config.name)
    terms = statement.seal if statement is not None else None
    if (
        seal is None
        or identifier is None
        or terms is None
        or terms.policy is None
        or record.sealing(config.name) is None
    ):
        return None
    return SealedCamera(
        origin=city.register.origin,
        camera=identifier,
        policy=seal.policy,
        policy_digest=terms.policy,
        custody=seal.custody,
        folder=pack_folder(city, seal.store),
        index=config.record.enabled,
    )
