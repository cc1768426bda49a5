"""What a watcher holds against a log that contradicts itself, or that signs what it does not show.

Of the log as it was accepted the hashes are kept (of each full bundle of entries, and of each entry of the last one): from them
the root of an older state can be computed, so that a smaller checkpoint is known for a start of what was seen, or for another
history, whatever the log still shows. A checkpoint that the log signed and whose tiles it withholds is kept: nobody can deny
having signed it, and the first history that is shown decides whether it was of the same one.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import FormatError, RewrittenError, StorageError, TileError
from passerby.register.notes import Checkpoint, split_note
from passerby.register.storage import DirectoryStore
from passerby.register.tiles import HASH_BYTES, HEIGHT, WIDTH, Frontier, Tiles, leaf_hash, tree_hash
from passerby.register.verification.reader import LogReader, check_growth

MOST_ENTRIES = 1 << 24
"""Of a larger log no hashes are kept. Source: those of 16 million entries take 2 MB."""
MOST_WITHHELD = 32
"""Checkpoints kept of one log whose tiles were withheld; the first ones, which a log cannot push out with others."""


@dataclass(frozen=True, slots=True)
class HeldTree:
    """The hashes of a log as it was accepted.

    Attributes:
        bundles: Of each full bundle.
        leaves: Of each entry after them.
    """

    bundles: tuple[bytes, ...] = ()
    leaves: tuple[bytes, ...] = ()

    @classmethod
    def from_bytes(cls, raw: bytes, point: Checkpoint) -> HeldTree | None:
        """Read what ``to_bytes`` wrote; None where it is not the tree of that checkpoint."""
        full, rest = divmod(point.size, WIDTH)
        if len(raw) != (full + rest) * HASH_BYTES:
            return None
        hashes = [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]
        found = cls(tuple(hashes[:full]), tuple(hashes[full:]))
        return found if found.root() == point.root else None

    @classmethod
    def read(cls, reader: LogReader, held: HeldTree | None) -> HeldTree | None:
        """Read the hashes at a reader's checkpoint, those that are new; None of a log that is too large.

        Raises:
            StorageError: a tile cannot be read.
            FormatError: a tile has not its size.
            TileError: they do not lead to the root.
        """
        size = reader.size
        if size > MOST_ENTRIES:
            return None
        tiles, full = Tiles(size, reader.source.get), size // WIDTH
        bundles = list(held.bundles if held else ())
        while len(bundles) < full:
            tile, at = divmod(len(bundles), WIDTH)
            bundles += tiles.hashes(1, tile)[at:]
        leaves = tiles.hashes(0, full) if size % WIDTH else []
        found = cls(tuple(bundles), tuple(leaves))
        if found.root() != reader.checkpoint().root:
            raise TileError(f"hash tiles of levels 0 and 1 do not lead to the signed root of size {size}")
        return found

    def to_bytes(self) -> bytes:
        """Return the hashes in a row."""
        return b"".join((*self.bundles, *self.leaves))

    def root(self) -> bytes:
        """Return the root over them."""
        return _root(self.bundles, self.leaves)

    def root_at(self, size: int, reader: LogReader) -> bytes | None:
        """Return the root that the tree had at a smaller size; None where the hashes of one bundle would be needed for it.

        The log is asked for these, and believed where they lead to what is held.
        """
        full, rest = divmod(size, WIDTH)
        leaves = self.leaves
        if rest and full < len(self.bundles):
            found = self._leaves_of(full, reader)
            if found is None:
                return None
            leaves = found
        return _root(self.bundles[:full], leaves[:rest])

    def contradicts(self, reader: LogReader) -> bool:
        """Whether a full bundle of the reader's tree, which leads to its root, is another one than here."""
        try:
            other = HeldTree.read(reader, None)
        except (FormatError, StorageError, TileError):
            return False
        return other is not None and any(a != b for a, b in zip(self.bundles, other.bundles, strict=False))

    def _leaves_of(self, bundle: int, reader: LogReader) -> tuple[bytes, ...] | None:
        tiles = Tiles((bundle + 1) * WIDTH, reader.source.get)
        with suppress(FormatError, StorageError):
            found = tuple(tiles.hashes(0, bundle))
            if tree_hash(found) == self.bundles[bundle]:
                return found
        with suppress(FormatError, StorageError):
            found = tuple(map(leaf_hash, tiles.entries(bundle)))
            if tree_hash(found) == self.bundles[bundle]:
                return found
        return None


class EvidenceFolder:
    """The files of a watcher's state directory that hold what counts against one log."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._store = DirectoryStore(folder)
        self.kept: list[str] = []
        """Names of the files that this visit wrote, or would have: their like was there."""

    def keep_fork(self, before: bytes, now: bytes, held: HeldTree | None = None) -> None:
        """Keep two signed checkpoints that contradict each other, with the hashes that show it where their sizes differ.

        Raises:
            StorageError: they cannot be written.
        """
        evidence = before + b"\n" + now
        name = f"fork-{hashlib.sha256(evidence).hexdigest()[:16]}"
        files = {f"{name}.txt": evidence} | ({f"{name}.hashes": held.to_bytes()} if held else {})
        self._store.put_all(files)
        self.kept += files

    def keep_withheld(self, note: bytes) -> None:
        """Keep a checkpoint that was signed, and whose tiles are not shown.

        Raises:
            StorageError: it cannot be written.
        """
        text = split_note(note)[0]
        path = f"withheld-{self._name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
        there = self._withheld()
        if path not in there:
            if len(there) >= MOST_WITHHELD:
                return
            self._store.put_all({path: note})
        self.kept.append(path)

    def judge_withheld(self, reader: LogReader) -> list[str]:
        """Hold what was withheld against a history that is shown whole; return what contradicts it, in words.

        One that is a start of it was only late, and is let go. One that contradicts it is kept, and named at each visit.

        Raises:
            StorageError: a file cannot be read, written or deleted.
        """
        found = []
        for path in self._withheld():
            note = self._store.get(path) or b""
            try:
                point = Checkpoint.parse(split_note(note)[0])
                check_growth(point, reader.checkpoint(), Tiles(reader.size, reader.source.get))
            except RewrittenError as exc:
                if point.size <= reader.size:
                    self._keep_once(note, reader.snapshot.note.raw)
                    found.append(f"a checkpoint that was signed and not shown is of another history: {exc.message}")
            except (FormatError, StorageError, TileError):
                continue  # it cannot be judged yet
            else:
                (self._folder / path).unlink(missing_ok=True)
        return found

    def _keep_once(self, note: bytes, now: bytes) -> None:
        path = f"fork-{hashlib.sha256(note).hexdigest()[:16]}.txt"
        if self._store.get(path) is None:
            self._store.put_all({path: note + b"\n" + now})
        self.kept.append(path)

    def earlier_forks(self, origin: str) -> list[str]:
        """Return the files that show two histories of a log and that this visit did not find anew.

        Raises:
            StorageError: a file cannot be read.
        """
        names = sorted(path.name for path in self._folder.glob("fork-*.txt"))
        fresh = [name for name in names if name not in self.kept]
        return [name for name in fresh if (self._store.get(name) or b"").startswith(f"{origin}\n".encode())]

    def _withheld(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob(f"withheld-{self._name}-*.txt"))


def _root(bundles: tuple[bytes, ...], leaves: tuple[bytes, ...]) -> bytes:
    frontier = Frontier()
    for node in bundles:
        frontier.add_full(HEIGHT, node)
    for leaf in leaves:
        frontier.add(leaf)
    return frontier.root()
