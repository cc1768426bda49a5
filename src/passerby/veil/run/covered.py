"""Says which pixels of a clip or picture Passerby covers, without writing anything: what an audit holds against the truth."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from passerby.media import Picture, frame_planes, probe_clip, read_picture
from passerby.veil.cover import Painter, Plan
from passerby.veil.detect import LoadedDetector, closeup_sizes, pass_size, pass_sizes_px
from passerby.veil.run.image import find_on_page
from passerby.veil.run.watch import OnFrame, watch
from passerby.veil.settings import CoverStyle, VeilSettings
from passerby.veil.track import policy_for

_SHOWN = (255, 255, 255)


def clip_covers(
    source: Path,
    detector: LoadedDetector,
    settings: VeilSettings | None = None,
    *,
    frames: AbstractSet[int] | None = None,
    on_frame: OnFrame | None = None,
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Watch a clip to its end, then yield index and mask of each frame: which pixels the output would have covered.

    The masks are those of 4:2:0 frames, as most outputs are. A mask holds until the next one is asked for.

    Args:
        source: The clip.
        detector: Open already.
        settings: What is found and covered; the style of the cover changes nothing.
        frames: Indices that are wanted; None is all.
        on_frame: Told of each decoded frame before it is watched.

    Raises:
        MediaError: it cannot be read.
        DetectorError: the detector failed in every pass.
    """
    settings = settings or VeilSettings()
    info = probe_clip(source)
    size = (info.width_px, info.height_px)
    sides = pass_sizes_px(*size, thorough=settings.find.thorough)
    detector.prepare([*(pass_size(side, size, detector.multiple) for side in sides), *closeup_sizes()])
    watched = watch(source, detector, policy_for(settings.find), thorough=settings.find.thorough, on_frame=on_frame)
    detector.rest()
    count = len(watched.record.pts)
    plan = Plan(watched.tracks, count, whole=watched.unjudged | watched.record.corrupt)
    painter = _mask_painter(settings, size)
    frame = av.VideoFrame(*size, "yuv420p")
    (luma, *chroma) = frame_planes(frame)
    for plane in chroma:
        plane[:] = 128
    for index in range(count) if frames is None else sorted(frames):
        if index < count:
            luma[:] = 0
            painter.paint(frame, plan.boxes_at(index), whole=index in plan.whole)
            yield index, luma > 0


def picture_cover(
    source: Path, detector: LoadedDetector, settings: VeilSettings | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a picture and which of its pixels the output would have covered, shapes (H, W, 3) and (H, W).

    Raises:
        MediaError: it cannot be read.
        DetectorError: the detector failed.
    """
    picture = read_picture(source)
    return picture.rgb, cover_of_picture(picture, detector, settings)


def cover_of_picture(
    picture: Picture, detector: LoadedDetector, settings: VeilSettings | None = None
) -> NDArray[np.bool_]:
    """Return which pixels of a picture's first page its output would have covered, shape (H, W).

    Raises:
        DetectorError: the detector failed.
    """
    settings = settings or VeilSettings()
    faces, _ = find_on_page(picture, detector, policy_for(settings.find))
    height, width = picture.rgb.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    _mask_painter(settings, (width, height)).paint_rgb(mask, faces.xyxy)
    return mask > 0


def _mask_painter(settings: VeilSettings, size: tuple[int, int]) -> Painter:
    return Painter(replace(settings.cover, style=CoverStyle.SOLID, fill=_SHOWN), *size)
