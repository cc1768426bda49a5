"""Geometry of boxes: what holds for any of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from passerby import boxes
from passerby.values import EMPTY_BOXES

sides = st.integers(-2000, 2000).map(lambda quarter: quarter / 4)  # sums and products of these are exact in float32
some = st.integers(0, 6).flatmap(lambda count: arrays(np.float32, (count, 4), elements=sides))


@given(some)
def test_overlap_with_oneself_is_whole_and_with_others_mutual(xyxy: NDArray[np.float32]) -> None:
    ratio = boxes.pairwise_iou(boxes.in_order(xyxy))
    assert ratio.dtype == np.float32
    assert (ratio.diagonal() == 1).all()
    assert (ratio == ratio.T).all()
    assert ((ratio >= 0) & (ratio <= 1)).all()


@given(some)
def test_two_boxes_overlap_as_their_pair_in_an_array_does(xyxy: NDArray[np.float32]) -> None:
    xyxy = boxes.in_order(xyxy)
    for row, one in enumerate(xyxy.tolist()):
        for column, two in enumerate(xyxy.tolist()):
            expected = boxes.pairwise_iou(xyxy)[row, column]
            assert row == column or boxes.iou(one, two) == pytest.approx(float(expected), abs=1e-6)


@given(some, st.integers(1, 99), st.integers(1, 99))
def test_clipped_boxes_lie_in_the_picture_and_share_with_it_what_is_left(
    xyxy: NDArray[np.float32], width: int, height: int
) -> None:
    xyxy = boxes.in_order(xyxy)
    left = boxes.clip_to_picture(xyxy, width, height)
    whole = np.array([[0, 0, width, height]], np.float32)
    assert (boxes.intersections(xyxy, whole)[:, 0] == boxes.areas(left)).all()
    assert (boxes.have_area(left) == (boxes.areas(left) > 0)).all()


@given(some, st.integers(0, 8).map(lambda eighth: eighth / 8))
def test_boxes_grow_around_their_centres(xyxy: NDArray[np.float32], share: float) -> None:
    xyxy = boxes.in_order(xyxy)
    more = boxes.inflate(xyxy, np.full(len(xyxy), share, np.float32))
    assert more.dtype == np.float32
    assert np.allclose(boxes.centres(more), boxes.centres(xyxy))
    assert (boxes.shorter_sides(more) == boxes.shorter_sides(xyxy) * (1 + 2 * share)).all()


@given(some)
def test_box_is_told_by_centre_and_sides(xyxy: NDArray[np.float32]) -> None:
    xyxy = boxes.in_order(xyxy)
    x, y = boxes.centres(xyxy).T
    wide, high = (xyxy[:, 2:] - xyxy[:, :2]).T
    assert (boxes.boxes_around(x, y, wide, high) == xyxy).all()


def test_no_boxes_give_no_results_of_the_right_shape() -> None:
    assert boxes.pairwise_iou(EMPTY_BOXES).shape == (0, 0)
    assert boxes.centres(EMPTY_BOXES).shape == (0, 2)
    assert boxes.mean_sides(EMPTY_BOXES, least_px2=1).shape == (0,)
    assert boxes.inflate(EMPTY_BOXES, np.zeros(0, np.float32)).shape == (0, 4)
    assert boxes.intersections(EMPTY_BOXES, np.ones((2, 4), np.float32)).shape == (0, 2)
