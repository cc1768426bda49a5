"""The camera process: ``python -m passerby.gateway.worker PARENT FD``. Bare pictures exist here and nowhere else.

Threads: one reads and decodes, one (the main one) veils and encodes, one writes to the serving process, one listens to it, one
keeps watch. They share the bounded queue of pictures, ``Faults`` and the outbox, each of which guards itself.
"""

from __future__ import annotations

import os
import queue
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from passerby.errors import PasserbyError, ServiceError
from passerby.gateway.messages import (
    CoverOrder,
    FaultReport,
    KeyOrder,
    Order,
    RateReport,
    StartOrder,
    StopOrder,
    UncoverOrder,
    parse_order,
)
from passerby.gateway.values import CoverReason
from passerby.gateway.wire import HEADER_BYTES, Decoder, MessageKind, payload_bytes
from passerby.gateway.worker.binding import DetectorBinding, bind_detector
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.load import LATE_S, Load
from passerby.gateway.worker.outbox import Outbox
from passerby.gateway.worker.pipeline import Pipeline
from passerby.gateway.worker.process import guard_process
from passerby.gateway.worker.source import Picture, SourceError, pictures, reachable
from passerby.gateway.worker.veiling import Veil, WholeCover
from passerby.gateway.worker.watchdog import Watchdog

QUEUE_PICTURES = 20
"""More than a second of pictures at once come only when a camera was just opened."""
_IDLE_S = 0.25
ASK_S, OPEN_S, LOCKED_S = 0.4, 0.6, 60.0
"""Longest times from one try to the next: a closed port costs next to nothing to ask; an open one that gives no stream costs a
session, and a picture is wanted within two seconds after the camera is back; a refused password may lock the account."""
_GOOD_S = 5.0
_SILENCE_NS = 1_000_000_000
_CONFIG_WAIT_S = 10.0
FAILED = 70
"""Exit code of a worker that cannot go on (EX_SOFTWARE)."""


@dataclass(frozen=True, slots=True)
class _Begin:
    """A connection begins: pictures before it have nothing to do with those after it."""


@dataclass(frozen=True, slots=True)
class _Away:
    """There is no picture."""

    reason: CoverReason
    detail: str


