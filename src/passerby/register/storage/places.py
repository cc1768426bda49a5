"""From what a person types (a directory, a URL) to where a log is read from or written to."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from passerby.errors import StorageError, UnfinishedError, UsageError
from passerby.objects import is_address
from passerby.register.storage.directory_store import DirectoryStore
from passerby.register.storage.exchange import ExchangeAnswer, Exchanges, Patience
from passerby.register.storage.object_store import ObjectStore
from passerby.register.storage.settings import WriterSettings
from passerby.register.storage.store import LogSource, as_storage_errors
from passerby.register.storage.timed_objects import TimedObjects
from passerby.register.tiles import MAX_BUNDLE_BYTES


class HttpSource:
    """A log behind any web server. Each file is bounded in bytes and time, and a server that is slow on purpose is given up.

    Args:
        url: Of the folder that holds the checkpoint.
        exchanges: To ask with.
        patience: With a server that is slow.
        within_s: How long it is asked at all, from now on; None for who follows a log for weeks.
        wait: Waits so many seconds, where the server says that it is asked too much.
    """

    def __init__(
        self,
        url: str,
        *,
        exchanges: Exchanges | None = None,
        patience: Patience | None = None,
        within_s: float | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
            raise UsageError(f"a log's address must be like https://cameras.example.org/log, got {url!r}")
        self._url = url.rstrip("/")
        self._exchanges = exchanges or Exchanges()
        self._patience = patience or Patience()
        self._within_s, self._wait = within_s, wait
        self._began_s = self._patience.clock()

    def __str__(self) -> str:
        return self._url

    def get(self, path: str) -> bytes | None:
        """See ``LogSource.get``.

        Raises:
            UnfinishedError: the time is over. A valid log may go on for ever.
        """
        url = f"{self._url}/{path}"
        answer = self._ask(url)
        while answer.status == httpx.codes.TOO_MANY_REQUESTS and answer.again_s:
            self._wait(min(answer.again_s, self._time_left_s()))
            if self._within_s is None:  # else that bounds it, and who asks openly to wait loses no patience
                self._patience.spend(answer.again_s, 0)
            answer = self._ask(url)
        if answer.status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            return None
        if answer.status != httpx.codes.OK:
            raise StorageError(f"{url} must answer 200, got {answer.status}")
        return answer.body

    def _ask(self, url: str) -> ExchangeAnswer:
        left_s = min(self._patience.left_s + 1, self._time_left_s())
        if self._patience.left_s <= 0:
            raise StorageError(
                f"{url} is not asked for any more: the server answers too slowly", hint="try again later"
            )
        began_s, size = self._patience.clock(), 0
        try:
            deadline_s = min(left_s, self._exchanges.deadline_s)
            answer = self._exchanges.ask("GET", url, most_bytes=MAX_BUNDLE_BYTES, deadline_s=deadline_s)
            size = len(answer.body)
            return answer
        except StorageError:
            self._time_left_s()  # the file may have been in time, and the reading over
            raise
        finally:
            self._patience.spend(self._patience.clock() - began_s, size)

    def close(self) -> None:
        """Hang up."""
        self._exchanges.close()

    def _time_left_s(self) -> float:
        if self._within_s is None:
            return math.inf
        left_s = self._began_s + self._within_s - self._patience.clock()
        if left_s <= 0:
            raise UnfinishedError(f"{self._url} was read for {self._within_s:g} s, and is not read whole")
        return left_s


def open_store(place: str, settings: WriterSettings | None = None) -> DirectoryStore | ObjectStore:
    """Return where a log's public files are written.

    Args:
        place: A directory, or the URL of an object store; its options come from the environment, as ``obstore`` has it.
        settings: Disk, clock and patience; None takes the usual ones.

    Raises:
        UsageError: nothing can be written there.
    """
    settings = settings or WriterSettings()
    if is_address(place):
        backend = settings.connect(place, settings.retry)
        return ObjectStore(backend, place, lease_s=settings.lease_s, clock=settings.clock)
    scheme = urlsplit(place).scheme
    if scheme and len(scheme) > 1:
        raise UsageError(f"a log is written to a directory or an object store, got {place}")
    return DirectoryStore(Path(place), disk=settings.disk)


def open_source(place: str | Path, *, within_s: float | None = None) -> LogSource:
    """Return where a log is read from.

    Args:
        place: A directory (the writer's, or one with the files themselves), an ``http(s)`` URL, or an object store's URL.
        within_s: How long a server or an object store is asked, as ``HttpSource`` takes it.

    Raises:
        UsageError: there is no log to be read there.
        StorageError: it is a link inside a folder, which others may have put there, or cannot be looked at.
    """
    if urlsplit(str(place)).scheme in ("http", "https"):
        return HttpSource(str(place), within_s=within_s)
    store = open_store(str(place))
    if isinstance(store, ObjectStore):
        return store if within_s is None else TimedObjects(store, within_s)
    path = Path(place)
    with as_storage_errors(f"{path} cannot be read"):
        if not path.is_dir():
            raise UsageError(f"{path} must be a directory or a URL")
        public = path / "public"
        if public.is_symlink():
            raise StorageError(f"{public} must be a folder, got a link", hint="name the folder that it leads to")
        return DirectoryStore(public) if public.is_dir() else store
