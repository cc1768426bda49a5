"""What code in other languages uses: comments and literals are told from code, imports and chains of names are read.

No tree is built: a name that follows an import is what the catalogue's marks ask for, and one pass of an expression finds it.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator

from passerby.scan.calls.trees import MOST_TEXT
from passerby.scan.calls.uses import Language, Origin, Use, UseSort, service_origin

_SLASHES = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_HASH = r"(?<!\S)#[^\n]*"
_DOUBLE = r'"(?:\\.|[^"\\\n])*"?'
_TRIPLE = r'""".*?(?:"""|\Z)'
_CHARACTER = r"'(?:\\[^\n]{1,10}?|[^'\\\n])'"
_SINGLE = r"'(?:\\.|[^'\\])*'?"
_LONG_DOUBLE = r'"(?:\\.|[^"\\])*"?'
_LITERALS = {
    Language.PHP: (f"{_SLASHES}|{_HASH}", f"{_LONG_DOUBLE}|{_SINGLE}"),
    Language.RUBY: (_HASH, f"{_LONG_DOUBLE}|{_SINGLE}"),
    Language.SHELL: (_HASH, f"{_LONG_DOUBLE}|'[^']*'?"),
    Language.CSHARP: (_SLASHES, rf'[$@]*@[$@]*"(?:[^"]|"")*"?|{_TRIPLE}|{_DOUBLE}|{_CHARACTER}'),
    Language.CPP: (_SLASHES, rf'R"\(.*?(?:\)"|\Z)|{_DOUBLE}|{_CHARACTER}'),
    Language.GO: (_SLASHES, f"`[^`]*`?|{_DOUBLE}|{_CHARACTER}"),
}
_IMPORTS = {
    Language.JAVA: r"^[ \t]*import[ \t]+(?:static[ \t]+)?(?P<module>[\w.]*\w)(?:[ \t]+as[ \t]+(?P<alias>\w+))?",
    Language.CSHARP: r"^[ \t]*(?:global[ \t]+)?using[ \t]+(?:static[ \t]+)?(?:(?P<alias>\w+)\s*=\s*)?(?P<module>[\w.]+)\s*;",
    Language.SWIFT: r"^[ \t]*(?:@\w+[ \t]+)*@?import[ \t]+(?:(?:class|struct|func|enum|let|var)[ \t]+)?(?P<module>[\w.]+)",
    Language.PHP: r"\buse[ \t]+\\?(?P<module>[\w\\]+)(?:[ \t]+as[ \t]+(?P<alias>\w+))?",
    Language.RUST: r"\b(?:use|extern[ \t]+crate)[ \t]+(?:::)?(?P<module>\w+(?:::\w+)*)(?:[ \t]+as[ \t]+(?P<alias>\w+))?",
}
_QUOTED = {
    Language.CPP: r'^[ \t]*#[ \t]*include[ \t]*[<"](?P<module>[^>"\n]+)',
    Language.SWIFT: r"^[ \t]*#[ \t]*import[ \t]*<(?P<module>\w+)/",
    Language.GO: r'(?:^[ \t]*|\bimport[ \t]+)(?:(?P<alias>[\w.]+)[ \t]+)?"(?P<module>[\w./-]+)"[ \t]*$',
    Language.RUBY: r"""^[ \t]*require[ \t(]*['"](?P<module>[^'"\n]+)""",
}
"""Imports that are written as literals; read before these are blanked."""
_CHAIN = re.compile(r"\\?\b[A-Za-z_]\w*(?:\s{0,20}(?:\??\.|::|->|\\)\s{0,20}[A-Za-z_]\w*){0,12}")
_JOINT = re.compile(r"\s*(?:\??\.|::|->|\\)\s*")
_COMMAND = re.compile(
    r"(?:^|[\n;&|(`{])[ \t]*(?:(?:sudo|then|do|else|time|exec|-|\w+=\S*)[ \t]+)*"
    r"aws[ \t]+(?:--?[\w-]+(?:[= \t]+[\w./:-]+)?[ \t]+)*?"
    r"(?P<service>[a-z][a-z0-9-]+)[ \t]+(?P<action>[a-z][a-z0-9-]+)"
)
_ADDRESS = re.compile(r"https?://[^\s'\"<>|;)]{1,1000}")


def lexical_uses(text: str, language: Language) -> Iterator[Use]:
    """Yield what code imports, names and writes as literals, in no order."""
    comment, literal = _LITERALS.get(language, (_SLASHES, f"{_TRIPLE}|{_DOUBLE}|{_CHARACTER}"))
    token = re.compile(rf"(?P<comment>{comment})|(?P<literal>{literal})", re.DOTALL)
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    bare = token.sub(
        lambda found: _blank(found.group()) if found["comment"] or "\n" in found.group() else found.group(), text
    )
    code = token.sub(lambda found: _blank(found.group()), text)
    for found in token.finditer(text):
        if found["literal"] is not None:
            yield _use(UseSort.TEXT, Origin("", (found["literal"].strip("@$\"'`")[:MOST_TEXT],)), starts, found.start())
    if language is Language.SHELL:
        yield from _commands(code, bare, starts)
        return
    names: dict[str, Origin] = {}
    for source, patterns in ((code, _IMPORTS), (bare, _QUOTED)):
        if language in patterns:
            for found in re.finditer(patterns[language], source, re.MULTILINE):
                origin = Origin(found["module"].replace("::", "."))
                alias = found.groupdict().get("alias") or re.split(r"[./\\]", origin.module)[-1]
                names[alias] = origin
                yield _use(UseSort.IMPORT, origin, starts, found.start("module"))
    yield from _names(code, names, starts)


def _names(code: str, names: dict[str, Origin], starts: list[int]) -> Iterator[Use]:
    for found in _CHAIN.finditer(code):
        first, *rest = (part for part in _JOINT.split(found.group()) if part)
        known = names.get(first)
        origin = Origin(known.module, tuple(rest)) if known is not None else Origin("", (first, *rest))
        yield _use(UseSort.NAME, origin, starts, found.start())
        if known is None and len(rest) > 1:  # a name that is written with its whole package needs no import
            yield _use(UseSort.NAME, Origin(first, tuple(rest)), starts, found.start())


def _commands(code: str, bare: str, starts: list[int]) -> Iterator[Use]:
    joined = code.replace("\\\n", "  ")
    for found in _COMMAND.finditer(joined):
        origin = service_origin(found["service"]).then(found["action"])
        yield _use(UseSort.NAME, origin, starts, found.start("service"))
    for found in _ADDRESS.finditer(bare):
        yield _use(UseSort.TEXT, Origin("", (found.group(),)), starts, found.start())


def _use(sort: UseSort, origin: Origin, starts: list[int], at: int) -> Use:
    return Use(sort, origin, None, bisect.bisect_right(starts, at) - 1)


def _blank(text: str) -> str:
    """Return blanks of the same length, with the same lines."""
    return re.sub(r"[^\n]", " ", text)
