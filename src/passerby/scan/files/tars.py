"""Reads tar: the old one, ustar, GNU's and pax's long names and sparse files. Links have no bytes and are not followed.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format" and "Storing
Sparse Files".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from passerby.scan.files.bounds import Budget
from passerby.scan.files.inflate import PIECE_BYTES
from passerby.scan.files.kinds import is_tar
from passerby.scan.files.members import ByteSource, hold, pieces_of
from passerby.scan.values import MEMBER, TargetFile, Unread

_BLOCK = 512
_MOST_HEADER_BYTES = 1 << 20
"""Of one long name or pax header; what is longer is no name."""
_MOST_SPARSE_PARTS = 100_000
_HARD_LINK, _OLD_SPARSE = b"1S"
_REGULAR = frozenset(b"0\x0071S")
_EMPTY_KINDS = frozenset(b"23456")
"""Symbolic link, character device, block device, folder, FIFO: no bytes follow, whatever their size says."""
_ZERO = bytes(_BLOCK)


@dataclass(slots=True)
class _Next:
    """What headers before a member said of it."""

    name: str | None = None
    size: int | None = None
    pax: dict[str, str] = field(default_factory=dict)
    damage: str = ""


class _DamagedTarError(ValueError):
    """A header says what cannot be."""


def tar_members(source: ByteSource, path: str, budget: Budget) -> Iterator[TargetFile | Unread]:
    """Yield the regular files of a tar, in its order; each of several with one name.

    Args:
        source: At its first header.
        path: Of the tar.
        budget: Counts.

    Raises:
        SpentError: it may take no more.
    """
    common: dict[str, str] = {}
    while True:
        ahead = _Next(pax=dict(common))
        try:
            header = _headers_before(source, ahead, common)
            if ahead.damage:
                yield Unread(path, ahead.damage)
            if header is None:
                return
            budget.begin_member()
            yield from _member(source, header, ahead, path, budget)
        except _DamagedTarError as exc:
            yield Unread(path, f"{exc}: the rest was not read")
            return


def _headers_before(source: ByteSource, ahead: _Next, common: dict[str, str]) -> bytes | None:
    """Read until the header of a member; None at the end.

    Zeros end a tar, and joined tars go on after them; other tools stop there, and what follows would be hidden. Blocks that are
    neither are passed over and named.
    """
    ended = False
    while header := source.read(_BLOCK):
        if header == _ZERO[: len(header)]:
            ended = True
            continue
        if not is_tar(header):
            ahead.damage = ahead.damage or (
                "something else follows the end of the tar: it was searched for further members alone"
                if ended
                else "a header of the tar is damaged: further ones were searched for"
            )
            continue
        kind = header[156:157]
        if kind not in {b"L", b"K", b"x", b"X", b"g"}:
            return header
        data = _small(source, _number(header[124:136]))
        if kind == b"L":
            ahead.name = _text(data)
        elif kind in {b"x", b"X"}:
            ahead.pax.update(_pax(data))
        elif kind == b"g":
            common.update(_pax(data))
            ahead.pax.update(common)
    return None


def _member(
    source: ByteSource, header: bytes, ahead: _Next, path: str, budget: Budget
) -> Iterator[TargetFile | Unread]:
    kind = header[156]
    size = _size(header, ahead)
    if kind in _EMPTY_KINDS or (kind == _HARD_LINK and not size):
        return
    name = ahead.pax.get("GNU.sparse.name") or ahead.pax.get("path") or ahead.name or _name(header)
    where = f"{path}{MEMBER}{name}"
    sparse = _sparse(source, header, ahead.pax, size)
    if sparse:
        size = sparse.stored
    elif kind not in _REGULAR:
        yield Unread(where, f"tar knows no kind {chr(kind)!r}: read as a plain file", hides=False)
    held = source.member(where, size)
    source.skip(-size % _BLOCK)
    if held.file is not None and sparse:
        with held.file.open() as stored:
            held = hold(_expanded(stored, sparse), where, budget)
    if held.file is not None:
        yield held.file
    if held.damage:
        yield Unread(where, held.damage)


def _size(header: bytes, ahead: _Next) -> int:
    stated = ahead.pax.get("size")
    if stated is None:
        return _number(header[124:136])
    if not stated.isdecimal() or len(stated) > 19:
        raise _DamagedTarError("a pax header states a size that is no number")
    return int(stated)


def _number(data: bytes) -> int:
    """Octal digits, or binary where the highest bit is set."""
    if data[0] & 0x80:
        value = int.from_bytes(bytes([data[0] & 0x7F]) + data[1:], "big")
        if data[0] & 0x40 or value >> 62:
            raise _DamagedTarError("a header of the tar states a size that cannot be")
        return value
    text = data.split(b"\0")[0].strip()
    if not text:
        return 0
    if not all(48 <= digit <= 55 for digit in text):
        raise _DamagedTarError("a header of the tar states a size that is no number")
    return int(text, 8)


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _small(source: ByteSource, size: int) -> bytes:
    if size > _MOST_HEADER_BYTES:
        raise _DamagedTarError(f"a name or header of {size} bytes is too long")
    data = source.read(size)
    source.skip(-size % _BLOCK)
    if len(data) < size:
        raise _DamagedTarError("the tar ends in the middle of a header")
    return data


def _pax(data: bytes) -> dict[str, str]:
    """Records of a length, a space, ``KEY=VALUE`` and a line feed; what does not fit ends them."""
    found: dict[str, str] = {}
    offsets: list[str] = []
    while data:
        stated, space, _ = data.partition(b" ")
        if not space or not stated.isdigit() or len(stated) > 9:
            break
        length = int(stated)
        record, data = data[len(stated) + 1 : length - 1], data[length:]
        if length <= len(stated) + 1:
            break
        key, _, value = record.partition(b"=")
        name, text = key.decode("utf-8", "replace"), value.decode("utf-8", "surrogateescape")
        found[name] = text
        if name in {"GNU.sparse.offset", "GNU.sparse.numbytes"}:
            offsets.append(text)
    if offsets:
        found["GNU.sparse.map"] = ",".join(offsets)
    return found


_Parts = list[tuple[int, int]]


class _Sparse(NamedTuple):
    """A file of which only parts are stored.

    Attributes:
        parts: Where each stands and how long it is, in order.
        real: How long it is with its holes.
        stored: How many bytes follow in the tar.
    """

    parts: _Parts
    real: int
    stored: int


def _sparse(source: ByteSource, header: bytes, pax: dict[str, str], size: int) -> _Sparse | None:
    if header[156] == _OLD_SPARSE:
        return _old_sparse(source, header, size)
    if "GNU.sparse.major" in pax or "GNU.sparse.map" in pax:
        return _pax_sparse(source, pax, size)
    return None


def _old_sparse(source: ByteSource, header: bytes, size: int) -> _Sparse:
    parts = _sparse_entries(header[386:482])
    more = header[482]
    while more:
        block = source.read(_BLOCK)
        if len(block) < _BLOCK or len(parts) > _MOST_SPARSE_PARTS:
            raise _DamagedTarError("the map of a sparse file does not end")
        parts += _sparse_entries(block[:504])
        more = block[504]
    return _Sparse(parts, _number(header[483:495]), size)


def _sparse_entries(data: bytes) -> _Parts:
    pairs = ((data[at : at + 12], data[at + 12 : at + 24]) for at in range(0, len(data) - 23, 24))
    return [(_number(offset), _number(count)) for offset, count in pairs if offset[0]]


def _pax_sparse(source: ByteSource, pax: dict[str, str], size: int) -> _Sparse:
    real = pax.get("GNU.sparse.realsize") or pax.get("GNU.sparse.size") or ""
    if pax.get("GNU.sparse.major") == "1":
        numbers, used = _map_in_data(source, size)
        size -= used
    else:
        numbers = pax.get("GNU.sparse.map", "").split(",")
    if not all(text.isdecimal() and len(text) < 20 for text in (*numbers, real)) or len(numbers) % 2:
        raise _DamagedTarError("the map of a sparse file is no list of numbers")
    values = [int(text) for text in numbers]
    return _Sparse(list(zip(values[::2], values[1::2], strict=True)), int(real), size)


def _map_in_data(source: ByteSource, size: int) -> tuple[list[str], int]:
    """Lines of numbers, the first says how many pairs follow, padded to whole blocks."""
    text, used = b"", 0
    while used < size:
        block = source.read(_BLOCK)
        used += len(block)
        text += block
        lines = text.split(b"\n")
        if len(lines) > 1:
            count = int(lines[0]) if lines[0].isdigit() and len(lines[0]) < 10 else _MOST_SPARSE_PARTS + 1
            if count > _MOST_SPARSE_PARTS:
                break
            if len(lines) > 2 * count + 1:
                return [line.decode("ascii", "replace") for line in lines[1 : 2 * count + 1]], used
        if len(block) < _BLOCK or used > _MOST_HEADER_BYTES * 4:
            break
    raise _DamagedTarError("the map of a sparse file does not end")


def _expanded(stored: BinaryIO, sparse: _Sparse) -> Iterator[bytes]:
    """Yield a sparse file with its holes."""
    place = 0
    for offset, count in sparse.parts:
        if offset < place or offset + count > sparse.real:
            raise _DamagedTarError("the map of a sparse file overlaps or leads beyond its end")
        yield from _zeros(offset - place)
        yield from pieces_of(stored, count)
        place = offset + count
    yield from _zeros(sparse.real - place)


def _zeros(count: int) -> Iterator[bytes]:
    whole = bytes(min(count, PIECE_BYTES))
    while count > 0:
        yield whole[:count]
        count -= len(whole)
