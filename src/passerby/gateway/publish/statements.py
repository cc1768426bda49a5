"""Which camera has which identifier in the register, and what was last stated about it; kept beside the log's own state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

import passerby
from passerby.config import WEIGHTS
from passerby.errors import OutputError, StorageError, UsageError
from passerby.files import write_atomic
from passerby.gateway.config import CameraConfig, RegisterConfig, Statement
from passerby.register import (
    CameraChanged,
    CameraPlace,
    CameraRegistered,
    Entry,
    OperatorStated,
    RunningStarted,
    SealAnnounced,
    new_identifier,
)
from passerby.values import digest_file, utc_now

_ALL_ANEW = {"label": ""}
"""What is kept of a camera that stands in the register, and about which everything is to be stated again."""


class KnownCamera(BaseModel):
    """What was stated about one camera.

    Attributes:
        id: In the register.
        stated: Fields of the last statement.
        access: Result of the last test of exclusive access that was stated.
        recognises: By what it offers to recognise faces by itself, as last stated; None: it never answered.
        seals: What was announced of faces that are kept locked, as ``SealSchedule`` keeps it.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    stated: dict[str, object] = {}
    access: str = ""
    recognises: list[str] | None = None
    seals: list[SealAnnounced] = []


class StatedNow(BaseModel):
    """What entries say of operator and one camera, to be remembered once they are in the log or durably on the way to it.

    Attributes:
        operator: Fields of the statement about the operator; None where the entries say nothing of it.
        camera: Its name; None where they say nothing of one.
        registers: Whether it is the first statement about it.
        stated: Fields of the statement about it.
    """

    model_config = ConfigDict(extra="forbid")

    operator: dict[str, object] | None = None
    camera: str | None = None
    registers: bool = False
    stated: dict[str, object] = {}


class KeptStatements(BaseModel):
    """The file.

    Attributes:
        operator: Fields of the last statement about the operator.
        cameras: By name.
    """

    model_config = ConfigDict(extra="forbid")

    operator: dict[str, object] = {}
    cameras: dict[str, KnownCamera] = {}


