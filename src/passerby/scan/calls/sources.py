"""The text of source files, in one piece or in parts: notebooks and pages hold code among other things."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from passerby.errors import ScanError
from passerby.scan.calls.uses import Language
from passerby.scan.values import TargetFile

MOST_CODE_BYTES = 1 << 20
"""Longer code is not parsed: trees take up to 1 KB a byte in the worst case, and people do not write such files."""
MOST_NOTEBOOK_BYTES = 16 << 20
"""Notebooks hold pictures."""
_SCRIPT = re.compile(rb"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_SOURCE = re.compile(rb"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)


class Dialect(NamedTuple):
    """How a file is read.

    Attributes:
        language: Whose imports.
        grammar: Of the syntax tree; empty where none is built.
    """

    language: Language
    grammar: str = ""


class CodePart(NamedTuple):
    """One piece of code.

    Attributes:
        text: The code.
        first_line: Of it in the file, from 0.
        included: Addresses of scripts that the place includes instead.
    """

    text: str
    first_line: int = 0
    included: tuple[str, ...] = ()


_JS, _TS = Dialect(Language.JAVASCRIPT, "tsx"), Dialect(Language.JAVASCRIPT, "typescript")
_SHELL = Dialect(Language.SHELL)
_BY_SUFFIX = {
    "py": Dialect(Language.PYTHON, "python"),
    "pyw": Dialect(Language.PYTHON, "python"),
    "pyx": Dialect(Language.PYTHON, "python"),
    "ipynb": Dialect(Language.PYTHON, "python"),
    "js": _JS, "mjs": _JS, "cjs": _JS, "jsx": _JS, "tsx": _JS, "vue": _JS, "svelte": _JS, "astro": _JS, "html": _JS, "htm": _JS,
    "ts": _TS, "mts": _TS, "cts": _TS,
    **dict.fromkeys(("java", "kt", "kts", "scala", "groovy"), Dialect(Language.JAVA)),
    **dict.fromkeys(("cpp", "cc", "cxx", "c", "h", "hh", "hpp", "hxx", "ino", "cu"), Dialect(Language.CPP)),
    **dict.fromkeys(("swift", "m", "mm"), Dialect(Language.SWIFT)),
    **dict.fromkeys(("sh", "bash", "zsh", "ps1", "psm1", "bat", "cmd", "http", "rest"), _SHELL),
    "cs": Dialect(Language.CSHARP), "go": Dialect(Language.GO), "php": Dialect(Language.PHP), "rb": Dialect(Language.RUBY),
    "rs": Dialect(Language.RUST),
}  # fmt: skip
_PAGES = frozenset({"vue", "svelte", "astro", "html", "htm"})
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")


def suffix_of(name: str) -> str:
    """Return what follows the last dot, in lower case."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def dialect_of(file: TargetFile) -> Dialect | None:
    """Return how a file is read, judged by its name, and by its first line where the name says nothing; None: not as code."""
    suffix = suffix_of(file.name)
    if suffix:
        return None if file.name.endswith(_DECLARATIONS) else _BY_SUFFIX.get(suffix)
    head = file.head(64)
    if head.startswith(b"#!"):
        first = head.split(b"\n", 1)[0]
        if b"python" in first:
            return _BY_SUFFIX["py"]
        if b"node" in first or b"deno" in first or b"bun" in first:
            return _JS
        return _SHELL if b"sh" in first else None
    return None


def parts_of(file: TargetFile) -> Iterator[CodePart]:
    """Yield the code of a file.

    Raises:
        ScanError: it is too long, or a notebook that is none.
    """
    suffix = suffix_of(file.name)
    if suffix == "ipynb":
        yield from _cells(file.read(MOST_NOTEBOOK_BYTES), file.path)
    elif suffix in _PAGES:
        yield from _scripts(file.read(MOST_CODE_BYTES))
    else:
        yield CodePart(decoded(file.read(MOST_CODE_BYTES)))


def decoded(data: bytes) -> str:
    """Return bytes as text, whatever they are."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _cells(data: bytes, path: str) -> Iterator[CodePart]:
    try:
        book = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise ScanError(f"notebook must be JSON, got something else: {path}") from exc
    code = [line for cell in _cells_of(book) if cell.get("cell_type") == "code" for line in _lines(cell)]
    whole = "\n".join(code)
    if len(whole) > MOST_CODE_BYTES:
        raise ScanError(f"code of a notebook must be at most {MOST_CODE_BYTES} bytes, got more: {path}")
    yield CodePart(whole)


def _cells_of(book: object) -> list[dict[str, object]]:
    """Return the cells of a notebook; before version 4 they stood in worksheets."""
    if not isinstance(book, dict):
        return []
    sheets = [book, *(book["worksheets"] if isinstance(book.get("worksheets"), list) else [])]
    lists = [one["cells"] for one in sheets if isinstance(one, dict) and isinstance(one.get("cells"), list)]
    return [cell for cells in lists for cell in cells if isinstance(cell, dict)]


def _lines(cell: dict[str, object]) -> list[str]:
    """Return the lines of a code cell; those that speak to the notebook itself are left empty."""
    source = cell.get("source", cell.get("input", ""))
    text = "".join(str(one) for one in source) if isinstance(source, list) else str(source)
    return ["" if line.lstrip().startswith(("!", "%")) else line for line in text.splitlines()]


def _scripts(data: bytes) -> Iterator[CodePart]:
    for found in _SCRIPT.finditer(data):
        source = _SOURCE.search(found[1])
        included = (decoded(source[1] or source[2] or source[3] or b""),) if source else ()
        yield CodePart(decoded(found[2]), data.count(b"\n", 0, found.start(2)), included)
