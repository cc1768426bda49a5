"""What a camera's process and the serving process say to each other, as frozen records, read strictly at the border.

A veiled unit is its bytes, flags and stamps; every other record is a JSON object whose fields are exactly the record's. What
does not fit is refused with ``ServiceError``, never with the text that came: it may hold a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from passerby.errors import ConfigError, ServiceError
from passerby.gateway.config import CameraConfig
from passerby.gateway.records import record_from_json, record_to_json
from passerby.gateway.states import WorkerCounts
from passerby.gateway.values import CoverReason
from passerby.gateway.wire import Message, MessageKind, encode
from passerby.sealing import IndexPart, SealedCamera

_KEY_FRAME = 1
"""Flag of a unit: it can be decoded without any before it."""
_REASONS = tuple(CoverReason)


@dataclass(frozen=True, slots=True)
class VeiledUnit:
    """One encoded, veiled picture.

    Attributes:
        data: Annex B.
        key: It can be decoded alone.
        whole: Why it is covered whole, or None.
        captured_ns: CLOCK_MONOTONIC.
        due_ns: CLOCK_MONOTONIC at which the last picture came that this one waited for.
    """

    data: bytes
    key: bool
    whole: CoverReason | None
    captured_ns: int
    due_ns: int


@dataclass(frozen=True, slots=True)
class StatusReport:
    """How a camera's process is, once a second.

    Attributes:
        counts: Since it started.
        reasons: Why its pictures are covered whole now, faults first.
        lookahead_ms: The look-ahead at the present rate.
        people: Found at once lately, at most.
        sealing: Whether faces are kept, locked, in a sentence; empty where the camera does not seal.
    """

    counts: WorkerCounts
    reasons: tuple[CoverReason, ...]
    lookahead_ms: float
    people: int = 0
    sealing: str = ""


@dataclass(frozen=True, slots=True)
class FaultReport:
    """A reason for a full cover began or ended.

    Attributes:
        reason: Which.
        began: Else it ended.
        detail: A sentence, or empty.
    """

    reason: CoverReason
    began: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RateReport:
    """The rate changed by overload.

    Attributes:
        step: One picture of so many is shown.
    """

    step: int


@dataclass(frozen=True, slots=True)
class SelfTestReport:
    """A self-test of the detector ended.

    Attributes:
        ok: It found the synthetic face.
        detail: A sentence.
    """

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class SealedReport:
    """What was sealed since the last one, for the public log and for the index of the recording. No pixel, and no key.

    Attributes:
        roots: Of trees over the digests of pieces, hexadecimal.
        index: Parts of the index of the recording.
    """

    roots: tuple[str, ...] = ()
    index: tuple[IndexPart, ...] = ()


@dataclass(frozen=True, slots=True)
class StartOrder:
    """The first order: what the process is for. Goes over the socket, so that no secret stands on a command line.

    Attributes:
        camera: Its configuration.
        selftest_s: Time between two self-tests of the detector.
        cycle_offset: When its detector's cycles begin, 0 to 1, see ``passerby.veil.LiveSettings``.
        rate_step: It begins with one picture of so many: the process before it could not keep up with more.
        people: Found at once lately by the process before it, at most: while fewer are found, less is asked of a face.
        seal: Where what is sealed; None: nothing.
    """

    camera: CameraConfig
    selftest_s: float
    cycle_offset: float
    rate_step: int = 1
    people: int = 0
    seal: SealedCamera | None = None


@dataclass(frozen=True, slots=True)
class CoverOrder:
    """Cover the camera whole until ``UncoverOrder``.

    Attributes:
        reason: Why.
        detail: A sentence, or empty.
    """

    reason: CoverReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UncoverOrder:
    """End what ``CoverOrder`` began.

    Attributes:
        reason: Which.
    """

    reason: CoverReason


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """Make the next unit a key frame."""


@dataclass(frozen=True, slots=True)
class StopOrder:
    """End."""


Report = VeiledUnit | StatusReport | FaultReport | RateReport | SelfTestReport | SealedReport
"""What a camera's process says."""
Order = StartOrder | CoverOrder | UncoverOrder | KeyOrder | StopOrder
"""What it is told."""
_RECORDS: dict[MessageKind, type[Report | Order]] = {
    MessageKind.UNIT: VeiledUnit,
    MessageKind.STATUS: StatusReport,
    MessageKind.FAULT: FaultReport,
    MessageKind.RATE: RateReport,
    MessageKind.SELFTEST: SelfTestReport,
    MessageKind.SEALED: SealedReport,
    MessageKind.START: StartOrder,
    MessageKind.COVER: CoverOrder,
    MessageKind.UNCOVER: UncoverOrder,
    MessageKind.KEY: KeyOrder,
    MessageKind.STOP: StopOrder,
}
_KINDS = {record: kind for kind, record in _RECORDS.items()}


def encode_message(said: Report | Order) -> bytes:
    """Return a report or an order as bytes.

    Raises:
        ServiceError: it is too long.
    """
    if isinstance(said, VeiledUnit):
        return encode(Message(MessageKind.UNIT, said.data, _flags_of(said), said.captured_ns, said.due_ns))
    kind = _KINDS[type(said)]
    return encode(Message(kind, record_to_json(said)))


def parse_report(message: Message) -> Report:
    """Return what a camera's process says.

    Raises:
        ServiceError: it is no report, or does not fit.
    """
    if message.kind.is_order:
        raise ServiceError(f"message of a camera's process must be a report, got {message.kind.name}")
    return cast("Report", _parsed(message))


def parse_order(message: Message) -> Order:
    """Return what a camera's process is told.

    Raises:
        ServiceError: it is no order, or does not fit.
    """
    if not message.kind.is_order:
        raise ServiceError(f"message to a camera's process must be an order, got {message.kind.name}")
    return cast("Order", _parsed(message))


def _parsed(message: Message) -> Report | Order:
    if message.kind is MessageKind.UNIT:
        key = bool(message.flags & _KEY_FRAME)
        return VeiledUnit(message.payload, key, _reason_in(message.flags), message.stamp_ns, message.due_ns)
    try:
        return record_from_json(_RECORDS[message.kind], message.payload)
    except (ConfigError, ValueError):
        # the cause is left out: its text would hold the password
        raise ServiceError(f"message {message.kind.name} must fit this version, got another") from None


def _flags_of(unit: VeiledUnit) -> int:
    """Return bit 0 for a key frame, and in bits 8 to 15 why the whole picture is covered (0: it is not)."""
    return (_KEY_FRAME if unit.key else 0) | (0 if unit.whole is None else (_REASONS.index(unit.whole) + 1) << 8)


def _reason_in(flags: int) -> CoverReason | None:
    index = flags >> 8
    if flags & 0xFE or index > len(_REASONS):
        raise ServiceError(f"flags of a unit must hold a key frame and a reason that are known, got {flags:#x}")
    return _REASONS[index - 1] if index else None
