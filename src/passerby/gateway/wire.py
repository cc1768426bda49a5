"""The framed protocol between a camera's process and the serving process: bytes to messages and back.

Header of 28 bytes, big endian: magic ``PV``, version, kind, flags (32 bits), payload length (32 bits), two stamps in ns of
CLOCK_MONOTONIC (64 bits each). Then the payload. What the messages say: ``gateway.messages``. There is no kind for pictures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from passerby.errors import ServiceError

_HEADER = struct.Struct("!2sBBIIqq")
HEADER_BYTES = _HEADER.size
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
_MAGIC = b"PV"
_VERSION = 2
_ORDERS_FROM = 16


class MessageKind(IntEnum):
    """What a message is. Reports of a camera's process stand below 16, orders to it from 16 on."""

    UNIT = 2
    STATUS = 3
    FAULT = 4
    RATE = 5
    SELFTEST = 6
    SEALED = 7
    START = 16
    COVER = 17
    UNCOVER = 18
    KEY = 19
    STOP = 20

    @property
    def is_order(self) -> bool:
        """Return whether it goes from the serving process to a camera's process."""
        return self >= _ORDERS_FROM


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
