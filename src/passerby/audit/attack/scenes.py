"""What is attacked: clips or pictures in which the places of people are known, read bare and kept in memory only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import numpy as np

from passerby.media import ClipInfo
from passerby.values import EMPTY_BOXES, Boxes, Track


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
