"""When a tracklet is confirmed as a face, and how often and at which sizes pictures go through the detector.

Every number was chosen on the annotated development clips by ``bench/veil.py``, where nothing else is said; docs/measures.md
shows what each buys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log2, sqrt

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import mean_sides
from passerby.values import Boxes, Detections
from passerby.veil.detect import InferencePass, pass_sizes_px
from passerby.veil.settings import FindSettings
from passerby.veil.track.tracklet import Tracklet

FALLBACK_HZ = Fraction(25)
"""Frames a second where a clip does not say. Chosen, not measured."""
FALLBACK_INTERVAL = 5
"""Frames between inference passes where a clip's rate is unknown. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class TrackingPolicy:
    """How one clip or stream is tracked.

    Attributes:
        interval_s: Time between inference passes while the picture moves: a detection cycle.
        still_s: Longest time between passes while it does not; 0: stillness saves none.
        lowest: Least score that is tracked at all.
        best: A tracklet is confirmed when its best score reaches this (small faces; see ``slope``).
        steady: ... or when the mean of its three best scores reaches this.
        slope: Both rise by this share with every doubling of the face's side above ``small`` of the picture's longer side:
            a large face that scores low is seldom one, and a wrong large cover hides much.
        small: Side of a small face as a share of the picture's longer side.
        best_in_picture: Score from which a face in a picture is covered, whatever its size.
        fields_share: In frames that hold two fields this share of ``best`` and ``steady`` is asked: a picture of one field
            has half of the rows, and scores less. Source: docs/measures.md.
        max_age: Detection cycles in a row in which a face may be missed before its tracklet ends.
        extrapolate_s: Time covered before the first and after the last detection.
        confirmation_s: Confirmation window: time for which a tentative detection may be confirmed; what is older stays as it is.
            Source: docs/measures.md.
        lasting: Confirmed once is confirmed for good, and tentative detections age out after ``confirmation_s``. Else it is asked
            anew for each frame that leaves, with what is known then: frames of a stream leave before the window is over.
        lost_share: When more than this share of the faces that were once detected surely is missed in a cycle, the next pass
            comes sooner; 1: never.
        pan_share: Motion of the scene in a frame, as a share of the picture's longer side, from which passes come twice as often:
            half of a small face. 1: never. Source: docs/measures.md.
        larger_by_time: The larger pass of a calm scene comes by time, also where stillness left passes out; else every so many
            cycles.
        doubt_from: A detection is examined closely that scores this share of ``best``, raised by size, or more;
        doubt_below: ... and less than this; 0: none is. Source: docs/measures.md.
        closeup_share: Share of the picture's pixels that close-ups of one cycle may show to the network.
        slow_share: Passes of a stream are slow when they take this share of the time between them, ... Source: docs/gateway.md.
        quick_share: ... and no longer slow below this share. Chosen, not measured.
    """

    interval_s: float = 0.64
    still_s: float = 1.6
    lowest: float = 0.04
    best: float = 0.125
    steady: float = 0.17
    slope: float = 0.6
    small: float = 14 / 640
    best_in_picture: float = 0.12
    fields_share: float = 0.8
    max_age: int = 3
    extrapolate_s: float = 0.64
    confirmation_s: float = 3.2
    lasting: bool = True
    lost_share: float = 0.34
    pan_share: float = 1 / 64
    larger_by_time: bool = True
    doubt_from: float = 0.86
    doubt_below: float = 0.3
    closeup_share: float = 1.5
    slow_share: float = 0.5
    quick_share: float = 0.3

    def interval_frames(self, rate: Fraction | None) -> int:
        """Return frames between passes at a frame rate, 1 and more."""
        return max(1, round(self.interval_s * float(rate))) if rate else FALLBACK_INTERVAL

    def lag_frames(self, rate: Fraction | None) -> int:
        """Return frames between a pass and the use of its result, so that the detector never waits for frames.

        One and a half cycles: with more, a pass that lost faces call for comes too late. Source: docs/measures.md.
        """
        return max(2, self.interval_frames(rate) * 3 // 2)

    def wait_frames(self, rate: Fraction | None) -> int:
        """Return how many frames pass, while the picture moves, until a frame is final: an upper bound."""
        rate = rate or FALLBACK_HZ
        missed = (self.max_age + 1) * self.interval_frames(rate)
        undecided = max(missed, round((self.confirmation_s + self.extrapolate_s) * float(rate)))
        return undecided + self.interval_frames(rate) + self.lag_frames(rate) + 1

    def for_fields(self) -> TrackingPolicy:
        """Return the policy for frames that hold two fields."""
        return replace(self, best=self.fields_share * self.best, steady=self.fields_share * self.steady)

    def needed(self, level: float, side_px: float, long_side_px: float) -> float:
        """Return the score that a face of this side needs, for a level of ``best`` or ``steady``."""
        doublings = max(0.0, log2(max(side_px, 1) / (self.small * long_side_px)))
        return level * (1 + self.slope * doublings)

    def doubts(self, found: Detections, long_side_px: float) -> NDArray[np.bool_]:
        """Return which detections alone could make a track that is covered without being sure: shape (N,), bool.

        Args:
            found: N detections, pixels.
            long_side_px: The picture's longer side.
        """
        doublings = np.log2(mean_sides(found.xyxy, least_px2=1) / (self.small * long_side_px)).clip(0)
        least = self.doubt_from * self.best * (1 + self.slope * doublings)
        return np.asarray((found.score >= least) & (found.score < self.doubt_below))

    def confirms(self, tracklet: Tracklet, long_side_px: float) -> bool:
        """Whether a tracklet has been detected surely enough to be covered."""
        if tracklet.best < self.best and tracklet.steady < self.steady:
            return False
        side = median_side(tracklet.boxes())
        return tracklet.best >= self.needed(self.best, side, long_side_px) or tracklet.steady >= self.needed(
            self.steady, side, long_side_px
        )


def policy_for(settings: FindSettings) -> TrackingPolicy:
    """Return the policy that the settings ask for."""
    policy = THOROUGH if settings.thorough else TrackingPolicy()
    if settings.threshold is None:
        return policy
    share = settings.threshold / policy.best
    return replace(
        policy,
        lowest=min(policy.lowest, settings.threshold),
        best=settings.threshold,
        doubt_below=0.0,
        steady=policy.steady * share,
        best_in_picture=policy.best_in_picture * share,
    )


THOROUGH = TrackingPolicy(interval_s=0.32, still_s=0.64, best=0.1, steady=0.14, best_in_picture=0.1, max_age=5)
"""``--thorough``: more passes, at every size, plain and mirrored."""
LIVE = TrackingPolicy(
    best=0.086, steady=0.127, still_s=0.0, lasting=False, lost_share=1.0, pan_share=1.0, larger_by_time=False
)
"""For streams: a frame leaves before later detections can speak for a face, so less is asked of the first ones. Passes come at
even steps: cameras of one machine take turns, and a late pass is no use."""

CALM_CYCLES = 3
"""The larger pass is taken every so many cycles where no small face is tracked; in clips, after the time of so many.
Source: docs/measures.md."""
SLOW_CYCLES = 2
"""... and in streams while passes take long. Source: docs/measures.md."""
SMALL_SHARE = 20 / 640
"""Side, as a share of the picture's longer side, below which a face needs the larger pass. Source: docs/measures.md."""
SMALL_SCORE = 0.09
"""Best score from which a tracklet counts as such a face. Chosen, not measured."""


def passes_for_cycle(
    cycle: int, width: int, height: int, *, thorough: bool, larger_every: int = 1
) -> tuple[InferencePass, ...]:
    """Return the passes of one detection cycle. Each size is taken plain and mirrored in turn, and the two not alike.

    Args:
        cycle: Counts from 0.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        thorough: Every size, plain and mirrored, in every cycle.
        larger_every: The larger pass, which costs four times as much as the other, is taken every so many cycles.
    """
    sizes = pass_sizes_px(width, height, thorough=thorough)
    if thorough:
        return tuple(InferencePass(side, mirrored) for side in sizes for mirrored in (False, True))
    mirrored = cycle // larger_every % 2 == 1
    larger, smaller = InferencePass(sizes[0], mirrored), InferencePass(sizes[1], not mirrored)
    return (smaller,) if cycle % larger_every else (larger, smaller)


def may_be_small(tracklets: Iterable[Tracklet], long_side_px: float) -> bool:
    """Whether any tracklet may be a face that is small for the picture."""
    return any(
        tracklet.best >= SMALL_SCORE and side_px(tracklet.path[-1][-1]) < SMALL_SHARE * long_side_px
        for tracklet in tracklets
    )


def side_px(box: NDArray[np.float32]) -> float:
    """Return the side of a box, shape (4,), float32, pixels: the square root of its area."""
    x0, y0, x1, y1 = box.tolist()
    return sqrt(max((x1 - x0) * (y1 - y0), 0))


def median_side(boxes: Boxes) -> float:
    """Return the median side of boxes, shape (N, 4), float32, pixels; N at least 1: the square root of their area."""
    area = np.sort((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    return sqrt(max(float(area[len(area) // 2]), 0))
