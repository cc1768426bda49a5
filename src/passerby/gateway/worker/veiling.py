"""What the camera process needs of a live veil and of sealing, and what stands in for them.

The live veil itself is ``passerby.veil.LiveVeil``. ``WholeCover`` stands in wherever it cannot be made: it lets no picture
through. Sealing is where it is installed and chosen; covering never depends on it.
"""

from __future__ import annotations

from typing import Protocol, cast

from passerby import sealing
from passerby.gateway.clock import Clock
from passerby.gateway.messages import SealedReport
from passerby.gateway.picture import cover_frame
from passerby.gateway.values import CoverReason
from passerby.media import Frame
from passerby.sealing import IndexPart, SealedCamera, SealTally
from passerby.veil import UncoveredFaces, VeiledFrame


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


class CameraSealer(Protocol):
    """Keeps the faces of a camera, locked. Nothing of it waits, and nothing of it raises."""

    def start(self) -> None:
        """Begin."""
        ...

    def stage(self, uncovered: UncoveredFaces) -> None:
        """Cut out the faces of a picture that is about to be painted."""
        ...

    def settle(self, captured_ns: int, *, whole: bool) -> None:
        """Keep what was cut out of a picture, or forget it because the picture leaves covered whole."""
        ...

    @property
    def sentence(self) -> str:
        """Return whether faces are kept, for people."""
        ...

    def tally(self) -> SealTally:
        """Return what was counted."""
        ...

    def take_told(self) -> tuple[tuple[str, ...], tuple[IndexPart, ...]]:
        """Return what came for the log and for the recording's index since the last call."""
        ...

    def close(self) -> None:
        """Close what is open, within a bounded time."""
        ...


class NoSealer:
    """Keeps nothing: what a camera has that does not seal."""

    sentence = ""

    def start(self) -> None:
        """Nothing is to be started."""

    def settle(self, captured_ns: int, *, whole: bool) -> None:
        """Nothing was cut out."""

    def tally(self) -> SealTally:
        """Return zeros."""
        return SealTally()

    def take_told(self) -> tuple[tuple[str, ...], tuple[IndexPart, ...]]:
        """Return nothing."""
        return (), ()

    def close(self) -> None:
        """Nothing is open."""


def sealer_for(seal: SealedCamera | None, clock: Clock) -> CameraSealer | NoSealer:
    """Return what keeps a camera's faces, or what keeps nothing.

    Raises:
        UsageError: it must seal, and sealing is not installed.
    """
    if seal is None:
        return NoSealer()
    return cast("CameraSealer", sealing.load("camera").SealClient(seal, clocks=clock))


def report_of(sealer: CameraSealer | NoSealer) -> SealedReport | None:
    """Return what the serving process must know of what was sealed, or None."""
    roots, index = sealer.take_told()
    return SealedReport(roots, index) if roots or index else None
