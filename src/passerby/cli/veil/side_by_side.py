"""Files veiled in several processes at once. A process that dies costs its file; another takes its place."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Self

from passerby import errors
from passerby.cli.veil.one_file import FileOrder, FileOutcome, veil_one
from passerby.cli.veil.options import VeilOptions
from passerby.config import share_processors
from passerby.errors import PasserbyError, VeilError
from passerby.files import unwind_on_signals
from passerby.objects import StoredPath
from passerby.veil import Detector, VeilSettings

_CONTEXT = SpawnContext()
_END_S = 10.0

_Answer = FileOutcome | tuple[str, str, str | None]


@dataclass(slots=True)
class _Worker:
    """One process, as the others see it."""

    process: SpawnProcess
    orders: Connection
    life: Connection
    order: FileOrder | None = None


class SideBySide:
    """Processes that veil files; a context, which ends them.

    Args:
        options: What was typed.
        settings: What it means.
        count: How many processes.
    """

    def __init__(self, options: VeilOptions, settings: VeilSettings, count: int) -> None:
        self._given = (options, settings, count)
        self._hands: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for hand in self._hands:
            hand.orders.close()
            hand.life.close()  # what a process is doing then is undone by itself
        for hand in self._hands:
            hand.process.join(_END_S)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()

    def veil(self, orders: Iterable[FileOrder]) -> Iterator[tuple[FileOrder, FileOutcome | PasserbyError]]:
        """Veil files, the largest first, so that no process is left alone with it, and yield each with what came of it."""
        left = deque(sorted(orders, key=_size_bytes, reverse=True))
        while len(self._hands) < min(self._given[2], len(left)):
            self._hands.append(self._begin())
        for hand in self._hands:
            _send(hand, left)
        while busy := {hand.orders: hand for hand in self._hands if hand.order is not None}:
            for connection in wait(list(busy)):
                hand = busy[connection]  # type: ignore[index]  # only these were waited for
                order = hand.order
                answer = self._answer(hand)
                hand.order = None
                _send(hand, left)
                if order is not None:
                    yield order, answer

    def _answer(self, hand: _Worker) -> FileOutcome | PasserbyError:
        try:
            answer: _Answer = hand.orders.recv()
        except (EOFError, OSError):
            hand.process.join(_END_S)
            code = hand.process.exitcode
            again = self._begin()
            hand.process, hand.orders, hand.life = again.process, again.orders, again.life
            return VeilError(
                f"the process that veiled it ended ({_said(code)})",
                hint="if memory ran out, veil fewer files at once: --jobs 1",
            )
        return answer if isinstance(answer, FileOutcome) else _raised(*answer)

    def _begin(self) -> _Worker:
        ours, theirs = _CONTEXT.Pipe()
        life, alive = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=work, args=(*self._given, theirs, alive), daemon=True)
        process.start()
        theirs.close()
        alive.close()
        return _Worker(process, ours, life)


def work(
    options: VeilOptions, settings: VeilSettings, count: int, orders: Connection, life: Connection
) -> None:  # pragma: no cover - runs in another process
    """Veil what is ordered until the orders end; a process whose parent is gone undoes what it is doing and ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to end
    share_processors(count)
    threading.Thread(target=_end_with, args=(life,), name="life", daemon=True).start()
    detector = Detector(settings.find)
    try:
        with unwind_on_signals(), suppress(EOFError, OSError):
            while True:
                order: FileOrder = orders.recv()
                orders.send(_done(options, settings, order, detector))
    finally:
        detector.close()


def _done(options: VeilOptions, settings: VeilSettings, order: FileOrder, detector: Detector) -> _Answer:
    try:
        return veil_one(options, settings, order, detector, lambda _what, _done, _total: None)
    except PasserbyError as error:
        return type(error).__name__, error.message, error.hint


def _end_with(life: Connection) -> None:
    with suppress(EOFError, OSError):
        life.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _size_bytes(order: FileOrder) -> int:
    path = order.job.source.path
    with suppress(OSError):  # whoever veils it says so
        return 0 if isinstance(path, StoredPath) else path.stat().st_size
    return 0


def _send(hand: _Worker, left: deque[FileOrder]) -> None:
    if left:
        hand.order = left.popleft()
        with suppress(OSError):  # the answer tells that it is gone
            hand.orders.send(hand.order)


def _raised(name: str, message: str, hint: str | None) -> PasserbyError:
    kind = getattr(errors, name, PasserbyError)
    return kind(message, hint=hint)


def _said(code: int | None) -> str:
    """Say how a process ended.

    >>> _said(-9), _said(1)
    ('signal 9', 'exit code 1')
    """
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
