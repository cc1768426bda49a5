"""Watches a clip in a thread of its own while what is final already is written: both take turns on the processors.

The writing pass meets each frame here and waits until its covers are known. Where memory allows it takes the frames that were
decoded for watching; where it decodes for itself, what the two passes do not see alike ends the writing, and nothing of it is
kept. ``HeldFrames`` bounds the memory, ``Findings`` knows what the watching pass found, ``OverlappedWatch`` holds the thread and
all the waiting there is:

1. Who writes waits until frames are final, or until the watching has ended.
2. Who watches waits until a frame fits, but never while 1 waits for it.
3. Who ends waits for the watching thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol, Self

from passerby.media import DecodeRecord, Frame
from passerby.values import Boxes
from passerby.veil.run.findings import Findings, HeldFrames
from passerby.veil.run.watch import OnFinal, OnFrame, WatchedClip


class _LeftError(Exception):
    """The other side has gone."""


class Watch(Protocol):
    """Watches one clip to its end."""

    def __call__(self, *, on_frame: OnFrame, on_final: OnFinal) -> WatchedClip:
        """Watch it, and tell as ``passerby.veil.run.watch.watch`` does."""
        ...


@dataclass(frozen=True, slots=True)
class OverlapLimits:
    """What the overlap of watching and writing may take.

    Attributes:
        held_bytes: Most memory for frames that wait to be written: 10 s of 960x540 at 25 frames a second.
        wait_frames: How many frames the writing pass waits for at most, as a rule; None takes what the policy says. Where not
            so many fit, none are held for it.
        patience_s: Longest time that the watching thread is waited for once it is not wanted any more.

    Source: chosen, not measured.
    """

    held_bytes: int = 192 << 20
    wait_frames: int | None = None
    patience_s: float = 5.0


class OverlappedWatch:
    """A clip being watched, as the writing pass sees it.

    Args:
        watch: Watches the clip.
        findings: To be filled.
        held: To be filled.
        patience_s: Longest time that the watching thread is waited for once it is not wanted any more.

    Attributes:
        findings: As given; what of it is final may be read without waiting.
        held: As given.
    """

    def __init__(self, watch: Watch, findings: Findings, held: HeldFrames, *, patience_s: float) -> None:
        self._watch, self.findings, self.held, self._patience_s = watch, findings, held, patience_s
        self._changed = threading.Condition()
        self._watched: WatchedClip | None = None
        self._error: BaseException | None = None
        self._left = self._stopped = False
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._changed:
            self._left = self._stopped = True
            self._changed.notify_all()
        # a detector that hangs must not hold up whoever wants to end
        self._thread.join(None if kind is None else self._patience_s)

    # in the thread that watches

    def _run(self) -> None:
        watched = error = None
        try:
            watched = self._watch(on_frame=self._add_frame, on_final=self._add_final)
        except BaseException as exc:  # noqa: BLE001  # raised again in the thread that writes
            error = exc
        with self._changed:
            self._watched, self._error = watched, error
            self.findings.end()
            self._changed.notify_all()

    def _add_frame(self, frame: Frame) -> None:
        with self._changed:
            if self._stopped:
                raise _LeftError
            self.findings.add_frame(frame)
            if self.findings.surprised:
                self.held.clear()
            else:
                if self.held.is_full:
                    # whoever writes is behind, or waits for what is not final yet: then more are held, until no more fit
                    self._changed.wait_for(lambda: self._left or self._waiting or not self.held.is_full)
                if not self._left:
                    self.held.offer(frame)
            self._changed.notify_all()

    def _add_final(self, boxes: Sequence[Boxes], whole: AbstractSet[int]) -> None:
        with self._changed:
            self.findings.add_final(boxes, whole)
            self._changed.notify_all()

    # in the threads that write

    def take(self, index: int) -> Frame | None:
        """Wait until a frame is final, and take it; None where it is not held, or there is none."""
        with self._changed:
            self._wait_until_final(index + 1)
            frame = self.held.take(index)
            self._changed.notify_all()
            return frame

    def pass_over(self, stop: int) -> None:
        """Say that no frame before this one will be taken any more."""
        with self._changed:
            self.held.pass_over(stop)
            self._changed.notify_all()

    def ended(self, index: int) -> bool:
        """Whether the watching has come to its end, and this frame lies behind it."""
        with self._changed:
            return self._watched is not None and index >= self.findings.frames

    def meet(self, frame: Frame) -> None:
        """Wait until a frame and all before it are final.

        Raises:
            UnreadableError: it is not the one that was watched.
        """
        with self._changed:
            self._wait_until_final(frame.index + 1)
            self.findings.check_same(frame)

    def stays(self, start: int, stop: int) -> bool:
        """Wait until it is known whether frames of ``start <= index < stop`` may be copied as they are."""
        with self._changed:
            self._wait_until_final(stop, lambda: self.findings.touches(start, stop))
            return not self.findings.touches(start, stop)

    def end(self, frames: int | None) -> DecodeRecord:
        """Wait for the end of the watching.

        Args:
            frames: How many there are, where all were met.

        Raises:
            UnreadableError: more were watched.
        """
        record = self.watched().record
        if frames is not None and frames != len(record.pts):
            raise self.findings.differs(frames)
        return record

    def leave(self) -> None:
        """End all waiting: nothing more will be met."""
        with self._changed:
            self._left = True
            self.held.clear()
            self._changed.notify_all()

    def watched(self) -> WatchedClip:
        """Wait until the whole clip was watched.

        Raises:
            PasserbyError: watching failed.
        """
        with self._changed:
            self._wait_for(lambda: self._watched is not None or self._error is not None)
            if self._watched is None:
                raise self._error or _LeftError
            return self._watched

    def _wait_until_final(self, stop: int, enough: Callable[[], bool] = lambda: False) -> None:
        """Wait until all frames before one are final, or all that there are, or enough is known."""
        findings = self.findings
        self._wait_for(
            lambda: (
                self._left
                or findings.surprised
                or self._error is not None
                or self._watched is not None
                or findings.final >= stop
                or enough()
            )
        )
        if self._error is not None:
            raise self._error
        if findings.surprised:
            raise findings.damaged()
        if self._left:
            raise _LeftError

    def _wait_for(self, true: Callable[[], bool]) -> None:
        self._waiting += 1
        self._changed.notify_all()
        self._changed.wait_for(true)
        self._waiting -= 1
