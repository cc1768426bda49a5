"""Covers scenes, codes them as an output is coded, and keeps of each person what an attacker sees and what was hidden.

Only small grids of numbers are kept, in memory. An attacker is told where covers lie and what the style paints there: both can be
seen in any output, and whoever looks for a leak should not have to guess them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from passerby.audit.attack.coverings import Covering, CoverJob, cover_rects
from passerby.audit.attack.settings import AttackSettings
from passerby.media import ClipInfo, CodedPicture, code_in_memory, frame_planes
from passerby.values import EMPTY_BOXES, Boxes, Track
from passerby.veil import CoverSettings, Painter

CHANNELS = ("luma", "luma under the cover before", "luma under the cover after", "blue", "red", "edges", "change")
"""What is read of a covered area in each cell, as what differs from what the style paints there."""
LEAST_COVER_PX = 16
"""Smaller covers hide too little to be sought cell by cell. Source: a choice."""
RING = 0.7
"""Surroundings reach so far beyond the cover, as a share of its sides. Source: a choice."""
RING_CELLS = 24
COARSE_CELLS = 4
"""Cells along a side for grain, whose size is less certain than brightness. Source: a choice."""
EXCESS_BYTES = 32
"""Bytes up to which an excess counts linearly. Source: a choice: what coding twice makes a frame larger or smaller by."""
BARE_DISTANCE = 12
"""Pixels that differ so much from what the style paints look bare, 0 to 255. Source: docs/measures.md: encoding changes 9."""
FLAT = (112, 128, 128)
"""Y, U, V of the ground on which the style is painted to know what it paints."""
Grid = NDArray[np.float32]
Rect = tuple[int, int, int, int]
"""Columns and rows: x0, y0, x1, y1, ends exclusive."""


@dataclass(frozen=True, slots=True, eq=False)
class AttackScene:
    """One clip or picture with people in known places.

    Attributes:
        name: Of its file, or of the drawn person.
        info: Of its pictures.
        tracks: One for each person in it, frames counted from the scene's first; all of them are covered.
        read: Gives the bare pictures from the first on, planar YUV of 8 bits; the caller may paint on them.
        sought: Numbers of the tracks that are attacked; None for all.
    """

    name: str
    info: ClipInfo
    tracks: tuple[Track, ...]
    read: Callable[[], Iterator[av.VideoFrame]]
    sought: frozenset[int] | None = None

    def boxes_at(self, frame: int) -> Boxes:
        """Return where people are in a frame, shape (N, 4), pixels."""
        rows = [track.xyxy[frame - track.first] for track in self.tracks if track.first <= frame <= track.last]
        return np.stack(rows).astype(np.float32) if rows else EMPTY_BOXES


@dataclass(frozen=True, slots=True, eq=False)
class AttackEvidence:
    """What is known of all people under one covering; row i is the same person in each array.

    Attributes:
        source: Shape (N,): the number of the scene that each person is from.
        luma: Shape (N, cells, cells): hidden brightness, 0 to 255, mean over the frames.
        grain: Shape (N, 4, 4): how much hidden brightness differs from pixel to pixel, in the same unit.
        around: What lies outside of all covers, shape (N, K) each: brightness, two colours, grain.
        covered: Shape (N, channels, cells, cells): what the output shows where pixels are hidden, mean over the frames.
        painted: Shape (N, cells, cells): the brightness that the style paints there, mean over the frames.
        bare: Shape (N, places, 2, cells, cells), for each of three places of the cover: share of pixels that look bare, and their
            brightness times this share, means over the frames.
        excess: Shape (N, 2): by how many bytes the first frame, and the mean of the others, are larger than when the output
            is coded once more; on a scale that is logarithmic far from zero.
        again: Shape (N, 2): logarithm of the bytes that they then have. Like surroundings: anybody can code what is shown.
    """

    source: NDArray[np.int64]
    luma: Grid
    grain: Grid
    around: tuple[Grid, ...]
    covered: Grid
    painted: Grid
    bare: Grid
    excess: Grid
    again: Grid


@dataclass(slots=True, eq=False)
class _Person:
    luma: list[Grid] = field(default_factory=list)
    grain: list[Grid] = field(default_factory=list)
    around: list[list[Grid]] = field(default_factory=list)
    covered: list[Grid] = field(default_factory=list)
    painted: list[Grid] = field(default_factory=list)
    bare: list[Grid] = field(default_factory=list)
    sizes: list[tuple[float, float]] = field(default_factory=list)


def capture(
    scenes: Sequence[AttackScene], covering: Covering, cover: CoverSettings, settings: AttackSettings
) -> AttackEvidence:
    """Return what an attacker gets to see of scenes that are covered and coded, and what was hidden from him.

    Args:
        scenes: In a fixed order.
        covering: How people are covered.
        cover: The style, which the attacker knows.
        settings: Of the attack.
    """
    sources: list[int] = []
    people: list[_Person] = []
    painters: dict[tuple[int, int], Painter] = {}
    for number, scene in enumerate(scenes):
        size = (scene.info.width_px, scene.info.height_px)
        if size not in painters:
            painters[size] = Painter(cover, *size)
        found = _Watch(scene, covering, painters[size], settings).persons_seen()
        people += found
        sources += [number] * len(found)
    return AttackEvidence(
        np.array(sources, np.int64),
        np.stack([np.mean(one.luma, axis=0) for one in people]).astype(np.float32),
        np.stack([np.mean(one.grain, axis=0) for one in people]).astype(np.float32),
        tuple(np.stack([np.mean(block, axis=0) for block in blocks]) for blocks in zip(*_rings(people), strict=True)),
        np.stack([_over_frames(one.covered) for one in people]).astype(np.float32),
        np.stack([np.mean(one.painted, axis=0) for one in people]).astype(np.float32),
        np.stack([np.mean(one.bare, axis=0) for one in people]).astype(np.float32),
        np.stack([_sizes_of(one.sizes)[0] for one in people]),
        np.stack([_sizes_of(one.sizes)[1] for one in people]),
    )


def fits(track: Track, cover: CoverSettings, width: int, height: int) -> bool:
    """Return whether a track's first cover is large enough to be attacked."""
    x0, y0, x1, y1 = cover_rects(track.xyxy[:1], cover, width, height)[0]
    return bool(min(x1 - x0, y1 - y0) >= LEAST_COVER_PX)


