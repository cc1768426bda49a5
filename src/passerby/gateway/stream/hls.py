"""HLS with fragmented MP4 segments, in memory: RFC 8216. For browsers without Media Source Extensions."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.stream.fmp4 import Sample, init_segment
from passerby.gateway.stream.gops import Gop, GopCutter
from passerby.gateway.stream.relay import Relay
from passerby.gateway.values import TICKS_PER_S
from passerby.media import ParameterSets

SEGMENTS = 6
"""Least number in a playlist; more where these are shorter than three target durations: RFC 8216, section 6.2.2."""
TARGET_S = 2
"""Of cameras whose key frames come at least as often."""
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
        anew: It does not go on where the one before it ended.
        breaks: How many segments up to this one were ``anew``.
        alone: It begins with a key frame.
    """

    number: int
    duration: int
    wall_ns: int
    data: bytes
    parameters: ParameterSets
    init: int
    anew: bool
    breaks: int
    alone: bool


class HlsFeed:
    """A camera's segments. Costs nothing while nobody asks.

    Args:
        relay: Of the camera.
        clock: The machine's clocks.

    Attributes:
        target_s: Target duration. It never changes, and no segment is longer: RFC 8216, sections 4.3.3.1 and 6.2.1.
    """

    def __init__(self, relay: Relay, *, clock: Clock = MACHINE) -> None:
        self.relay, self._clock = relay, clock
        self.target_s = max(TARGET_S, math.ceil(relay.config.output.gop_s))
        # durations are rounded to whole seconds before they are compared
        self._most = self.target_s * TICKS_PER_S + TICKS_PER_S // 2 - 1
        self._leave: Callable[[], None] | None = None
        self._segments: deque[Segment] = deque()
        self._gone: deque[tuple[float, Segment]] = deque()
        self._open: list[Gop] = []
        self._number = self._sequence = self._breaks = self._init = 0
        self._end_ticks: int | None = None
        self._parameters: ParameterSets | None = None
        self._asked_s = 0.0

    @property
    def active(self) -> bool:
        """Return whether segments are being made."""
        return self._leave is not None

    def playlist(self) -> str | None:
        """Return the media playlist, or None before the first segment is whole; ask again after half a second then."""
        self._asked_s = self._clock.now_s()
        if self._leave is None:
            self._leave = self.relay.subscribe(GopCutter(self.take))
        if not self._segments:
            return None
        first = self._segments[0]
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{self.target_s}"]
        lines += [f"#EXT-X-MEDIA-SEQUENCE:{first.number}", f"#EXT-X-DISCONTINUITY-SEQUENCE:{first.breaks - first.anew}"]
        if all(segment.alone for segment in self._segments):
            lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
        known: int | None = None
        for segment in self._segments:
            if segment.anew:
                lines.append("#EXT-X-DISCONTINUITY")
            if segment.init != known:
                lines.append(f'#EXT-X-MAP:URI="init{segment.init}.mp4"')
                known = segment.init
            at = datetime.fromtimestamp(segment.wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
            lines.append("#EXT-X-PROGRAM-DATE-TIME:" + at.replace("+00:00", "Z"))
            lines += [f"#EXTINF:{segment.duration / TICKS_PER_S:.5f},", f"seg{segment.number}.m4s"]
        return "\n".join(lines) + "\n"

    def file(self, name: str) -> bytes | None:
        """Return a segment or initialisation segment by its name in the playlist, or None."""
        self._asked_s = self._clock.now_s()
        self._forget_gone()
        for segment in (*self._segments, *(segment for _, segment in self._gone)):
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
        """Stop and forget; numbers go on where they are."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        self._segments.clear()
        self._gone.clear()
        self._open = []

    def take(self, gop: Gop) -> None:
        """Take a group of pictures; the relay's come by themselves."""
        for part in _pieces(gop, self._most):
            if self._open and (self._open[0].parameters != part.parameters or self._open_end() != part.ticks):
                self._close_segment()
            if self._open and self._open_ticks() + part.duration > self._most:
                self._close_segment()
            self._open.append(part)
            if self._open_ticks() >= self.target_s * TICKS_PER_S * 0.95:
                self._close_segment()

    def _open_ticks(self) -> int:
        return sum(part.duration for part in self._open)

    def _open_end(self) -> int:
        return self._open[-1].ticks + self._open[-1].duration

    def _close_segment(self) -> None:
        end, duration = self._open_end(), self._open_ticks()
        parts, self._open = self._open, []
        fragments = []
        for part in parts:
            self._sequence += 1
            fragments.append(part.fragment(self._sequence))
        first = parts[0]
        other = self._parameters is not None and self._parameters != first.parameters
        anew = other or (self._end_ticks is not None and self._end_ticks != first.ticks)
        self._init += other
        self._breaks += anew
        self._end_ticks, self._parameters = end, first.parameters
        self._segments.append(
            Segment(
                self._number, duration, first.wall_ns, b"".join(fragments), first.parameters,
                self._init, anew, self._breaks, first.samples[0].key,
            )
        )  # fmt: skip
        self._number += 1
        self._remove_old()

    def _remove_old(self) -> None:
        """Take from the playlist what its length allows; it stays to be had for as long as it may be asked for."""
        total = sum(segment.duration for segment in self._segments)
        while len(self._segments) > SEGMENTS:
            first = self._segments[0]
            if total - first.duration < 3 * self.target_s * TICKS_PER_S:
                break
            # RFC 8216, section 6.2.2: its own duration, and that of the longest playlist that held it
            self._gone.append((self._clock.now_s() + (first.duration + total) / TICKS_PER_S, first))
            self._segments.popleft()
            total -= first.duration
        self._forget_gone()

    def _forget_gone(self) -> None:
        while self._gone and self._gone[0][0] < self._clock.now_s():
            self._gone.popleft()


def _pieces(gop: Gop, most: int) -> Iterator[Gop]:
    """Cut a group into pieces that are not too long, at any picture. A picture that is shown for longer is cut short."""
    if gop.duration <= most:
        yield gop
        return
    at, begin = gop.ticks, gop.ticks
    samples: list[Sample] = []
    for sample in gop.samples:
        if samples and at - begin + sample.ticks > most:
            yield _piece(gop, begin, samples)
            samples, begin = [], at
        samples.append(replace(sample, ticks=min(sample.ticks, most)))
        at += sample.ticks
    yield _piece(gop, begin, samples)


def _piece(gop: Gop, begin: int, samples: list[Sample]) -> Gop:
    wall_ns = gop.wall_ns + (begin - gop.ticks) * 1_000_000_000 // TICKS_PER_S
    return Gop(gop.parameters, begin, sum(sample.ticks for sample in samples), wall_ns, tuple(samples))
