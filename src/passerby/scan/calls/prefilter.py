"""The search that comes before the trees: which components' names stand in a file at all, byte by byte.

Trees cost 5 MB/s; this goes through 200 MB/s whatever the number of names, and nearly every file ends here.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable
from typing import BinaryIO

from passerby.scan.calls.marks import Marked, marked_components
from passerby.scan.calls.names import spellings, words_of
from passerby.scan.calls.sources import MOST_CODE_BYTES, decoded
from passerby.scan.calls.uses import Language
from passerby.scan.catalogue import Catalogue, read_catalogue
from passerby.scan.values import TargetFile

_CHUNK = 1 << 20
_LONGEST = 300
"""Bytes of the longest name: chunks overlap by as much, see the catalogue's schema."""
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_ENDINGS = (b"Command", b"Async", b"Request")
WEIGHTS = "weights"
"""Stands among ids for an address of weights of no component in particular; no component's id."""
_KINDS = """arcface ArcFace adaface magface cosface sphereface mobilefacenet MobileFaceNet ghostfacenet edgeface
glintr100 w600k vggface vggface2 face_recognition face-recognition facerecognition"""
_WEIGHTS = tuple(f"{name}{joint}".encode() for name in _KINDS.split() for joint in "_-.")
_BEFORE_MODULE = {
    Language.PYTHON: (b"import", b"from", b",", b"'", b'"', b"("),
    Language.JAVASCRIPT: (b"'", b'"', b"`", b"/", b":"),
    Language.SWIFT: (b"import", b"<"),
    Language.CPP: (b"<", b'"'),
    Language.GO: (b'"',),
    Language.RUBY: (b"'", b'"'),
}
"""What stands before a module's name where it is imported; a word alone may be anything."""


class Prefilter:
    """Finds names of components in bytes.

    Args:
        catalogue: Whose names.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.marked = marked_components(catalogue)
        self._searches: dict[Language, _Search] = {}

    def components_in(self, file: TargetFile, language: Language) -> frozenset[str]:
        """Return the ids of components of which a whole name stands in a file, however long it is.

        Raises:
            OSError: it cannot be read.
        """
        search = self._searches.get(language)
        if search is None:
            search = self._searches[language] = _Search(self.marked.values(), language)
        if file.head(2) in {b"\xff\xfe", b"\xfe\xff"} and file.size_bytes <= MOST_CODE_BYTES:
            return search.ids_in(io.BytesIO(decoded(file.read(MOST_CODE_BYTES)).encode()))
        with file.open() as stream:
            return search.ids_in(stream)


class _Search:
    """The names that may stand in files of one language."""

    def __init__(self, marked: Iterable[Marked], language: Language) -> None:
        from ahocorasick_rs import BytesAhoCorasick, Implementation

        self._before = _BEFORE_MODULE.get(language, ())
        anywhere: dict[bytes, set[str]] = {}
        modules: dict[bytes, set[str]] = {}
        for one in marked:
            for name in _needles(one, language):
                anywhere.setdefault(name.encode(), set()).add(one.component.id)
            for name in _modules(one, language):
                modules.setdefault(name.encode(), set()).add(one.component.id)
        if language is not Language.POLICY:
            for beginning in _WEIGHTS:
                anywhere.setdefault(beginning, set()).add(WEIGHTS)
        needles = sorted(anywhere.keys() | modules.keys())
        self._owners: list[tuple[set[str], set[str]]] = [
            (anywhere.get(one, set()), modules.get(one, set())) for one in needles
        ]
        self._search = BytesAhoCorasick(needles, implementation=Implementation.DFA)

    def ids_in(self, stream: BinaryIO) -> frozenset[str]:
        found: set[str] = set()
        rest = b""
        while chunk := stream.read(_CHUNK):
            data = rest + chunk
            for index, start, end in self._search.find_matches_as_indexes(data, overlapping=True):
                anywhere, modules = self._owners[index]
                if not (anywhere <= found and modules <= found) and (WEIGHTS in anywhere or _whole(data, start, end)):
                    found |= anywhere
                    if not self._before or data[max(0, start - 16) : start].rstrip().endswith(self._before):
                        found |= modules
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


def _needles(one: Marked, language: Language) -> set[str]:
    """Return what may stand anywhere: names of calls only where the module alone says nothing."""
    code = one.component.code
    if language is Language.POLICY:
        return {name.partition("?")[0] for name in code.resources} | {
            f"{name.partition(':')[0]}:" for name in code.iam_actions
        }
    found = {*code.services, *(name.capitalize() for name in code.services), *code.paths}
    found |= {_telling(host) for host in code.hosts}
    found |= {name.partition(":")[0] + ":" for name in code.iam_actions}
    found |= {file.name for file in one.component.files if one.identifying_file(file)}
    return {name for name in found | _call_needles(one, language) if name}


def _call_needles(one: Marked, language: Language) -> set[str]:
    code = one.component.code
    if not one.alone:
        return {
            spelled
            for name in (*code.identifying, *code.detecting)
            for spelled in spellings(max(name.split("."), key=len))
        }
    if language is Language.JAVASCRIPT:  # built scripts hold a component without importing it
        return {*code.globals, *(name for name in code.identifying if "." not in name and len(words_of(name)) > 2)}
    return set()


def _telling(host: str) -> str:
    """Return the part of a host's name that few others have: its beginning, unless any may stand there."""
    first, *others = host.split("*")
    return (first or max(others, key=len)).strip(".")


def _modules(one: Marked, language: Language) -> set[str]:
    """Return what stands where a module is imported, if that says something."""
    if not one.alone:
        return set()
    found = set(getattr(one.component.code, language, ()))
    if language is Language.PYTHON:
        found |= {f"{owner} import {name}" for owner, dot, name in (mark.rpartition(".") for mark in found) if dot}
    return found
