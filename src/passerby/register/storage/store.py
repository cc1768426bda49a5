"""Where a log's files lie, for whoever reads or writes them: what a directory and an object store both can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from passerby.errors import OutputError, StorageError


class LogSource(Protocol):
    """Where a log can be read from."""

    def get(self, path: str) -> bytes | None:
        """Return a file's bytes, or None where there is none.

        Raises:
            StorageError: it cannot be read.
        """

    def __str__(self) -> str: ...


class Store(LogSource, Protocol):
    """Where a log can be written to."""

    def put_all(self, files: Mapping[str, bytes], *, guard: Callable[[], None] | None = None) -> None:
        """Write files, each whole, replacing what was there; durable when this returns.

        Args:
            files: By path.
            guard: Where writers are kept apart by a lease: called before something else is replaced, to raise if it is lost.

        Raises:
            LockedError: another writer was here.
            StorageError: one of them could not be written; each is then there as before, or as wanted.
        """

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """Write one file that must hold ``old`` before; durable when this returns.

        Raises:
            LockedError: it holds something else: another writer was here.
            StorageError: it could not be written.
        """

    def remove(self, path: str) -> None:
        """Delete a tile and its partial ones, durable when this returns; does nothing where they are gone.

        Raises:
            StorageError: one of them cannot be deleted.
        """

    def drop_partials(self, paths: Iterable[str]) -> None:
        """Mark the partial tiles of tiles that are full for ``tidy``."""

    def tidy(self, most: int | None = None) -> None:
        """Delete what was marked, ``most`` files at a time or all. Failing to is no error: they are only dead weight."""

    def drop_beyond(self, size: int) -> None:
        """Delete tiles that a log of this size does not have: a batch that was never promised left them.

        Readers never ask for them, and the next batch replaces them; this only keeps the directory free of contradictions.
        """

    def hold(self) -> Hold:
        """Keep other writers out until the hold is let go.

        Raises:
            LockedError: another writer holds the log.
            StorageError: the lock cannot be made.
        """


class Hold(Protocol):
    """The right to write, and to no one else."""

    def check(self) -> None:
        """Raise LockedError if the right is lost, as far as is known here."""

    def confirm(self) -> None:
        """Raise LockedError if the right is lost, asking anew.

        Raises:
            StorageError: nobody answers.
        """

    def release(self) -> None:
        """Let the next writer in."""


@contextmanager
def as_storage_errors(what: str) -> Iterator[None]:
    """Turn the system's errors, and those of an atomic write, into ours, for the few plain file jobs outside a store.

    Raises:
        StorageError: the system said no.
    """
    try:
        yield
    except OSError as exc:
        raise StorageError(f"{what}: {exc.strerror or exc}") from exc
    except OutputError as exc:
        cause = exc.__cause__
        told = cause.strerror if isinstance(cause, OSError) else exc.message
        raise StorageError(f"{what}: {told}", hint=exc.hint) from exc
