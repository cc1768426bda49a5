"""How a log grows tile by tile (C2SP tlog-tiles): from its right edge and new entries to the files that are to be written.

Pure: ``grow`` returns files, others write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.errors import FormatError
from passerby.register.tiles.merkle import Frontier, Node, full_nodes, leaf_hash, tree_hash
from passerby.register.tiles.tiles import HEIGHT, WIDTH, Get, Tiles, pack_bundle, tile_path


@dataclass(frozen=True, slots=True)
class Edge:
    """The growing side of a log: what has to be known to add entries.

    Attributes:
        frontier: The tree's right edge.
        levels: For each level, the hashes of its partial tile.
        bundle: The entries of the partial bundle.
    """

    frontier: Frontier
    levels: tuple[tuple[bytes, ...], ...] = ((),)
    bundle: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Entries so far."""
        return self.frontier.size

    @classmethod
    def load(cls, size: int, get: Get) -> Edge:
        """Read the edge of a log from its files: one tile a level, and the last bundle.

        Raises:
            StorageError: a file is missing.
            FormatError: a file has not its size, or entries and hashes do not fit.
        """
        tiles = Tiles(size, get)
        levels, level = [], 0
        while size >> (HEIGHT * level) or level == 0:
            count = size >> (HEIGHT * level)
            levels.append(tuple(tiles.hashes(level, count // WIDTH)) if count % WIDTH else ())
            level += 1
        bundle = tuple(tiles.entries(size // WIDTH)) if size % WIDTH else ()
        if [leaf_hash(entry) for entry in bundle] != list(levels[0]):
            raise FormatError(f"{tile_path(None, size // WIDTH, size % WIDTH)} does not fit its hash tile")
        nodes = [tiles.node(level, index) for level, index in full_nodes(0, size)]
        return cls(Frontier(size, nodes), tuple(levels), bundle)


@dataclass(frozen=True, slots=True)
class Growth:
    """What adding entries to a log comes to.

    Attributes:
        edge: Afterwards.
        files: Path and bytes of each tile and bundle of the new size that was not there before.
        filled: Paths of tiles and bundles that became full: their partial ones may go.
        node: Hashes of the full nodes that proofs of the new entries need; a sibling is always in the same tile.
    """

    edge: Edge
    files: dict[str, bytes]
    filled: tuple[str, ...]
    node: Node


def grow(edge: Edge, entries: Sequence[bytes]) -> Growth:
    """Add entries, at least one, to a log's edge, which is not changed itself."""
    frontier = edge.frontier.copy()
    levels = [list(level) for level in edge.levels]
    bundle = list(edge.bundle)
    files: dict[str, bytes] = {}
    filled: list[str] = []
    known: dict[tuple[int, int], list[bytes]] = {}
    for entry in entries:
        leaf = leaf_hash(entry)
        frontier.add(leaf)
        bundle.append(entry)
        levels[0].append(leaf)
        if len(bundle) == WIDTH:
            index = frontier.size // WIDTH - 1
            filled.append(tile_path(None, index))
            files[filled[-1]] = pack_bundle(bundle)
            bundle = []
            filled += _fill(levels, frontier.size, files, known)
    for level, hashes in enumerate(levels):
        index = frontier.size >> (HEIGHT * (level + 1))
        known[level, index] = hashes
        if hashes and hashes != list(edge.levels[level] if level < len(edge.levels) else ()):
            files[tile_path(level, index, len(hashes))] = b"".join(hashes)
    if bundle:
        files[tile_path(None, frontier.size // WIDTH, len(bundle))] = pack_bundle(bundle)
    after = Edge(frontier, tuple(map(tuple, levels)), tuple(bundle))
    return Growth(after, files, tuple(filled), _remembering(known))


def _fill(
    levels: list[list[bytes]], size: int, files: dict[str, bytes], known: dict[tuple[int, int], list[bytes]]
) -> list[str]:
    """Write out each tile that is full, from level 0 up, and hand its root to the level above."""
    filled = []
    level = 0
    while len(levels[level]) == WIDTH:
        index = (size >> (HEIGHT * (level + 1))) - 1
        known[level, index] = levels[level]
        filled.append(tile_path(level, index))
        files[filled[-1]] = b"".join(levels[level])
        if level + 1 == len(levels):
            levels.append([])
        levels[level + 1].append(tree_hash(levels[level]))
        levels[level] = []
        level += 1
    return filled


def _remembering(known: dict[tuple[int, int], list[bytes]]) -> Node:
    memory: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        found = memory.get((level, index))
        if found is None:
            tile_level, rest = divmod(level, HEIGHT)
            tile_index, at = divmod(index << rest, WIDTH)
            found = tree_hash(known[tile_level, tile_index][at : at + (1 << rest)])
            memory[level, index] = found
        return found

    return node
