"""The less sure a detection is, the wider its box: at detections, between them and after them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.values import Boxes
from passerby.veil.track.tracklet import WEAK_SCORES, WEAK_SHARES, Tracklet

SIDE = 20.0
STILL = np.array([[40, 60, 40 + SIDE, 60 + SIDE]], np.float32)
"""A face that does not move: nothing but how sure it is makes its box wider."""
SCORES = st.floats(0, 1, width=32)


def wider(boxes: Boxes) -> list[float]:
    """Return by which share of its side each box is wider on every side than the face's, after seeing that it is so on all."""
    off = np.concatenate([STILL[:, :2] - boxes[:, :2], boxes[:, 2:] - STILL[:, 2:]], axis=1) / SIDE
    assert np.ptp(off, axis=1) == pytest.approx(0, abs=1e-5)
    return [float(share) for share in off[:, 0]]


def seen(*scores: float, every: int = 4) -> Tracklet:
    """Return a tracklet of a still face that was detected every so many frames with these scores."""
    tracklet = Tracklet.begin(0, STILL, scores[0])
    for number, score in enumerate(scores[1:], start=1):
        tracklet.continue_to(number * every, np.repeat(STILL, every, axis=0), STILL[0], score)
    return tracklet


@pytest.mark.parametrize(
    ("score", "share"), [(0.05, WEAK_SHARES[0]), (WEAK_SCORES[0], WEAK_SHARES[0]), (WEAK_SCORES[1], 0.0), (1.0, 0.0)]
)
def test_a_weak_detection_is_covered_wider_and_a_sure_one_as_it_is(score: float, share: float) -> None:
    assert WEAK_SHARES[0] > 0
    assert wider(seen(score).boxes()) == pytest.approx([share], abs=1e-5)


@given(SCORES, SCORES)
def test_who_is_less_sure_is_never_covered_narrower(one: float, other: float) -> None:
    (less,), (more,) = (wider(seen(score).boxes()) for score in sorted((one, other)))
    assert less >= more - 1e-5


@given(st.lists(SCORES, min_size=2, max_size=4))
def test_between_two_detections_a_box_is_between_their_widths(scores: list[float]) -> None:
    tracklet = seen(*scores)
    shares = wider(tracklet.boxes())
    assert shares[::4] == pytest.approx([wider(seen(score).boxes())[0] for score in scores], abs=1e-5)
    for at, share in enumerate(shares[:-1]):
        ends = shares[at // 4 * 4], shares[at // 4 * 4 + 4]
        assert min(ends) - 1e-5 <= share <= max(ends) + 1e-5


@given(SCORES)
def test_after_a_weak_detection_boxes_stay_wide(score: float) -> None:
    tracklet = seen(0.9, score)
    tracklet.propagated.append(np.repeat(STILL, 3, axis=0))
    assert wider(tracklet.after()) == pytest.approx([wider(seen(score).boxes())[0]] * 3, abs=1e-5)
    assert wider(tracklet.box_at(6)) == pytest.approx(wider(tracklet.after())[:1], abs=1e-5)


@given(st.floats(0.125, 1, width=32), st.booleans())
def test_a_sure_face_that_moves_is_covered_half_way_to_where_it_was_and_will_be(speed: float, across: bool) -> None:
    """From a tenth of its side a frame on: it is blurred then, and its box less exact."""
    step = np.array([1, 0, 1, 0] if across else [0, 1, 0, 1], np.float32) * np.float32(speed * SIDE)
    places = STILL + step * np.arange(9, dtype=np.float32)[:, None]
    tracklet = Tracklet.begin(0, places[:1], 0.9)
    tracklet.continue_to(8, places[1:], places[8], 0.9)
    covers = tracklet.boxes()[1:8]
    reach = np.float32(0.5 * (speed - 0.1) * SIDE) * np.array([1, 0] if across else [0, 1], np.float32)
    assert (covers[:, :2] <= places[1:8, :2] - reach).all()
    assert (covers[:, 2:] >= places[1:8, 2:] + reach).all()
