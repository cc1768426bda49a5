"""The version resource of a Windows program: product, company, version. Source: Microsoft, VS_VERSIONINFO."""

from __future__ import annotations

from collections.abc import Iterator

from passerby.scan.binaries.gathered import Gathered

_MOST_NODES = 2000
_DEPTH = 4
"""VS_VERSIONINFO, StringFileInfo, StringTable, String."""


def read_version(data: bytes, gathered: Gathered) -> None:
    """Gather the names of products and the version. What is broken ends the reading there.

    Args:
        data: The resource.
        gathered: Takes it.
    """
    texts: dict[str, str] = {}
    for key, value in _strings(data, _DEPTH, [_MOST_NODES]):
        texts.setdefault(key, value)
    product, company = texts.get("ProductName", ""), texts.get("CompanyName", "")
    for name in (product, f"{company} {product}", texts.get("FileDescription", ""), texts.get("InternalName", "")):
        if name.strip() and name not in gathered.products:
            gathered.products.append(name.strip())
    if original := texts.get("OriginalFilename", ""):
        gathered.own.append(original)
    gathered.version = gathered.version or texts.get("ProductVersion", "") or texts.get("FileVersion", "")


def _strings(data: bytes, depth: int, budget: list[int]) -> Iterator[tuple[str, str]]:
    """Yield keys with their texts out of one level of nodes and those in it."""
    place = 0
    while place + 6 <= len(data) and budget[0] > 0:
        budget[0] -= 1
        length, value_length, kind = (int.from_bytes(data[place + at : place + at + 2], "little") for at in (0, 2, 4))
        node = data[place : place + length]
        place += max(length, 6) + 3 & ~3
        key, start = _text(node, 6)
        start = start + 3 & ~3
        if kind == 1 and depth == 1 and value_length:
            yield key, _text(node[: start + 2 * value_length], start)[0]
        elif depth > 1:
            yield from _strings(node[(start + (0 if kind == 1 else value_length)) + 3 & ~3 :], depth - 1, budget)


def _text(data: bytes, start: int) -> tuple[str, int]:
    """Return the text that begins there, and where what follows its zero begins."""
    end = start
    while end + 2 <= len(data) and data[end : end + 2] != b"\0\0":
        end += 2
    return data[start:end].decode("utf-16-le", "replace"), end + 2
