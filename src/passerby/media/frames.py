"""Decoded frames as arrays: small grey and colour copies for detectors, and the whole-frame cover."""

from __future__ import annotations

import threading
from typing import cast

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

_thread = threading.local()


def scaled_rgb(picture: av.VideoFrame, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return a scaled colour copy, shape (height_px, width_px, 3), uint8, R G B, contiguous, full range.

    Uses the colour matrix and range that the frame states. Safe from several threads for different frames.
    """
    small = _scaled(picture, width_px, height_px, "rgb24")
    return _plane(small, width_px, height_px, 3).reshape(height_px, width_px, 3)


def scaled_luma(picture: av.VideoFrame, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return a scaled grey copy, shape (height_px, width_px), uint8, contiguous, full range.

    Safe from several threads for different frames.
    """
    return _plane(_scaled(picture, width_px, height_px, "gray"), width_px, height_px, 1)


def frame_planes(picture: av.VideoFrame) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], ...]:
    """Return views of a planar frame's samples, one a plane, without row padding; writing to them changes the frame.

    Call ``picture.make_writable()`` before writing, or the decoder predicts later frames from what was written.

    Returns:
        For planar YUV: luma (height, width), then both chroma planes in their own, maybe smaller, shapes; uint8, or
        uint16 for more than 8 bits.
    """
    depth = _depth(picture)
    return tuple(_view(plane, depth)[: plane.height, : plane.width] for plane in picture.planes)


def cover_whole(picture: av.VideoFrame) -> None:
    """Cover a whole frame with mid grey, in place, whatever its pixel format.

    The frame's buffers are not shared with the decoder afterwards.
    """
    picture.make_writable()
    depth = _depth(picture)
    for plane in picture.planes:
        _view(plane, depth)[:] = 1 << (depth - 1)


def _depth(picture: av.VideoFrame) -> int:
    return max(component.bits for component in picture.format.components)


def _view(plane: VideoPlane, depth: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    samples = np.frombuffer(cast("bytes", plane), np.uint8)
    rows = samples.reshape(-1, plane.line_size)
    return rows.view(np.uint16) if depth > 8 else rows


def _scaled(picture: av.VideoFrame, width_px: int, height_px: int, pix_fmt: str) -> av.VideoFrame:
    # one context per thread and shape: setting up the filters costs more than scaling a small frame
    pool: dict[tuple[int, int, str], VideoReformatter] = _thread.__dict__.setdefault("pool", {})
    reformatter = pool.get((width_px, height_px, pix_fmt))
    if reformatter is None:
        if len(pool) > 32:
            pool.clear()
        reformatter = pool[width_px, height_px, pix_fmt] = VideoReformatter()
    return reformatter.reformat(
        picture,
        width=width_px,
        height=height_px,
        format=pix_fmt,
        interpolation=Interpolation.BILINEAR,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    )


def _plane(picture: av.VideoFrame, width_px: int, height_px: int, channels: int) -> NDArray[np.uint8]:
    rows = np.frombuffer(cast("bytes", picture.planes[0]), np.uint8).reshape(-1, picture.planes[0].line_size)
    return np.ascontiguousarray(rows[:height_px, : width_px * channels])
