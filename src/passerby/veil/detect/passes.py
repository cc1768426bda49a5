"""At which sizes a picture is looked at, and how several looks become one list of faces.

A look is one pass of the detector over the picture at one size, as it is or mirrored. Small faces are found in large looks,
faces that fill the picture in small ones. Looks alternate between plain and mirrored, and of one picture one is plain and the
other mirrored: what is no face seldom scores in both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from passerby.values import Detections
from passerby.veil.detect.decoders import overlaps
from passerby.veil.detect.detector import Looks, Rgb, wait_for

SAME_FACE = 0.5
"""Boxes of several looks with this intersection over union are one face. Source: docs/measures.md."""
LARGEST_PX = 1920
"""Longest side that is looked at in one piece; beyond, memory and time grow with no gain for faces of 8 pixels and more."""

Scaled = Callable[[int, int], Rgb]
"""Gives the picture at a width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Look:
    """One pass over the picture.

    Attributes:
        long_side_px: The picture's longer side, as the detector sees it.
        mirrored: Left and right are swapped.
    """

    long_side_px: int
    mirrored: bool = False


class Pending:
    """Looks under way at one picture."""

    def __init__(
        self, looks: Sequence[tuple[Look, Future[Detections], tuple[int, int]]], size: tuple[int, int]
    ) -> None:
        self._looks, self._size = looks, size
        self._began_s = self._ended_s = time.monotonic()
        for _, future, _ in looks:
            future.add_done_callback(self._end)

    @property
    def took_s(self) -> float:
        """Seconds from the start to the end of the look that ended last."""
        return self._ended_s - self._began_s

    def done(self, wait_s: float = 0.0) -> bool:
        """Whether every look has ended, after waiting for it for this many seconds at most."""
        return not futures.wait([future for _, future, _ in self._looks], wait_s).not_done

    def _end(self, _: Future[Detections]) -> None:
        self._ended_s = max(self._ended_s, time.monotonic())

    def result(self) -> Detections:
        """Wait, and return the faces of all looks in the picture's pixels, those of one face joined.

        Raises:
            DetectorError: a look failed or hangs.
        """
        found = [back(wait_for(future), look, seen, self._size) for look, future, seen in self._looks]
        return join(found)


def sizes_px(width: int, height: int, *, thorough: bool) -> tuple[int, ...]:
    """Return the longer sides of the looks at a picture, largest first.

    Normally one and two fifths of the picture's up to 1280, or its own up to 1408, and half of that; thorough, twice the
    picture's up to 1920, and a half and a quarter of that.

    Source: docs/measures.md (misses by size of face and of look).

    >>> [sizes_px(*size, thorough=False) for size in ((640, 360), (960, 540), (3840, 2160))]
    [(896, 448), (1280, 640), (1408, 704)]
    >>> sizes_px(640, 360, thorough=True)
    (1280, 640, 320)
    """
    own = max(width, height)
    if thorough:
        top = min(2 * own, LARGEST_PX)
        return top, top // 2, top // 4
    top = max(min(own * 7 // 5, 1280), min(own, 1408))
    return top, top // 2


def start(detector: Looks, looks: Sequence[Look], scaled: Scaled, size: tuple[int, int], threshold: float) -> Pending:
    """Begin looking at one picture.

    Args:
        detector: Finds faces.
        looks: Which passes.
        scaled: Gives the picture at any size.
        size: Its width and height, pixels.
        threshold: Least score that is reported.
    """
    started = []
    pictures: dict[tuple[int, int], Rgb] = {}
    for look in looks:
        seen = look_size(look.long_side_px, size, detector.multiple)
        rgb = pictures.get(seen)
        if rgb is None:
            rgb = pictures[seen] = scaled(*seen)
        if look.mirrored:
            rgb = mirror(rgb)
        started.append((look, detector.look(rgb, threshold), seen))
    return Pending(started, size)


def mirror(rgb: Rgb) -> Rgb:
    """Return a picture with left and right swapped, contiguous.

    >>> mirror(np.arange(6, dtype=np.uint8).reshape(1, 2, 3)).tolist()
    [[[3, 4, 5], [0, 1, 2]]]
    """
    mirrored = np.empty_like(rgb)
    for channel in range(3):  # five times as fast as copying triples
        mirrored[..., channel] = rgb[:, ::-1, channel]
    return mirrored


def look_size(long_side_px: int, size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Return width and height of a look, rounded up to what the network takes.

    >>> look_size(640, (1920, 1080), 32)
    (640, 384)
    """
    scale = long_side_px / max(size)
    wide, high = (max(multiple, -(-round(side * scale) // multiple) * multiple) for side in size)
    return wide, high


def join(found: Sequence[Detections]) -> Detections:
    """Join several lists: boxes of one face become their mean, weighted by score, with the best score.

    >>> a = Detections(np.array([[0, 0, 10, 10]], "f4"), np.array([0.3], "f4"))
    >>> b = Detections(np.array([[2, 0, 12, 10]], "f4"), np.array([0.9], "f4"))
    >>> join([a, b]).xyxy.round(1).tolist(), join([a, b]).score.tolist()
    ([[1.5, 0.0, 11.5, 10.0]], [0.8999999761581421])
    """
    xyxy = np.concatenate([one.xyxy for one in found])
    score = np.concatenate([one.score for one in found])
    order = np.argsort(-score, kind="stable")
    xyxy, score = xyxy[order], score[order]
    alike = overlaps(xyxy) >= SAME_FACE
    free = np.ones(len(score), bool)
    leaders: list[int] = []
    leader_of = np.zeros(len(score), np.intp)
    for row in range(len(score)):
        if free[row]:
            same = alike[row] & free
            free &= ~same
            leader_of[same] = len(leaders)
            leaders.append(row)
    weight = score + 1e-6
    total = np.bincount(leader_of, weight, len(leaders))
    mean = [np.bincount(leader_of, xyxy[:, side] * weight, len(leaders)) / total for side in range(4)]
    return Detections(np.stack(mean, axis=1).astype(np.float32), score[leaders])


def back(found: Detections, look: Look, seen: tuple[int, int], size: tuple[int, int]) -> Detections:
    """Return what a look found in the pixels of the picture.

    Args:
        found: In the pixels that the detector saw.
        look: Whether they are mirrored.
        seen: Width and height that the detector saw, pixels.
        size: The picture's width and height, pixels.
    """
    xyxy = found.xyxy.copy()
    if look.mirrored:
        xyxy[:, [0, 2]] = seen[0] - xyxy[:, [2, 0]]
    xyxy *= np.array([size[0] / seen[0], size[1] / seen[1]] * 2, np.float32)
    return Detections(xyxy, found.score)
