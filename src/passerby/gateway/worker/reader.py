"""Reads a camera for ever, from a thread of its own, into a bounded queue: pictures, and where connections begin and end."""

from __future__ import annotations

import queue
import random
import threading
from dataclasses import dataclass, replace

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import InputConfig
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.load import Load
from passerby.gateway.worker.source import CameraFrame, SourceError, frames, reachable

QUEUE_PICTURES = 20
"""More than a second of pictures at once come only when a camera was just opened."""
ASK_S, OPEN_S, LOCKED_S = 0.4, 0.6, 60.0
"""Longest times from one try to the next: a closed port costs next to nothing to ask; an open one that gives no stream costs a
session, and a picture is wanted within two seconds after the camera is back; a refused password may lock the account."""
_FIRST_S, _LEAST_S = 0.1, 0.05
_GOOD_S = 5.0


@dataclass(frozen=True, slots=True)
class ConnectionBegan:
    """Pictures before it have nothing to do with those after it."""


@dataclass(frozen=True, slots=True)
class CameraAway:
    """There is no picture.

    Attributes:
        reason: Why.
        detail: A sentence, or empty.
    """

    reason: CoverReason
    detail: str


Item = CameraFrame | ConnectionBegan | CameraAway


class CameraReader:
    """The reading of one camera.

    Args:
        source: Where its pictures come from.
        load: Says which pictures are wanted.
        clock: The machine's clocks.

    Attributes:
        waiting: What was read and is not veiled yet.
        reconnects: Tries to open the camera that came to an end.
        left_out: Pictures that were not put into the queue by overload.
        decode_errors: Corrupt frames.
    """

    def __init__(self, source: InputConfig, load: Load, *, clock: Clock = MACHINE) -> None:
        self._source, self._load, self._clock = source, load, clock
        self.waiting: queue.Queue[Item] = queue.Queue(QUEUE_PICTURES)
        self.reconnects = self.left_out = self.decode_errors = 0
        self._gap = False

    def run(self, stopping: threading.Event) -> None:
        """Read, open anew, read, until told to stop."""
        wait_s = _FIRST_S
        while not stopping.is_set():
            began_s = self._clock.now_s()
            away, longest_s = self._read_once(stopping)
            self.reconnects += 1
            self.put(away, stopping)
            took_s = self._clock.now_s() - began_s
            wait_s = next_wait_s(wait_s, took_s, longest_s)
            jitter = random.uniform(0.75, 1.25)  # noqa: S311 - not a secret
            # the time that a try took counts: after one that waited for an answer the next begins at once
            stopping.wait(max(_LEAST_S, wait_s * jitter - took_s))

    def put(self, item: ConnectionBegan | CameraAway, stopping: threading.Event) -> None:
        """Put what must not be left out into the queue, when there is space."""
        while not stopping.is_set():
            try:
                self.waiting.put(item, timeout=1.0)
            except queue.Full:
                continue
            return

    def _read_once(self, stopping: threading.Event) -> tuple[CameraAway, float]:
        """Read until it fails; return why, and the longest time to wait before the next try."""
        if not reachable(self._source):
            return CameraAway(CoverReason.NO_PICTURE, "the camera's port does not answer"), ASK_S
        first = True
        try:
            for frame in frames(self._source):
                if first:
                    self.put(ConnectionBegan(), stopping)
                    first = False
                self._offer(frame)
                if stopping.is_set():
                    break
        except SourceError as exc:
            told = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
            return CameraAway(exc.reason, told), LOCKED_S if exc.reason is CoverReason.PASSWORD else OPEN_S
        return CameraAway(CoverReason.NO_PICTURE, "the camera ended its stream"), OPEN_S

    def _offer(self, frame: CameraFrame) -> None:
        self.decode_errors += frame.corrupt
        self._gap = self._gap or frame.after_gap
        if not self._load.wants(frame.captured_ns):
            self.left_out += self._load.step > 1
            return
        try:
            self.waiting.put_nowait(replace(frame, after_gap=self._gap))
        except queue.Full:
            # after a stop many come at once; whether the machine keeps up shows in how long pictures wait
            self.left_out += 1
            self._gap = True
        else:
            self._gap = False


def next_wait_s(last_s: float, took_s: float, longest_s: float) -> float:
    """Return the time from the beginning of a try to open a camera to that of the next.

    Args:
        last_s: What it was before.
        took_s: How long the try went well, or waited for an answer; after a long one all begins anew.
        longest_s: For this kind of failure.

    >>> next_wait_s(0.4, 0.01, 0.6), next_wait_s(0.6, 3600.0, 0.6), next_wait_s(0.6, 0.2, 60.0)
    (0.6, 0.2, 1.2)
    """
    return min((_FIRST_S if took_s > _GOOD_S else last_s) * 2, longest_s)
