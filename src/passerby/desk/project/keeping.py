"""Where the one person who is left clear may go on: by place and time alone, never by how somebody looks."""

from __future__ import annotations

import math
from collections.abc import Iterable

from passerby.desk.project.state import DeskState, DeskTrack

MOST_GAP_FRAMES = 300
"""So many frames between two pieces at most. Source: a choice: 10 to 12 seconds of usual clips."""
MOST_PIECES = 8
FRAMES_A_SIDE = 12.0
"""A piece that begins one side of the face farther off counts as one that begins so many frames later. Source: a choice."""


def next_pieces(state: DeskState, tracks: Iterable[int], frame: int) -> tuple[DeskTrack, ...]:
    """Return the tracks that may be the next piece of one person, the nearest in place and time first.

    Args:
        state: Of the project.
        tracks: Numbers of the pieces that are known.
        frame: Only pieces that are there in this frame or later.

    Returns:
        At most ``MOST_PIECES``. None of them is there in a frame in which a known piece is.
    """
    numbers = set(tracks)
    known = [one for one in state.tracks if one.number in numbers]
    ranked = []
    for one in state.tracks:
        if one.number in numbers or one.what != "face" or one.last < frame:
            continue
        if any(one.seen[0] <= piece.seen[1] and piece.seen[0] <= one.seen[1] for piece in known):
            continue
        cost = min((_apart(piece, one) for piece in known), default=math.inf)
        if cost < math.inf:
            ranked.append((cost, one.number, one))
    return tuple(one for _, _, one in sorted(ranked, key=lambda row: row[:2])[:MOST_PIECES])


def _apart(one: DeskTrack, other: DeskTrack) -> float:
    """Return how far two pieces are from one another, in frames; infinite where it is too long."""
    earlier, later = sorted((one, other), key=lambda piece: piece.seen)
    gap = later.seen[0] - earlier.seen[1]
    a, b = earlier.box_at(earlier.seen[1]), later.box_at(later.seen[0])
    if gap > MOST_GAP_FRAMES or a is None or b is None:
        return math.inf
    way = math.hypot((b[0] + b[2] - a[0] - a[2]) / 2, (b[1] + b[3] - a[1] - a[3]) / 2)
    side = max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1])
    return gap + FRAMES_A_SIDE * way / side
