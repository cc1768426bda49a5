"""Random access to the frames of a clip: frame ``n`` is the frame that ``ClipReader`` gives as ``n``.

A frame is known by the packet that it was decoded from, which the decoder passes through, and not by its time. Where the packets
alone say which frame comes when, nothing is decoded to know it; otherwise one whole pass tells.
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.codec.context import Flags
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from passerby.config import processors
from passerby.errors import UnreadableError, UsageError
from passerby.media.clips import (
    ClipInfo,
    Decoding,
    Frame,
    RunningClock,
    demux,
    open_clip,
    prepare,
    probe_clip,
    reading,
    video_stream,
)

_SEEKABLE = frozenset({"mp4", "mov", "matroska", "webm"})
"""Containers whose own index leads to a packet; in others the packets are read from the start, which costs no decoding."""
_STARTS_TRIED = 4
"""Key frames before a frame from which decoding is begun, one after another, until the frame comes out: without a key frame that
refreshes at once (rows refreshed one by one) it takes a few."""


@dataclass(frozen=True, slots=True)
class _Start:
    """A packet at which decoding may begin: the frame that it gives, its number, its place in the file, and the time to seek."""

    frame: int
    packet: int = 0
    place: int | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameIndex:
    """Which packet each frame comes from.

    Attributes:
        pts: Shape (N,), int64: when each frame is shown, in ticks of the clip, in order of index.
        packets: Shape (N,), int64: number of each frame's packet in the file, -1 where the decoder did not say.
        starts: Where decoding may begin, by frame; the first is the start of the file.
        is_decoded: A whole pass told it, not the packets alone.
        frame_of: The frame that a packet gives.
    """

    pts: NDArray[np.int64]
    packets: NDArray[np.int64]
    starts: tuple[_Start, ...]
    is_decoded: bool
    frame_of: dict[int, int]


class ClipSeeker:
    """A clip whose frames are decoded in any order; a new run of the decoder for each place.

    Args:
        path: The clip.
        frames: How many frames a whole pass over it saw, as the sidecar of the veiled clip says. Where the packets alone lead
            to as many, nothing is decoded beforehand; None decodes the clip once.

    Attributes:
        info: The clip.

    Raises:
        UnreadableError: It does not read.
    """

    def __init__(self, path: Path, *, frames: int | None = None) -> None:
        self._path = path
        self.info = probe_clip(path)
        table = _read_packets(path, self.info)
        predicted = table.predict() if frames is not None else None
        fits = predicted is not None and len(predicted.pts) == frames
        self._index = predicted if predicted is not None and fits else _decode_index(path, self.info, table)
        self._table = table

    def __len__(self) -> int:
        return len(self._index.pts)

    @property
    def index(self) -> FrameIndex:
        """Which packet each frame comes from."""
        return self._index

    @property
    def times_s(self) -> list[float]:
        """When each frame is shown, in seconds."""
        return [float(pts * self.info.time_base) for pts in self._index.pts.tolist()]

    def nearest_start(self, index: int) -> int:
        """Return the frame from which decoding begins to reach a frame."""
        return self._index.starts[self._number_of_start(index)].frame

    def run(self, index: int) -> Iterator[Frame]:
        """Decode from the nearest place before a frame, and on: the frame itself is among what comes. Close it to end it.

        Raises:
            UsageError: There is no such frame.
            UnreadableError: It does not decode.
        """
        if not 0 <= index < len(self):
            raise UsageError(f"frame must be 0 to {len(self) - 1}, got {index}")
        number = self._number_of_start(index)
        for start in reversed(self._index.starts[max(0, number - _STARTS_TRIED + 1) : number + 1]):
            came = -1
            for frame in self._from(start):
                came = frame.index
                yield frame
            if came >= index:
                return
        if not self._index.is_decoded:
            self._index = _decode_index(self._path, self.info, self._table)
            if index < len(self):
                yield from self.run(index)
            return
        yield from self._from_the_beginning()

    def _number_of_start(self, index: int) -> int:
        return bisect.bisect_right(self._index.starts, index, key=lambda start: start.frame) - 1

    def _from(self, start: _Start) -> Iterator[Frame]:
        """Decode from a place as long as frame follows frame without a gap."""
        wanted = start.frame
        for packet, frame in _tagged(self._path, self.info, start, as_watched=self._index.is_decoded):
            index = self._index.frame_of.get(packet, -1)
            if index < start.frame:
                continue
            if index != wanted:
                return
            wanted += 1
            yield Frame(index, int(self._index.pts[index]), frame.time_base, frame.picture, frame.corrupt)

    def _from_the_beginning(self) -> Iterator[Frame]:
        for _, frame in _tagged(self._path, self.info, _Start(0), as_watched=True):
            if frame.index < len(self):
                yield frame


@dataclass(frozen=True, slots=True)
class _PacketNumber:
    """What a packet is known by on its way through a decoder.

    An object of its own each time: PyAV keeps what was put into packets by the object's identity, and a number that two runs
    share is forgotten for both when one lets go of it.
    """

    number: int


class _PacketTable:
    """What the packets of a clip say, in order of the file."""

    def __init__(self, info: ClipInfo) -> None:
        self._info = info
        self.pts = array("q")
        self.dts = array("q")
        self.place = array("q")
        self.keys: list[int] = []
        self.is_plain = info.container != "avi" and not info.decode_timed
        self.hidden: list[int] = []

    def add(self, packet: Packet[VideoStream]) -> None:
        """Take note of the next packet."""
        number = len(self.pts)
        if packet.pts is None or packet.is_corrupt:
            self.is_plain = False
        if packet.is_discard:
            self.hidden.append(number)
        elif packet.is_keyframe:
            self.keys.append(number)
        pts = packet.pts or 0
        self.pts.append(pts)
        self.dts.append(pts if packet.dts is None else packet.dts)
        self.place.append(-1 if packet.pos is None else packet.pos)

    def predict(self) -> FrameIndex | None:
        """Return the index as the packets' times say it; None where they do not."""
        if not self.is_plain or not self.pts:
            return None
        shown = np.ones(len(self.pts), bool)
        shown[self.hidden] = False
        pts = np.frombuffer(self.pts, np.int64)
        numbers = np.nonzero(shown)[0]
        packets = numbers[np.argsort(pts[numbers], kind="stable")]
        if not len(packets) or np.any(np.diff(pts[packets]) <= 0):
            return None
        return self.index(pts[packets], packets.astype(np.int64), is_decoded=False)

    def index(self, pts: NDArray[np.int64], packets: NDArray[np.int64], *, is_decoded: bool) -> FrameIndex:
        """Return an index with the places at which decoding may begin."""
        frame_of = {packet: frame for frame, packet in enumerate(packets.tolist()) if packet >= 0}
        starts = [_Start(0)]
        seekable = self._info.container in _SEEKABLE and len(set(self.place)) == len(self.place)
        for number in self.keys:
            frame = frame_of.get(number, -1)
            if frame > starts[-1].frame:
                place, time = self.place[number], min(self.pts[number], self.dts[number])
                starts.append(_Start(frame, number, place, time) if seekable and place >= 0 else _Start(frame, number))
        return FrameIndex(pts, packets, tuple(starts), is_decoded, frame_of)


