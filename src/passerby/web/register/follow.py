"""Reads a log into a state and keeps up with it: only new entries are read, and what was read is saved with its checkpoint."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from passerby.errors import (
    EntryError,
    FormatError,
    OutputError,
    PasserbyError,
    StorageError,
    UnfinishedError,
    UsageError,
    VerificationError,
)
from passerby.files import write_atomic
from passerby.register import BundleWithdrawn, Checkpoint, LogReader, Policy, VerifierKey, decode_entry
from passerby.values import utc_now
from passerby.web.register.documents import PageDocument, find, missing
from passerby.web.register.pages import CitizenPages, LogSummary
from passerby.web.register.state import State

FRESH_S = 5.0
CHECK_EVERY_S = 1.0
MAX_KEPT = 256
"""Pages that are kept as rendered, for one instant."""


class Saved(BaseModel):
    """A state on disk, with the checkpoint it was read at.

    Attributes:
        proofs: Entries whose proof stands as a file, and whether its checkpoint met the witnesses' quorum.
        withheld: Digests of the tombstones that were read in the place of bundles.
    """

    model_config = ConfigDict(extra="forbid")

    origin: str
    size: int
    root: str
    vkey: str
    state: State
    proofs: dict[int, bool] = {}
    withheld: list[str] = []


@dataclass(frozen=True, slots=True)
class SiteAddresses:
    """Where the pages and the log stand.

    Attributes:
        base_url: For everybody, with a final slash; None makes it from the log's origin.
        log_url: As seen from the first page.
    """

    base_url: str | None = None
    log_url: str = "./"


class LogFollower:
    """A log's state, kept up to date. Safe to use from several threads.

    Args:
        source: A directory or URL, as ``LogReader.open`` takes it; or a reader that is open.
        vkey: The log's key as known from elsewhere; None takes the log's own word.
        policy: Which witnesses count; None takes the log's own word.
        addresses: Where the pages stand.
        saved: File to go on from; it is written by ``save`` only.
        within_s: How long a server is asked for what is new at the start, all in all; what was read by then is saved. None
            takes all the time that it needs.
        fresh_s: A page's instant is at most this old.
        check_every_s: The log's checkpoint is looked at this often at most, while somebody reads.

    Raises:
        StorageError: the log cannot be read.
        UnfinishedError: it could not be read in time.
        FormatError: a file of it does not parse.
        VerificationError: a signature is wrong, or the log does not start with what was read before.
    """

    def __init__(
        self,
        source: str | Path | LogReader,
        *,
        vkey: VerifierKey | str | None = None,
        policy: Policy | None = None,
        addresses: SiteAddresses | None = None,
        saved: Path | None = None,
        within_s: float | None = None,
        fresh_s: float = FRESH_S,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self.reader: LogReader = (
            source
            if isinstance(source, LogReader)
            else LogReader.open(source, vkey=vkey, policy=policy, within_s=within_s)
        )
        self._fresh_s, self._check_every_s = fresh_s, check_every_s
        self.state = State()
        self.proofs: dict[int, bool] = {}
        self.trouble: str | None = None
        """``broken`` or ``unreachable`` since the last attempt to read; None when all is well."""
        self._addresses = addresses or SiteAddresses()
        self._saved = saved
        self._withheld: set[str] = set()
        self._lock = threading.Lock()
        self._pages: CitizenPages | None = None
        self._kept: dict[tuple[str, str], PageDocument | None] = {}
        self._looked: datetime | None = None
        if saved is not None and saved.exists():
            self._go_on(saved)
        try:
            self._catch_up()
        except UnfinishedError:
            self.save()
            raise

    @property
    def seen(self) -> LogSummary:
        """What is known of the log besides its entries."""
        snapshot = self.reader.snapshot
        signed = len(snapshot.witnesses().counted)
        key = str(snapshot.trust.key)
        return LogSummary(snapshot.checkpoint.origin, snapshot.checkpoint.size, key, signed, snapshot.witnessed)

    @property
    def base_url(self) -> str:
        """Where the pages stand for everybody, with a final slash."""
        return self._addresses.base_url or f"https://{self.seen.origin}/"

    def pages(self, now: datetime | None = None) -> CitizenPages:
        """Return the pages as of now, reading what is new first. They change with the next call: render them before.

        Args:
            now: Aware; None is the present. What cannot be read or was rewritten shows on the pages as an alarm.
        """
        now = now or utc_now()
        if self._looked is None or abs((now - self._looked).total_seconds()) >= self._check_every_s:
            self._looked = now
            self._refresh()
        if self._pages is None or abs((now - self._pages.now).total_seconds()) >= self._fresh_s:
            self._kept.clear()
            log_url = self._addresses.log_url
            self._pages = CitizenPages(
                self.state, self.seen, now, base_url=self.base_url, log_url=log_url, trouble=self.trouble
            )
        return self._pages

    def document(self, path: str, language: str, now: datetime | None = None) -> PageDocument | None:
        """Return what stands at a path of the pages, as of now; see ``find``."""
        with self._lock:
            pages = self.pages(now)
            if (path, language) not in self._kept:
                if len(self._kept) >= MAX_KEPT:
                    self._kept.clear()
                self._kept[path, language] = find(pages, path, language)
            return self._kept[path, language]

    def missing(self, language: str, depth: int) -> PageDocument:
        """Return the page for paths where nothing stands."""
        with self._lock:
            return missing(self.pages(), language, depth)

    def proof(self, index: int) -> bytes:
        """Return the proof of an entry against the newest checkpoint, as a file.

        Raises:
            EntryError: there is no such entry.
            PasserbyError: the log cannot be read, or does not hold together.
        """
        with self._lock:
            return self.reader.prove(index).to_text().encode()

    def raw(self, index: int) -> bytes:
        """Return an entry's bytes; see ``proof``."""
        with self._lock:
            return self.reader.raw(index)

    def file(self, path: str) -> bytes | None:
        """Return one of the log's own files, or None.

        Raises:
            StorageError: it cannot be read.
        """
        return self.reader.source.get(path)

    def close(self) -> None:
        """Let go of the log."""
        self.reader.close()

    def save(self) -> None:
        """Write the state, so that the next reading starts from here.

        Raises:
            StorageError: it cannot be written.
        """
        if self._saved is None:
            return
        point = self.reader.checkpoint()
        saved = Saved(
            origin=point.origin, size=point.size, root=point.root.hex(), vkey=self.seen.vkey,
            state=self.state, proofs=self.proofs, withheld=sorted(self._withheld),
        )  # fmt: skip
        write_if_changed(self._saved, saved.model_dump_json().encode())

    def _refresh(self) -> None:
        before = self.trouble
        try:
            changed = self.reader.refresh()
            self._catch_up()
            self.trouble = None
        except (VerificationError, FormatError):
            changed, self.trouble = False, "broken"
        except PasserbyError:
            changed, self.trouble = False, "unreachable"
        if changed or before != self.trouble:
            self._pages = None

    def _catch_up(self) -> None:
        if self._read_on():
            # something was withdrawn: what is shown of it so far must go, wherever it stands
            self.reader.forget()
            self.state, self.proofs = State(), {}
            self._read_on()

    def _was_read_withheld(self, bundle: int, begin: int) -> bool:
        """Whether all of a bundle was read as it is shown now, by now or since ``begin``: then nothing of it has to go."""
        found = self.reader.withheld(bundle)
        return found is not None and (found.tombstone.first >= begin or found.tombstone.digest in self._withheld)

    def _read_on(self) -> bool:
        """Read what is new; returns whether something that was read before this was withdrawn meanwhile."""
        begin = self.state.size
        try:
            for index, raw in enumerate(self.reader.raws(begin), begin):
                try:
                    entry = decode_entry(raw)
                except EntryError:
                    self.state.skip(index)
                    continue
                if begin and isinstance(entry, BundleWithdrawn) and not self._was_read_withheld(entry.bundle, begin):
                    return True
                self.state.add(index, entry)
        finally:
            read = self.reader.tombstones.values()
            self._withheld |= {tombstone.digest for tombstone in read if tombstone.first >= begin}
        return False

    def _go_on(self, path: Path) -> None:
        try:
            saved = Saved.model_validate_json(path.read_bytes())
        except OSError as exc:
            raise StorageError(f"{path} cannot be read: {exc.strerror}") from exc
        except ValidationError:
            return  # another version's; the log is read anew
        self.reader.grew_from(Checkpoint(saved.origin, saved.size, bytes.fromhex(saved.root)))
        self.state, self._withheld = saved.state, set(saved.withheld)
        if saved.vkey == self.seen.vkey:
            self.proofs = saved.proofs


def write_if_changed(path: Path, data: bytes) -> bool:
    """Write a file of the site, its folder too, only where it says something else already; returns whether it did.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except (OSError, OutputError, UsageError) as exc:
        told = exc.strerror if isinstance(exc, OSError) else exc.message
        raise StorageError(f"{path} cannot be written: {told}") from exc
    return True
