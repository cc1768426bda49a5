"""The salts and values behind commitments: kept apart from the log, revealed by their date, shredded when they expire.

One file a commitment, mode 0600, under the writer's ``private/salts``. It is durable before the commitment is handed out, so
that what was committed to can always be revealed. Shredding deletes the file: the entry that stays in the log then fixes
a value that nobody can find again. (On a disk that keeps old blocks, deleting is not erasing: encrypt that disk.)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from passerby.errors import EntryError, FormatError
from passerby.files import flush_folder
from passerby.register.entries import Reveal
from passerby.register.fields import Commitment, commit, new_salt
from passerby.register.storage import DirectoryStore, as_storage_errors
from passerby.values import utc_now


class CommitmentSalts:
    """The salts of one log's writer.

    Args:
        path: Their directory; made when the first one comes.
        clock: Dates reveals.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._path = path
        self._clock = clock
        self._store = DirectoryStore(path, mode=0o600)

    def commit(self, value: str, reveal_by: datetime) -> Commitment:
        """Fix a value and keep what is needed to reveal it.

        Raises:
            StorageError: it cannot be kept; then nothing was committed to.
        """
        salt = new_salt()
        promise = Commitment(digest=commit(value, salt), reveal_by=reveal_by)
        with as_storage_errors(f"{self._path} cannot be made"):
            self._path.mkdir(mode=0o700, exist_ok=True)
        self._store.put_all({_name(promise): json.dumps({"salt": salt, "value": value}).encode()})
        return promise

    def reveal(self, index: int, promise: Commitment) -> Reveal:
        """Return the entry that reveals a commitment.

        Args:
            index: Of the entry that holds it.
            promise: As it stands there.

        Raises:
            EntryError: its salt is not here, or was shredded.
            FormatError: its file does not parse.
        """
        raw = self._store.get(_name(promise))
        if raw is None:
            raise EntryError("salt of that commitment is not here: it was shredded, or made elsewhere")
        try:
            kept = json.loads(raw)
            return Reveal(at=self._clock(), entry=index, salt=kept["salt"], value=kept["value"])
        except (ValueError, KeyError, TypeError) as exc:
            raise FormatError("file of that commitment must hold a salt and a value") from exc

    def shred(self, promise: Commitment) -> None:
        """Delete the salt and value of a commitment; does nothing where they are gone already.

        Raises:
            StorageError: they cannot be deleted.
        """
        with as_storage_errors("salt cannot be deleted"), suppress(FileNotFoundError):
            (self._path / _name(promise)).unlink(missing_ok=True)
            flush_folder(self._path)


def _name(promise: Commitment) -> str:
    return f"{promise.digest.removeprefix('sha256:')}.json"
