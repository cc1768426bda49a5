"""Reads one file of the target, with all that is packed in it, by every reader that wants it."""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from passerby.errors import PasserbyError
from passerby.scan.files import Budget, DiskFile, ScanLimits, budget_for, is_packed, shown_path, unpacked
from passerby.scan.run.answers import FileAnswers
from passerby.scan.run.cache import AnswerCache
from passerby.scan.run.layers import note_layers
from passerby.scan.values import Observation, Reader, TargetFile, Unread

_MOST_UNREAD = 1000
"""Listed of one file of the target and all that is packed in it."""
_MOST_OBSERVATIONS = 20_000
"""Of one reader on one file; a lock file of the largest products names fewer packages."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file of the target that has to be read.

    Attributes:
        where: On the disk.
        path: Relative to the target.
        size_bytes: As the system says.
        keys: Under which its answers may be kept.
        given_up: Files in it that no reader is asked about, since one hung or crashed there, each with what is said of it.
        tries: How often reading it ended a process.
    """

    where: str
    path: str
    size_bytes: int
    keys: tuple[bytes, ...] = ()
    given_up: Mapping[str, str] = field(default_factory=dict)
    tries: int = 0


class FileReader:
    """Answers jobs, one after another.

    Args:
        readers: Asked in turn.
        limits: Bounds of what is unpacked.
        cache: Of earlier answers, by content; None for none.
    """

    def __init__(self, readers: Sequence[Reader], limits: ScanLimits, cache: AnswerCache | None = None) -> None:
        self._readers, self._limits, self._cache = readers, limits, cache

    def answer(
        self,
        job: Job,
        begin: Callable[[str], None] = lambda _path: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> tuple[FileAnswers, bytes]:
        """Return what a file has to say, and the key of its content, which is empty where it was not computed.

        Args:
            job: The file.
            begin: Told the path of each file before it is read.
            clock: Asked while it is unpacked.
        """
        key = b""
        try:
            file = DiskFile(job.where, job.path)
            if self._cache and not job.given_up and self._is_worth_a_digest(file):
                key = self._cache.content_key(file.path, file.digest())
                kept = self._cache.read(key)
                if kept is not None:
                    return kept, key
        except OSError as exc:
            unread = Unread(shown_path(job.path), f"it cannot be read: {exc.strerror or exc}")
            return FileAnswers(unread=[unread], lasting=False), b""
        budget = budget_for(file, self._limits, clock)
        return read_file(file, self._readers, budget, begin=begin, given_up=job.given_up), key

    def _is_worth_a_digest(self, file: TargetFile) -> bool:
        try:
            return is_packed(file) or any(reader.wants(file) for reader in self._readers)
        except Exception:  # noqa: BLE001 - reading it names the reader
            return False


def load_readers(place: str) -> tuple[Reader, ...]:
    """Return the readers that a module holds.

    Args:
        place: ``module:NAME``.
    """
    module, _, name = place.partition(":")
    return tuple(getattr(importlib.import_module(module), name))


def read_file(
    file: TargetFile,
    readers: Sequence[Reader],
    budget: Budget,
    *,
    begin: Callable[[str], None] = lambda _path: None,
    given_up: Mapping[str, str] = MappingProxyType({}),
) -> FileAnswers:
    """Ask every reader about a file and about each file that is packed in it. Never raises for what is in them.

    Args:
        file: Of the target.
        readers: Asked in turn.
        budget: Of the file.
        begin: Told the path of each file before it is read.
        given_up: Paths that no reader is asked about, and why.
    """
    answers = FileAnswers()
    unlisted = 0
    for member in _members(file, budget):
        if isinstance(member, Unread):
            if len(answers.unread) < _MOST_UNREAD:
                answers.add(member)
            else:
                unlisted += 1
            continue
        answers.files += 1
        answers.size_bytes += member.size_bytes
        if member.path in given_up:
            answers.add(Unread(member.path, given_up[member.path]))
            continue
        begin(member.path)
        with suppress(OSError):  # readers meet it again, and name it
            note_layers(member, answers)
        for reader in readers:
            for one in _asked(reader, member, answers):
                answers.add(one)
    if unlisted:
        answers.add(Unread(file.path, f"{unlisted} more things in it were not read, or are odd: they are not listed"))
    answers.lasting &= not budget.late and not given_up
    return answers


def _members(file: TargetFile, budget: Budget) -> Iterator[TargetFile | Unread]:
    try:
        yield from unpacked(file, budget)
    except Exception as exc:  # noqa: BLE001 - a hostile file must not end the scan; what escapes is named
        yield Unread(file.path, f"it cannot be opened further: {type(exc).__name__}")


def _asked(reader: Reader, file: TargetFile, answers: FileAnswers) -> Iterator[Observation]:
    try:
        if not reader.wants(file):
            return
        given = iter(reader.read(file))
        yield from itertools.islice(given, _MOST_OBSERVATIONS)
        if next(given, None) is not None:
            yield Unread(
                file.path, f"{reader.name} found more than {_MOST_OBSERVATIONS} things in it: the rest is left out"
            )
    except OSError as exc:
        answers.lasting = False
        yield Unread(file.path, f"it cannot be read: {exc.strerror or exc}")
    except PasserbyError as exc:
        yield Unread(file.path, f"{reader.name}: {exc.message}")
    except Exception as exc:  # noqa: BLE001 - a hostile file must not end the scan; what escapes is named
        answers.lasting = not isinstance(exc, MemoryError) and answers.lasting
        yield Unread(file.path, f"reader {reader.name} failed on it: {type(exc).__name__}")
