"""The layout of a tiled log (C2SP tlog-tiles): paths, entry bundles, hash tiles.

Pure: ``Tiles`` reads through a function that gives a file's bytes or None.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from passerby.errors import FormatError, StorageError
from passerby.register.codec import MAX_ENTRY_BYTES
from passerby.register.tiles.merkle import HASH_BYTES, leaf_hash, tree_hash

WIDTH = 256
HEIGHT = 8
MAX_BUNDLE_BYTES = WIDTH * (MAX_ENTRY_BYTES + 2)
CHECKPOINT = "checkpoint"
MAX_BATCH = 1024
"""Entries that one checkpoint adds at most, so that a queue of any length is answered in steps."""
_CACHED_TILES = 64
Get = Callable[[str], bytes | None]
"""Gives the bytes of a file of the log by its path, or None where there is none."""


def tile_path(level: int | None, index: int, width: int = WIDTH) -> str:
    """Return where a tile stands.

    Args:
        level: Of a hash tile, or None for a bundle of entries.
        index: Within the level.
        width: Hashes or entries in it; below 256 for a partial one.

    >>> tile_path(0, 1234067), tile_path(None, 5, 17)
    ('tile/0/x001/x234/067', 'tile/entries/005.p/17')
    """
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{'/'.join(parts)}{partial}"


def tile_paths(size: int) -> list[str]:
    """Return the paths of all tiles of a log of a size, bundles of entries first.

    >>> tile_paths(257)
    ['tile/entries/000', 'tile/entries/001.p/1', 'tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1']
    """
    levels = [None, *range(-(-size.bit_length() // HEIGHT))]
    return [
        tile_path(level, index, width_at(level, index, size))
        for level in levels
        for index in range(-(-(size >> (HEIGHT * (level or 0))) // WIDTH))
    ]


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries as a bundle: each after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_bundle(data: bytes, count: int) -> list[bytes]:
    """Read a bundle of exactly ``count`` entries.

    Raises:
        FormatError: it holds more, fewer, or a torn one.
    """
    entries: list[bytes] = []
    at, end = 0, len(data)
    for _ in range(count):
        stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > end or stop > end:
            raise FormatError(f"entry bundle must hold {count} entries, got {len(entries)} and a torn one")
        entries.append(data[at + 2 : stop])
        at = stop
    if at != end:
        raise FormatError(f"entry bundle must hold {count} entries, got {end - at} bytes more")
    return entries


def width_at(level: int | None, index: int, size: int) -> int:
    """Return how wide a tile is in a log of this size; 0 where there is none.

    >>> width_at(0, 273, 70_000), width_at(1, 1, 70_000), width_at(2, 0, 70_000)
    (112, 17, 1)
    """
    return max(0, min(WIDTH, (size >> (HEIGHT * (level or 0))) - index * WIDTH))


def tiles_beyond(size: int) -> Iterator[tuple[int | None, int, int]]:
    """Name the tiles that one batch on top of a log of this size may have left: (level, index, width that is the log's)."""
    levels = 2 + size.bit_length() // HEIGHT
    for level in (None, *range(levels)):
        edge = size >> (HEIGHT * ((level or 0) + 1))
        for index in range(edge, edge + 2 + MAX_BATCH // WIDTH):
            yield level, index, width_at(level, index, size)


def last_full_tiles(size: int) -> Iterator[str]:
    """Name the tiles that the last batch of a log of this size may have filled."""
    for level in (None, *range(2 + size.bit_length() // HEIGHT)):
        edge = size >> (HEIGHT * ((level or 0) + 1))
        for index in range(max(0, edge - 1 - MAX_BATCH // WIDTH), edge):
            yield tile_path(level, index)


class Tiles:
    """The hashes and entries of a log at one size, as its files state them. Nothing here is authenticated."""

    def __init__(self, size: int, get: Get) -> None:
        self.size = size
        self._get = get
        self._cache: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        self._beyond_entries: list[bytes] = []
        self._beyond_hashes: list[bytes] = []

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a full node: a ``merkle.Node``.

        Raises:
            StorageError: the tile is missing.
            FormatError: the tile has not its size.
        """
        tile_level, rest = divmod(level, HEIGHT)
        tile_index, at = divmod(index << rest, WIDTH)
        hashes = self.hashes(tile_level, tile_index)
        return tree_hash(hashes[at : at + (1 << rest)])

    def hashes(self, level: int, index: int) -> list[bytes]:
        """Return the hashes of one tile, as many as it has at this size.

        Raises:
            StorageError: the tile is missing.
            FormatError: the tile has not its size.
        """
        found = self._cache.get((level, index))
        if found is None:
            found = self._read_hashes(level, index)
            self._cache[level, index] = found
            if len(self._cache) > _CACHED_TILES:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end((level, index))
        return found

    def entries(self, index: int) -> list[bytes]:
        """Return the entries of one bundle, as many as it has at this size.

        Raises:
            StorageError: the bundle is missing.
            FormatError: the bundle does not hold its entries.
        """
        width = width_at(None, index, self.size)
        data, got = self._fetch(None, index, width)
        try:
            found = unpack_bundle(data, got)
        except FormatError as exc:
            raise FormatError(f"{tile_path(None, index, got)}: {exc.message}") from exc
        if got > width:
            self._beyond_entries = found[width:]
        return found[:width]

    def fits_beyond(self) -> bool:
        """Return whether what full tiles hold beyond this size is at least of one piece.

        A log that grew meanwhile serves full tiles at its edge for the partial ones that are gone. No root says yet what the
        rest must be, but each entry there must hash to its place. Only what was read is compared.
        """
        pairs = zip(self._beyond_entries, self._beyond_hashes, strict=False)
        return all(leaf_hash(entry) == stated for entry, stated in pairs)

    def _read_hashes(self, level: int, index: int) -> list[bytes]:
        width = width_at(level, index, self.size)
        data, got = self._fetch(level, index, width)
        if len(data) != got * HASH_BYTES:
            raise FormatError(f"{tile_path(level, index, got)} must be {got * HASH_BYTES} bytes, got {len(data)}")
        found = [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]
        if level == 0 and got > width:
            self._beyond_hashes = found[width:]
        return found[:width]

    def _fetch(self, level: int | None, index: int, width: int) -> tuple[bytes, int]:
        """A partial tile may be gone once the full one is there."""
        if width == 0:
            raise StorageError(f"a log of size {self.size} has no tile {tile_path(level, index)}")
        for candidate in sorted({width, WIDTH}):
            data = self._get(tile_path(level, index, candidate))
            if data is not None:
                return data, candidate
        raise StorageError(f"{tile_path(level, index, width)} is missing")
