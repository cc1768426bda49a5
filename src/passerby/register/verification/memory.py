"""What a watcher keeps of a log between two visits, in a state directory of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field, NonNegativeInt, ValidationError

from passerby.errors import FormatError, UsageError
from passerby.register.notes import Checkpoint, VerifierKey, split_note
from passerby.register.storage import DirectoryStore
from passerby.register.verification.evidence import EvidenceFolder, HeldTree
from passerby.register.verification.history import HistoryState


class LastVisit(BaseModel):
    """What is kept of a log besides its checkpoint.

    Attributes:
        place: Where it was visited.
        vkey: The key that it is known by.
        own_word: The key was never confirmed from elsewhere.
        policy: The witnesses that the log itself named, as last accepted.
        announced: Digests of the policies that its entries announced.
        grown: Of when its newest entry is, or, in an empty log, when it was first seen.
        turn: Where looking at old bundles in turn goes on.
        history: What its entries were, as far as they were read, with all that was found in them.
    """

    place: str = ""
    vkey: str | None = None
    own_word: bool = True
    policy: str | None = None
    announced: list[str] = Field(default_factory=list)
    grown: AwareDatetime | None = None
    turn: NonNegativeInt = 0
    history: HistoryState = Field(default_factory=HistoryState)

    @property
    def key(self) -> VerifierKey | None:
        """The key that the log is known by, parsed."""
        return VerifierKey.parse(self.vkey) if self.vkey else None


class WatcherMemory:
    """The watcher's state directory, for one log."""

    def __init__(self, folder: Path, place: str) -> None:
        self._store = DirectoryStore(folder)
        self._place = place
        name = hashlib.sha256(place.rstrip("/").encode()).hexdigest()[:16]
        self._note_path, self._visit_path, self._tree_path = f"{name}.note", f"{name}.json", f"{name}.hashes"
        self.evidence = EvidenceFolder(folder, name)

    def last_visit(self) -> LastVisit:
        """Return what was kept at the last visit, or what counts before the first.

        Raises:
            UsageError: the file was changed.
            StorageError: it cannot be read.
        """
        raw = self._store.get(self._visit_path)
        try:
            last = LastVisit() if raw is None else LastVisit.model_validate_json(raw)
            if last.vkey is not None:
                VerifierKey.parse(last.vkey)  # also where it is empty, which it never is
            _, point = self.last_note()
            if not 0 <= last.history.read <= (point.size if point else 0):
                raise self._changed(self._visit_path)
        except (ValidationError, FormatError) as exc:
            raise self._changed(self._visit_path) from exc
        return last

    def last_note(self) -> tuple[bytes, Checkpoint | None]:
        """Return the checkpoint of the last visit, as signed and as read; see ``last_visit``."""
        note = self._store.get(self._note_path)
        try:
            return note or b"", Checkpoint.parse(split_note(note)[0]) if note else None
        except FormatError as exc:
            raise self._changed(self._note_path) from exc

    def last_tree(self, point: Checkpoint) -> HeldTree | None:
        """Return the hashes of the last visit, where they were kept and are those of its checkpoint."""
        raw = self._store.get(self._tree_path)
        return None if raw is None else HeldTree.from_bytes(raw, point)

    def keep(self, note: bytes, visit: LastVisit, tree: HeldTree | None) -> None:
        """Remember a visit; after a crash in between the checkpoint is the newest, and the hashes are read anew.

        Raises:
            StorageError: it cannot be written.
        """
        fresh = visit.model_copy(update={"place": self._place})
        files = {self._note_path: note, self._visit_path: fresh.model_dump_json().encode()}
        self._store.put_all(files | ({self._tree_path: tree.to_bytes()} if tree else {}))

    def _changed(self, name: str) -> UsageError:
        return UsageError(
            f"{self._store}/{name} must be this watcher's own state, but was changed",
            hint="put it back from a copy; in another directory the next visit counts as the first",
        )
