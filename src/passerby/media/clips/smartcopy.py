"""Which groups of pictures may be copied packet for packet, and how.

A group may be copied only where nothing but the pictures that were shown can travel with it: H.264 that starts with an
instantaneous refresh, one plain picture a packet, parameter sets that stay the same, slices only (messages,
delimiters and filling are left out), every packet shown and none damaged, and nothing in the rows and columns that
cropping hides. Whatever is not provably so is encoded anew.

Spec: ITU-T H.264 (08/2021), table 7-1; ISO/IEC 14496-15 clause 5.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from av.packet import Packet, PktSideDataT
from av.video.stream import VideoStream
from numpy.typing import NDArray

from passerby.errors import BitstreamError
from passerby.media.clips.clip import ClipInfo
from passerby.media.h264 import (
    AvcConfig,
    NalType,
    OrderCoding,
    OrderCounter,
    Pps,
    Sps,
    build_avcc,
    message_types,
    nal_type,
    nal_units,
    parse_avcc,
    parse_pps,
    parse_sps,
    slice_head,
    split_lengths,
    with_lengths,
)

# plain numbers: each unit of each packet is compared with them
_PLAIN, _REFRESH = frozenset({int(NalType.SLICE)}), frozenset({int(NalType.IDR)})
_COPIED = _PLAIN | _REFRESH
_SETS, _SEI = frozenset({int(NalType.SPS), int(NalType.PPS)}), int(NalType.SEI)
_LEFT_OUT = frozenset(
    map(
        int,
        (NalType.SEI, NalType.DELIMITER, NalType.END_OF_SEQUENCE, NalType.END_OF_STREAM, NalType.FILLER),
    )
)
FILM_GRAIN = 19
"""Payload type of the one message without which the pictures would look otherwise (H.264, annex D)."""
_PROFILES = frozenset({66, 77, 100})
_MACROBLOCK_PX = 16
_CHANGES: tuple[PktSideDataT, ...] = ("new_extradata", "param_change", "encryption_info", "encryption_init_info")


@dataclass(frozen=True, slots=True)
class Group:
    """A run of packets in decoding order, and the run of frames that they are.

    Attributes:
        first_packet: Index of its first packet.
        stop_packet: One past its last.
        start: Index of its first frame.
        stop: One past its last.
        copy: May be, or is to be, copied; otherwise it is encoded.
    """

    first_packet: int
    stop_packet: int
    start: int
    stop: int
    copy: bool = True


@dataclass(frozen=True, slots=True)
class Copyable:
    """What of a clip may be copied.

    Attributes:
        groups: In order; empty when nothing may.
        reason: Why nothing may, or "".
        packets: All packets of the track.
        delay: Frames by which decoding runs ahead of showing, in these groups.
        config: The track's parameter sets.
        showing: When each packet of these groups is shown, in decoding order, in ticks of the clip.
    """

    groups: tuple[Group, ...] = ()
    reason: str = "the groups of pictures were not looked at"
    packets: int = 0
    delay: int = 0
    config: AvcConfig | None = None
    showing: tuple[int, ...] = ()


class Survey:
    """Looks at each packet of a track as it goes by.

    Args:
        stream: The track, before its first packet.
        info: The clip.
    """

    def __init__(self, stream: VideoStream, info: ClipInfo) -> None:
        self.reason = ""
        self.sps: Sps | None = None  # all are of one size
        self._config: AvcConfig | None = None
        self._coding: dict[int, OrderCoding] = {}
        self._pts = array("q")
        # packets are shown in this order; where their times do not say it, their pictures do
        self._order = array("q")
        self._counter = OrderCounter() if info.decode_timed else None
        self._starts: list[int] = []
        self._spoilt: set[int] = set()
        if info.container not in {"mp4", "mov", "matroska"} or stream.codec_context.codec.canonical_name != "h264":
            self.reason = "only H.264 in MP4, MOV or MKV is copied"
            return
        try:
            self._read_sets(stream.codec_context.extradata or b"")
        except BitstreamError as exc:
            self.reason = f"its parameter sets cannot be judged: {exc}"

    def _read_sets(self, extradata: bytes) -> None:
        config = parse_avcc(extradata)
        sps = [parse_sps(unit) for unit in config.sps]
        pps = [parse_pps(unit) for unit in config.pps]
        _check_sets(sps, pps)
        self.sps, self._config = sps[0], config
        order = {s.number: s.order for s in sps}
        self._coding = {p.number: order[p.sps] for p in pps}

    def add(self, packet: Packet[VideoStream]) -> None:
        """Take note of the next packet in decoding order."""
        if self.reason or self._config is None:
            return
        if packet.is_discard:
            self.reason = "an edit list hides frames"
        elif packet.pts is None:
            self.reason = "a packet has no time"
        elif any(packet.has_sidedata(kind) for kind in _CHANGES):
            self.reason = "the stream changes on its way"
        else:
            self._inspect(packet, packet.pts)

    def _inspect(self, packet: Packet[VideoStream], pts: int) -> None:
        index = len(self._pts)
        self._pts.append(pts)
        self._order.append(pts)
        try:
            kinds = self._kinds(memoryview(packet))
        except BitstreamError:
            kinds = set()
        if kinds == _REFRESH:
            self._starts.append(index)
        elif kinds != _PLAIN:
            self._spoilt.add(len(self._starts) - 1)

    def _kinds(self, packet: memoryview) -> set[int]:
        """Return the kinds of a packet's slices.

        Raises:
            BitstreamError: There is something else in it.
        """
        config = self._config
        if config is None:
            raise BitstreamError("no parameter sets")
        kinds, pictures = set(), 0
        for unit in split_lengths(packet, config.length_bytes):
            kind = nal_type(unit)
            if kind in _COPIED:
                first, pps = slice_head(unit)
                if pps not in self._coding:
                    raise BitstreamError("slice of an unknown parameter set")
                if first == 0 and self._counter is not None:
                    self._order[-1] = self._counter.count(unit, self._coding[pps])
                pictures += first == 0
                kinds.add(kind)
            elif kind in _SETS:
                if bytes(unit) not in config.sps + config.pps:  # groups that follow may refer to it
                    self.reason = "its parameter sets change on the way"
            elif kind == _SEI and FILM_GRAIN in message_types(bytes(unit)):
                raise BitstreamError("grain is drawn by message")
            elif kind not in _LEFT_OUT:
                raise BitstreamError(f"unit of type {kind}")
        if pictures != 1:
            raise BitstreamError("not one picture in a packet")
        return kinds

    def finish(self, shown: NDArray[np.int64], unfit: frozenset[int]) -> Copyable:
        """Say what may be copied.

        Args:
            shown: Shape (N,), the times of all frames that the decoder gave, rising.
            unfit: Frames that carry something where cropping hides it.
        """
        if not self.reason and not self._starts:
            self.reason = "no group of pictures starts with an instantaneous refresh"
        if self.reason:
            return Copyable(reason=self.reason, packets=len(self._pts))
        times, order = np.frombuffer(self._pts, np.int64), np.frombuffer(self._order, np.int64)
        showing = times.copy()
        groups: list[Group] = []
        delay = 0
        for number, first in enumerate(self._starts):
            stop = self._starts[number + 1] if number + 1 < len(self._starts) else len(times)
            own = np.sort(times[first:stop])
            rank = np.argsort(order[first:stop], kind="stable")
            start = int(np.searchsorted(shown, own[0]))
            same = np.array_equal(shown[start : start + len(own)], own) and len(np.unique(order[first:stop])) == len(
                own
            )
            if number in self._spoilt or not same or any(k in unfit for k in range(start, start + len(own))):
                continue
            # the frame shown k-th is decoded rank[k]-th
            showing[first:stop][rank] = own
            delay = max(delay, int(np.max(rank - np.arange(len(own)))))
            groups.append(Group(first, stop, start, start + len(own)))
        reason = "" if groups else "no group of pictures is plain enough"
        return Copyable(tuple(groups), reason, len(times), delay, self._config, tuple(showing.tolist()))


def _check_sets(sps: Sequence[Sps], pps: Sequence[Pps]) -> None:
    """Refuse parameter sets of a track whose pictures are not plain enough to be copied.

    Raises:
        BitstreamError: They are not.
    """
    if not pps or len({(s.coded_px, s.crop_px) for s in sps}) != 1:
        raise BitstreamError("there must be one size of pictures")
    if not all(_is_plain(s) for s in sps):
        raise BitstreamError("only frames of 4:2:0 with 8 bits are copied")
    numbers = {s.number for s in sps}
    if not all(p.simple and p.sps in numbers for p in pps):
        raise BitstreamError("slice groups or redundant pictures are not copied")
    if len(numbers) != len(sps) or len({p.number for p in pps}) != len(pps):
        raise BitstreamError("a number stands for two parameter sets")
    if _crops_more_than_padding(sps[0]):
        raise BitstreamError("cropping hides rows or columns")


def _crops_more_than_padding(sps: Sps) -> bool:
    left, right, top, bottom = sps.crop_px
    return bool(left or top) or max(right, bottom) >= _MACROBLOCK_PX


def _is_plain(sps: Sps) -> bool:
    return sps.profile in _PROFILES and sps.eight_bit_420 and sps.frames_only


def plan_segments(
    copyable: Copyable, frames: int, span: tuple[int, int], stays: Callable[[int, int], bool]
) -> Iterator[Group]:
    """Cut a clip into runs that are copied and runs that are encoded, in order, without those outside the span.

    Each run is given when it is asked for, so that what comes later need not be known yet.

    Args:
        copyable: What may be copied.
        frames: All frames of the clip.
        span: First frame of the output, and one past its last.
        stays: Whether a range of frames may be copied as it is; asked in order.
    """
    # decoding may start and end wherever a group may, so that a short span of a long clip costs little
    packet, frame = max(((g.first_packet, g.start) for g in copyable.groups if g.start <= span[0]), default=(0, 0))
    for group in copyable.groups:
        if group.start < frame:
            continue
        if group.start >= span[1]:
            break
        if group.start > frame:
            yield Group(packet, group.first_packet, frame, group.start, copy=False)
        within = span[0] <= group.start and group.stop <= span[1]
        yield replace(group, copy=within and stays(group.start, group.stop))
        packet, frame = group.stop_packet, group.stop
    if frame < min(span[1], frames):
        behind = ((g.first_packet, g.start) for g in copyable.groups if g.start >= span[1])
        end_packet, end_frame = min(behind, default=(copyable.packets, frames))
        yield Group(packet, end_packet, frame, end_frame, copy=False)


def copied_units(packet: Packet[VideoStream], config: AvcConfig) -> bytes:
    """Return a packet's slices, each after its length in four bytes, and nothing else of it.

    Raises:
        BitstreamError: The packet is not what the survey saw.
    """
    units = split_lengths(memoryview(packet), config.length_bytes)
    kept = [unit for unit in units if nal_type(unit) in _COPIED]
    if not kept:
        raise BitstreamError("a packet without a picture")
    return with_lengths(kept)


def free_number(config: AvcConfig) -> int:
    """Return a number for parameter sets that the track does not use; x264 gives both sets the same.

    Raises:
        BitstreamError: All 31 are taken.
    """
    taken = {parse_sps(unit).number for unit in config.sps} | {parse_pps(unit).number for unit in config.pps}
    for number in range(1, 32):
        if number not in taken:
            return number
    raise BitstreamError("no number is free for further parameter sets")


def joined_sets(config: AvcConfig, encoder_extradata: bytes) -> bytes:
    """Return one ``avcC`` record with the track's parameter sets and the encoder's.

    Raises:
        BitstreamError: The encoder's are not readable, or clash.
    """
    units = nal_units(encoder_extradata)
    sps = [unit for unit in units if nal_type(unit) == NalType.SPS]
    pps = [unit for unit in units if nal_type(unit) == NalType.PPS]
    used = {parse_sps(unit).number for unit in config.sps}
    if not sps or any(parse_sps(unit).number in used for unit in sps):
        raise BitstreamError("the encoder's parameter sets clash with the track's")
    return build_avcc([*config.sps, *sps], [*config.pps, *pps])
