"""Looks at bundles of entries: those that are new, and at each visit some of the old ones, so that none is taken away unseen."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from passerby.errors import FormatError, StorageError, VerificationError
from passerby.register.tiles import HASH_BYTES, HEIGHT, WIDTH, tile_path, unpack_bundle, width_at
from passerby.register.verification.findings import LogFindings
from passerby.register.verification.reader import LogReader

SAMPLED = 32
"""Old bundles looked at in a visit: half in turn, so that each has its turn, and half drawn, so that nobody knows which.

Source: all of a log of 8,192 entries; of a larger one whose operator took away a tenth, 16 drawn ones show it at four visits in
five. Each costs two requests."""


BEYOND = "{} and {} do not fit each other beyond the signed size"


@dataclass(frozen=True, slots=True)
class BundlesSeen:
    """How many of a log's bundles a visit looked at.

    Attributes:
        looked: Bundles of up to 256 entries that were read and led to the root.
        total: That the log has.
    """

    looked: int = 0
    total: int = 0


def count_bundles(size: int) -> int:
    """Return how many bundles hold so many entries."""
    return -(-size // WIDTH)


def choose(total: int, read: Collection[int], turn: int, most: int = SAMPLED) -> tuple[list[int], int]:
    """Return which bundles to look at besides those that were read, and where the next turn begins.

    >>> choose(5, {4}, 0)
    ([0, 1, 2, 3], 0)
    """
    if total - sum(bundle < total for bundle in read) <= most:
        return [bundle for bundle in range(total) if bundle not in read], turn
    in_turn: list[int] = []
    while len(in_turn) < most - most // 2:
        if turn >= total:
            turn = 0
        if turn not in read:
            in_turn.append(turn)
        turn += 1
    drawn = set(in_turn)
    while len(drawn) < most:  # a size that a log only claims may have no list of its bundles
        bundle = secrets.randbelow(total)
        if bundle not in read:
            drawn.add(bundle)
    return sorted(drawn), turn


def read_bundle(reader: LogReader, bundle: int, findings: LogFindings) -> list[bytes] | None:
    """Return a bundle's entries if they lead to the root and to their hash tile; else say what is wrong and return None."""
    first = bundle * WIDTH
    try:
        entries = list(reader.raws(first, min(reader.size, first + WIDTH)))
        leaves, stated = reader.checked_leaves(bundle), reader.leaves(bundle)
    except (FormatError, StorageError) as exc:
        findings.say("missing" if isinstance(exc, StorageError) else "format", exc.message)
        return None
    except VerificationError as exc:
        findings.say("tile", exc.message)
        return None
    wrong = list(_wrong_places(leaves, stated))
    for place in wrong:
        findings.say("tile", f"does not hash to its place in {tile_path(0, bundle)}", first + place)
    if bundle == reader.size // WIDTH and not reader.fits_beyond():
        findings.say("tile", BEYOND.format(tile_path(None, bundle), tile_path(0, bundle)))
        return None
    return None if wrong else entries


def check_old_edge(reader: LogReader, size: int, findings: LogFindings) -> None:
    """Hold the partial tiles of a smaller size, where they are still served, against those of now: others may rely on them."""
    for level in (None, *range(reader.size.bit_length() // HEIGHT + 1)):
        index = size >> (HEIGHT * ((level or 0) + 1))
        width, wide = width_at(level, index, size), width_at(level, index, reader.size)
        if not 0 < width < wide:
            continue
        try:
            data, now = (reader.source.get(tile_path(level, index, w)) for w in (width, wide))
        except StorageError as exc:
            findings.say("missing", exc.message)
            continue
        if data is not None and now is not None and not is_start(level, width, data, now):
            findings.say(
                "tile", f"{tile_path(level, index, width)} is not the start of the same tile at size {reader.size}"
            )


def is_start(level: int | None, width: int, data: bytes, wide: bytes) -> bool:
    """Return whether a tile or, without a level, a bundle is the first ``width`` parts of a wider one."""
    if not wide.startswith(data):
        return False
    if level is not None:
        return len(data) == width * HASH_BYTES
    try:
        return len(unpack_bundle(data, width)) == width
    except FormatError:
        return False


def _wrong_places(leaves: list[bytes], stated: list[bytes]) -> Iterator[int]:
    for place, (leaf, wanted) in enumerate(zip(leaves, stated, strict=True)):
        if leaf != wanted:
            yield place
