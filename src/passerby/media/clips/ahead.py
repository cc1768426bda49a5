"""What writing a clip needs of another pass over it that runs ahead, in a thread of its own."""

from __future__ import annotations

from typing import Protocol

from passerby.media.clips.reader import DecodeRecord, Frame


class PassAhead(Protocol):
    """Another pass over the clip that decides what is done to each frame, and holds frames that it has decoded.

    Frames are taken and met in order of index. Every waiting ends when the pass ahead has ended.
    """

    def take(self, index: int) -> Frame | None:
        """Wait until the pass has come to a frame, and take it; None where it is not held, or there is none."""
        ...

    def pass_over(self, stop: int) -> None:
        """Say that no frame before this one will be taken any more."""
        ...

    def ended(self, index: int) -> bool:
        """Whether the pass has come to the end, and this frame lies behind it."""
        ...

    def end(self, frames: int | None) -> DecodeRecord:
        """Wait for the end of the pass.

        Args:
            frames: How many there are, where all were met.

        Raises:
            UnreadableError: The pass saw more frames.
        """
        ...

    def meet(self, frame: Frame) -> None:
        """Wait until it is final what is done to a frame, and to all before it.

        Raises:
            UnreadableError: The frame is not the one that the pass saw.
        """
        ...

    def stays(self, start: int, stop: int) -> bool:
        """Wait until it is final whether frames of ``start <= index < stop`` may be copied as they are."""
        ...

    def leave(self) -> None:
        """End all waiting: nothing more will be met."""
        ...