class Worker:
    """One camera's process.

    Args:
        order: What it is for.
        sock: To the serving process.
    """

    def __init__(self, order: StartOrder, sock: socket.socket) -> None:
        config = self.config = order.camera
        self._socket, self._cycle_offset = sock, order.cycle_offset
        self.outbox = Outbox(sock)
        self.faults = Faults(self._tell_fault)
        self.load = Load(config.privacy.on_overload, config.output.max_fps)
        self.pipeline = Pipeline(config, self._make_veil, self.faults, self.outbox.unit, time.monotonic_ns)
        self.binding: DetectorBinding | None = None
        self.reconnects = self.left_out = self.decode_errors = 0
        self.waiting: queue.Queue[Picture | _Begin | _Away] = queue.Queue(QUEUE_PICTURES)
        self._away: _Away | None = _Away(CoverReason.START, "")
        self._step, self._arrived_ns = 1, 0
        self._watchdog = Watchdog(self, order.selftest_s, order.cycle_offset)
        self._stopping = threading.Event()

    @property
    def waiting_pictures(self) -> int:
        """How many pictures wait to be veiled."""
        return self.waiting.qsize()

    def run(self) -> None:
        """Work until told to stop; return then."""
        self.faults.hold(CoverReason.START, time.monotonic(), time.time_ns())
        self.outbox.start()
        self._thread(self._listen, "listen")
        self._thread(self._read, "read")
        self._thread(self._open_and_watch, "watch")
        while not self._stopping.is_set():
            self._work()

    def _thread(self, target: Callable[[], None], name: str) -> None:
        threading.Thread(target=target, name=name, daemon=True).start()

    # veil and encode

    def _work(self) -> None:
        try:
            item = self.waiting.get(timeout=_IDLE_S)
        except queue.Empty:
            self._cover_silence()
            return
        now_s = time.monotonic()
        if isinstance(item, _Begin):
            self.load.expect_burst(now_s)
            self.pipeline.begin()
        elif isinstance(item, _Away):
            self._away = item
            self.pipeline.finish()
            self.faults.hold(item.reason, now_s, time.time_ns(), item.detail)
            self._cover_silence()
        else:
            if self._away is not None:
                for reason in (CoverReason.NO_PICTURE, CoverReason.PASSWORD):
                    self.faults.lift(reason, now_s)
                self._away = None
            if item.arrived_ns - self._arrived_ns > _SILENCE_NS:
                self.load.expect_burst(now_s)
            self._arrived_ns = item.arrived_ns
            # a detector that is late has more time for each picture when there are fewer
            self.load.note(2 * LATE_S if self.pipeline.behind else now_s - item.arrived_ns / 1e9, now_s)
            self._follow_load(now_s)
            if self.load.overloaded:
                self.pipeline.idle(CoverReason.OVERLOAD)
                return
            self.pipeline.take(replace(item, fps=item.fps / self.load.step), time.time_ns())
            if time.monotonic_ns() - self.pipeline.last_sent_ns > 500_000_000:
                # the look-ahead is filling: nothing has left it yet
                self.pipeline.idle((*self.faults.reasons, CoverReason.START)[0])

    def _follow_load(self, now_s: float) -> None:
        """Begin a new veil where the rate changed, and spend nothing on veiling while all is covered."""
        if self.load.overloaded:
            self.faults.strike(CoverReason.OVERLOAD, now_s, time.time_ns(), "this machine cannot keep up")
            self.pipeline.begin()
        elif self.load.step != self._step:
            self._step = self.load.step
            self.pipeline.begin()
            self.outbox.report(RateReport(self._step))

    def _cover_silence(self) -> None:
        """Show why there is nothing, where nothing has been sent for a while."""
        reasons = self.faults.reasons
        reason = self._away.reason if self._away is not None else (*reasons, CoverReason.NO_PICTURE)[0]
        if reasons or time.monotonic_ns() - self.pipeline.last_sent_ns > 600_000_000:
            self.pipeline.idle(reason)

    def _make_veil(self, width: int, height: int, fps: float) -> Veil:
        binding = self.binding
        if binding is None:
            return WholeCover(self.config.shown, CoverReason.START)
        try:
            return binding.make_veil(width, height, fps)
        except PasserbyError as exc:
            self.faults.strike(CoverReason.DETECTOR_DEAD, time.monotonic(), time.time_ns(), exc.message)
            return WholeCover(self.config.shown, CoverReason.DETECTOR_DEAD)

    # read and decode

    def _read(self) -> None:
        wait_s = 0.1
        while not self._stopping.is_set():
            began_s = time.monotonic()
            away, longest_s = self._read_once()
            self.reconnects += 1
            self._put(away)
            took_s = time.monotonic() - began_s
            wait_s = next_wait_s(wait_s, took_s, longest_s)
            jitter = random.uniform(0.75, 1.25)  # noqa: S311 - not a secret
            # the time that a try took counts: after one that waited for an answer the next begins at once
            self._stopping.wait(max(0.05, wait_s * jitter - took_s))

    def _read_once(self) -> tuple[_Away, float]:
        """Read until it fails; return why, and the longest time to wait before the next try."""
        source = self.config.input
        if not reachable(source):
            return _Away(CoverReason.NO_PICTURE, "the camera's port does not answer"), ASK_S
        first = True
        try:
            for picture in pictures(source):
                if first:
                    self._put(_Begin())
                    first = False
                self.decode_errors += picture.damaged
                if not self.load.wants(picture.captured_ns):
                    self.left_out += self.load.step > 1
                    continue
                try:
                    self.waiting.put_nowait(picture)
                except queue.Full:
                    # after a stop many come at once; whether the machine keeps up shows in how long pictures wait
                    self.left_out += 1
                if self._stopping.is_set():
                    break
        except SourceError as exc:
            return _Away(exc.reason, exc.message), LOCKED_S if exc.reason is CoverReason.PASSWORD else OPEN_S
        return _Away(CoverReason.NO_PICTURE, "the camera ended its stream"), OPEN_S

    def _put(self, item: _Begin | _Away) -> None:
        while not self._stopping.is_set():
            try:
                self.waiting.put(item, timeout=1.0)
            except queue.Full:
                continue
            return

    # serving process

    def _listen(self) -> None:
        decoder = Decoder()
        while data := self._socket.recv(65536):
            for message in decoder.feed(data):
                self._obey(parse_order(message))
        # the serving process is gone, and with it everyone who may see anything
        os._exit(FAILED)

    def _obey(self, order: Order) -> None:
        match order:
            case StopOrder():
                self._stopping.set()
            case KeyOrder():
                self.pipeline.want_key()
            case CoverOrder(reason, detail):
                self.faults.hold(reason, time.monotonic(), time.time_ns(), detail)
            case UncoverOrder(reason):
                self.faults.lift(reason, time.monotonic())
            case StartOrder():
                raise ServiceError("process must be started once, got a second START")
            case _:
                assert_never(order)

    def _tell_fault(self, reason: CoverReason, began: bool, _began_ns: int, detail: str) -> None:
        self.outbox.report(FaultReport(reason, began, detail))

    # watch

    def _open_and_watch(self) -> None:
        while not self._stopping.is_set() and self.binding is None:
            try:
                self.binding = bind_detector(self.config, self._cycle_offset)
            except PasserbyError as exc:
                self.faults.strike(CoverReason.DETECTOR_DEAD, time.monotonic(), time.time_ns(), exc.message, hold_s=3.0)
                self._stopping.wait(2.0)
        self.waiting.put(_Begin())
        self._watchdog.run(self._stopping)


