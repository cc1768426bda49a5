"""HLS with fragmented MP4 segments, in memory: RFC 8216. For browsers without Media Source Extensions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.stream.fmp4 import init_segment
from passerby.gateway.stream.gops import Gop, GopCutter
from passerby.gateway.stream.relay import Relay
from passerby.gateway.values import TICKS_PER_S
from passerby.media import ParameterSets

SEGMENTS = 6
TARGET_S = 2.0
IDLE_S = 30.0
"""Segments are made only while somebody asks for the playlist."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One segment.

    Attributes:
        number: Media sequence number.
        duration: In 1/90000 s.
        wall_ns: Wall time of its first picture.
        data: Movie fragments.
        parameters: Decide the initialisation segment.
        init: Number of the initialisation segment.
    """

    number: int
    duration: int
    wall_ns: int
    data: bytes
    parameters: ParameterSets
    init: int


class HlsFeed:
    """A camera's segments. Costs nothing while nobody asks.

    Args:
        relay: Of the camera.
        clock: The machine's clocks.
    """

    def __init__(self, relay: Relay, *, clock: Clock = MACHINE) -> None:
        self.relay, self._clock = relay, clock
        self._leave: Callable[[], None] | None = None
        self._segments: deque[Segment] = deque(maxlen=SEGMENTS)
        self._open: list[Gop] = []
        self._number = 0
        self._sequence = 0
        self._asked_s = 0.0

    @property
    def active(self) -> bool:
        """Return whether segments are being made."""
        return self._leave is not None

    def playlist(self) -> str | None:
        """Return the media playlist, or None before the first segment is whole; ask again after half a second then."""
        self._asked_s = self._clock.now_s()
        if self._leave is None:
            self._leave = self.relay.subscribe(GopCutter(self._take))
        if not self._segments:
            return None
        longest = max(segment.duration for segment in self._segments) / TICKS_PER_S
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{int(longest + 0.999)}"]
        lines += [f"#EXT-X-MEDIA-SEQUENCE:{self._segments[0].number}", "#EXT-X-INDEPENDENT-SEGMENTS"]
        known: int | None = None
        for segment in self._segments:
            if segment.init != known:
                if known is not None:
                    lines.append("#EXT-X-DISCONTINUITY")
                lines.append(f'#EXT-X-MAP:URI="init{segment.init}.mp4"')
                known = segment.init
            at = datetime.fromtimestamp(segment.wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
            lines.append("#EXT-X-PROGRAM-DATE-TIME:" + at.replace("+00:00", "Z"))
            lines += [f"#EXTINF:{segment.duration / TICKS_PER_S:.3f},", f"seg{segment.number}.m4s"]
        return "\n".join(lines) + "\n"

    def file(self, name: str) -> bytes | None:
        """Return a segment or initialisation segment by its name in the playlist, or None."""
        self._asked_s = self._clock.now_s()
        for segment in self._segments:
            if name == f"seg{segment.number}.m4s":
                return segment.data
            if name == f"init{segment.init}.mp4":
                return init_segment(segment.parameters)
        return None

    def tick(self) -> None:
        """Stop when nobody has asked for a while; to be called now and then."""
        if self._leave is not None and self._clock.now_s() - self._asked_s > IDLE_S:
            self.close()

    def close(self) -> None:
        """Stop and forget."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        self._segments.clear()
        self._open = []

    def _take(self, gop: Gop) -> None:
        if self._open and self._open[0].parameters != gop.parameters:
            self._close_segment()
        self._open.append(gop)
        if sum(one.duration for one in self._open) >= TARGET_S * TICKS_PER_S * 0.95:
            self._close_segment()

    def _close_segment(self) -> None:
        gops, self._open = self._open, []
        parts = []
        for gop in gops:
            self._sequence += 1
            parts.append(gop.fragment(self._sequence))
        last = self._segments[-1] if self._segments else None
        same = last is not None and last.parameters == gops[0].parameters
        init = last.init if last is not None and same else (last.init + 1 if last is not None else 0)
        duration = sum(gop.duration for gop in gops)
        self._segments.append(
            Segment(self._number, duration, gops[0].wall_ns, b"".join(parts), gops[0].parameters, init)
        )
        self._number += 1
