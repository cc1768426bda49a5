"""Work that runs ahead in a thread of its own: any iterable, and what writing a clip needs of another pass over it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Protocol, TypeVar

from passerby.media.clips.reader import DecodeRecord, Frame

T = TypeVar("T")


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


def read_ahead(items: Iterable[T], *, depth: int = 8) -> Generator[T]:
    """Run an iterable in a thread of its own, a few items ahead; errors come out where they would have.

    FFmpeg works without Python's lock, so decoding ahead runs beside encoding or detecting. Close it, or read it to
    its end; the thread ends with it.
    """
    box: queue.Queue[tuple[list[T], BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_work_ahead, args=(items, box, stop), name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = box.get()
            if error is not None:
                raise error
            if not item:
                return
            yield item[0]
    finally:
        stop.set()
        thread.join()


def _work_ahead(
    items: Iterable[T], box: queue.Queue[tuple[list[T], BaseException | None]], stop: threading.Event
) -> None:
    def put(item: list[T], error: BaseException | None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                box.put((item, error), timeout=0.1)
                return

    iterator = iter(items)
    try:
        for item in iterator:
            put([item], None)
            if stop.is_set():
                break
        put([], None)
    except BaseException as exc:  # noqa: BLE001 - raised again in the thread that reads
        put([], exc)
    finally:
        if isinstance(iterator, Generator):
            iterator.close()
