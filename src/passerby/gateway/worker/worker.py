"""The camera process: ``python -m passerby.gateway.worker PARENT FD``. Bare pictures exist here and nowhere else.

Threads: one reads and decodes (``reader``), one (the main one) veils and encodes (``loop``), one writes to the serving process
(``outbox``), one listens to it, one keeps watch (``watchdog``). They share the bounded queue of pictures, ``Faults`` and the
outbox, each of which guards itself.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import assert_never

from passerby.errors import PasserbyError, ServiceError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.messages import (
    CoverOrder,
    FaultReport,
    KeyOrder,
    Order,
    StartOrder,
    StatusReport,
    StopOrder,
    UncoverOrder,
    parse_order,
)
from passerby.gateway.values import CoverReason
from passerby.gateway.wire import HEADER_BYTES, Decoder, MessageKind, payload_bytes
from passerby.gateway.worker.binding import DetectorBinding, bind_detector
from passerby.gateway.worker.detecting import SelfTests
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.load import Load
from passerby.gateway.worker.loop import PictureLoop
from passerby.gateway.worker.outbox import Outbox
from passerby.gateway.worker.pipeline import Pipeline
from passerby.gateway.worker.process import guard_process
from passerby.gateway.worker.reader import CameraReader, ConnectionBegan
from passerby.gateway.worker.veiling import NoSealer, Veil, WholeCover, report_of, sealer_for
from passerby.gateway.worker.watchdog import StatusTeller, Watchdog
from passerby.veil import Company

_START_WAIT_S = 10.0
_DRAIN_S = 0.5
_BIND_AGAIN_S, _BIND_HOLD_S = 2.0, 3.0
FAILED = 70
"""Exit code of a worker that cannot go on (EX_SOFTWARE)."""


class Worker:
    """One camera's process: its parts and its threads.

    Args:
        order: What it is for.
        sock: To the serving process.
        clock: The machine's clocks.
    """

    def __init__(self, order: StartOrder, sock: socket.socket, *, clock: Clock = MACHINE) -> None:
        camera = order.camera
        self._order, self._socket, self._clock = order, sock, clock
        self._stopping = threading.Event()
        self._outbox = Outbox(sock)
        self._faults = Faults(self._tell_fault)
        self._load = Load(camera.privacy.on_overload, camera.output.max_fps, order.rate_step)
        self._reader = CameraReader(camera.input, self._load, clock=clock)
        self._sealer = sealer_for(order.seal, clock)
        self._pipeline = Pipeline(
            camera,
            self._make_veil,
            self._faults,
            self._outbox.unit,
            settle=lambda captured_ns, whole: self._sealer.settle(captured_ns, whole=whole),
            clock=clock,
        )
        self._binding: DetectorBinding | None = None

    def run(self) -> None:
        """Work until told to stop; return then."""
        self._faults.hold(CoverReason.START, self._clock.now_s(), self._clock.wall_ns())
        self._outbox.start()
        self._sealer.start()
        self._thread(self._listen, "listen")
        self._thread(lambda: self._reader.run(self._stopping), "read")
        self._thread(self._bind_and_watch, "watch")
        loop = PictureLoop(self._pipeline, self._load, self._faults, self._outbox.report, clock=self._clock)
        loop.run(self._reader.waiting, self._stopping)
        self._sealer.close()
        self._tell_sealed()
        self._outbox.drain(_DRAIN_S)

    def _thread(self, target: Callable[[], None], name: str) -> None:
        threading.Thread(target=target, name=name, daemon=True).start()

    def _make_veil(self, width: int, height: int, fps: float) -> Veil:
        title, binding = self._order.camera.shown, self._binding
        if binding is None:
            return WholeCover(title, CoverReason.START)
        try:
            return binding.make_veil(width, height, fps)
        except PasserbyError as exc:
            self._faults.strike(CoverReason.DETECTOR_DEAD, self._clock.now_s(), self._clock.wall_ns(), exc.message)
            return WholeCover(title, CoverReason.DETECTOR_DEAD)

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
                self._pipeline.want_key()
            case CoverOrder(reason, detail):
                self._faults.hold(reason, self._clock.now_s(), self._clock.wall_ns(), detail)
            case UncoverOrder(reason):
                self._faults.lift(reason, self._clock.now_s())
            case StartOrder():
                raise ServiceError("process must be started once, got a second START")
            case _:
                assert_never(order)

    def _tell_fault(self, reason: CoverReason, began: bool, _began_ns: int, detail: str) -> None:
        self._outbox.report(FaultReport(reason, began, detail))

    def _tell_status(self, status: StatusReport) -> None:
        self._outbox.report(status)
        self._tell_sealed()

    def _tell_sealed(self) -> None:
        report = report_of(self._sealer)
        if report is not None:
            self._outbox.report(report)

    # watch

    def _bind_and_watch(self) -> None:
        binding = self._bind()
        if binding is None:
            return
        self._binding = binding
        self._reader.put(ConnectionBegan(), self._stopping)
        order, camera = self._order, self._order.camera
        selftests = SelfTests(
            binding.detector,
            self._faults,
            self._outbox.report,
            interval_s=order.selftest_s,
            cycle_offset=order.cycle_offset,
            clock=self._clock,
        )
        teller = StatusTeller(
            self._reader,
            self._pipeline,
            self._faults,
            selftests,
            company=binding.company,
            sealer=self._sealer,
            lookahead_frames=camera.privacy.lookahead_frames,
        )
        watchdog = Watchdog(
            binding,
            self._pipeline,
            self._faults,
            selftests,
            tell=lambda now_s: self._tell_status(teller.status(now_s)),
            cover_times=camera.privacy.cover_times,
            clock=self._clock,
        )
        watchdog.run(self._stopping)

    def _bind(self) -> DetectorBinding | None:
        while not self._stopping.is_set():
            try:
                company = Company(self._order.people, self._clock.monotonic_ns())
                stage = None if isinstance(self._sealer, NoSealer) else self._sealer.stage
                return bind_detector(self._order.camera, self._order.cycle_offset, company, stage)
            except PasserbyError as exc:
                now_s, wall_ns = self._clock.now_s(), self._clock.wall_ns()
                self._faults.strike(CoverReason.DETECTOR_DEAD, now_s, wall_ns, exc.message, hold_s=_BIND_HOLD_S)
                self._stopping.wait(_BIND_AGAIN_S)
        return None


def _receive_start(sock: socket.socket) -> StartOrder:
    sock.settimeout(_START_WAIT_S)
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