def _opened(path: Path) -> tuple[InputContainer, VideoStream]:
    container = open_clip(path)
    return container, video_stream(container, path.name)


def _read_packets(path: Path, info: ClipInfo) -> _PacketTable:
    container, stream = _opened(path)
    table = _PacketTable(info)
    try:
        clock = RunningClock(container, stream)
        with reading(path):
            for packet in demux(container, stream, clock):
                if packet is not None:
                    table.add(packet)
        table.is_plain = table.is_plain and not clock.jumps
        return table
    finally:
        container.close()


def _decode_index(path: Path, info: ClipInfo, table: _PacketTable) -> FrameIndex:
    pts, packets = array("q"), array("q")
    for packet, frame in _tagged(path, info, _Start(0), as_watched=True, skip_loop_filter=True):
        pts.append(frame.pts)
        packets.append(packet)
    if not pts:
        raise UnreadableError(f"no frame of {path.name} decodes")
    return table.index(np.array(pts, np.int64), np.array(packets, np.int64), is_decoded=True)


def _tagged(
    path: Path, info: ClipInfo, start: _Start, *, as_watched: bool, skip_loop_filter: bool = False
) -> Iterator[tuple[int, Frame]]:
    """Decode from a place to the end, and say of each frame the number of its packet, -1 where the decoder does not.

    With ``as_watched`` it takes as many threads as a pass of veiling does: by them hangs which frames of damaged packets come.
    """
    container, stream = _opened(path)
    try:
        prepare(stream, skip_loop_filter=skip_loop_filter)
        if not as_watched:
            stream.codec_context.thread_count = processors()
        stream.codec_context.flags |= Flags.copy_opaque
        decoding = Decoding(stream, path.name, info)
        with reading(path):
            for number, packet in _numbered(path, container, stream, start):
                if packet is not None:
                    packet.opaque = _PacketNumber(number)
                for frame in decoding.feed(packet):
                    tag = frame.picture.opaque
                    yield tag.number if isinstance(tag, _PacketNumber) else -1, frame
    finally:
        container.close()


def _numbered(
    path: Path, container: InputContainer, stream: VideoStream, start: _Start
) -> Iterator[tuple[int, Packet[VideoStream] | None]]:
    """Give the packets from a place on, each with its number in the file, and None behind them."""
    if start.place is not None and start.time is not None:
        container.seek(start.time, stream=stream, backward=True)
        number = -1
        for packet in demux(container, stream, RunningClock(container, stream)):
            if number < 0 and packet is not None and packet.pos == start.place:
                number = start.packet
            if number >= 0:
                yield number, packet
                number += 1
            elif packet is None or (packet.pos or 0) > start.place:
                break  # the container's index leads astray
        if number >= 0:
            return
        container.seek(0, backward=True, any_frame=False)
        yield from _numbered(path, container, stream, _Start(start.frame, start.packet))
        return
    for number, packet in enumerate(demux(container, stream, RunningClock(container, stream))):
        if number >= start.packet:
            yield number, packet
