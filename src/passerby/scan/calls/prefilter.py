"""The search that comes before the trees: which components' names stand in a file at all, byte by byte.

Trees cost 5 MB/s; this goes through 200 MB/s whatever the number of names, and nearly every file ends here.
"""

from __future__ import annotations

import functools
import io
from typing import BinaryIO

from passerby.scan.calls.marks import Marked, marked_components
from passerby.scan.calls.names import spellings
from passerby.scan.calls.sources import MOST_CODE_BYTES, decoded
from passerby.scan.catalogue import Catalogue, read_catalogue
from passerby.scan.values import TargetFile

_CHUNK = 1 << 20
_LONGEST = 300
"""Bytes of the longest name: chunks overlap by as much, see the catalogue's schema."""
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_ENDINGS = (b"Command", b"Async", b"Request")


class Prefilter:
    """Finds names of components in bytes.

    Args:
        catalogue: Whose names.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        from ahocorasick_rs import BytesAhoCorasick, Implementation

        self.marked = marked_components(catalogue)
        owners: dict[bytes, set[str]] = {}
        for one in self.marked.values():
            for name in _needles(one):
                owners.setdefault(name.encode(), set()).add(one.component.id)
        self._needles = sorted(owners)
        self._owners = [owners[needle] for needle in self._needles]
        self._search = BytesAhoCorasick(self._needles, implementation=Implementation.DFA)

    def components_in(self, file: TargetFile) -> frozenset[str]:
        """Return the ids of components of which a whole name stands in a file, however long it is.

        Raises:
            OSError: it cannot be read.
        """
        if file.head(2) in {b"\xff\xfe", b"\xfe\xff"} and file.size_bytes <= MOST_CODE_BYTES:
            return self._ids(io.BytesIO(decoded(file.read(MOST_CODE_BYTES)).encode()))
        with file.open() as stream:
            return self._ids(stream)

    def _ids(self, stream: BinaryIO) -> frozenset[str]:
        found: set[str] = set()
        rest = b""
        while chunk := stream.read(_CHUNK):
            data = rest + chunk
            for index, start, end in self._search.find_matches_as_indexes(data, overlapping=True):
                if not self._owners[index] <= found and _whole(data, start, end):
                    found |= self._owners[index]
            rest = data[-_LONGEST:]
        return frozenset(found)


@functools.cache
def shipped_prefilter() -> Prefilter:
    """Return the search for the names of the catalogue that this version ships, made once in a process."""
    return Prefilter(read_catalogue())


def _whole(data: bytes, start: int, end: int) -> bool:
    if start and data[start] in _WORD and data[start - 1] in _WORD:
        return False
    if end < len(data) and data[end - 1] in _WORD and data[end] in _WORD:
        return data.startswith(_ENDINGS, end)
    return True


def _needles(one: Marked) -> set[str]:
    """Return what a file that uses a component must hold: its modules, or its calls where modules alone say nothing."""
    code = one.component.code
    found = {
        *code.globals,
        *code.services,
        *(name.capitalize() for name in code.services),
        *code.iam_actions,
        *code.paths,
    }
    found |= {max(host.split("*"), key=len).strip(".") for host in code.hosts}
    found |= {name.partition("?")[0] for name in code.resources}
    found |= {name.partition(":")[0] + ":" for name in code.iam_actions}
    found |= {file.name for file in one.component.files if one.identifying_file(file)}
    if one.alone:
        for module in (*code.python, *code.javascript, *code.java, *code.swift, *code.csharp, *code.go):
            found |= {module, _from(module)}
        found |= {*code.cpp, *code.php, *code.ruby, *code.rust}
    else:
        for name in (*code.identifying, *code.detecting):
            found |= spellings(max(name.split("."), key=len))
    return {name for name in found if name}


def _from(module: str) -> str:
    """Return ``a.b import c`` of ``a.b.c``, as Python may write it."""
    owner, dot, name = module.rpartition(".")
    return f"{owner} import {name}" if dot else module
