"""RTP packets of H.264 and RTCP sender reports: RFC 3550, RFC 6184 (packetisation mode 1). Pure functions on bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from passerby.media import NalType

PAYLOAD_TYPE = 96
MAX_PAYLOAD_BYTES = 1400
"""With the headers below 1500, the usual Ethernet limit, tunnels included."""
_STAP_A, _FU_A = 24, 28
_NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970 (RFC 5905)."""


def payloads(nals: Iterable[bytes], limit: int = MAX_PAYLOAD_BYTES) -> list[bytes]:
    """Return the RTP payloads of one access unit: single, STAP-A for the parameter sets, FU-A for what is long.

    Args:
        nals: NAL units without start codes; access unit delimiters are left out.
        limit: Longest payload in bytes.

    >>> [p[0] & 31 for p in payloads([b"gxx", b"hx", b"e" + bytes(2000)])]
    [24, 28, 28]
    """
    kept = [nal for nal in nals if nal[0] & 31 != NalType.DELIMITER]
    sets = [nal for nal in kept if nal[0] & 31 in {NalType.SPS, NalType.PPS}]
    made: list[bytes] = []
    together = 1 + sum(2 + len(nal) for nal in sets)
    if len(sets) > 1 and together <= limit:
        importance = max(nal[0] & 0x60 for nal in sets)
        body = b"".join(struct.pack("!H", len(nal)) + nal for nal in sets)
        made.append(bytes([importance | _STAP_A]) + body)
        kept = [nal for nal in kept if nal[0] & 31 not in {NalType.SPS, NalType.PPS}]
    for nal in kept:
        if len(nal) <= limit:
            made.append(nal)
        else:
            made += _pieces(nal, limit)
    return made


def _pieces(nal: bytes, limit: int) -> list[bytes]:
    indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 31
    room = limit - 2
    starts = range(1, len(nal), room)
    last = starts[-1]
    return [
        bytes([indicator, (0x80 if at == 1 else 0) | (0x40 if at == last else 0) | kind]) + nal[at : at + room]
        for at in starts
    ]


def packets(bodies: Sequence[bytes], *, sequence: int, ticks: int, ssrc: int) -> list[bytes]:
    """Return the RTP packets of one access unit; the last one carries the marker.

    Args:
        bodies: Payloads.
        sequence: Number of the first packet; counts modulo 65536.
        ticks: Time in 1/90000 s; counts modulo 2**32.
        ssrc: Of the stream.
    """
    last = len(bodies) - 1
    return [
        struct.pack(
            "!BBHII",
            0x80,
            PAYLOAD_TYPE | (0x80 if index == last else 0),
            (sequence + index) & 0xFFFF,
            ticks & 0xFFFFFFFF,
            ssrc,
        )
        + body
        for index, body in enumerate(bodies)
    ]


def sender_report(*, ssrc: int, wall_ns: int, ticks: int, packets_sent: int, bytes_sent: int) -> bytes:
    """Return an RTCP sender report with a source description (RFC 3550, 6.4.1 and 6.5).

    Args:
        ssrc: Of the stream.
        wall_ns: Wall time, ns since 1970, that belongs to ``ticks``.
        ticks: RTP time.
        packets_sent: So far to this reader.
        bytes_sent: Payload bytes so far to this reader.
    """
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    report = struct.pack(
        "!BBHIIIIII",
        0x80,
        200,
        6,
        ssrc,
        (seconds + _NTP_EPOCH_S) & 0xFFFFFFFF,
        (rest_ns << 32) // 1_000_000_000,
        ticks & 0xFFFFFFFF,
        packets_sent & 0xFFFFFFFF,
        bytes_sent & 0xFFFFFFFF,
    )
    name = b"passerby"
    item = struct.pack("!I", ssrc) + bytes([1, len(name)]) + name
    item += bytes(4 - len(item) % 4)
    return report + struct.pack("!BBH", 0x81, 202, len(item) // 4) + item


def goodbye(ssrc: int) -> bytes:
    """Return an RTCP BYE (RFC 3550, 6.6)."""
    return struct.pack("!BBHI", 0x81, 203, 1, ssrc)
