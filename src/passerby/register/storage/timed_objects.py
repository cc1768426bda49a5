"""An object store that is read for so long, all in all: whoever runs it may answer slowly for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from passerby.errors import UnfinishedError
from passerby.register.storage.object_store import ObjectStore


class TimedObjects:
    """A log on an object store, for who reads it once; not from a thread in which an event loop runs.

    Args:
        store: Is read.
        within_s: How long it is asked at all, from now on.
        clock: Seconds that only grow.
    """

    def __init__(self, store: ObjectStore, within_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._within_s, self._clock = store, within_s, clock
        self._began_s = clock()

    def __str__(self) -> str:
        return str(self._store)

    def get(self, path: str) -> bytes | None:
        """See ``LogSource.get``.

        Raises:
            UnfinishedError: the time is over, before or while it was asked.
        """
        left_s = self._began_s + self._within_s - self._clock()
        try:
            if left_s > 0:
                return asyncio.run(asyncio.wait_for(self._store.get_async(path), left_s))
        except TimeoutError:
            pass
        raise UnfinishedError(f"{self} was read for {self._within_s:g} s, and is not read whole")
