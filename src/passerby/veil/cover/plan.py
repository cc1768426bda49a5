"""Which boxes are covered in which frame, from tracks; quick to ask for one frame or for a range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from passerby.errors import UsageError
from passerby.values import EMPTY_BOXES, Boxes, Track
from passerby.veil.settings import CoverStyle

SoftBoxes = tuple[tuple[CoverStyle, Boxes], ...]
"""Style (``blur``, ``mosaic``) and boxes, shape (N, 4), pixels, without margin."""


class Plan:
    """What is covered where in one clip.

    Args:
        tracks: Every tracked face.
        frames: Number of frames in the clip.
        whole: Frames that are covered whole.
        keep: Numbers of tracks that stay uncovered.
        soft: Number and style of tracks that were drawn over text or plates, not faces.
        always: Something is covered in every frame (zones).

    Raises:
        UsageError: a soft track is a face's: a detector scored it.
    """

    def __init__(
        self,
        tracks: Iterable[Track],
        frames: int,
        *,
        whole: frozenset[int] = frozenset(),
        keep: frozenset[int] = frozenset(),
        soft: Iterable[tuple[int, CoverStyle]] = (),
        always: bool = False,
    ) -> None:
        shown = [track for track in tracks if track.number not in keep]
        style_of = dict(soft)
        covered = [track for track in shown if track.number not in style_of]
        self._soft = _soft_plans(shown, style_of, frames)
        frame_of = [np.arange(track.first, track.first + len(track.xyxy)) for track in covered]
        where = np.concatenate(frame_of) if covered else np.zeros(0, np.intp)
        xyxy = np.concatenate([track.xyxy for track in covered]) if covered else EMPTY_BOXES
        order = np.argsort(where, kind="stable")
        self._xyxy: Boxes = xyxy[order]
        self._start = np.searchsorted(where[order], np.arange(frames + 1))
        touched = np.diff(self._start) > 0
        for plan in self._soft.values():
            touched |= np.diff(plan._start) > 0  # noqa: SLF001 - another of this class
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

    def soft_at(self, frame: int) -> SoftBoxes:
        """Return what is blurred or pixelated in a frame: text and plates that a person drew a box around."""
        return tuple((style, plan.boxes_at(frame)) for style, plan in self._soft.items())

    def touches(self, start: int, stop: int) -> bool:
        """Whether anything is covered in a frame of ``start <= frame < stop``."""
        return bool(self._before[min(stop, self.frames)] > self._before[max(start, 0)])

    @property
    def frames_touched(self) -> int:
        """Number of frames in which something is covered."""
        return int(self._before[-1])


def _soft_plans(tracks: Iterable[Track], style_of: Mapping[int, CoverStyle], frames: int) -> dict[CoverStyle, Plan]:
    """Return a plan for each style of tracks that are drawn otherwise than faces."""
    by_style: dict[CoverStyle, list[Track]] = {}
    for track in tracks:
        if track.number in style_of:
            by_style.setdefault(style_of[track.number], []).append(_drawn(track))
    return {style: Plan(drawn, frames) for style, drawn in by_style.items()}


def _drawn(track: Track) -> Track:
    """Return a track that a person drew; scores of a detector lie between 0 and 1.

    Raises:
        UsageError: a detector scored it.
    """
    if bool(((track.score > 0) & (track.score < 1)).any()):
        raise UsageError(
            f"blur and mosaic must be over text or plates drawn by hand, got track {track.number}, which is a face's",
            hint="faces are covered solid, by avatar, img or noise",
        )
    return track