def _rings(people: list[_Person]) -> Iterator[list[Grid]]:
    """Yield for each person the blocks of surroundings, each of shape (frames, K)."""
    for one in people:
        yield [np.stack(block) for block in zip(*one.around, strict=True)]


def _over_frames(grids: list[Grid]) -> Grid:
    shown = np.array(grids)
    change = np.abs(np.diff(shown[:, :1], axis=0)).mean(axis=0) if len(grids) > 1 else np.zeros_like(shown[0, :1])
    return np.concatenate([shown.mean(axis=0), change])


def _sizes_of(sizes: list[tuple[float, float]]) -> tuple[Grid, Grid]:
    both = np.array(sizes, np.float32)
    own, again = np.stack([both[0], both[1:].mean(axis=0) if len(both) > 1 else both[0]], axis=1)
    return np.arcsinh((own - again) / EXCESS_BYTES).astype(np.float32), np.log(again + 1)


class _Watch:
    """One scene on its way through cover and encoder."""

    def __init__(self, scene: AttackScene, covering: Covering, painter: Painter, settings: AttackSettings) -> None:
        self._scene, self._covering, self._settings, self._painter = scene, covering, settings, painter
        self._size = (painter.width, painter.height)
        cover = painter.settings
        self._rects = {track.number: cover_rects(track.xyxy, cover, *self._size) for track in scene.tracks}
        sought = scene.sought if scene.sought is not None else self._rects
        self._people = {t.number: _Person() for t in scene.tracks if t.number in sought and fits(t, cover, *self._size)}

    def persons_seen(self) -> list[_Person]:
        """Cover, code and watch the scene."""
        ends = [self._end(track) for track in self._scene.tracks if track.number in self._people]
        count = max(ends, default=0)
        info = self._scene.info
        bare: list[int] = []
        if self._covering.bare_sizes:
            bare = [one.size_bytes for one in code_in_memory(islice(self._scene.read(), count), info)]
        sizes: list[int] = []
        for index, again in enumerate(
            code_in_memory(self._viewed(code_in_memory(self._painted(count), info), sizes), info)
        ):
            size_bytes = bare[index] if bare else sizes[index]
            for _, person in self._watched(index):
                person.sizes.append((float(size_bytes), float(again.size_bytes)))
        return list(self._people.values())

    def _viewed(self, coded: Iterator[CodedPicture], sizes: list[int]) -> Iterator[av.VideoFrame]:
        """Hand on decoded pictures, after what they show was kept."""
        for index, one in enumerate(coded):
            self._view(index, one.picture)
            sizes.append(one.size_bytes)
            yield one.picture

    def _end(self, track: Track) -> int:
        return min(track.last, track.first + self._settings.frames - 1) + 1

    def _watched(self, frame: int) -> Iterator[tuple[Track, _Person]]:
        for track in self._scene.tracks:
            if track.number in self._people and track.first <= frame < self._end(track):
                yield track, self._people[track.number]

    def _rect(self, track: Track, frame: int) -> Rect:
        rows = self._rects[track.number]
        x0, y0, x1, y1 = rows[min(max(frame - track.first, 0), len(rows) - 1)]
        return x0, y0, x1, y1

    def _painted(self, count: int) -> Iterator[av.VideoFrame]:
        """Yield covered pictures, and keep what they hide."""
        before = self._scene.boxes_at(0)
        for index, picture in enumerate(islice(self._scene.read(), count)):
            luma = frame_planes(picture)[0]
            for track, person in self._watched(index):
                rect = self._rect(track, index)
                person.luma.append(_sampled(luma, rect, self._settings.cells))
                x0, y0, x1, y1 = rect
                person.grain.append(_sampled(_grain(luma[y0:y1, x0:x1]), (0, 0, x1 - x0, y1 - y0), COARSE_CELLS))
            boxes = self._scene.boxes_at(index)
            self._covering.paint(CoverJob(picture, boxes, before, self._painter))
            before = boxes
            yield picture

    def _view(self, index: int, picture: av.VideoFrame) -> None:
        """Keep what a decoded picture shows of each person."""
        watched = list(self._watched(index))
        if not watched:
            return
        late = self._covering.late
        shown = [plane.astype(np.float32) for plane in frame_planes(picture)]
        flat = self._expected(picture, self._scene.boxes_at(max(0, index - late)))
        differ = [seen - painted for seen, painted in zip(shown, flat, strict=True)]
        hidden = np.zeros(shown[0].shape, np.float32)
        for track in self._scene.tracks:
            if track.first <= index <= track.last:
                x0, y0, x1, y1 = self._rect(track, index)
                hidden[y0:y1, x0:x1] = 1
        for track, person in watched:
            places = [self._rect(track, index - late + step) for step in (0, -1, 1)]
            person.around.append(self._around(shown, hidden, self._rect(track, index)))
            person.covered.append(self._covered(differ, hidden, places))
            person.painted.append(_sampled(flat[0], places[0], self._settings.cells))
            person.bare.append(self._bare(shown[0], differ[0], hidden, places))

    def _expected(self, like: av.VideoFrame, boxes: Boxes) -> list[Grid]:
        """Return what the style paints over a flat picture."""
        flat = av.VideoFrame(*self._size, like.format.name)
        for plane, level in zip(frame_planes(flat), FLAT, strict=True):
            plane[:] = level
        self._painter.paint(flat, boxes)
        return [plane.astype(np.float32) for plane in frame_planes(flat)]

    def _covered(self, differ: list[Grid], hidden: Grid, places: list[Rect]) -> Grid:
        cells = self._settings.cells
        grids = [_sampled(differ[0], place, cells, hidden) for place in places]
        for plane in differ[1:]:
            step = _steps(hidden, plane)
            grids.append(_sampled(plane, _scaled(places[0], step), cells, hidden[:: step[1], :: step[0]]))
        x0, y0, x1, y1 = places[0]
        part = differ[0][y0:y1, x0:x1] * hidden[y0:y1, x0:x1]
        edges = np.abs(np.diff(part, axis=0, prepend=part[:1])) + np.abs(np.diff(part, axis=1, prepend=part[:, :1]))
        grids.append(_sampled(edges, (0, 0, x1 - x0, y1 - y0), cells))
        return np.stack(grids)

    def _bare(self, luma: Grid, differ: Grid, hidden: Grid, places: list[Rect]) -> Grid:
        found = []
        for place in places:
            x0, y0, x1, y1 = place
            near = (slice(y0, y1), slice(x0, x1))
            looks = (np.abs(differ[near]) > BARE_DISTANCE) * hidden[near]
            whole = (0, 0, x1 - x0, y1 - y0)
            found.append([_sampled(part, whole, self._settings.cells) for part in (looks, looks * luma[near])])
        return np.array(found, np.float32)

    def _around(self, shown: list[Grid], hidden: Grid, rect: Rect) -> list[Grid]:
        x0, y0, x1, y1 = rect
        wide, high = round(RING * (x1 - x0)), round(RING * (y1 - y0))
        ring = (x0 - wide, y0 - high, x1 + wide, y1 + high)
        found = []
        for plane in shown:
            step = _steps(hidden, plane)
            found.append(_ring(plane, _scaled(ring, step), RING_CELLS, 1 - hidden[:: step[1], :: step[0]]))
        left, top = max(0, ring[0]), max(0, ring[1])
        near = (slice(top, max(top, ring[3])), slice(left, max(left, ring[2])))
        moved = (ring[0] - left, ring[1] - top, ring[2] - left, ring[3] - top)
        found.append(_ring(_grain(shown[0][near]), moved, 2 * COARSE_CELLS, 1 - hidden[near]))
        return found


