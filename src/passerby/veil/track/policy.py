"""When a followed sighting is covered as a face, and how often and at which sizes pictures are looked at.

Every number was chosen on the annotated development clips by ``bench/veil.py``; docs/measures.md shows what each buys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log2, sqrt

import numpy as np
from numpy.typing import NDArray

from passerby.values import Boxes
from passerby.veil.detect import InferencePass, pass_sizes_px
from passerby.veil.settings import FindSettings
from passerby.veil.track.tracklet import Tracklet


@dataclass(frozen=True, slots=True)
class TrackingPolicy:
    """How one clip is watched.

    Attributes:
        interval_s: Time between looks while the picture moves.
        still_s: Longest time between looks while it does not.
        lowest: Least score that is followed at all.
        best: A track is covered when its best score reaches this (small faces; see ``slope``).
        steady: ... or when the mean of its three best scores reaches this.
        slope: Both rise by this share with every doubling of the face's side above ``small`` of the picture's longer side:
            a large face that scores low is seldom one, and a wrong large cover hides much.
        small: Side of a small face as a share of the picture's longer side.
        best_in_picture: Score from which a face in a picture is covered, whatever its size.
        max_age: Looks in a row in which a followed face may be missed.
        extrapolate_s: Time covered before the first and after the last sighting.
        confirmation_s: Time for which a sighting that is no face yet may become one; what is older stays as it is. Source:
            docs/measures.md.
    """

    interval_s: float = 0.64
    still_s: float = 1.6
    lowest: float = 0.04
    best: float = 0.105
    steady: float = 0.154
    slope: float = 0.6
    small: float = 14 / 640
    best_in_picture: float = 0.12
    max_age: int = 3
    extrapolate_s: float = 0.64
    confirmation_s: float = 3.2

    def interval_frames(self, rate: Fraction | None) -> int:
        """Return frames between looks at a frame rate, 1 and more; 5 where the rate is unknown."""
        return max(1, round(self.interval_s * float(rate))) if rate else 5

    def lag_frames(self, rate: Fraction | None) -> int:
        """Return frames between a look and the use of its result, so that the detector never waits for frames.

        One and a half turns: with more, a look that lost faces call for comes too late. Source: docs/measures.md.
        """
        return max(2, self.interval_frames(rate) * 3 // 2)

    def wait_frames(self, rate: Fraction | None) -> int:
        """Return how many frames pass, while the picture moves, until nothing can change any more in one: an upper bound."""
        rate = rate or Fraction(25)
        missed = (self.max_age + 1) * self.interval_frames(rate)
        undecided = max(missed, round((self.confirmation_s + self.extrapolate_s) * float(rate)))
        return undecided + self.interval_frames(rate) + self.lag_frames(rate) + 1

    def needed(self, level: float, side_px: float, long_side_px: float) -> float:
        """Return the score that a face of this side needs, for a level of ``best`` or ``steady``."""
        doublings = max(0.0, log2(max(side_px, 1) / (self.small * long_side_px)))
        return level * (1 + self.slope * doublings)

    def is_face(self, tracklet: Tracklet, long_side_px: float) -> bool:
        """Whether a tracklet is covered."""
        if tracklet.best < self.best and tracklet.steady < self.steady:
            return False
        side = median_side(tracklet.boxes())
        return tracklet.best >= self.needed(self.best, side, long_side_px) or tracklet.steady >= self.needed(
            self.steady, side, long_side_px
        )


def policy_for(settings: FindSettings) -> TrackingPolicy:
    """Return the rules that the settings ask for."""
    rules = THOROUGH if settings.thorough else TrackingPolicy()
    if settings.threshold is None:
        return rules
    share = settings.threshold / rules.best
    return replace(
        rules,
        lowest=min(rules.lowest, settings.threshold),
        best=settings.threshold,
        steady=rules.steady * share,
        best_in_picture=rules.best_in_picture * share,
    )


THOROUGH = TrackingPolicy(interval_s=0.32, still_s=0.64, best=0.1, steady=0.14, best_in_picture=0.1, max_age=5)
"""``--thorough``: looks more often, at every size, plain and mirrored."""

CALM_TURNS = 3
"""The larger look is taken every so many turns where no small face is followed; in clips, after the time of so many."""
SLOW_TURNS = 2
"""... and in streams while looks take long."""
SMALL_SHARE = 20 / 640
"""Side, as a share of the picture's longer side, below which a face needs the larger look. Source: docs/measures.md."""
SMALL_SCORE = 0.09
LIVE = TrackingPolicy(best=0.086, steady=0.127)
"""For streams: a frame leaves before later sightings can speak for a face, so less is asked of the first ones."""


def passes_for_cycle(
    turn: int, width: int, height: int, *, thorough: bool, larger_every: int = 1
) -> tuple[InferencePass, ...]:
    """Return the looks of one turn. Each size is looked at plain and mirrored in turn, and the two not alike.

    Args:
        turn: Counts from 0.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        thorough: Every size, plain and mirrored, at every turn.
        larger_every: The larger look, which costs four times as much as the other, is taken every so many turns.
    """
    sizes = pass_sizes_px(width, height, thorough=thorough)
    if thorough:
        return tuple(InferencePass(side, mirrored) for side in sizes for mirrored in (False, True))
    mirrored = turn // larger_every % 2 == 1
    larger, smaller = InferencePass(sizes[0], mirrored), InferencePass(sizes[1], not mirrored)
    return (smaller,) if turn % larger_every else (larger, smaller)


def follows_small(tracklets: Iterable[Tracklet], long_side_px: float) -> bool:
    """Whether any tracklet may be a face that is small for the picture."""
    return any(
        tracklet.best >= SMALL_SCORE and side_px(tracklet.path[-1][-1]) < SMALL_SHARE * long_side_px
        for tracklet in tracklets
    )


def side_px(box: NDArray[np.float32]) -> float:
    """Return the side of a box, shape (4,): the square root of its area, pixels."""
    x0, y0, x1, y1 = box.tolist()
    return sqrt(max((x1 - x0) * (y1 - y0), 0))


def median_side(boxes: Boxes) -> float:
    """Return the median side of boxes: the square root of their area, pixels."""
    area = np.sort((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    return sqrt(max(float(area[len(area) // 2]), 0))
