"""What a watching pass found so far, and the frames that it decoded, for a writing pass that runs beside it.

No locks here: ``passerby.veil.run.overlap`` holds the one that guards both, and does all the waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from passerby.errors import UnreadableError
from passerby.media import DecodeRecord, Frame
from passerby.values import EMPTY_BOXES, Boxes


class HeldFrames:
    """Decoded frames that wait to be written, within bounds. Guarded by its owner.

    Args:
        held_bytes: Most memory.
        wait_frames: So many are held at least, or none.
    """

    def __init__(self, held_bytes: int, wait_frames: int) -> None:
        self._bytes, self._wait_frames = held_bytes, wait_frames
        self._frames: dict[int, Frame] = {}
        self._room = self._passed = 0

    @property
    def is_full(self) -> bool:
        """Whether so many wait that who watches should wait too."""
        return len(self._frames) >= self._wait_frames

    def __len__(self) -> int:
        return len(self._frames)

    def offer(self, frame: Frame) -> None:
        """Hold a frame, where it fits and will still be asked for."""
        if frame.index == 0:
            room = self._bytes // sum(plane.buffer_size for plane in frame.picture.planes)
            self._room = room if room >= self._wait_frames else 0
        if len(self._frames) < self._room and frame.index >= self._passed:
            self._frames[frame.index] = frame

    def take(self, index: int) -> Frame | None:
        """Give a frame out, once; None where it is not held."""
        self._passed = max(self._passed, index + 1)
        return self._frames.pop(index, None)

    def pass_over(self, stop: int) -> None:
        """Drop all frames before this one, now and later."""
        self._passed = max(self._passed, stop)
        for index in [index for index in self._frames if index < stop]:
            del self._frames[index]

    def clear(self) -> None:
        """Drop all frames that are held."""
        self._frames.clear()


class Findings:
    """What the watching pass found so far, and whether the writing pass may believe it. Guarded by its owner.

    Args:
        name: Of the clip, for messages.
        promised: What its packets promise; None where nothing is to be copied.
        always: Something is covered in every frame (zones).

    Attributes:
        surprised: The clip decodes to other frames than promised, or not cleanly.
        final: Frames whose boxes are final.
    """

    def __init__(self, name: str, promised: DecodeRecord | None, *, always: bool) -> None:
        self._name, self._promised, self._always = name, promised, always
        self._pts: list[int] = []
        self._unfit: set[int] = set()
        self._boxes: list[Boxes] = []
        self._whole: frozenset[int] = frozenset()
        self.surprised = False

    @property
    def frames(self) -> int:
        """Frames that were decoded so far."""
        return len(self._pts)

    @property
    def final(self) -> int:
        """Frames whose boxes are final."""
        return len(self._boxes)

    def add_frame(self, frame: Frame) -> None:
        """Take in a decoded frame."""
        index, promised = self.frames, self._promised
        differs = promised is not None and (index >= len(promised.pts) or promised.pts[index] != frame.pts)
        self.surprised = self.surprised or frame.corrupt or differs
        if frame.unfit:
            self._unfit.add(index)
        self._pts.append(frame.pts)

    def add_final(self, boxes: Sequence[Boxes], whole: AbstractSet[int]) -> None:
        """Take in the boxes of the next final frames, each shape (N, 4), pixels, and all frames that are covered whole."""
        self._boxes.extend(boxes)
        if len(whole) != len(self._whole):
            self._whole = frozenset(whole)

    def end(self) -> None:
        """Take in that no frame follows."""
        if self._promised is not None and self.frames != len(self._promised.pts):
            self.surprised = True

    def check_same(self, frame: Frame) -> None:
        """Compare a frame of the writing pass with what was watched.

        Raises:
            UnreadableError: it is another.
        """
        if frame.index >= self.frames or self._pts[frame.index] != frame.pts:
            raise self.differs(frame.index)

    def differs(self, index: int) -> UnreadableError:
        """Return the error that the two passes saw different frames."""
        return UnreadableError(
            f"{self._name} decodes differently from before at frame {index}", hint="was the file changed meanwhile?"
        )

    def damaged(self) -> UnreadableError:
        """Return the error that the clip must be written after it was watched."""
        return UnreadableError(f"{self._name} is damaged, and cannot be written while it is watched")

    def touches(self, start: int, stop: int) -> bool:
        """Whether a final frame of ``start <= index < stop`` must not be copied."""
        known = range(start, min(stop, self.final))
        return self._always or any(len(self._boxes[n]) or n in self._whole or n in self._unfit for n in known)

    def needs_edit(self, start: int, stop: int) -> bool:
        """Whether anything is covered in final frames of ``start <= index < stop``."""
        return self._always or any(len(self._boxes[n]) or n in self._whole for n in range(start, stop))

    def is_whole(self, frame: int) -> bool:
        """Whether a final frame is covered whole."""
        return frame in self._whole

    def pts_at(self, frame: int) -> int:
        """Return when a frame is shown, in the clip's time base: a picture's own stamp may be that of its decoding."""
        return self._pts[frame]

    def take_boxes(self, frame: int) -> Boxes:
        """Return the boxes to be covered in a final frame, shape (N, 4), float32, pixels, without margin, and forget them."""
        boxes, self._boxes[frame] = self._boxes[frame], EMPTY_BOXES
        return boxes
