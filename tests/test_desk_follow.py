"""A drawn box follows what it was drawn around, on scenes drawn with their truth, and ends where it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.boxes import BoxTuple, iou
from passerby.desk import FollowedBox, follow_box
from passerby.errors import UsageError

SIZE = (640, 360)
Place = Callable[[int], tuple[float, float, float]]
"""Centre and side at a frame, pixels."""


@cache
def texture(seed: int, height: int, width: int, grain: int) -> NDArray[np.uint8]:
    """Return soft blobs of grey, so that it looks like something at every size."""
    coarse = np.random.default_rng(seed).integers(30, 226, (height // grain + 2, width // grain + 2))
    rows, columns = np.arange(height) / grain, np.arange(width) / grain
    y, x = rows.astype(int), columns.astype(int)
    fy, fx = (rows - y)[:, None], (columns - x)[None]
    four = [coarse[y + a][:, x + b] for a in (0, 1) for b in (0, 1)]
    soft = four[0] * (1 - fy) * (1 - fx) + four[1] * (1 - fy) * fx + four[2] * fy * (1 - fx) + four[3] * fy * fx
    return np.asarray(soft, np.uint8)


@dataclass
class Scene:
    """A thing that goes over a ground; which frames were asked for is noted."""

    place: Place
    frames: int
    pan: float = 0.0
    cut_at: int | None = None
    hidden: range = range(0)
    asked: list[int] = field(default_factory=list)

    def frame_at(self, index: int) -> av.VideoFrame:
        if not 0 <= index < self.frames:
            raise IndexError(index)
        self.asked.append(index)
        width, height = SIZE
        cut = self.cut_at is not None and index >= self.cut_at
        wide = texture(2 if cut else 1, height, width * 3, 40)
        shift = round(self.pan * index) + width // 2
        grey = wide[:, shift : shift + width].copy()
        x, y, side = self.place(index)
        if not cut and index not in self.hidden:
            thing = texture(7, 64, 64, 9)
            x0, y0, x1, y1 = (round(edge) for edge in (x - side / 2, y - side / 2, x + side / 2, y + side / 2))
            rows = (np.arange(y1 - y0) * 64 // max(1, y1 - y0)).clip(0, 63)
            columns = (np.arange(x1 - x0) * 64 // max(1, x1 - x0)).clip(0, 63)
            inside = slice(max(0, y0), min(height, y1)), slice(max(0, x0), min(width, x1))
            part = thing[rows][:, columns][inside[0].start - y0 :, inside[1].start - x0 :]
            seen = grey[inside]
            seen[:] = part[: seen.shape[0], : seen.shape[1]]
        rgb = np.repeat(grey[..., None], 3, axis=2)
        return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")

    def truth(self, index: int) -> BoxTuple:
        x, y, side = self.place(index)
        return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def followed(scene: Scene, frame: int, *, direction: int = 1) -> list[FollowedBox]:
    return list(follow_box(scene, frame, scene.truth(frame), direction=direction))


SCENES = {
    "a walk": Scene(lambda n: (100 + 4 * n, 150 + 10 * np.sin(n / 6), 40), 80),
    "a walk against a pan": Scene(lambda n: (420 - 3 * n, 180, 44), 80, pan=3.0),
    "a fast one": Scene(lambda n: (80 + 11 * n, 200, 48), 45),
    "one that comes near": Scene(lambda n: (200 + 2 * n, 160, 36 * 1.006**n), 60),
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("direction", [1, -1])
def test_a_box_stays_on_what_it_was_drawn_around(name: str, direction: int) -> None:
    scene = SCENES[name]
    start = 0 if direction == 1 else scene.frames - 1
    found = followed(scene, start, direction=direction)
    assert [one.frame for one in found] == [n for n in range(scene.frames)[::direction] if n != start]
    assert min(iou(one.box, scene.truth(one.frame)) for one in found) > 0.6
    assert found[-1].ended == "end"
    assert all(not one.ended for one in found[:-1])
    assert np.median([one.quality for one in found]) > 0.6


def test_it_ends_before_a_cut() -> None:
    scene = Scene(lambda n: (100 + 4 * n, 150, 40), 60, cut_at=31)
    found = followed(scene, 10)
    assert (found[-1].frame, found[-1].ended) == (30, "cut")


def test_it_ends_when_what_it_was_drawn_around_has_left_the_picture_and_not_before() -> None:
    scene = Scene(lambda n: (500 + 8 * n, 150, 60), 80)
    found = followed(scene, 0)
    assert found[-1].ended == "edge"
    gone = next(n for n in range(80) if scene.truth(n)[0] >= SIZE[0])
    assert gone - 4 <= found[-1].frame <= gone + 8


def test_it_is_lost_where_it_is_hidden_and_says_how_sure_it_was() -> None:
    scene = Scene(lambda n: (150 + 3 * n, 150, 40), 90, pan=4.0, hidden=range(40, 90))
    found = followed(scene, 0)
    assert found[-1].frame >= 40, "a cover rather lasts too long"
    quality = {one.frame: one.quality for one in found}
    assert min(quality[n] for n in range(1, 39)) > quality[40]


def test_it_stops_when_it_is_told_to_and_reads_no_further() -> None:
    scene = Scene(lambda n: (100 + 4 * n, 150, 40), 80)
    answers = iter([False] * 5 + [True] * 99)
    found = list(follow_box(scene, 0, scene.truth(0), stop=lambda: next(answers)))
    assert [one.frame for one in found] == [1, 2, 3, 4, 5]
    assert found[-1].ended == "stopped"
    assert max(scene.asked) <= 6


@pytest.mark.parametrize(
    ("frame", "box", "direction", "words"),
    [
        (99, (0, 0, 9, 9), 1, "frame must be one of the clip's, got 99"),
        (0, (9, 0, 0, 9), 1, "box must have x0 < x1"),
        (0, (0, 0, float("nan"), 9), 1, "box must have x0 < x1"),
        (0, (0, 0, 9, 9), 2, "direction must be 1 or -1, got 2"),
    ],
)
def test_what_cannot_be_followed_is_told(frame: int, box: BoxTuple, direction: int, words: str) -> None:
    scene = Scene(lambda _: (100, 100, 40), 20)
    with pytest.raises(UsageError, match=words):
        next(follow_box(scene, frame, box, direction=direction))
