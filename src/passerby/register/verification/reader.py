"""Reading a log that someone else wrote: nothing comes out that does not lead to the root of a checkpoint that is trusted.

Hash tiles are only ever used to make proofs, and every proof is checked before it counts, so a forged tile changes nothing
but the error (CVE-2026-56865 in another verifier was a tile that was believed because its neighbour was checked).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from passerby.errors import EntryError, FormatError, RewrittenError, StorageError, TileError, VerificationError
from passerby.register.codec import decode_entry
from passerby.register.entries import Entry
from passerby.register.notes import (
    NO_QUORUM,
    Checkpoint,
    Note,
    Policy,
    VerifierKey,
    WitnessTimes,
    judge_witnesses,
    split_note,
)
from passerby.register.storage import HttpSource, LogSource, open_source
from passerby.register.tiles import (
    CHECKPOINT,
    HEIGHT,
    WIDTH,
    Tiles,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    span_hash,
    tile_path,
    tree_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from passerby.register.verification.proof import Proof
from passerby.register.verification.trust import POLICY, VKEY, Trust, accept, earlier_keys, follow
from passerby.register.verification.withheld import Tombstone, WithheldBundle, read_withheld
from passerby.values import utc_now

_CACHED_BYTES = 20_000_000
"""Of bundles that were checked: room for the largest, or for some two hundred usual ones."""


@dataclass(frozen=True, slots=True)
class LogSnapshot:
    """One checkpoint, checked.

    Attributes:
        checkpoint: Signed by the log's present key.
        note: It, with whose signatures it carries.
        policy: The policy it was held against.
        trust: How the reader came to the present key.
        taken: When it was read, by the reader's clock.
    """

    checkpoint: Checkpoint
    note: Note
    policy: Policy
    trust: Trust
    taken: datetime

    def witnesses(self, newest: datetime | None = None) -> WitnessTimes:
        """Return which witnesses signed at a time that can be.

        Args:
            newest: Of the newest entry, where it is known and not ahead of the reader's clock.
        """
        return judge_witnesses(self.note, self.policy, self.taken, newest)

    @property
    def witnessed(self) -> bool:
        """Whether the policy asks for witnesses and its quorum signed, at times that can be."""
        return self.policy.quorum != NO_QUORUM and self.policy.met_by(self.witnesses().counted)

    @property
    def time_s(self) -> int | None:
        """The time, in POSIX seconds, by which the witnesses had seen it; None where none did."""
        return self.witnesses().quorum_s(self.policy)


class LogReader:
    """A log at one checkpoint; ``refresh`` moves on to a newer one, if that is consistent with this one."""

    def __init__(
        self,
        source: LogSource,
        *,
        vkey: VerifierKey | None = None,
        policy: Policy | None = None,
        bridged: bool = True,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Read the log's checkpoint; see ``open``."""
        self.source = source
        self._clock = clock
        self._bridged = bridged
        self.own_word = vkey is None and not (policy and policy.logs)
        """Whether the log's key was taken from the log itself, so that only consistency is shown, not whose log it is."""
        self._policy = policy
        self._known = vkey or (self._key_of(policy) if policy and policy.logs else self._published_vkey())
        self._bundles: OrderedDict[int, list[bytes]] = OrderedDict()
        self._withheld: dict[int, Tombstone] = {}
        self._cached_bytes = 0
        self._keys: set[VerifierKey] | None = None
        self.snapshot = self._read()
        self._tiles = Tiles(self.snapshot.checkpoint.size, source.get)

    @classmethod
    def open(
        cls,
        place: str | Path,
        *,
        vkey: VerifierKey | str | None = None,
        policy: Policy | None = None,
        bridged: bool = True,
        within_s: float | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> LogReader:
        """Read a log's checkpoint and check its signatures.

        Args:
            place: A directory, an ``http(s)`` URL, or an object store's URL.
            vkey: The log's key as the reader knows it from elsewhere; None takes the policy's, or the log's own word.
            policy: Which logs and witnesses count; None takes the log's own word.
            bridged: Whether to check here that the log starts with what its earlier keys signed. Only who hands the reader
                to ``verify``, which checks it too but goes on after a problem, says no.
            within_s: How long a server is asked, all in all; see ``HttpSource``.
            clock: The reader's, against which witnesses' times are held.

        Raises:
            UnfinishedError: here and in all that is read later: the time is over.
            StorageError: it cannot be read.
            FormatError: a file does not parse.
            VerificationError: a signature is wrong, or no trusted key signed.
        """
        key = VerifierKey.parse(vkey) if isinstance(vkey, str) else vkey
        return cls(open_source(place, within_s=within_s), vkey=key, policy=policy, bridged=bridged, clock=clock)

    @property
    def size(self) -> int:
        """Entries at this reader's checkpoint."""
        return self.snapshot.checkpoint.size

    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint that everything is checked against."""
        return self.snapshot.checkpoint

    def refresh(self) -> bool:
        """Move on to the log's present checkpoint; returns whether it is another one.

        Raises:
            StorageError: it cannot be read.
            FormatError: a file does not parse.
            VerificationError: a signature is wrong, or the log was rolled back or rewritten. The reader stays where it was.
        """
        before, now = self.snapshot.checkpoint, self._read()
        if now.checkpoint.size < before.size:
            raise RewrittenError(f"log was rolled back: size was {before.size}, is {now.checkpoint.size}")
        tiles = Tiles(now.checkpoint.size, self.source.get)
        check_growth(before, now.checkpoint, tiles)
        changed = now.note.raw != self.snapshot.note.raw
        if now.checkpoint.size != before.size:
            self._cached_bytes -= _size(self._bundles.pop(before.size // WIDTH, []))
            self._tiles = tiles
        self.snapshot, self._keys = now, None
        return changed

    def close(self) -> None:
        """Let go of a connection, where the log is behind one."""
        if isinstance(self.source, HttpSource):
            self.source.close()

    def grew_from(self, old: Checkpoint) -> None:
        """Pass only if this reader's log starts with the log of an older checkpoint.

        Raises:
            StorageError: it cannot be read.
            FormatError: a file does not parse.
            VerificationError: it was rolled back or rewritten.
        """
        check_growth(old, self.snapshot.checkpoint, self._tiles)

    def entry(self, index: int) -> Entry:
        """Return one entry, checked.

        Raises:
            EntryError: there is none at that index, or it does not fit its form.
            StorageError: it cannot be read.
            FormatError: a file does not parse.
            VerificationError: it does not lead to the root.
        """
        return decode_entry(self.raw(index))

    def raw(self, index: int) -> bytes:
        """Return the bytes of one entry, checked against the root; see ``entry``."""
        return next(self.raws(index, index + 1))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Return entries from ``start`` to ``stop`` (None: to the end), checked, bundle by bundle; see ``entry``."""
        return map(decode_entry, self.raws(start, stop))

    def raws(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Return the bytes of entries from ``start`` to ``stop``, checked against the root; see ``entry``."""
        stop = self.size if stop is None else stop
        if not 0 <= start <= stop <= self.size:
            raise EntryError(f"entries must be from 0 to {self.size}, got {start} to {stop}")
        for bundle in range(start // WIDTH, -(-stop // WIDTH)):
            first = bundle * WIDTH
            yield from self._bundle(bundle)[max(0, start - first) : stop - first]

    def withheld(self, bundle: int) -> WithheldBundle | None:
        """Return what stands in the place of a bundle that its operator withholds; see ``read_withheld``."""
        if self._keys is None:
            trust = self.snapshot.trust
            earlier = earlier_keys(self.source, self._known, self._stands)
            self._keys = {trust.key, self._known, *(key for _, key in trust.rotations), *earlier}
        return read_withheld(self.source.get, bundle, self.snapshot.checkpoint.origin, self._keys)

    @property
    def withdrawn(self) -> set[int]:
        """Indices of withdrawn entries, of the bundles that were read: what comes in their place is not what was logged."""
        return {number * WIDTH + place for number, found in self._withheld.items() for place in found.places}

    @property
    def tombstones(self) -> dict[int, Tombstone]:
        """What stands in the place of those of the bundles that were read which the operator withholds."""
        return dict(self._withheld)

    def forget(self) -> None:
        """Read everything anew from now on: something was withdrawn."""
        self._bundles.clear()
        self._cached_bytes = 0

    def checked_leaves(self, bundle: int) -> list[bytes]:
        """Return the leaf hashes of a bundle, checked against the root; see ``entry``."""
        entries = self._bundle(bundle)
        found = self._withheld.get(bundle)
        return [leaf_hash(entry) for entry in entries] if found is None else list(found.leaves)

    def leaves(self, bundle: int) -> list[bytes]:
        """Return the leaf hashes of a bundle as its hash tile states them; nothing vouches for them.

        Raises:
            StorageError: it cannot be read.
            FormatError: it does not parse.
        """
        return self._tiles.hashes(0, bundle)

    def fits_beyond(self) -> bool:
        """Return whether what was served beyond this size, of what was read, is of one piece; see ``Tiles.fits_beyond``."""
        return self._tiles.fits_beyond()

    def prove(self, index: int) -> Proof:
        """Return the proof of one entry, checked; see ``entry``."""
        data = self.raw(index)
        checkpoint = self.snapshot.checkpoint
        path = prove_inclusion(index, checkpoint.size, self._tiles.node)
        leaf = self.checked_leaves(index // WIDTH)[index % WIDTH]
        verify_inclusion(index, checkpoint.size, leaf, path, checkpoint.root)
        return Proof(index, tuple(path), self.snapshot.note.raw, data if leaf == leaf_hash(data) else None)

    def _bundle(self, index: int) -> list[bytes]:
        found = self._bundles.get(index)
        if found is None:
            found = self._read_bundle(index)
            self._bundles[index] = found
            self._cached_bytes += _size(found)
            while self._cached_bytes > _CACHED_BYTES and len(self._bundles) > 1:
                self._cached_bytes -= _size(self._bundles.popitem(last=False)[1])
        return found

    def _read_bundle(self, index: int) -> list[bytes]:
        """The entries of a bundle, or what is shown in its place, with leaves that lead to the root."""
        try:
            found = self._tiles.entries(index)
        except StorageError:
            instead = self.withheld(index)
            if instead is None:
                raise
            self._check_bundle(index, instead.tombstone.leaves)
            self._withheld[index] = instead.tombstone
            return list(instead.entries)
        self._check_bundle(index, [leaf_hash(entry) for entry in found])
        return found

    def _check_bundle(self, index: int, leaves: Sequence[bytes]) -> None:
        """Above the tiles of level 0 the tree is that of a log whose leaves are the bundles: one proof covers 256 entries."""
        size, signed = self.size, self.snapshot.checkpoint.root
        count = -(-size // WIDTH)

        def node(level: int, at: int) -> bytes:
            if (at + 1) << level < count:
                return self._tiles.node(level + HEIGHT, at)
            return span_hash((at << level) * WIDTH, min(size, ((at + 1) << level) * WIDTH), self._tiles.node)

        top = tree_hash(leaves)
        try:
            verify_inclusion(index, count, top, prove_inclusion(index, count, node), signed)
        except VerificationError as exc:
            raise TileError(f"{tile_path(None, index)}: {exc.message}") from exc

    def _stands(self, index: int, data: bytes) -> bool:
        size, root = self.size, self.snapshot.checkpoint.root
        if index >= size:
            return False
        try:
            verify_inclusion(index, size, leaf_hash(data), prove_inclusion(index, size, self._tiles.node), root)
        except VerificationError:
            return False
        return True

    def _key_of(self, policy: Policy) -> VerifierKey:
        """The policy's key for the origin that the log states, or its first one, which then will not have signed."""
        raw = self.source.get(CHECKPOINT)
        origin = Checkpoint.parse(split_note(raw)[0]).origin if raw else None
        return next((key for key in policy.logs if key.name == origin), policy.logs[0])

    def _published_vkey(self) -> VerifierKey:
        raw = self.source.get(VKEY)
        if raw is None:
            raise StorageError(f"{self.source} holds no log", hint="give the directory or URL that holds `checkpoint`")
        return VerifierKey.parse(_text(raw, VKEY).removesuffix("\n"))

    def _read(self) -> LogSnapshot:
        try:
            return self._read_once()
        except VerificationError:
            return self._read_once()  # the log's key may have changed between reading the key and the checkpoint

    def _read_once(self) -> LogSnapshot:
        trust = follow(self.source, self._known)
        policy = self._policy
        if policy is None:
            raw = self.source.get(POLICY)
            policy = Policy() if raw is None else Policy.parse(_text(raw, POLICY))
        policy = accept(policy, trust)
        note = self.source.get(CHECKPOINT)
        if note is None:
            raise StorageError(f"{self.source} has no checkpoint", hint="is this the directory or URL of a log?")
        checkpoint, opened = policy.open(note, quorum=False)
        tiles = Tiles(checkpoint.size, self.source.get)
        for passed in trust.passed if self._bridged else ():
            check_growth(passed, checkpoint, tiles)
        return LogSnapshot(checkpoint, opened, policy, trust, self._clock())


def check_growth(old: Checkpoint, new: Checkpoint, tiles: Tiles) -> None:
    """Check that a newer checkpoint's tree starts with an older one's.

    1. The tiles' root of the older size is the start of the newer tree: else a tile is not what the newer root says.
    2. It is the older checkpoint's root: else both are signed and contradict each other.

    Args:
        old: Of the same log.
        new: Not smaller.
        tiles: At the newer size; what they say is checked.

    Raises:
        StorageError: a tile cannot be read.
        FormatError: a tile has not its size.
        TileError: the tiles do not lead to the newer root.
        RewrittenError: the history was rewritten, or put back.
    """
    if old.origin != new.origin:
        raise RewrittenError(f"origin must be {old.origin}, got {new.origin}")
    if old.size > new.size:
        raise RewrittenError(f"log was rolled back: size was {old.size}, is {new.size}")
    path = prove_consistency(old.size, new.size, tiles.node)
    start = new.root if old.size == new.size else tree_root(old.size, tiles.node)
    try:
        verify_consistency(old.size, new.size, path, start, new.root)  # 1
    except VerificationError as exc:
        raise TileError(
            f"tiles of the first {old.size} entries do not lead to the signed root of size {new.size}"
        ) from exc
    if start != old.root:  # 2
        raise RewrittenError(
            f"tree of size {new.size} does not start with the tree of size {old.size}: the history was rewritten"
        )


def _size(entries: list[bytes]) -> int:
    """About what they take in memory: an empty entry takes some too."""
    return sum(map(len, entries)) + 64 * len(entries)


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise FormatError(f"{what} must be UTF-8") from exc
