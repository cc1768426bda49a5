"""What the camera process needs of a live veil, and the one that covers everything.

The live veil itself is ``passerby.veil.LiveVeil``. ``WholeCover`` stands in wherever it cannot be made: it lets no picture
through.
"""

from __future__ import annotations

from typing import Protocol

from passerby.gateway.picture import cover_frame
from passerby.gateway.values import CoverReason
from passerby.media import Frame
from passerby.veil import VeiledFrame


class Veil(Protocol):
    """Takes bare frames and gives back veiled ones, later."""

    def push(self, frame: Frame) -> list[VeiledFrame[CoverReason]]:
        """Take one frame and return those that leave the look-ahead, oldest first. A corrupt one leaves covered whole."""
        ...

    @property
    def strain(self) -> float:
        """How long inference passes take, as a share of the time that they have: 1 is too long."""
        ...

    def set_rate(self, rate: float) -> None:
        """Go on at another rate, frames a second: fewer come, or all again."""
        ...

    def distrust(self) -> None:
        """Believe nothing from the next frame on until inference passes agree."""
        ...

    def flush(self) -> list[VeiledFrame[CoverReason]]:
        """Return what is left, veiled."""
        ...


class WholeCover:
    """Covers every frame whole.

    Args:
        title: Drawn on the cover.
        reason: Drawn on the cover.
    """

    def __init__(self, title: str, reason: CoverReason) -> None:
        self._title, self._reason = title, reason

    def push(self, frame: Frame) -> list[VeiledFrame[CoverReason]]:
        """Return a cover of the frame's size at once."""
        width, height = frame.picture.width & ~1, frame.picture.height & ~1
        return [VeiledFrame(cover_frame(width, height, self._title, self._reason), frame.time_ns, self._reason)]

    strain = 0.0

    def set_rate(self, rate: float) -> None:
        """Nothing depends on it."""

    def distrust(self) -> None:
        """Nothing is believed anyway."""

    def flush(self) -> list[VeiledFrame[CoverReason]]:
        """Return nothing: nothing is held back."""
        return []
