"""What the camera process needs of a live veil, and the one that covers everything.

The live veil itself is ``passerby.veil.LiveVeil``. ``WholeCover`` stands in wherever it cannot be made: it lets no picture
through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import av

from passerby.gateway.picture import cover_frame
from passerby.gateway.values import CoverReason


@dataclass(frozen=True, slots=True, eq=False)
class Veiled:
    """One picture that has left the veil.

    Attributes:
        frame: Veiled, yuv420p.
        captured_ns: As pushed.
        whole: Why it is covered whole, or None.
        faces: Faces covered in it.
        tracks: Their tracks' numbers, which mean nothing outside this veil.
    """

    frame: av.VideoFrame
    captured_ns: int
    whole: CoverReason | None = None
    faces: int = 0
    tracks: tuple[int, ...] = ()


class Veil(Protocol):
    """Takes bare pictures and gives back veiled ones, later."""

    def push(self, frame: av.VideoFrame, captured_ns: int, *, damaged: bool) -> list[Veiled]:
        """Take one picture and return those that leave the look-ahead, oldest first. A damaged one leaves covered whole."""
        ...

    def flush(self) -> list[Veiled]:
        """Return what is left, veiled."""
        ...


class WholeCover:
    """Covers every picture whole.

    Args:
        title: Drawn on the cover.
        reason: Drawn on the cover.
    """

    def __init__(self, title: str, reason: CoverReason) -> None:
        self._title, self._reason = title, reason

    def push(self, frame: av.VideoFrame, captured_ns: int, *, damaged: bool) -> list[Veiled]:  # noqa: ARG002 - all the same
        """Return a cover of the picture's size at once."""
        covered = cover_frame(frame.width & ~1, frame.height & ~1, self._title, self._reason)
        return [Veiled(covered, captured_ns, self._reason)]

    def flush(self) -> list[Veiled]:
        """Return nothing: nothing is held back."""
        return []
