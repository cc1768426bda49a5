"""Writes the citizen's pages as files, for any web server: the pages, the proofs they cite, and the log itself if asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from passerby.errors import StorageError
from passerby.languages import FALLBACK_LANGUAGE
from passerby.register import entry_kinds, rotation_path, tile_path, tile_paths, withheld_paths
from passerby.web.register.documents import every_path, find
from passerby.web.register.follow import LogFollower, write_if_changed

_CITED = re.compile(r'data-entry="(\d{1,16})"')


@dataclass(frozen=True, slots=True)
class Written:
    """What a run of ``write_site`` did.

    Attributes:
        pages: Pages of the site.
        changed: Files that were written because they are new or other than before.
        proofs: Entries that are cited, each with its proof.
        size: Entries of the log.
    """

    pages: int
    changed: int
    proofs: int
    size: int


def write_site(
    follower: LogFollower, folder: Path, *, language: str = FALLBACK_LANGUAGE, now: datetime | None = None
) -> Written:
    """Write all pages, and the proof and text of every entry that a page cites.

    Proofs are written before the pages that cite them, and each file whole or not at all, so that a reader never meets a
    page whose proofs are missing.

    Args:
        follower: The log.
        folder: Where to; made if it is missing. Files that are there already stay.
        language: Of the pages whose path names none.
        now: Instant of the pages; None is the present.

    Raises:
        StorageError: something cannot be read or written.
        VerificationError: the log does not hold together.
    """
    pages = follower.pages(now)
    if follower.trouble:
        raise StorageError(f"log cannot be read: it is {follower.trouble}", hint="see `passerby register check`")
    count, changed = 0, 0
    cited: set[int] = set()
    for path in every_path(pages):
        document = find(pages, path, language)
        if document is None:
            continue
        wanted = {int(index) for index in _CITED.findall(document.body.decode())} if path.endswith(".html") else set()
        changed += sum(_prove(follower, folder, index) for index in sorted(wanted - cited))
        cited |= wanted
        changed += write_if_changed(folder / path, document.body)
        count += 1
    for index in follower.reader.withdrawn:
        for old in (folder / "entry" / f"{index}.json", folder / "proof" / str(index)):
            if index not in cited:
                old.unlink(missing_ok=True)
    for path in tombstone_paths(follower):  # the pages' own check asks for them
        changed += write_if_changed(folder / path, follower.file(path) or b"")
    follower.proofs = {index: met for index, met in follower.proofs.items() if index in cited}
    follower.save()
    return Written(count, changed, len(cited), pages.seen.size)


def copy_log(follower: LogFollower, folder: Path) -> int:
    """Copy the log's own files beside the pages, the checkpoint last; returns how many changed.

    Raises:
        StorageError: something cannot be read or written.
    """
    size = follower.reader.size
    changed = 0
    for path in (
        *tile_paths(size),
        *rotation_paths(follower),
        *(f"schemas/{kind}.json" for kind in entry_kinds()),
        "vkey",
        "policy",
    ):
        data = None if (folder / path).is_file() and path.startswith("tile/") else follower.file(path)
        if data is not None:
            changed += write_if_changed(folder / path, data)
    for bundle in follower.reader.tombstones:
        for path in withheld_paths(bundle):
            changed += write_if_changed(folder / path, follower.file(path) or b"")
        whole = folder / tile_path(None, bundle)
        for old in (whole, *whole.parent.glob(f"{whole.name}.p/*")):
            old.unlink(missing_ok=True)
    return changed + write_if_changed(folder / "checkpoint", follower.reader.snapshot.note.raw)


def tombstone_paths(follower: LogFollower) -> Iterator[str]:
    """Yield the paths of the tombstones of what was read, and of what shows whose they are; nothing where nothing is withheld."""
    if follower.reader.tombstones:
        yield "vkey"
        yield from rotation_paths(follower)
        yield from (withheld_paths(bundle)[0] for bundle in follower.reader.tombstones)


def rotation_paths(follower: LogFollower) -> Iterator[str]:
    """Yield the paths of the proofs of all changes of the log's key, in order."""
    number = 0
    while follower.file(path := rotation_path(number)) is not None:
        yield path
        number += 1


def _prove(follower: LogFollower, folder: Path, index: int) -> int:
    """A proof stays right for ever; it is only made anew where the witnesses have come since, or the key has changed."""
    met = follower.seen.met
    known = follower.proofs.get(index)
    proof, entry = folder / "proof" / str(index), folder / "entry" / f"{index}.json"
    if known is not None and (known or not met) and proof.is_file() and entry.is_file():
        return 0
    changed = write_if_changed(entry, follower.raw(index)) + write_if_changed(proof, follower.proof(index))
    follower.proofs[index] = met
    return changed
