"""Withholds bundles in which something personal was published after all. Nothing else is ever taken out of sight.

1. A bundle that still grows is filled up, so that no later batch writes its entries anew.
2. The entry that announces the tombstone is appended, with its digest and the reason.
3. Tombstone and what is still shown of the bundle are written, durable.
4. The bundle is deleted. What was cut off before this is done by asking again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from passerby.errors import EntryError, StorageError
from passerby.register.codec import decode_entry, encode_entry, entry_from_fields
from passerby.register.entries import BundleWithdrawn, Entry, Remark, Reveal
from passerby.register.log.directory import LogDirectory
from passerby.register.log.personal import NO_WORDS
from passerby.register.notes import Signer
from passerby.register.tiles import WIDTH, Tiles, leaf_hash, pack_bundle, tile_path
from passerby.register.verification import Tombstone, WithheldBundle, follow, read_withheld, withheld_paths

WITHDRAWN = "withdrawn"
_NOWHERE = "https://withdrawn.invalid/"
Append = Callable[[Sequence[Entry]], Sequence[int]]
"""Appends entries and returns their indices."""


class Withdrawal:
    """One call's work on one log.

    Args:
        directory: Of the log.
        signer: Its key.
        append: Appends entries.
    """

    def __init__(self, directory: LogDirectory, signer: Signer, append: Append) -> None:
        self._directory, self._signer, self._append = directory, signer, append

    def run(self, indexes: Sequence[int], size: int, reason: str, at: datetime) -> list[int]:
        """Withdraw entries; returns the indices of the entries that announce it, one a bundle."""
        bundles: defaultdict[int, set[int]] = defaultdict(set)
        for index in indexes:
            bundles[index // WIDTH].add(index % WIDTH)
        if size // WIDTH in bundles:  # 1
            filler = Remark(at=at, text="fills the bundle before it, so that an entry of that can be withdrawn")
            size = self._append([filler] * (WIDTH - size % WIDTH))[-1] + 1
        return [self._one(bundle, places, size, reason, at) for bundle, places in sorted(bundles.items())]

    def _one(self, bundle: int, places: set[int], size: int, reason: str, at: datetime) -> int:
        public, before = self._directory.public, withheld_of(self._directory, bundle)
        if before is None:
            entries = Tiles(size, public.get).entries(bundle)
            leaves, gone = tuple(map(leaf_hash, entries)), frozenset(places)
        else:
            entries = list(before.entries)
            leaves, gone = before.tombstone.leaves, before.tombstone.places | places
        tombstone = Tombstone(self._directory.origin, bundle, leaves, gone)
        # those that were withdrawn before are without their words already
        shown = [redacted(entry) if place in places else entry for place, entry in enumerate(entries)]
        told = BundleWithdrawn(at=at, bundle=bundle, withdrawn=len(gone), list=tombstone.digest, reason=reason)
        index = self._append([told])[0]  # 2
        path, beside = withheld_paths(bundle)
        public.put_all({beside: pack_bundle(shown)})
        public.put_all({path: tombstone.to_note(self._signer)})  # 3
        public.remove(tile_path(None, bundle))  # 4
        return index


def withheld_of(directory: LogDirectory, bundle: int) -> WithheldBundle | None:
    """Return what stands in the place of a bundle of the writer's own log; see ``read_withheld``."""
    known = directory.vkey()
    keys = {known, *(key for _, key in follow(directory.public, known).rotations)}
    return read_withheld(directory.public.get, bundle, directory.origin, keys)


def shown_entries(directory: LogDirectory, tiles: Tiles, bundle: int) -> list[bytes]:
    """Return the entries of a bundle, or what is shown in its place.

    Raises:
        StorageError: neither can be read.
    """
    try:
        return tiles.entries(bundle)
    except StorageError:
        found = withheld_of(directory, bundle)
        if found is None:
            raise
        return list(found.entries)


def redacted(data: bytes) -> bytes:
    """Return an entry without its words; what is left is for the checks of order and time, by the operator's word alone."""
    try:
        entry = decode_entry(data)
    except EntryError as exc:
        raise StorageError("entry that fits no form must be withdrawn with a tool of its own") from exc
    if isinstance(entry, Reveal):  # without its value it would contradict its commitment
        return encode_entry(Remark(at=entry.at, entry=entry.entry, text=WITHDRAWN))
    fields = entry.model_dump(mode="json", exclude_none=True)
    for name, value in list(fields.items()):
        for instead in () if name in NO_WORDS else _instead(value):
            try:
                entry_from_fields(fields | {name: instead})
            except EntryError:
                continue  # one of a few fixed words, say
            fields[name] = instead
            break
    return encode_entry(entry_from_fields(fields))


def _instead(value: object) -> list[Any]:
    if isinstance(value, dict):
        return [dict.fromkeys(value, WITHDRAWN)]
    return [WITHDRAWN, _NOWHERE] if isinstance(value, str) else []
