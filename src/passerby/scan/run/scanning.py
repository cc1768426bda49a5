"""Scans a target: walks it, asks what was kept, has the rest read, and makes one result of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from passerby.config import processors
from passerby.scan.files import Walked, shown_path, walk_target
from passerby.scan.run.answers import FileAnswers
from passerby.scan.run.cache import AnswerCache, binding_of, was_left_alone
from passerby.scan.run.committed import walk_committed
from passerby.scan.run.joining import Joining
from passerby.scan.run.pool import Done, WorkerPool
from passerby.scan.run.reading import FileReader, Job, load_readers
from passerby.scan.run.settings import Progress, ScanSettings
from passerby.scan.run.suppressing import read_suppressions
from passerby.scan.values import ScanResult, Unread
from passerby.values import utc_now

ALL_READERS = "passerby.scan.run.readers:READERS"
_DEFAULTS = ScanSettings()
_TELL_S = 0.1


def scan_target(
    target: Path,
    settings: ScanSettings = _DEFAULTS,
    progress: Callable[[Progress], None] | None = None,
    *,
    readers: str = ALL_READERS,
) -> ScanResult:
    """Find what can identify faces in a folder or a file, archives in it opened. Nothing of it is run or changed.

    Args:
        target: A folder, or a file of any kind.
        settings: How.
        progress: Called a few times a second.
        readers: ``module:NAME`` of a tuple of them, which processes of their own can import.

    Raises:
        ScanError: the target does not exist, or is neither a file nor a folder, or Git does not hold it though only what is
            committed was asked for; no process can be started.
        ConfigError: the file of suppressions is wrong.
    """
    walked = walk_committed(target) if settings.committed else walk_target(target)
    return scan_files(str(target), walked, settings, progress, readers=readers)


def scan_files(
    name: str,
    walked: Iterable[Walked | Unread],
    settings: ScanSettings = _DEFAULTS,
    progress: Callable[[Progress], None] | None = None,
    *,
    readers: str = ALL_READERS,
) -> ScanResult:
    """Scan files that something else than a folder lists; see :func:`scan_target`.

    Args:
        name: Of all of them together.
        walked: The files, and what could not be listed.
        settings: How.
        progress: Called a few times a second.
        readers: ``module:NAME`` of a tuple of them.
    """
    suppressions = read_suppressions(settings.suppressions) if settings.suppressions else ()
    loaded = load_readers(readers)
    cache = AnswerCache(settings.keep, binding_of(loaded, settings.limits)) if settings.keep else None
    joining = Joining(name)
    counting = _Counting(progress)
    try:
        with _crew(readers, settings, cache) as crew:
            for job in _jobs(walked, cache, joining, counting):
                for done in crew.submit(job):
                    _take(done, cache, joining, counting)
            for done in crew.finish():
                _take(done, cache, joining, counting)
    finally:
        if cache:
            cache.close()
    return joining.result(suppressions, utc_now().date())


class _Counting:
    """How far the scan is."""

    def __init__(self, progress: Callable[[Progress], None] | None) -> None:
        self._progress, self._began_s, self._told_s = progress, time.monotonic(), 0.0
        self._files = self._size_bytes = 0

    def add(self, job: Job) -> None:
        self._files += 1
        self._size_bytes += job.size_bytes
        now_s = time.monotonic()
        if self._progress and now_s > self._told_s + _TELL_S:
            self._told_s = now_s
            self._progress(Progress(self._files, self._size_bytes, now_s - self._began_s, shown_path(job.path)))


class _Crew(Protocol):
    def submit(self, job: Job) -> Iterator[Done]: ...

    def finish(self) -> Iterator[Done]: ...


class _Alone:
    """Reads in this process."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader

    def submit(self, job: Job) -> Iterator[Done]:
        answers, key = self._reader.answer(job)
        yield Done(job, answers, key)

    def finish(self) -> Iterator[Done]:
        return iter(())


@contextmanager
def _crew(readers: str, settings: ScanSettings, cache: AnswerCache | None) -> Iterator[_Crew]:
    count = processors() if settings.workers is None else settings.workers
    if not count:
        yield _Alone(FileReader(load_readers(readers), settings.limits, cache))
        return
    with closing(WorkerPool(readers, settings, count)) as pool:
        yield pool


def _jobs(
    walked: Iterable[Walked | Unread], cache: AnswerCache | None, joining: Joining, counting: _Counting
) -> Iterator[Job]:
    """Yield the files of which nothing was kept."""
    now_ns = time.time_ns()
    for found in walked:
        if isinstance(found, Unread):
            joining.add(FileAnswers(unread=[found]))
            continue
        try:
            status = os.lstat(found.where)
        except OSError as exc:
            joining.add(
                FileAnswers(unread=[Unread(shown_path(found.path), f"it cannot be read: {exc.strerror or exc}")])
            )
            continue
        keys = (cache.file_key(found.path, status),) if cache and was_left_alone(status, now_ns) else ()
        job = Job(found.where, found.path, status.st_size, keys)
        kept = cache.read(keys[0]) if cache and keys else None
        if kept is None:
            yield job
        else:
            joining.add(kept)
            counting.add(job)


def _take(done: Done, cache: AnswerCache | None, joining: Joining, counting: _Counting) -> None:
    joining.add(done.answers)
    counting.add(done.job)
    if cache is not None and done.answers.lasting:
        cache.write([*_unchanged(done.job, cache), *([done.key] if done.key else [])], done.answers)


def _unchanged(job: Job, cache: AnswerCache) -> tuple[bytes, ...]:
    """Return the key of what the system says of a file, unless it was changed while it was read."""
    if not job.keys:
        return ()
    try:
        return job.keys if cache.file_key(job.path, os.lstat(job.where)) == job.keys[0] else ()
    except OSError:
        return ()
