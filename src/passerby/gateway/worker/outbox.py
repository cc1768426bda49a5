"""What a worker sends, bounded, written by a thread of its own so that a slow reader never holds up the veil."""

from __future__ import annotations

import os
import socket
import threading
from collections import deque

from passerby.gateway.messages import Report, VeiledUnit, encode_message

MAX_BYTES = 8 * 1024 * 1024
_GONE = 75
"""Exit code of a worker whose serving process is gone (EX_TEMPFAIL)."""


class Outbox:
    """Sends messages in order.

    Args:
        sock: To the serving process; blocking.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._await_key = False
        self._ready = threading.Condition()
        self.dropped = 0

    def start(self) -> None:
        """Begin to write."""
        threading.Thread(target=self._write, name="outbox", daemon=True).start()

    def unit(self, unit: VeiledUnit) -> None:
        """Send a unit, or drop it and what follows up to the next key frame when too much is waiting."""
        with self._ready:
            full = self._bytes + len(unit.data) > MAX_BYTES
            if full or (self._await_key and not unit.key):
                self._await_key = True
                self.dropped += 1
                return
            self._await_key = False
        self._put(encode_message(unit))

    def report(self, report: Report) -> None:
        """Send a report; dropped when twice the bound is waiting."""
        self._put(encode_message(report))

    def drain(self, within_s: float) -> bool:
        """Wait until everything is sent, a bounded time; return whether it is."""
        with self._ready:
            return self._ready.wait_for(lambda: self._bytes == 0, within_s)

    def _put(self, data: bytes) -> None:
        with self._ready:
            if self._bytes + len(data) > 2 * MAX_BYTES:
                self.dropped += 1
                return
            self._waiting.append(data)
            self._bytes += len(data)
            self._ready.notify()

    def _write(self) -> None:
        while True:
            with self._ready:
                while not self._waiting:
                    self._ready.wait()
                data = self._waiting.popleft()
            try:
                self._socket.sendall(data)
            except OSError:
                # without a serving process nobody may see anything: end at once, whatever the other threads do
                os._exit(_GONE)
            with self._ready:
                self._bytes -= len(data)
                self._ready.notify_all()
