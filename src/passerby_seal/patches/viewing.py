"""Shows what an opened piece holds: pictures of one face, when and where each was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import av
import av.error
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from passerby.media import frame_planes
from passerby_seal.patches.encoder import off_centre
from passerby_seal.patches.records import Placement, read_pictures
from passerby_seal.pieces import OpenedPiece
from passerby_seal.refusals import SealFormatError


@dataclass(frozen=True, slots=True, eq=False)
class SealedPicture:
    """One picture of an opened piece.

    Attributes:
        ms: When its frame was captured, milliseconds since 1970; of a file, since its beginning.
        box: x0, y0, x1, y1 in that frame, pixels.
        planes: Luma (h, w) and two chroma planes of half its height and width, uint8; what was not this face's is grey.
    """

    ms: int
    box: tuple[int, int, int, int]
    planes: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

    def rgb(self) -> NDArray[np.uint8]:
        """Return it in colours, shape (h, w, 3), uint8."""
        high, wide = self.planes[0].shape
        frame = av.VideoFrame(wide, high, "yuv420p")
        for plane, samples in zip(frame_planes(frame), self.planes, strict=True):
            plane[:] = samples
        return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def decode_piece(opened: OpenedPiece) -> Iterator[SealedPicture]:
    """Decode an opened piece, in the order in which its pictures were taken.

    Raises:
        SealFormatError: it is no piece of this format, or does not decode.
    """
    canvas, begin_ms, frames = _meta(opened.meta)
    headers, pictures = read_pictures(opened.data)
    codec = VideoCodecContext.create("h264", "r")
    codec.extradata, codec.thread_count = headers, 1
    shown: dict[int, Placement] = {}
    count = 0
    try:
        for one, units in pictures:
            shown[one.order] = one
            packet = av.Packet(units)
            packet.pts = one.order
            for frame in codec.decode(packet):
                yield _shown(frame, shown, canvas, begin_ms)
                count += 1
        for frame in codec.decode(None):
            yield _shown(frame, shown, canvas, begin_ms)
            count += 1
    except av.error.FFmpegError as exc:
        raise SealFormatError(f"a piece must decode, got: {exc.strerror}") from exc
    if count != frames:
        raise SealFormatError(f"a piece must hold {frames} pictures, got {count}")


def _meta(meta: Mapping[str, Any]) -> tuple[tuple[int, int], int, int]:
    try:
        codec, begin_ms, frames = meta["codec"], meta["begin_ms"], meta["frames"]
        width, height = meta["canvas"]
    except (KeyError, TypeError, ValueError) as exc:
        raise SealFormatError("meta of a piece must name begin, canvas, codec and frames, got others") from exc
    if codec != "h264/1" or not all(type(one) is int for one in (begin_ms, frames, width, height)):
        raise SealFormatError(f"a piece must be of codec h264/1 with whole numbers in its meta, got {codec!r}")
    return (width, height), begin_ms, frames


def _shown(frame: av.VideoFrame, shown: dict[int, Placement], canvas: tuple[int, int], begin_ms: int) -> SealedPicture:
    one = shown.pop(frame.pts if frame.pts is not None else -1, None)
    if one is None or (frame.width, frame.height) != canvas:
        raise SealFormatError("a piece must show each picture once, on its canvas")
    wide, high = 2 * one.width, 2 * one.height
    left, top = off_centre(*canvas, wide, high)
    if not (0 < wide <= canvas[0] and 0 < high <= canvas[1]):
        raise SealFormatError("a face must lie on its canvas")
    luma, blue, red = (
        np.asarray(plane[top // part : (top + high) // part, left // part : (left + wide) // part], np.uint8).copy()
        for plane, part in zip(frame_planes(frame), (1, 2, 2), strict=True)
    )
    box = (2 * one.x, 2 * one.y, 2 * one.x + wide, 2 * one.y + high)
    return SealedPicture(begin_ms + one.ms, box, (luma, blue, red))
