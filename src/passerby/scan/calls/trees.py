"""Syntax trees, and what a name stands for in one file.

The parser takes broken code as well as whole code, without an error and in time that grows with the length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from passerby.errors import ScanError
from passerby.scan.calls.uses import Origin, service_origin

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MOST_LINKS = 16
"""Of a chain such as ``a.b().c``; what is longer has an unknown origin."""
MOST_TEXT = 2000
"""Characters of a literal that are looked at; addresses and names are shorter."""
_SHORT_TEXT = 1 << 16
_DENSEST = {"<": 10, "(": 8, "[": 3, "{": 5}
"""Signs that nest, with the share of a long text that they are at most. Source: a million of ``a<`` took 1.3 GB and 13 s, of
``f(`` 0.5 GB; in built scripts one sign in 25 is ``(``, one in 50 ``{``; tables of numbers reach one ``[`` in 4."""
_TELLERS = frozenset({"resource", "build", "client"})


def parse(text: str, grammar: str) -> SgNode:
    """Return the root of a syntax tree. The parser is loaded here, when a file is first worth it.

    Raises:
        ScanError: it is nested more densely than people or tools write, so that its tree would take a gigabyte.
    """
    if len(text) > _SHORT_TEXT and any(text.count(sign) * share > len(text) for sign, share in _DENSEST.items()):
        raise ScanError("code must be less densely nested to be parsed")
    from ast_grep_py import SgRoot

    return SgRoot(text, grammar).root()


def find_kinds(root: SgNode, kinds: Iterable[str]) -> Iterator[SgNode]:
    """Yield nodes of these kinds in order of the text."""
    return iter(root.find_all({"rule": {"any": [{"kind": kind} for kind in kinds]}}))


def named_children(node: SgNode | None) -> list[SgNode]:
    """Return what stands in a node, without brackets and commas; nothing of nothing."""
    return [one for one in node.children() if one.is_named()] if node is not None else []


def first_field(node: SgNode, *names: str) -> SgNode | None:
    """Return the first of these fields that a node has."""
    return next((found for name in names if (found := node.field(name)) is not None), None)


class Scope:
    """What names stand for in one file, without regard to functions and classes.

    An attribute of an object that is not known (``self.client``) is kept under its own name.
    """

    def __init__(self) -> None:
        self._names: dict[str, Origin] = {}
        self._texts: dict[str, str] = {}

    def bind(self, name: str, origin: Origin, *, attribute: bool = False) -> None:
        """A name, or an attribute of something unknown, stands for an origin from here on."""
        if origin.module:
            self._names[f".{name}" if attribute else name] = origin

    def bind_text(self, name: str, text: str) -> None:
        """A name stands for a literal."""
        self._texts[name] = text

    def text(self, name: str) -> str:
        """Return the literal that a name stands for, or nothing."""
        return self._texts.get(name, "")

    def name(self, name: str) -> Origin:
        """Return what a plain name stands for; an unknown one stands for itself, without a module."""
        return self._names.get(name, Origin("", (name,)))

    def member(self, owner: Origin, name: str) -> Origin:
        """Return what a name after a dot stands for."""
        if not owner.module:
            return self._names.get(f".{name}", owner.then(name))
        return owner.then(name)


def client_origin(function: Origin, told: str) -> Origin | None:
    """Return the origin of ``boto3.client("rekognition")`` and its like: a service that a general client is told."""
    last = function.tail[-1].lower() if function.tail else ""
    if told and ("client" in last or last in _TELLERS):
        return service_origin(told)
    return None
