"""Blur and mosaic over text and plates that were drawn by hand: never on a face, and never out of what a cover hides."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.errors import UsageError
from passerby.media import frame_planes
from passerby.values import Track, Zone
from passerby.veil.cover import Painter, Plan
from passerby.veil.review import run_digests
from passerby.veil.settings import CoverSettings, CoverStyle

SIZE = (128, 96)
PLATE = np.array([[60, 40, 110, 60]], np.float32)
FACE = np.array([[40, 30, 70, 62]], np.float32)
CORNER = Zone(((0.8, 0.3), (1.0, 0.3), (1.0, 0.8), (0.8, 0.8)), "corner")
SOFT = ((1, CoverStyle.MOSAIC),)


def drawn(xyxy: NDArray[np.float32], score: float = 1.0) -> Track:
    return Track(1, 0, xyxy, np.full(len(xyxy), score, np.float32))


def frame(under: int = 0) -> av.VideoFrame:
    """Return a frame of noise; ``under`` changes only what the face's cover and the zone hide."""
    random = np.random.default_rng(1)
    rgb = random.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    other = np.random.default_rng(under).integers(0, 256, rgb.shape, dtype=np.uint8)
    rgb[32:60, 42:68] = other[32:60, 42:68]
    rgb[32:74, 106:] = other[32:74, 106:]
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv444p")


@pytest.mark.parametrize("style", [CoverStyle.BLUR, CoverStyle.MOSAIC])
def test_no_average_holds_anything_of_what_a_cover_or_a_zone_beside_it_hides(style: CoverStyle) -> None:
    painter = Painter(CoverSettings(zones=(CORNER,)), *SIZE)
    outputs = []
    for under in (3, 4):
        picture = frame(under)
        painter.paint(picture, FACE, soft=((style, PLATE),))
        outputs.append([plane.copy() for plane in frame_planes(picture)])
    for one, other in zip(*outputs, strict=True):
        assert np.array_equal(one, other)
    alone = frame(3)
    painter.paint(alone, FACE)
    rows, columns = slice(32, 60), slice(42, 68)
    assert np.array_equal(outputs[0][0][rows, columns], frame_planes(alone)[0][rows, columns]), "the face's cover stays"


def test_a_plate_is_pixelated_in_a_frame_and_in_a_picture() -> None:
    bare, picture = frame(), frame()
    painter = Painter(CoverSettings(), *SIZE)
    none = np.zeros((0, 4), np.float32)
    counted = painter.paint(picture, none, soft=((CoverStyle.MOSAIC, PLATE),))
    assert counted == painter.area_px(none, soft=((CoverStyle.MOSAIC, PLATE),)) > 50 * 20
    inside = frame_planes(picture)[0][42:58, 62:108]
    assert len(np.unique(inside)) < len(np.unique(frame_planes(bare)[0][42:58, 62:108])) / 2
    rgb = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    was = rgb.copy()
    assert painter.paint_rgb(rgb, none, soft=((CoverStyle.BLUR, PLATE),)) > 50 * 20
    assert rgb[42:58, 62:108].std() < was[42:58, 62:108].std() / 2
    assert np.array_equal(rgb[:30], was[:30])


def test_a_plan_knows_what_is_soft_and_refuses_a_track_that_a_detector_scored() -> None:
    face = Track(2, 4, np.repeat(FACE, 3, axis=0), np.array([0.7, 0, 0.9], np.float32))
    plan = Plan([drawn(np.repeat(PLATE, 2, axis=0)), face], 9, soft=SOFT)
    assert [len(plan.boxes_at(n)) for n in (0, 5)] == [0, 1]
    assert [style for style, boxes in plan.soft_at(0) if len(boxes)] == [CoverStyle.MOSAIC]
    assert plan.touches(1, 2)
    assert not plan.touches(2, 4)
    assert plan.frames_touched == 5
    with pytest.raises(UsageError, match="blur and mosaic must be over text or plates drawn by hand, got track 2"):
        Plan([face], 9, soft=((2, CoverStyle.BLUR),))


def test_digests_of_runs_change_with_style_and_with_who_is_left_clear_and_not_with_numbers() -> None:
    one, other = drawn(PLATE), Track(9, 0, PLATE, np.ones(1, np.float32))
    assert run_digests([one], 9) == run_digests([other], 9)
    assert run_digests([one], 9, numbered=True) != run_digests([other], 9, numbered=True)
    assert run_digests([one], 9) != run_digests([one], 9, cover=CoverSettings(soft=SOFT))
    assert run_digests([one], 9, cover=CoverSettings(keep=frozenset({1}))) == run_digests([], 9)