def next_wait_s(last_s: float, took_s: float, longest_s: float) -> float:
    """Return the time from the beginning of a try to open a camera to that of the next.

    Args:
        last_s: What it was before.
        took_s: How long the try went well, or waited for an answer; after a long one all begins anew.
        longest_s: For this kind of failure.

    >>> next_wait_s(0.4, 0.01, 0.6), next_wait_s(0.6, 3600.0, 0.6), next_wait_s(0.6, 0.2, 60.0)
    (0.6, 0.2, 1.2)
    """
    return min((0.1 if took_s > _GOOD_S else last_s) * 2, longest_s)


def _receive_start(sock: socket.socket) -> StartOrder:
    sock.settimeout(_CONFIG_WAIT_S)
    # to the byte: what comes right after it, such as a cover that is held, is for the listening thread
    header = sock.recv(HEADER_BYTES, socket.MSG_WAITALL)
    body = sock.recv(payload_bytes(header), socket.MSG_WAITALL)
    for message in Decoder().feed(header + body):
        if message.kind is not MessageKind.START:
            raise ServiceError(f"first message must be START, got {message.kind.name}")
        order = parse_order(message)
        if isinstance(order, StartOrder):
            return order
    raise ServiceError("configuration must come first, got the end")


def _end_with_thread(args: threading.ExceptHookArgs) -> None:
    """End the process when one of its threads has failed: what it did is not done any more. Readers see the slate."""
    threading.__excepthook__(args)
    os._exit(FAILED)


def main(argv: list[str]) -> None:
    """Run one camera's process; does not return.

    Args:
        argv: The process number of who started it, and the number of the inherited socket.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.excepthook = _end_with_thread
    guard_process(int(argv[0]))
    sock = socket.socket(fileno=int(argv[1]))
    order = _receive_start(sock)
    sock.settimeout(None)
    Worker(order, sock).run()
    # threads may sit in a camera's socket or in the detector; there is nothing to tidy up
    os._exit(0)