class Statements:
    """Says which entries are due, and remembers those that were written.

    Args:
        log: The log's folder.
        now: Returns the instant at which an entry is made.

    Raises:
        StorageError: the file is damaged or unreadable.
    """

    def __init__(self, log: Path, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._path = log / "private" / "gateway.json"
        try:
            self.kept = (
                KeptStatements.model_validate_json(self._path.read_bytes()) if self._path.exists() else KeptStatements()
            )
        except (OSError, ValidationError) as exc:
            raise StorageError(
                f"{self._path} must be readable, got {type(exc).__name__}",
                hint="it names each camera in the register; bring it back from a backup, or remove it to register all anew",
            ) from exc

    def identifier(self, name: str) -> str | None:
        """Return a camera's identifier, or None before it was registered."""
        known = self.kept.cameras.get(name)
        return known.id if known else None

    def save(self) -> None:
        """Write the file.

        Raises:
            StorageError: it cannot be written.
        """
        try:
            write_atomic(self._path, self.kept.model_dump_json(indent=1).encode(), mode=0o644)
        except (OutputError, UsageError) as exc:
            raise StorageError(exc.message, hint=exc.hint) from exc

    def due(self, config: RegisterConfig, name: str, statement: Statement) -> tuple[list[Entry], StatedNow]:
        """Return the entries that bring the register up to what the configuration states, and what to ``remember`` then.

        Raises:
            StorageError: a fresh identifier cannot be kept.
        """
        about, camera = self._of_operator(config), self._of_camera(name, statement)
        now = StatedNow(
            operator=_operator(config) if about else None,
            camera=name if camera else None,
            registers=any(isinstance(entry, CameraRegistered) for entry in camera),
            stated=_plain(statement) if camera else {},
        )
        return [*about, *camera], now

    def remember(self, now: StatedNow) -> None:
        """Remember what is in the log.

        Raises:
            StorageError: it cannot be kept.
        """
        if now.operator is not None:
            self.kept.operator = now.operator
        if now.camera is not None and now.camera in self.kept.cameras:
            self.kept.cameras[now.camera].stated = now.stated
        if now.operator is not None or now.camera is not None:
            self.save()

    def forget(self, now: StatedNow) -> None:
        """Remember that what was on the way was refused: it is stated again, whole.

        Raises:
            StorageError: it cannot be kept.
        """
        if now.operator is not None:
            self.kept.operator = {}
        if now.camera is not None and now.camera in self.kept.cameras:
            self.kept.cameras[now.camera].stated = {} if now.registers else dict(_ALL_ANEW)
        if now.operator is not None or now.camera is not None:
            self.save()

    def _of_operator(self, config: RegisterConfig) -> list[Entry]:
        if _operator(config) == self.kept.operator:
            return []
        return [OperatorStated(at=self._now(), **_operator(config))]  # type: ignore[arg-type]

    def _of_camera(self, name: str, statement: Statement) -> list[Entry]:
        fields = _fields(statement)
        known = self.kept.cameras.get(name)
        if known is None:
            known = self.kept.cameras[name] = KnownCamera(id=new_identifier())
            # kept before it is in the log, so that no camera is ever registered under two identifiers
            self.save()
        if not known.stated:
            return [CameraRegistered(at=self._now(), camera=known.id, **fields)]  # type: ignore[arg-type]
        plain = _plain(statement)
        changed = {
            key: value for key, value in fields.items() if value is not None and known.stated.get(key) != plain[key]
        }
        return [CameraChanged(at=self._now(), camera=known.id, **changed)] if changed else []  # type: ignore[arg-type]

    def unsure(self) -> set[str]:
        """Return identifiers that may or may not be in the log: the process ended in between."""
        return {known.id for known in self.kept.cameras.values() if not known.stated}

    def sure(self, identifier: str) -> None:
        """Remember that an identifier is in the log; what was stated with it is stated again."""
        for known in self.kept.cameras.values():
            if known.id == identifier:
                known.stated = dict(_ALL_ANEW)


def _operator(config: RegisterConfig) -> dict[str, object]:
    said = config.operator
    stated: dict[str, object] = {
        "name": said.name, "contact": said.contact, "page": said.page, "grace_s": round(config.grace_s),
    }  # fmt: skip
    named = {"authority": said.authority, "authority_contact": said.authority_contact}
    return stated | {name: value for name, value in named.items() if value is not None}


def _plain(statement: Statement) -> dict[str, object]:
    fields = _fields(statement)
    place = fields["place"]
    return fields | {"place": place.model_dump() if isinstance(place, CameraPlace) else None}


def _fields(statement: Statement) -> dict[str, object]:
    place = statement.place_e6
    return {
        "label": statement.label,
        "purpose": dict(statement.purpose),
        "legal_basis": dict(statement.legal_basis),
        "position": statement.position,
        "retention_h": statement.retention_h,
        "heartbeat_s": statement.heartbeat_s,
        "place": CameraPlace(latitude_e6=place[0], longitude_e6=place[1]) if place else None,
        "contact": statement.contact,
    }


def started(
    camera: str, config: CameraConfig, statement: Statement, at: datetime, *, seals: bool = False
) -> RunningStarted:
    """Return the entry that a camera runs from an instant on.

    Args:
        camera: Its identifier.
        config: Its configuration.
        statement: What is stated of it.
        at: The instant.
        seals: Whether it keeps faces locked from then on.

    Raises:
        StorageError: the weights cannot be read.
    """
    weights = config.veil.find.detector or WEIGHTS
    try:
        digest = digest_file(weights)
    except OSError as exc:
        raise StorageError(f"weights {weights.name} must be readable, got {exc.strerror}") from exc
    return RunningStarted(
        at=at,
        camera=camera,
        mode="veil-and-seal" if seals else "veil",
        software=f"passerby {passerby.__version__}",
        configuration=statement.configuration,
        weights=digest,
    )
