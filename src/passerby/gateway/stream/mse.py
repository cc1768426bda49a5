"""Live viewing by MSE: one row of movie fragments a camera, the same bytes for every viewer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

from passerby.gateway.stream.fmp4 import Sample, fragment, init_segment
from passerby.gateway.stream.readers import AccessUnit
from passerby.gateway.stream.relay import Relay
from passerby.gateway.values import TICKS_PER_S
from passerby.media import ParameterSets

WAITING = 64
"""Fragments that may wait for a viewer; beyond, it is skipped up to the next key frame."""
_LEAST_TICKS = TICKS_PER_S * 16 // 100
"""Declared duration of a picture whose successor is not known. Media Source Extensions drop pictures up to the next key frame
after a gap of more than twice the declared duration (section "coded frame processing"), so it is rather too long."""


class Viewer:
    """One viewer's queue."""

    def __init__(self, closed: Callable[[], None]) -> None:
        self._queue: asyncio.Queue[tuple[ParameterSets, bytes] | None] = asyncio.Queue(WAITING + 1)
        self._closed = closed
        self._await_key = True
        self.skipped = 0

    def offer(self, parameters: ParameterSets, data: bytes, *, key: bool) -> None:
        """Put a fragment into the queue, or skip it where the viewer is slow."""
        if self._await_key and not key:
            self.skipped += 1
            return
        if self._queue.qsize() >= WAITING:
            self._await_key = True
            self.skipped += 1
            return
        self._await_key = False
        self._queue.put_nowait((parameters, data))

    def end(self) -> None:
        """Let the viewer's messages end."""
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    def cut(self) -> None:
        """Let the viewer's messages end now, without what still waits."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self.end()

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Return what to send: text with the codec and the initialisation segment whenever they change, and fragments."""
        known: ParameterSets | None = None
        try:
            while (item := await self._queue.get()) is not None:
                parameters, data = item
                if parameters != known:
                    known = parameters
                    width, height = parameters.size
                    yield json.dumps({"codec": parameters.codec, "width": width, "height": height})
                    yield init_segment(parameters)
                yield data
        finally:
            self._closed()


class LiveFeed:
    """A camera's fragments and their viewers. Costs nothing without viewers."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self._viewers: set[Viewer] = set()
        self._recent: list[tuple[ParameterSets, bytes, bool]] = []
        self._leave: Callable[[], None] | None = None
        self._sequence = 0
        self._last: tuple[int, int] = (0, _LEAST_TICKS)

    @property
    def viewers(self) -> int:
        """Return how many watch now."""
        return len(self._viewers)

    def join(self) -> Viewer:
        """Add a viewer; it begins at the last key frame."""
        if self._leave is None:
            self._leave = self.relay.subscribe(self._take)
        viewer = Viewer(lambda: self._quit(viewer))
        self._viewers.add(viewer)
        for parameters, data, key in self._recent[-WAITING:] if len(self._recent) <= WAITING else []:
            viewer.offer(parameters, data, key=key)
        return viewer

    def close(self) -> None:
        """End every viewer."""
        for viewer in list(self._viewers):
            viewer.end()

    def _quit(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        if not self._viewers and self._leave is not None:
            self._leave()
            self._leave = None
            self._recent = []

    def _take(self, unit: AccessUnit) -> None:
        before, step = self._last
        if before:
            step = max(unit.ticks - before, _LEAST_TICKS)
        self._last = (unit.ticks, step)
        self._sequence += 1
        data = fragment(self._sequence, unit.ticks, (Sample(unit.nals, min(step, TICKS_PER_S), unit.key),))
        if unit.key:
            self._recent = []
        if unit.key or self._recent:
            self._recent.append((unit.parameters, data, unit.key))
        if len(self._recent) > 600:
            self._recent = []
        for viewer in list(self._viewers):
            viewer.offer(unit.parameters, data, key=unit.key)
