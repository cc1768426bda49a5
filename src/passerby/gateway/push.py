"""Pushes a camera's veiled stream to a server of the user's: RTSP ANNOUNCE and RECORD by PyAV, from a thread of its own."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable
from fractions import Fraction
from urllib.parse import quote, urlsplit, urlunsplit

import av
from av.error import FFmpegError

from passerby.gateway.relay import AccessUnit, Relay
from passerby.gateway.values import TICKS_PER_S, PushConfig

WAITING = 256
_LONGEST_S = 10.0
_TIMEOUT = (5.0, 5.0)


class Pusher:
    """Keeps one stream pushed, for ever.

    Args:
        config: Where to.
    """

    def __init__(self, config: PushConfig) -> None:
        self._config = config
        self._waiting: queue.Queue[AccessUnit | None] = queue.Queue(WAITING)
        self._await_key = True
        self._leave: Callable[[], None] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.connected = False
        self.sent = self.dropped = self.failures = 0
        self.last_failure = ""

    def start(self, relay: Relay) -> None:
        """Begin to push."""
        self._thread = threading.Thread(target=self._run, name="push", daemon=True)
        self._thread.start()
        self._leave = relay.subscribe(self._offer)

    def stop(self) -> None:
        """End the push. A server that does not answer is left to its timeout."""
        self._stopping.set()
        if self._leave is not None:
            self._leave()
            self._leave = None
        if self._thread is not None:
            self._thread.join(_TIMEOUT[1] * 2 + 1)
            self._thread = None

    def _offer(self, unit: AccessUnit) -> None:
        if self._await_key and not unit.key:
            self.dropped += 1
            return
        try:
            self._waiting.put_nowait(unit)
            self._await_key = False
        except queue.Full:
            # the server takes less than comes: go on at a key frame
            self._await_key = True
            self.dropped += 1

    def _run(self) -> None:
        wait_s = 0.5
        while not self._stopping.is_set():
            try:
                if self._push():
                    wait_s = 0.5
            except (FFmpegError, OSError) as exc:
                self.failures += 1
                # the text of the error holds the address, with its password
                self.last_failure = type(exc).__name__
            self.connected = False
            self._stopping.wait(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
            wait_s = min(wait_s * 2, _LONGEST_S)

    def _next(self) -> AccessUnit | None:
        while not self._stopping.is_set():
            try:
                return self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
        return None

    def _push(self) -> bool:
        """Push until the stream's parameters change or the server goes; return whether anything was sent."""
        unit = self._next()
        while unit is not None and not unit.key:
            unit = self._next()
        if unit is None:
            return False
        first, sent_before = unit, self.sent
        width, height = first.parameters.size
        options = {"rtsp_transport": self._config.transport}
        with av.open(_address(self._config), "w", format="rtsp", options=options, timeout=_TIMEOUT) as container:
            stream = container.add_mux_stream("h264", 25, width=width, height=height)
            stream.time_base = Fraction(1, TICKS_PER_S)
            start = b"\x00\x00\x00\x01"
            stream.codec_context.extradata = start + first.parameters.sps + start + first.parameters.pps
            while unit is not None and unit.parameters == first.parameters:
                packet = av.Packet(unit.data)
                packet.stream = stream
                packet.time_base = Fraction(1, TICKS_PER_S)
                packet.pts = packet.dts = unit.ticks - first.ticks
                packet.is_keyframe = unit.key
                container.mux(packet)
                self.connected = True
                self.sent += 1
                unit = self._next()
        return self.sent > sent_before


def _address(config: PushConfig) -> str:
    if config.username is None:
        return config.url
    parts = urlsplit(config.url)
    secret = quote(config.username, safe="") + ":" + quote(config.password or "", safe="") + "@"
    return urlunsplit(parts._replace(netloc=secret + parts.netloc.rpartition("@")[2]))
