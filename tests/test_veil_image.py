"""What is not sure in a picture is looked at closely: what close-ups see surely is covered, what they do not see is not."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.values import Detections, Digest
from passerby.veil.detect import closeup_sizes
from passerby.veil.run.image import DOUBTFUL, find_in_picture
from passerby.veil.settings import FindSettings
from passerby.veil.track import TrackingPolicy, policy_for

WIDE, HIGH, SIDE = 640, 352, 12
HEAD, LAMP = 1, 0
"""Channels in which both are drawn: only close-ups tell them apart."""
POLICY = TrackingPolicy()


class Heads:
    """Finds heads and lamps in whole pictures, both with one score, and heads alone in close-ups."""

    multiple, runs_on, digest = 32, "heads", Digest("sha256:0")

    def __init__(self, score: float, *, doubt: float | None = 0.01, closely: float = 0.9) -> None:
        self.doubt, self._score, self._closely = doubt, score, closely
        self.close = 0

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        close = (rgb.shape[1], rgb.shape[0]) in closeup_sizes()
        self.close += close
        boxes = []
        for channel in (HEAD,) if close else (HEAD, LAMP):
            rows, columns = np.nonzero(rgb[..., channel] > 127)
            if len(rows):
                boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        score = np.full(len(boxes), self._closely if close else self._score, np.float32)
        found = Detections(np.array(boxes, np.float32).reshape(-1, 4), score)
        future: Future[Detections] = Future()
        future.set_result(Detections(found.xyxy[score >= threshold], score[score >= threshold]))
        return future


def picture(side: int = SIDE) -> NDArray[np.uint8]:
    """Return a picture with a head on the left and a lamp on the right."""
    rgb = np.zeros((HIGH, WIDE, 3), np.uint8)
    for left, channel in ((100, HEAD), (400, LAMP)):
        rgb[100 : 100 + side, left : left + side, channel] = 255
    return rgb


def covered(detector: Heads, policy: TrackingPolicy = POLICY, *, side: int = SIDE) -> list[str]:
    faces, doubts = find_in_picture(picture(side), detector, policy)
    known = {0: "head", 1: "lamp"}
    assert len(faces) + len(doubts) == 2, "what is not covered is told as a doubt"
    return sorted(known[int(box[0] > WIDE / 2)] for box in faces.xyxy)


@pytest.mark.parametrize("score", [0.081, 0.1, 0.119, 0.15])
def test_closeups_tell_faces_from_others_that_score_as_little(score: float) -> None:
    """Also below the score that is asked of one alone (0.12)."""
    assert covered(Heads(score)) == ["head"]


@pytest.mark.parametrize("score", [DOUBTFUL[1], 0.9])
def test_who_is_sure_is_covered_without_a_second_look(score: float) -> None:
    detector = Heads(score)
    assert covered(detector) == ["head", "lamp"]
    assert not detector.close


def test_a_large_face_needs_more_than_a_small_one() -> None:
    assert covered(Heads(0.15, closely=0.2)) == ["head"]
    assert covered(Heads(0.15, closely=0.2), side=96) == []


@pytest.mark.parametrize("score", [0.08, 0.119, 0.121, 0.2])
def test_who_sets_a_confidence_or_a_detector_gets_what_the_scores_say(score: float) -> None:
    told = policy_for(FindSettings(threshold=POLICY.best))
    expected = ["head", "lamp"] if score >= POLICY.best_in_picture else []
    for detector, policy in ((Heads(score), told), (Heads(score, doubt=None), POLICY)):
        assert covered(detector, policy) == expected
        assert not detector.close