def _ring(plane: Grid, rect: Rect, cells: int, mask: Grid) -> Grid:
    """Return what lies around a cover, with the mean of all of it where it is hidden."""
    grid = _sampled(plane, rect, cells, mask, empty=np.nan).ravel()
    seen = np.isfinite(grid)
    grid[~seen] = grid[seen].mean() if seen.any() else 0
    return grid


def _grain(luma: NDArray[Any]) -> Grid:
    """Return how much each pixel differs from the mean of its four neighbours, without sign; shape as given."""
    part = np.pad(luma.astype(np.float32), 1, mode="edge")
    mean = (part[:-2, 1:-1] + part[2:, 1:-1] + part[1:-1, :-2] + part[1:-1, 2:]) / 4
    return np.abs(part[1:-1, 1:-1] - mean)


def _steps(hidden: Grid, plane: Grid) -> tuple[int, int]:
    """Return how many luma samples stand for one of a plane, across and down."""
    return -(-hidden.shape[1] // plane.shape[1]), -(-hidden.shape[0] // plane.shape[0])


def _scaled(rect: Rect, step: tuple[int, int]) -> Rect:
    across, down = step
    return rect[0] // across, rect[1] // down, -(-rect[2] // across), -(-rect[3] // down)


def _sampled(plane: NDArray[Any], rect: Rect, cells: int, mask: Grid | None = None, *, empty: float = 0) -> Grid:
    """Return means over the cells of a rectangle, shape (cells, cells).

    Args:
        plane: Shape (rows, columns).
        rect: In its samples; it may lie partly beyond.
        cells: Along each side.
        mask: Shape as the plane: how much each sample counts, 0 to 1.
        empty: For cells in which nothing counts.
    """
    x0, y0, x1, y1 = rect
    rows, down = _spread(y0, y1, plane.shape[0], cells)
    columns, along = _spread(x0, x1, plane.shape[1], cells)
    part = plane[rows, columns].astype(np.float32)
    if mask is None:
        counts = down.sum(axis=1)[:, None] * along.sum(axis=1)
    else:
        weight = mask[rows, columns]
        part = part * weight
        counts = down @ weight @ along.T
    means = down @ part @ along.T / np.maximum(counts, 1e-6)
    return np.where(counts > 1e-3, means, np.float32(empty)).astype(np.float32)


@lru_cache(maxsize=8192)
def _spread(start: int, stop: int, length: int, cells: int) -> tuple[slice, Grid]:
    """Return which samples lie in a stretch, and shape (cells, samples): how much of each lies in each cell."""
    low, high = max(0, min(start, length)), max(0, min(stop, length))
    edges = start + (stop - start) * np.arange(cells + 1) / cells
    at = np.arange(low, high)
    share = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    return slice(low, high), np.clip(share, 0, None).astype(np.float32)
