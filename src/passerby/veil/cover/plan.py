"""Which boxes are covered in which frame, from tracks; quick to ask for one frame or for a range."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from passerby.values import EMPTY_BOXES, Boxes, Track


class Plan:
    """What is covered where in one clip.

    Args:
        tracks: Every tracked face.
        frames: Number of frames in the clip.
        whole: Frames that are covered whole.
        keep: Numbers of tracks that stay uncovered.
        always: Something is covered in every frame (zones).
    """

    def __init__(
        self,
        tracks: Iterable[Track],
        frames: int,
        *,
        whole: frozenset[int] = frozenset(),
        keep: frozenset[int] = frozenset(),
        always: bool = False,
    ) -> None:
        covered = [track for track in tracks if track.number not in keep]
        frame_of = [np.arange(track.first, track.first + len(track.xyxy)) for track in covered]
        where = np.concatenate(frame_of) if covered else np.zeros(0, np.intp)
        xyxy = np.concatenate([track.xyxy for track in covered]) if covered else EMPTY_BOXES
        order = np.argsort(where, kind="stable")
        self._xyxy: Boxes = xyxy[order]
        self._start = np.searchsorted(where[order], np.arange(frames + 1))
        touched = np.diff(self._start) > 0
        if whole:
            touched[list(whole)] = True
        if always:
            touched[:] = True
        self._before = np.concatenate([[0], np.cumsum(touched)])
        self.whole = whole
        self.frames = frames

    def boxes_at(self, frame: int) -> Boxes:
        """Return the boxes to be covered in a frame, shape (N, 4), pixels, without margin."""
        return self._xyxy[self._start[frame] : self._start[frame + 1]]

    def touches(self, start: int, stop: int) -> bool:
        """Whether anything is covered in a frame of ``start <= frame < stop``."""
        return bool(self._before[min(stop, self.frames)] > self._before[max(start, 0)])

    @property
    def frames_touched(self) -> int:
        """Number of frames in which something is covered."""
        return int(self._before[-1])
