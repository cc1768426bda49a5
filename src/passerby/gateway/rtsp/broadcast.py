"""One camera's RTP packets, made once for all readers, and the sessions that read them.

All readers of a camera share sequence numbers, so that a packet is built once, however many read it. A reader that does not take
its bytes is skipped up to the next key frame and, if it goes on, disconnected; nothing waits for it.
"""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from passerby.gateway.rtsp.rtp import packets, payloads, sender_report
from passerby.gateway.stream import AccessUnit
from passerby.media import ParameterSets

SOFT_BYTES = 1024 * 1024
"""A reader with more unsent bytes is skipped up to the next key frame."""
HARD_BYTES = 4 * 1024 * 1024
"""A reader with more is disconnected."""
SLOW_S = 5.0
"""A reader above the soft bound for this long is disconnected."""
REPORT_S = 4.0


class Stream(Protocol):
    """What the server reads of a camera."""

    @property
    def title(self) -> str:
        """For people."""
        ...

    @property
    def parameters(self) -> ParameterSets | None:
        """Parameter sets now in force; None before the first picture."""
        ...

    def subscribe(self, reader: Callable[[AccessUnit], None], *, from_key: bool = True) -> Callable[[], None]:
        """Add a reader and return what removes it."""
        ...


@dataclass(slots=True)
class Burst:
    """The packets of one access unit.

    Attributes:
        packets: RTP.
        sequence: Of the first.
        ticks: RTP time.
        wall_ns: Wall time of the picture.
        key: Readers may begin here.
        framed: The packets with interleaved headers, by channel.
    """

    packets: list[bytes]
    sequence: int
    ticks: int
    wall_ns: int
    key: bool
    framed: dict[int, bytes] = field(default_factory=dict)

    def on_channel(self, channel: int) -> bytes:
        """Return all packets framed for an RTSP connection, built once a channel."""
        found = self.framed.get(channel)
        if found is None:
            found = b"".join(struct.pack("!BBH", 0x24, channel, len(p)) + p for p in self.packets)
            self.framed[channel] = found
        return found


class Sink(Protocol):
    """Where a session's packets go."""

    def waiting_bytes(self) -> int:
        """Return how much has not been sent."""
        ...

    def send(self, burst: Burst) -> None:
        """Send without waiting."""
        ...

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet without waiting."""
        ...

    def drop(self, why: str) -> None:
        """End the reader."""
        ...


class RtspSession:
    """One reader of one camera.

    Args:
        camera: Name.
        user: Who reads.
        sink: Where to.
        live_only: Begin at the next key frame instead of the last one.
    """

    def __init__(self, camera: str, user: str, sink: Sink, *, live_only: bool) -> None:
        self.number = secrets.token_hex(8)
        self.camera, self.user, self.sink, self.live_only = camera, user, sink, live_only
        self.playing = False
        self.touched_s = time.monotonic()
        self.skipped = 0
        self._await_key = True
        self._slow_since: float | None = None
        self._packets = self._bytes = 0
        self._reported_s = 0.0

    def touch(self) -> None:
        """Note that the reader is alive."""
        self.touched_s = time.monotonic()

    def rewind(self) -> None:
        """Begin again at a key frame."""
        self._await_key = True

    def take(self, burst: Burst, ssrc: int) -> None:
        """Send a burst, or leave it out where the reader is slow."""
        now_s = time.monotonic()
        waiting = self.sink.waiting_bytes()
        if waiting <= SOFT_BYTES:
            self._slow_since = None
        else:
            self._slow_since = now_s if self._slow_since is None else self._slow_since
            self._await_key = True
            if waiting > HARD_BYTES or now_s - self._slow_since > SLOW_S:
                self.sink.drop("too slow")
                return
        if self._await_key and (not burst.key or waiting > SOFT_BYTES):
            self.skipped += 1
            return
        self._await_key = False
        self.sink.send(burst)
        self._packets += len(burst.packets)
        self._bytes += sum(len(p) - 12 for p in burst.packets)
        if now_s - self._reported_s >= REPORT_S:
            self._reported_s = now_s
            self.sink.report(
                sender_report(
                    ssrc=ssrc,
                    wall_ns=burst.wall_ns,
                    ticks=burst.ticks,
                    packets_sent=self._packets,
                    bytes_sent=self._bytes,
                )
            )


class Broadcast:
    """A camera's packets and their readers. Costs nothing without readers."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.ssrc = secrets.randbits(32)
        self._offset = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._sessions: dict[str, RtspSession] = {}
        self._recent: list[Burst] = []
        self._leave: Callable[[], None] | None = None

    @property
    def readers(self) -> int:
        """Return how many read now."""
        return len(self._sessions)

    def begin(self) -> tuple[int, int] | None:
        """Start packetising if nobody reads yet; return sequence and time of the first packet of the newest key frame."""
        if self._leave is None:
            self._leave = self.stream.subscribe(self._take)
        return (self._recent[0].sequence, self._recent[0].ticks) if self._recent else None

    def join(self, session: RtspSession) -> None:
        """Let a session read, from the last key frame on unless it wants the next."""
        self.begin()
        self._sessions[session.number] = session
        session.rewind()
        if not session.live_only:
            for burst in self._recent:
                session.take(burst, self.ssrc)

    def leave(self, session: RtspSession) -> None:
        """End a session's reading."""
        self._sessions.pop(session.number, None)
        if not self._sessions and self._leave is not None:
            self._leave()
            self._leave = None
            self._recent = []

    def _take(self, unit: AccessUnit) -> None:
        ticks = (unit.ticks + self._offset) & 0xFFFFFFFF
        made = packets(payloads(unit.nals), sequence=self._sequence, ticks=ticks, ssrc=self.ssrc)
        burst = Burst(made, self._sequence, ticks, unit.wall_ns, unit.key)
        self._sequence = (self._sequence + len(made)) & 0xFFFF
        if unit.key:
            for old in self._recent:
                old.framed.clear()
            self._recent = []
        if unit.key or self._recent:
            self._recent.append(burst)
        # 600 is the relay's own bound on what it keeps from a key frame on
        if len(self._recent) > 600:
            self._recent = []
        for session in list(self._sessions.values()):
            session.take(burst, self.ssrc)
