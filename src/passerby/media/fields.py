"""Frames that hold two fields, half a frame apart in time: how they are known, and copies that show one moment.

An interlaced frame shows what moves twice, comb-like, and detectors miss it. Its flag may be missing or lie, so what moves is
measured as FFmpeg's ``idet`` does: rows of one field fit better between rows of the other field that was taken next to it in
time. Nothing here changes a frame: what is written stays interlaced.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import cast

import av
import numpy as np
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from passerby.media.clips import Frame

SAMPLES_ACROSS = 120
"""Columns of which rows are compared. Source: docs/measures.md."""
MOVED_LEVELS = 12
"""Difference to the frame before (of 255) from which a sample moved. Chosen, not measured."""
LEAST_MOVED = 24
"""Moved samples from which a frame says anything. Source: docs/measures.md, as the numbers down to ``PROGRESSIVE_FIT``."""
COMB = 1.3
"""Rows differ from the mean of both their neighbours by so many times as much as these from each other where two fields are woven
together, and by less than once in a picture of one moment."""
ASYMMETRY = 0.25
"""Natural logarithm of how much better fields fit in one order than in the other, from which a combed frame holds two."""
SMOOTH_COMB, SMOOTH_FIT = 1.5, 1.5
"""A comb of this much, where rows fit the frame before so much worse than their own, is no noise either."""
ROUGH_COMB = 2.2
"""... nor is any comb of this much: noise has one of 1.7."""
PROGRESSIVE_FIT = 1.8
"""From this ratio on, without a comb and with less than half the asymmetry, a frame shows one moment."""
FOR_WOVEN, FOR_PROGRESSIVE = 2, -1
"""What a frame adds to the count."""
MOST_COUNT, WOVEN_FROM, PROGRESSIVE_FROM = 8, 4, -4
"""The count stays within plus and minus ``MOST_COUNT``; between the other two the last verdict holds. Chosen, not measured."""
EVERY_FRAMES = 8
"""Once decided, every so many frames one is measured. Chosen, not measured."""
FIRST_FRAMES = 8
"""So many frames of a clip are held back at most until something moved. Chosen, not measured."""

CELL_PX = 16
"""Side of the cells in which a single picture is measured. Chosen, not measured."""
CELL_COMB, CELL_LEVELS = 2.4, 16
"""A cell of a single picture is combed if its comb is so high, and its rows lie so far off their neighbours (half levels)."""
COMBED_CELLS, COMBED_SHARE = 6, 0.01
"""So many combed cells, and so large a share of all, make a picture one of two fields. Source: docs/measures.md."""

Rows = NDArray[np.uint8] | NDArray[np.uint16]


class FieldGauge:
    """Says of the frames of one clip or stream, in order, whether they hold two fields.

    The flag counts unless what moves has said otherwise; what was said last holds while nothing moves.
    """

    def __init__(self) -> None:
        self._count = self._until_next = 0
        self._before: NDArray[np.int16] | None = None
        self._measured: bool | None = None
        self._flagged = False

    @property
    def decided(self) -> bool:
        """Whether enough has moved to say; until then the flag counts."""
        return self._measured is not None

    def woven(self, picture: av.VideoFrame) -> bool:
        """Take in the next frame; whether it is to be taken for two fields."""
        self._flagged = self._flagged or bool(picture.interlaced_frame)
        self._until_next -= 1
        if self._until_next <= 1:
            now = _samples(picture)
            if (
                now is not None
                and self._before is not None
                and self._until_next <= 0
                and now.shape == self._before.shape
            ):
                self._note(vote(self._before, now))
            self._before = now
        return self._flagged if self._measured is None else self._measured

    def _note(self, said: int) -> None:
        self._count = max(-MOST_COUNT, min(MOST_COUNT, self._count + said))
        if self._count >= WOVEN_FROM:
            self._measured = True
        elif self._count <= PROGRESSIVE_FROM:
            self._measured = False
        agrees = said == 0 or (said > 0) == self._measured
        self._until_next = EVERY_FRAMES if self._measured is not None and agrees else 1


def progressive_frames(frames: Iterable[Frame]) -> Iterator[tuple[Frame, Frame]]:
    """Yield each frame of a clip, and it again with a picture that shows one moment: itself, or a copy of one field.

    The first few are held back until something moved, so that it is known of them too.
    """
    gauge, held, rest = FieldGauge(), deque[tuple[Frame, bool]](), iter(frames)
    for frame in islice(rest, FIRST_FRAMES):
        held.append((frame, gauge.woven(frame.picture)))
        if gauge.decided:
            break
    woven = bool(held) and held[-1][1]
    while held:
        frame = held.popleft()[0]
        yield frame, (one_moment(frame) if woven else frame)
    for frame in rest:
        yield frame, (one_moment(frame) if gauge.woven(frame.picture) else frame)


def one_moment(frame: Frame) -> Frame:
    """Return a frame with a picture of its upper field."""
    return replace(frame, picture=one_field(frame.picture))


def one_field(picture: av.VideoFrame, *, lower: bool = False) -> av.VideoFrame:
    """Return a copy that shows the moment of one field, at full height; the frame itself where its format is not known.

    Rows of the other field are the median of themselves and both their neighbours: what stands still keeps its detail.

    Args:
        picture: Holds two fields.
        lower: The moment of the lower field.
    """
    if not _is_plain(picture):
        return picture
    copy = av.VideoFrame(picture.width, picture.height, picture.format.name)
    copy.colorspace, copy.color_range = picture.colorspace, picture.color_range
    depth = _depth(picture)
    for old, new in zip(picture.planes, copy.planes, strict=True):
        rows, target = _rows(old, depth), _rows(new, depth)
        wide = min(rows.shape[1], target.shape[1])
        unweave(rows[:, :wide], target[:, :wide], lower=lower)
    return copy


def moments(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Return a picture, and where it holds two fields the moments of both too.

    Args:
        rgb: Shape (H, W, 3), uint8.
    """
    if not is_combed(rgb[:, :, 1]):
        return (rgb,)
    upper, lower = np.empty_like(rgb), np.empty_like(rgb)
    unweave(rgb, upper)
    unweave(rgb, lower, lower=True)
    return rgb, upper, lower


