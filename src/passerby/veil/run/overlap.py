"""Watches a clip in a thread of its own while what is settled already is written: both take turns on the processors.

The writing pass meets each frame here and waits until its covers are known. Where memory allows it takes the frames that were
decoded for watching; where it decodes for itself, what the two passes do not see alike ends the writing, and nothing of it is
kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Self

from passerby.errors import UnreadableError
from passerby.media import DecodeRecord, Frame
from passerby.values import EMPTY_BOXES, Boxes
from passerby.veil.run.watch import Listener, WatchedClip

HELD_BYTES = 192 << 20
"""Most memory for frames that wait to be written: 10 s of 960x540 at 25 frames a second."""
PATIENCE_S = 5.0
"""Longest time that the watching thread is waited for once it is not wanted any more."""


class _LeftError(Exception):
    """The other side has gone."""


class OverlappedWatch:
    """A clip being watched, as the writing pass sees it.

    Args:
        watch: Watches the clip, telling a listener.
        name: Of the clip, for messages.
        promised: What its packets promise; None where nothing is to be copied.
        always: Something is covered in every frame (zones).
        wait_frames: How many frames the writing pass waits for at most, as a rule. Where not so many fit into ``HELD_BYTES``,
            none are held for it.
    """

    def __init__(
        self,
        watch: Callable[[Listener], WatchedClip],
        name: str,
        promised: DecodeRecord | None,
        *,
        always: bool,
        wait_frames: int,
    ) -> None:
        self._watch, self._name, self._promised, self._always = watch, name, promised, always
        self._changed = threading.Condition()
        self._pts: list[int] = []
        self._unfit: set[int] = set()
        self._boxes: list[Boxes] = []
        self._whole: frozenset[int] = frozenset()
        self._watched: WatchedClip | None = None
        self._error: BaseException | None = None
        self._left = self._stopped = False
        self.surprised = False
        self._held: dict[int, Frame] = {}
        self._wait_frames, self._room, self._passed, self._waiting = wait_frames, 0, 0, 0
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._changed:
            self._left = self._stopped = True
            self._changed.notify_all()
        # a detector that hangs must not hold up whoever wants to end
        self._thread.join(None if kind is None else PATIENCE_S)

    def _run(self) -> None:
        try:
            watched = self._watch(self)
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that writes
            watched = None
            self._error = error
        with self._changed:
            self._watched = watched
            if self._promised is not None and len(self._pts) != len(self._promised.pts):
                self.surprised = True
            self._changed.notify_all()

    def saw(self, frame: Frame) -> None:
        """See Listener.saw."""
        with self._changed:
            if self._stopped:
                raise _LeftError
            index, promised = len(self._pts), self._promised
            if frame.corrupt or (
                promised is not None and (index >= len(promised.pts) or promised.pts[index] != frame.pts)
            ):
                self.surprised = True
                self._held.clear()
            elif not self.surprised:
                self._hold(frame)
            if frame.unfit:
                self._unfit.add(index)
            self._pts.append(frame.pts)
            self._changed.notify_all()

    def _hold(self, frame: Frame) -> None:
        if frame.index == 0:
            room = HELD_BYTES // sum(plane.buffer_size for plane in frame.picture.planes)
            self._room = room if room >= self._wait_frames else 0
        if len(self._held) >= self._wait_frames:
            # whoever writes is behind, or waits for what is not watched yet: then more are held, until no more fit
            self._changed.wait_for(lambda: self._left or self._waiting or len(self._held) < self._wait_frames)
        if len(self._held) < self._room and frame.index >= self._passed and not self._left:
            self._held[frame.index] = frame

    def take(self, index: int) -> Frame | None:
        """See PassAhead.take."""
        with self._changed:
            self._wait_for(lambda: self._over or self._watched is not None or index < len(self._pts))
            self._check()
            frame = self._held.pop(index, None)
            self._passed = max(self._passed, index + 1)
            self._changed.notify_all()
            return frame

    def pass_over(self, stop: int) -> None:
        """See PassAhead.pass_over."""
        with self._changed:
            self._passed = max(self._passed, stop)
            for index in [index for index in self._held if index < stop]:
                del self._held[index]
            self._changed.notify_all()

    def ended(self, index: int) -> bool:
        """See PassAhead.ended."""
        with self._changed:
            return self._watched is not None and index >= len(self._pts)

    def _wait_for(self, true: Callable[[], bool]) -> None:
        self._waiting += 1
        self._changed.notify_all()
        self._changed.wait_for(true)
        self._waiting -= 1

    def settled(self, boxes: Sequence[Boxes], whole: AbstractSet[int]) -> None:
        """See Listener.settled."""
        with self._changed:
            self._boxes.extend(boxes)
            if len(whole) != len(self._whole):
                self._whole = frozenset(whole)
            self._changed.notify_all()

    def meet(self, frame: Frame) -> None:
        """See PassAhead.meet."""
        with self._changed:
            self._wait_for(lambda: self._over or frame.index < len(self._boxes))
            self._check()
            if frame.index >= len(self._pts) or self._pts[frame.index] != frame.pts:
                raise self._differs(frame.index)

    def stays(self, start: int, stop: int) -> bool:
        """See PassAhead.stays."""
        with self._changed:
            self._wait_for(lambda: self._over or len(self._boxes) >= stop or self._touches(start, stop))
            self._check()
            return not self._touches(start, stop)

    def end(self, frames: int | None) -> DecodeRecord:
        """See PassAhead.end."""
        seen = self.watched().seen
        if frames is not None and frames != len(seen.pts):
            raise self._differs(frames)
        return seen

    def leave(self) -> None:
        """See PassAhead.leave."""
        with self._changed:
            self._left = True
            self._held.clear()
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

    def take_boxes(self, frame: int) -> Boxes:
        """Return the boxes to be covered in a frame that was met, shape (N, 4), pixels, without margin, and forget them."""
        boxes, self._boxes[frame] = self._boxes[frame], EMPTY_BOXES
        return boxes

    def is_whole(self, frame: int) -> bool:
        """Whether a frame that was met is covered whole."""
        return frame in self._whole

    def needs_edit(self, start: int, stop: int) -> bool:
        """Whether anything is covered in frames of ``start <= index < stop`` that were met."""
        return self._always or any(len(self._boxes[n]) or n in self._whole for n in range(start, stop))

    @property
    def _over(self) -> bool:
        return self._left or self.surprised or self._error is not None

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self.surprised:
            raise UnreadableError(f"{self._name} is damaged, and cannot be written while it is watched")
        if self._left:
            raise _LeftError

    def _touches(self, start: int, stop: int) -> bool:
        known = range(start, min(stop, len(self._boxes)))
        return self._always or any(len(self._boxes[n]) or n in self._whole or n in self._unfit for n in known)

    def _differs(self, index: int) -> UnreadableError:
        return UnreadableError(
            f"{self._name} decodes differently from before at frame {index}", hint="was the file changed meanwhile?"
        )
