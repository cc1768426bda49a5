"""A sheet of veiled pictures out of clips and pictures, to see what a long run will cover before it is begun.

Each picture is veiled by itself, at every size of the detector, as a still picture is; the run also follows faces from frame to
frame, and covers where no single frame shows a face surely. Bare frames are in memory only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from passerby.media import ClipSeeker, ContentKind, Picture, probe_clip, protect_process, read_picture, sniff_file
from passerby.veil.cover import Painter
from passerby.veil.detect import LoadedDetector, Rgb
from passerby.veil.run import find_on_page
from passerby.veil.settings import VeilSettings
from passerby.veil.track import policy_for

PREVIEW_PICTURES = 12
"""Pictures on a sheet. Source: a choice, what one look takes in."""
_ACROSS, _TILE_PX, _LABEL_PX = 3, 480, 22


def preview_sheet(
    sources: Sequence[Path], detector: LoadedDetector, settings: VeilSettings | None = None, *, suffix: str = ".jpg"
) -> bytes:
    """Veil pictures that lie evenly over the sources, and put them on one sheet.

    Args:
        sources: Clips and pictures; where there are more than fit, some of them.
        detector: Open already.
        settings: What is found and covered.
        suffix: ``.jpg`` or ``.png``.

    Returns:
        The sheet, encoded.

    Raises:
        MediaError: a source cannot be read.
        DetectorError: the detector failed.
    """
    settings = settings or VeilSettings()
    protect_process()
    chosen = [sources[row] for row in spread(len(sources), PREVIEW_PICTURES)]
    each = max(1, PREVIEW_PICTURES // len(chosen))
    tiles = [
        _tile(Image.fromarray(_veiled(picture, detector, settings)).rotate(turn, expand=True), label)
        for source in chosen
        for picture, turn, label in _shown(source, each)
    ]
    sheet = Image.new("RGB", (_ACROSS * _TILE_PX, sum(row[0] for row in _rows(tiles))), "white")
    top = 0
    for height, row in _rows(tiles):
        for column, tile in enumerate(row):
            sheet.paste(tile, (column * _TILE_PX, top))
        top += height
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG" if suffix == ".png" else "JPEG", quality=88)
    return buffer.getvalue()


def spread(count: int, most: int) -> list[int]:
    """Return up to so many numbers below ``count``, each in the middle of its share.

    >>> spread(3, 12), spread(100, 4), spread(0, 4)
    ([0, 1, 2], [12, 37, 62, 87], [])
    """
    if count <= most:
        return list(range(count))
    return [(2 * row + 1) * count // (2 * most) for row in range(most)]


def _shown(source: Path, most: int) -> Iterator[tuple[Picture, int, str]]:
    """Yield bare pictures of a source, the turn that shows them upright, and what to write under them."""
    if sniff_file(source).kind is ContentKind.PICTURE:
        yield read_picture(source), 0, source.name
        return
    seeker = ClipSeeker(source, frames=probe_clip(source).frames_estimate)
    for index in spread(len(seeker), most):
        run = seeker.run(index)
        frame = next(frame for frame in run if frame.index == index)
        run.close()  # type: ignore[attr-defined]  # it is a generator
        if not frame.corrupt:
            seconds = int(seeker.times_s[index])
            label = f"{source.name} {seconds // 60}:{seconds % 60:02}"
            rgb = np.ascontiguousarray(frame.picture.to_ndarray(format="rgb24"), np.uint8)
            yield Picture(rgb, sphere=seeker.info.sphere), seeker.info.rotation_deg, label


def _veiled(picture: Picture, detector: LoadedDetector, settings: VeilSettings) -> Rgb:
    faces, _ = find_on_page(picture, detector, policy_for(settings.find))
    height, width = picture.rgb.shape[:2]
    Painter(settings.cover, width, height).paint_rgb(picture.rgb, faces.xyxy)
    return picture.rgb


def _tile(picture: Image.Image, label: str) -> Image.Image:
    picture.thumbnail((_TILE_PX, _TILE_PX))
    tile = Image.new("RGB", (_TILE_PX, picture.height + _LABEL_PX), "white")
    tile.paste(picture, (0, 0))
    ImageDraw.Draw(tile).text((4, picture.height + 3), label, fill="black", font=ImageFont.load_default(14))
    return tile


def _rows(tiles: Sequence[Image.Image]) -> list[tuple[int, Sequence[Image.Image]]]:
    rows = [tiles[start : start + _ACROSS] for start in range(0, len(tiles), _ACROSS)]
    return [(max(tile.height for tile in row), row) for row in rows]