def is_combed(grey: NDArray[np.uint8]) -> bool:
    """Whether a single picture seems to hold two fields. Where nothing moved between them, it cannot be told and does not matter.

    Args:
        grey: Shape (H, W), uint8.
    """
    down, across = (grey.shape[0] - 1) // CELL_PX, grey.shape[1] // CELL_PX
    if not down or not across:
        return False
    rows, wide = down * CELL_PX, across * CELL_PX
    grey = grey[: rows + 1, :wide]
    above, row, below = (grey[at::2].astype(np.int16)[: rows // 2] for at in range(3))

    def by_cell(levels: NDArray[np.int16]) -> NDArray[np.float64]:
        cells = np.abs(levels).reshape(down, CELL_PX // 2, across, CELL_PX)
        return np.asarray(cells.mean(axis=(1, 3)), np.float64)

    own, apart = by_cell(above + below - 2 * row), by_cell(above - below)
    combed = int(np.count_nonzero((own > CELL_LEVELS) & (own > CELL_COMB * (apart + 0.5))))
    return combed >= max(COMBED_CELLS, COMBED_SHARE * own.size)


def unweave(rows: Rows, target: Rows, *, lower: bool = False) -> None:
    """Write rows with those of one field replaced by the median of themselves and their neighbours.

    Args:
        rows: Shape (H, ...), uint8 or uint16.
        target: Of the same shape and type; every row is written.
        lower: The upper field's are replaced.

    >>> rows, target = np.array([[10], [90], [30], [25], [20]], np.uint8), np.zeros((5, 1), np.uint8)
    >>> unweave(rows, target)
    >>> target[:, 0].tolist()
    [10, 30, 30, 25, 20]
    """
    first = 0 if lower else 1
    target[1 - first :: 2] = rows[1 - first :: 2]
    kept, other = rows[1 - first :: 2], rows[first::2]
    if not len(kept):
        target[:] = rows
        return
    # the row of the kept field above and below each other row; at the edges there is only one
    above = kept[: len(other)] if first else np.concatenate([kept[:1], kept])[: len(other)]
    below = (
        np.concatenate([kept[1:], kept[-1:]])[: len(other)]
        if first
        else np.concatenate([kept, kept[-1:]])[: len(other)]
    )
    low, high = np.minimum(above, below), np.maximum(above, below)
    target[first::2] = np.minimum(np.maximum(other, low), high)


def vote(before: NDArray[np.int16], now: NDArray[np.int16]) -> int:
    """Say of two frames' samples whether they hold two fields: above 0 yes, below 0 no, 0 cannot say.

    Args:
        before: Shape (3, R, C), int16, 0 to 255: an upper row, the lower row under it, the next upper row.
        now: The same of the frame after it.
    """
    # where somebody moves before what stands still, fields differ where one of them has moved and the other has not yet
    where = (np.abs(now - before) > MOVED_LEVELS).any(axis=0)
    if np.count_nonzero(where) < LEAST_MOVED:
        return 0
    (a, b, c), (x, y, z) = before[:, where].astype(np.int32), now[:, where].astype(np.int32)
    own, apart = int(np.abs(x + z - 2 * y).sum()) + 1, int(np.abs(x - z).sum()) + 1
    upper_first, lower_first = int(np.abs(x + z - 2 * b).sum()) + 1, int(np.abs(a + c - 2 * y).sum()) + 1
    comb, fit = own / apart, min(upper_first, lower_first) / own
    asymmetry = abs(float(np.log(lower_first / upper_first)))
    if comb > ROUGH_COMB or (comb > SMOOTH_COMB and fit > SMOOTH_FIT) or (comb > COMB and asymmetry > ASYMMETRY):
        return FOR_WOVEN
    return FOR_PROGRESSIVE if comb < 1 and asymmetry < ASYMMETRY / 2 and fit > PROGRESSIVE_FIT else 0


def _samples(picture: av.VideoFrame) -> NDArray[np.int16] | None:
    """Return row triples of some columns, shape (3, R, C), int16, 0 to 255; None where there are none."""
    if not _is_plain(picture) or picture.height < 8:
        return None
    depth = _depth(picture)
    rows = _rows(picture.planes[0], depth)
    wide = picture.width if picture.format.is_planar else picture.width * picture.format.padded_bits_per_pixel // 8
    step = max(1, wide // SAMPLES_ACROSS)
    # what lies behind a row's end is no picture, and another in every run
    some = rows[: (picture.height - 1) // 2 * 2 + 1, step // 2 : wide : step].astype(np.int16)
    if depth > 8:
        some >>= depth - 8
    return np.stack([some[:-2:2], some[1::2], some[2::2]])


def _is_plain(picture: av.VideoFrame) -> bool:
    """Whether rows of samples lie in memory as such: whole bytes, or pairs of them in planes."""
    name, depth = picture.format.name, _depth(picture)
    return name != "pal8" and not name.endswith("be") and (depth == 8 or (depth > 8 and picture.format.is_planar))


def _depth(picture: av.VideoFrame) -> int:
    return max((component.bits for component in picture.format.components), default=0)


def _rows(plane: VideoPlane, depth: int) -> Rows:
    rows = np.frombuffer(cast("bytes", plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]
    return rows.view(np.uint16) if depth > 8 else rows
