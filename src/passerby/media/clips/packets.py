"""The packets of a clip's video, as they are read: their times mended, and its parts joined where a recording was joined.

Transport streams and recorders write times off a running clock. They may begin anywhere, wrap, and jump; and where one
recording was put behind another, its video may go on in another track.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from passerby.media.clip_formats import FORMAT_OF_DEMUXER

_BACK_S = Fraction(1, 10)
_AHEAD_S = Fraction(10)
"""Beyond these the clock jumped. Source: FFmpeg's ffmpeg_demux.c, ``ts_discontinuity_process`` and ``dts_delta_threshold``."""

_SILENT_PACKETS = 25
"""A video track that gave none while another gave so many has ended, and the other goes on: a second at 25 frames a second."""


class RunningClock:
    """Mends the times of packets as they are read: a clip begins at zero, and goes on where its clock wraps or jumps.

    The video track's times of decoding tell the jumps; sound is moved along with them. Formats without a running clock stay
    as they are.

    Args:
        container: The clip, just opened.
        video: Its video track.

    Attributes:
        runs: The format has a clock.
        jumps: How often it jumped.
    """

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        self.runs = FORMAT_OF_DEMUXER[container.format.name].clock
        rate = video.average_rate or video.guessed_rate
        self._frame_s = 1 / rate if rate else Fraction(1, 25)
        self._offset_s = -Fraction(container.start_time or 0, av.time_base)
        self._next_s: Fraction | None = None
        self.jumps = 0

    def mend(self, packet: Packet[Any]) -> None:
        """Move the times of the next packet in the file."""
        if not self.runs:
            return
        if isinstance(packet.stream, VideoStream) and packet.dts is not None:
            self._meet(packet, packet.dts)
        ticks = round(self._offset_s / packet.time_base)
        packet.pts = packet.pts + ticks if packet.pts is not None else None
        packet.dts = packet.dts + ticks if packet.dts is not None else None

    def _meet(self, packet: Packet[Any], dts: int) -> None:
        time_s = dts * packet.time_base + self._offset_s
        if self._next_s is not None and not -_BACK_S <= time_s - self._next_s <= _AHEAD_S:
            self._offset_s += self._next_s - time_s
            time_s = self._next_s
            self.jumps += 1
        self._next_s = time_s + (packet.duration * packet.time_base if packet.duration else self._frame_s)


def demux(container: InputContainer, stream: VideoStream, clock: RunningClock) -> Iterator[Packet[VideoStream] | None]:
    """Yield the packets of a clip's video, their times mended, then None. A file that breaks off ends; it does not raise.

    A packet that is not whole is left out, for what it would decode to is a guess; off a running clock, where recordings are
    put together byte by byte, it is kept with its mark.
    """
    whole = (
        packet for packet in _read(container, stream, clock) if packet.size and (clock.runs or not packet.is_corrupt)
    )
    for packet in _joined(whole, stream.index) if clock.runs else whole:
        clock.mend(packet)
        yield packet
    yield None


def _read(container: InputContainer, stream: VideoStream, clock: RunningClock) -> Iterator[Packet[VideoStream]]:
    packets: Iterator[Packet[Any]] = container.demux() if clock.runs else container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.EOFError, av.error.InvalidDataError):
            return
        if isinstance(packet.stream, VideoStream) and not packet.stream.disposition & Disposition.attached_pic:
            yield packet


def _joined(packets: Iterator[Packet[VideoStream]], track: int) -> Iterator[Packet[VideoStream]]:
    """Yield the packets of one video track, and then of the one that begins in the file where it ends."""
    behind: dict[int, list[Packet[VideoStream]]] = {}
    for packet in packets:
        if packet.stream_index == track:
            place = packet.pos or 0
            behind = {other: [one for one in held if (one.pos or 0) > place] for other, held in behind.items()}
            yield packet
            continue
        held = behind.setdefault(packet.stream_index, [])
        held.append(packet)
        if len(held) > _SILENT_PACKETS:
            track, behind = packet.stream_index, {}
            yield from held
    yield from next((held for held in behind.values() if held and held[0].is_keyframe), [])
