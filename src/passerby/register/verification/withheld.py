"""A bundle of entries that the operator withholds, because something personal had been published in it: its *tombstone*.

``withdrawn/<n>`` is a note that the log's own key signed: the leaf hash of each of the bundle's 256 entries, and which of
them are withdrawn. ``withdrawn/<n>.entries`` is a bundle with all entries but those; in their place stand the same without
their words, by the operator's word alone. So every proof still verifies, every other entry is still there, and nobody takes a
gap for nothing. An entry of the log announces the list by its digest. A verifier that knows none of this finds the bundle
missing.

    passerby tombstone v1
    <origin>
    bundle <n>
    kept <leaf hash>
    withdrawn <leaf hash>
    ...
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from passerby.errors import FormatError, TileError
from passerby.register.notes import Signer, VerifierKey, decode_base64, encode_base64, open_note, sign_note
from passerby.register.tiles import HASH_BYTES, WIDTH, Get, leaf_hash, tile_path, unpack_bundle
from passerby.values import Digest, digest_bytes

_HEADER = "passerby tombstone v1"
_FOLDER = "tile/entries/"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stands in the place of a withheld bundle.

    Attributes:
        origin: Of the log.
        bundle: Its number.
        leaves: The hash of each of its entries.
        places: Which of them are withdrawn, from 0 to 255.
    """

    origin: str
    bundle: int
    leaves: tuple[bytes, ...]
    places: frozenset[int]

    @classmethod
    def parse(cls, raw: bytes, keys: Iterable[VerifierKey]) -> Tombstone:
        """Read a tombstone that one of the log's keys signed.

        Raises:
            FormatError: it is none.
            VerificationError: none of the keys signed it.
        """
        lines = open_note(raw, keys).text.removesuffix("\n").split("\n")
        if len(lines) != 3 + WIDTH or lines[0] != _HEADER or not lines[2].startswith("bundle "):
            raise FormatError(f"tombstone must start with {_HEADER}, origin and bundle, and list {WIDTH} hashes")
        number = lines[2].removeprefix("bundle ")
        if not number.isdecimal() or not number.isascii() or len(number) > 16:
            raise FormatError("bundle of a tombstone must be a number")
        leaves, places = [], set()
        for place, line in enumerate(lines[3:]):
            state, _, leaf = line.partition(" ")
            if state not in {"kept", "withdrawn"}:
                raise FormatError("line of a tombstone must be kept or withdrawn, and a hash")
            leaves.append(decode_base64(leaf, "hash of a tombstone"))
            if len(leaves[-1]) != HASH_BYTES:
                raise FormatError(f"hash of a tombstone must be {HASH_BYTES} bytes")
            if state == "withdrawn":
                places.add(place)
        return cls(lines[1], int(number), tuple(leaves), frozenset(places))

    @property
    def first(self) -> int:
        """Index of its first entry."""
        return self.bundle * WIDTH

    @property
    def text(self) -> str:
        """What is signed."""
        rows = (
            f"{'withdrawn' if place in self.places else 'kept'} {encode_base64(leaf)}"
            for place, leaf in enumerate(self.leaves)
        )
        return "\n".join([_HEADER, self.origin, f"bundle {self.bundle}", *rows]) + "\n"

    @property
    def digest(self) -> Digest:
        """What its announcement names it by."""
        return digest_bytes(self.text.encode())

    def to_note(self, signer: Signer) -> bytes:
        """Return it signed."""
        return sign_note(self.text, [signer])


@dataclass(frozen=True, slots=True)
class WithheldBundle:
    """A tombstone, and what the log still shows of its bundle.

    Attributes:
        tombstone: Signed.
        entries: Bytes; at the withdrawn places not what was logged.
    """

    tombstone: Tombstone
    entries: tuple[bytes, ...]


def withheld_paths(bundle: int) -> tuple[str, str]:
    """Return where a bundle's tombstone stands, and what is still shown of it.

    >>> withheld_paths(1067)
    ('withdrawn/x001/067', 'withdrawn/x001/067.entries')
    """
    name = f"withdrawn/{tile_path(None, bundle).removeprefix(_FOLDER)}"
    return name, f"{name}.entries"


def read_withheld(get: Get, bundle: int, origin: str, keys: Iterable[VerifierKey]) -> WithheldBundle | None:
    """Return what stands in the place of a bundle, None where it has no tombstone.

    Raises:
        StorageError: it cannot be read.
        FormatError: it does not parse.
        VerificationError: none of the log's keys signed it, or it is not what the tombstone says.
    """
    path, shown = withheld_paths(bundle)
    note = get(path)
    if note is None:
        return None
    tombstone = Tombstone.parse(note, keys)
    if (tombstone.origin, tombstone.bundle) != (origin, bundle):
        raise TileError(f"{path} must be of bundle {bundle} of {origin}, is of another")
    entries = unpack_bundle(get(shown) or b"", WIDTH)
    check_shown(tombstone, entries, shown)
    return WithheldBundle(tombstone, tuple(entries))


def check_shown(tombstone: Tombstone, entries: Sequence[bytes], path: str) -> None:
    """Refuse entries that are not those of a tombstone.

    Raises:
        TileError: one that is not withdrawn is another.
    """
    for place, (entry, leaf) in enumerate(zip(entries, tombstone.leaves, strict=True)):
        if place not in tombstone.places and leaf_hash(entry) != leaf:
            raise TileError(f"{path}: entry {tombstone.bundle * WIDTH + place} is not what its tombstone says")
