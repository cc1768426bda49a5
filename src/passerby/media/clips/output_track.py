"""The video track of an output: encodes frames, takes copied packets, and gives each packet its times."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import cast

import av
import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from passerby.errors import BitstreamError, UnsupportedError
from passerby.media.clips.clip import ClipInfo
from passerby.media.clips.encoder import EncoderPlan, create_encoder
from passerby.media.clips.muxing import ClipWriter
from passerby.media.clips.reader import DecodeRecord, Frame
from passerby.media.clips.smartcopy import free_number, joined_sets
from passerby.media.clips.supply import Copied
from passerby.media.h264 import is_user_data, nal_units, with_lengths, without_user_data

_X265_AHEAD = 2
"""Frames by which x265 decodes ahead of showing. Source: x265's encoder.cpp, maxNumReorder with B-pyramid."""


class VideoTrack:
    """One video track being written.

    Args:
        writer: The container.
        plan: The encoder.
        info: The source.
        shift: Ticks of the source that become zero.
    """

    def __init__(self, writer: ClipWriter, plan: EncoderPlan, info: ClipInfo, shift: int) -> None:
        self._writer, self._plan, self._info, self._shift = writer, plan, info, shift
        self._encoder: VideoCodecContext | None = writer.encoder
        self._ratio = info.time_base / plan.time_base
        self._last = -(1 << 62)
        self._fed: deque[int] = deque()
        self._reformatter = VideoReformatter()
        self._out = 0

    def write_frame(self, frame: Frame) -> None:
        """Encode a frame.

        Raises:
            UnsupportedError: The encoder refuses it.
        """
        encoder = self._encoder or self._next_encoder()
        self._encoder = encoder
        picture = self._laid_out(frame.picture)
        picture.pts = self._time(frame.pts)
        self._fed.append(picture.pts)
        picture.time_base = self._plan.time_base
        picture.pict_type = 0  # or the source's kinds of frames are forced on the encoder
        try:
            packets = encoder.encode(picture)
        except av.error.FFmpegError as exc:
            raise UnsupportedError(
                f"{self._plan.encoder} refused frame {frame.index}: {exc.strerror}",
                hint="leave --hwaccel out" if self._plan.in_hardware else None,
            ) from exc
        self._put_all(packets)

    def _laid_out(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return a painted picture as the encoder takes it: the same samples."""
        surface = self._plan.surface
        if surface is None:
            return picture
        return self._reformatter.reformat(picture, format=surface, threads=1)

    def _time(self, pts: int) -> int:
        """Return a time of the source in ticks of the output, later than the one before."""
        time = pts - self._shift if self._ratio == 1 else round((pts - self._shift) * self._ratio)
        self._last = max(time, self._last + 1)
        return self._last

    def end_run(self) -> None:
        """Write what the encoder still holds; the next frame starts a new one."""
        if self._encoder is not None:
            self._put_all(self._encoder.encode(None))
            self._encoder = None

    def _next_encoder(self) -> VideoCodecContext:
        return create_encoder(self._plan, self._info, {})

    def _put_all(self, packets: list[Packet[VideoStream]]) -> None:
        for packet in packets:
            self._put(packet)

    def _put(self, packet: Packet[VideoStream]) -> None:
        if self._plan.is_h264 and (packet.is_keyframe or self._plan.in_hardware):
            packet = _replaced(packet, without_user_data(bytes(packet)), self._plan.time_base)
        elif self._plan.encoder == "libx265":
            packet.dts = self._own_decoding_time()
        self._writer.write_video(packet)

    def _own_decoding_time(self) -> int:
        """Return the time of decoding of the next packet: x265 gives chance numbers for clips of a few frames."""
        ahead = self._out - _X265_AHEAD
        self._out += 1
        if ahead < 0:
            tick = max(1, round(1 / (self._info.rate * self._plan.time_base)))
            return self._fed[0] + ahead * tick
        return self._fed.popleft()


class MixedTrack(VideoTrack):
    """A video track in which copied groups and encoded runs alternate.

    Both kinds of parameter sets stand in the container's header. Times of decoding are laid out beforehand: the track
    is shown in order ``record.pts`` and decoded at most ``delay`` frames ahead, encoded runs too.

    Args:
        writer: The container; its encoder must have been told ``mixed_options``.
        plan: The encoder: libx264.
        info: The source.
        shift: Ticks of the source that become zero.
        record: What a whole pass over the source found.
        first: Index of the output's first frame.
    """

    def __init__(
        self, writer: ClipWriter, plan: EncoderPlan, info: ClipInfo, shift: int, *, record: DecodeRecord, first: int
    ) -> None:
        super().__init__(writer, plan, info, shift)
        self._record, self._next = record, first
        self._first = first
        self._sets = writer.encoder.extradata or b""
        config = record.copyable.config
        if config is None:
            raise UnsupportedError("there is nothing to copy")
        try:
            writer.set_parameter_sets(joined_sets(config, self._sets))
        except BitstreamError as exc:
            raise UnsupportedError(f"copied and encoded groups do not go together: {exc}") from exc

    def write_copied(self, item: Copied) -> None:
        """Write a packet as it is."""
        packet = cast("Packet[VideoStream]", Packet(item.data))
        packet.pts = item.pts - self._shift
        packet.duration = item.duration
        packet.is_keyframe = item.is_keyframe
        self._finish(packet)

    def _next_encoder(self) -> VideoCodecContext:
        encoder = create_encoder(self._plan, self._info, mixed_options(self._record))
        if encoder.extradata != self._sets:
            raise UnsupportedError("the encoder changed its parameter sets on the way")
        return encoder

    def _put(self, packet: Packet[VideoStream]) -> None:
        units = [unit for unit in nal_units(bytes(packet)) if not is_user_data(unit)]
        self._finish(_replaced(packet, with_lengths(units), self._info.time_base))

    def _finish(self, packet: Packet[VideoStream]) -> None:
        packet.time_base = self._info.time_base
        packet.dts = self._decoding_time(self._next) - self._shift
        self._next += 1
        self._writer.write_video(packet)

    def _decoding_time(self, position: int) -> int:
        back = position - self._record.copyable.delay
        if back >= self._first:
            return int(self._record.pts[back])
        tick = max(1, round(1 / (self._info.rate * self._info.time_base)))
        return int(self._record.pts[self._first]) - (self._first - back) * tick


def mixed_options(record: DecodeRecord) -> dict[str, str]:
    """Return what x264 must be told beside a plan, so that its groups can stand beside copied ones.

    Raises:
        UnsupportedError: The source leaves no number for further parameter sets.
    """
    config, delay = record.copyable.config, record.copyable.delay
    if config is None:
        raise UnsupportedError("there is nothing to copy")
    # B-frames that refer to B-frames are decoded two frames ahead of showing, others one
    ahead = {0: {"bf": "0"}, 1: {"b-pyramid": "none"}}.get(delay, {})
    try:
        return ahead | {"x264-params": f"sps-id={free_number(config)}"}
    except BitstreamError as exc:
        raise UnsupportedError(f"copied and encoded groups do not go together: {exc}") from exc


def _replaced(packet: Packet[VideoStream], data: bytes, time_base: Fraction) -> Packet[VideoStream]:
    fresh = cast("Packet[VideoStream]", Packet(data))
    fresh.pts, fresh.dts, fresh.duration = packet.pts, packet.dts, packet.duration
    fresh.time_base = time_base
    fresh.is_keyframe = packet.is_keyframe
    return fresh
