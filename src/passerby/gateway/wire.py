"""The framed protocol between a camera's process and the serving process.

Header of 28 bytes, big endian: magic ``PV``, version, kind, flags (32 bits), payload length (32 bits), two stamps in ns of
CLOCK_MONOTONIC (64 bits each). Then the payload: one veiled access unit in Annex B form for ``UNIT``, JSON for the others. There
is no kind for pictures.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from passerby.errors import ServiceError
from passerby.gateway.values import CoverReason

_HEADER = struct.Struct("!2sBBIIqq")
HEADER_BYTES = _HEADER.size
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
_MAGIC = b"PV"
_VERSION = 1


class MessageKind(IntEnum):
    """What a message is. Worker to server below 16, server to worker from 16 on."""

    HELLO = 1
    UNIT = 2
    STATUS = 3
    EVENT = 4
    CONFIG = 16
    COVER = 17
    UNCOVER = 18
    KEY = 19
    STOP = 20


KEY_FRAME = 1
"""Flag of a unit: it can be decoded without any before it."""
_REASONS = tuple(CoverReason)


def flags_of(*, key: bool, whole: CoverReason | None) -> int:
    """Return the flags of a unit: bit 0 for a key frame, bits 8 to 15 for why the whole picture is covered (0: it is not)."""
    return (KEY_FRAME if key else 0) | (0 if whole is None else (_REASONS.index(whole) + 1) << 8)


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        kind: What it is.
        payload: At most ``MAX_PAYLOAD_BYTES``.
        flags: Of a unit.
        stamp_ns: CLOCK_MONOTONIC: for a unit, when its picture was captured.
        due_ns: CLOCK_MONOTONIC: for a unit, when the last picture came that it had to wait for.
    """

    kind: MessageKind
    payload: bytes = b""
    flags: int = 0
    stamp_ns: int = 0
    due_ns: int = 0

    @property
    def key(self) -> bool:
        """Return whether a unit can be decoded without any before it."""
        return bool(self.flags & KEY_FRAME)

    @property
    def whole(self) -> CoverReason | None:
        """Return why the whole picture is covered, or None when it is not.

        Raises:
            ServiceError: the reason is unknown.
        """
        index = (self.flags >> 8) & 0xFF
        if index > len(_REASONS):
            raise ServiceError(f"reason must be 0 to {len(_REASONS)}, got {index}")
        return _REASONS[index - 1] if index else None

    def data(self) -> dict[str, Any]:
        """Return the JSON object of the payload.

        Raises:
            ServiceError: it is not one.
        """
        try:
            found = json.loads(self.payload)
        except ValueError as exc:
            raise ServiceError(
                f"payload of {self.kind.name} must be JSON, got {len(self.payload)} other bytes"
            ) from exc
        if not isinstance(found, dict):
            raise ServiceError(f"payload of {self.kind.name} must be a JSON object, got {type(found).__name__}")
        return found


def encode(message: Message) -> bytes:
    """Return a message as bytes.

    Raises:
        ServiceError: the payload is too long.

    >>> len(encode(Message(MessageKind.KEY)))
    28
    """
    length = len(message.payload)
    if length > MAX_PAYLOAD_BYTES:
        raise ServiceError(f"payload must be at most {MAX_PAYLOAD_BYTES} bytes, got {length}")
    header = _HEADER.pack(_MAGIC, _VERSION, message.kind, message.flags, length, message.stamp_ns, message.due_ns)
    return header + message.payload


def encode_json(kind: MessageKind, data: dict[str, Any]) -> bytes:
    """Return a message with a JSON object as bytes."""
    return encode(Message(kind, json.dumps(data, separators=(",", ":")).encode()))


def payload_bytes(header: bytes) -> int:
    """Return how many bytes follow a header.

    Raises:
        ServiceError: it is no header.
    """
    if len(header) != HEADER_BYTES:
        raise ServiceError(f"header must have {HEADER_BYTES} bytes, got {len(header)}")
    magic, version, _, _, length, _, _ = _HEADER.unpack(header)
    if magic != _MAGIC or version != _VERSION or length > MAX_PAYLOAD_BYTES:
        raise ServiceError(f"message must begin with PV, version {_VERSION}, and be bounded, got {magic!r}")
    return int(length)


class Decoder:
    """Cuts a byte stream into messages, strictly."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes and return the messages that are now whole.

        Raises:
            ServiceError: the bytes are no message; the stream is then useless.
        """
        self._buffer += data
        while len(self._buffer) >= HEADER_BYTES:
            length = payload_bytes(bytes(self._buffer[:HEADER_BYTES]))
            _, _, kind, flags, _, stamp_ns, due_ns = _HEADER.unpack_from(self._buffer)
            if len(self._buffer) < HEADER_BYTES + length:
                return
            payload = bytes(self._buffer[HEADER_BYTES : HEADER_BYTES + length])
            del self._buffer[: HEADER_BYTES + length]
            try:
                yield Message(MessageKind(kind), payload, flags, stamp_ns, due_ns)
            except ValueError as exc:
                raise ServiceError(f"kind of message must be known, got {kind}") from exc
