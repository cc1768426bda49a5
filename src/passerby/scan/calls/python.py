"""What Python code uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from passerby.scan.calls.trees import (
    MOST_LINKS,
    MOST_TEXT,
    Scope,
    client_origin,
    find_kinds,
    first_field,
    named_children,
    parse,
)
from passerby.scan.calls.uses import Origin, Use, UseSort

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_BINDING = ("import_statement", "import_from_statement", "assignment", "named_expression", "as_pattern")
_USING = ("attribute", "call", "string")
_IMPORTERS = frozenset({"__import__", "import_module", "importorskip"})


def python_uses(text: str) -> Iterator[Use]:
    """Yield what Python code imports, names and writes as literals; docstrings and comments are left out."""
    root = parse(text, "python")
    reading = _PythonReading()
    for node in find_kinds(root, _BINDING):
        for _ in reading.bind(node):
            pass
    for node in find_kinds(root, (*_BINDING, *_USING)):
        yield from reading.bind(node) if node.kind() in _BINDING else reading.use(node)


class _PythonReading:
    def __init__(self) -> None:
        self._scope = Scope()

    def bind(self, node: SgNode) -> Iterator[Use]:
        kind = node.kind()
        if kind == "import_statement":
            yield from self._import(node)
        elif kind == "import_from_statement":
            yield from self._import_from(node)
        elif kind == "as_pattern":
            parts = named_children(node)
            if len(parts) == 2 and (target := parts[1].children()):
                self._assign(target[0], parts[0])
        else:
            left = first_field(node, "left", "name")
            right = first_field(node, "right", "value")
            if left is not None and right is not None:
                self._assign(left, right)

    def _import(self, node: SgNode) -> Iterator[Use]:
        for one in node.field_children("name"):
            name, alias = _named(one)
            yield Use(UseSort.IMPORT, Origin(name), node)
            if alias:
                self._scope.bind(alias, Origin(name))
            else:
                first = name.partition(".")[0]
                self._scope.bind(first, Origin(first))

    def _import_from(self, node: SgNode) -> Iterator[Use]:
        module = node.field("module_name")
        if module is None or module.kind() != "dotted_name":
            return
        name = module.text()
        yield Use(UseSort.IMPORT, Origin(name), node)
        for one in node.field_children("name"):
            member, alias = _named(one)
            yield Use(UseSort.IMPORT, Origin(name, (member,)), one)
            self._scope.bind(alias or member, Origin(name, (member,)))

    def _assign(self, left: SgNode, right: SgNode) -> None:
        if right.kind() == "string" and left.kind() == "identifier":
            self._scope.bind_text(left.text(), _literal(right))
            return
        origin = self._origin(right)
        if left.kind() == "identifier":
            self._scope.bind(left.text(), origin)
        elif left.kind() == "attribute":
            attribute = left.field("attribute")
            if attribute is not None:
                self._scope.bind(attribute.text(), origin, attribute=True)

    def use(self, node: SgNode) -> Iterator[Use]:
        kind = node.kind()
        if kind == "string":
            parent = node.parent()
            if parent is None or parent.kind() != "expression_statement":
                yield Use(UseSort.TEXT, Origin("", (_literal(node),)), node)
            return
        if kind == "attribute":
            yield Use(UseSort.NAME, self._origin(node), node)
            return
        function = node.field("function")
        if function is None:
            return
        origin = self._origin(function)
        if function.kind() == "identifier":
            yield Use(UseSort.NAME, origin, node)
        last = str(origin).rpartition(".")[2]
        if last in _IMPORTERS and (told := self._told(node)):
            yield Use(UseSort.IMPORT, Origin(told), node)
        elif (
            last == "getattr"
            and len(parts := named_children(node.field("arguments"))) > 1
            and parts[1].kind() == "string"
        ):
            yield Use(UseSort.NAME, self._origin(parts[0]).then(_literal(parts[1])), node)

    def _origin(self, node: SgNode, links: int = MOST_LINKS) -> Origin:
        kind = node.kind()
        if links == 0:
            return Origin("")
        if kind == "identifier":
            return self._scope.name(node.text())
        if kind == "attribute":
            owner, attribute = node.field("object"), node.field("attribute")
            if owner is not None and attribute is not None:
                return self._scope.member(self._origin(owner, links - 1), attribute.text())
        if kind == "call" and (function := node.field("function")) is not None:
            return self._called(node, self._origin(function, links - 1))
        if kind in {"await", "parenthesized_expression"}:
            return self._origin(inner[0], links - 1) if (inner := named_children(node)) else Origin("")
        return Origin("")

    def _called(self, node: SgNode, function: Origin) -> Origin:
        told = self._told(node)
        if told and str(function).rpartition(".")[2] in _IMPORTERS:
            return Origin(told)
        return client_origin(function, told) or function

    def _told(self, node: SgNode) -> str:
        """Return the text of the first argument, or of ``service_name=``."""
        for place, one in enumerate(named_children(node.field("arguments"))):
            value = one
            if one.kind() == "keyword_argument":
                name = one.field("name")
                if name is None or name.text() != "service_name" or (inner := one.field("value")) is None:
                    continue
                value = inner
            elif place:
                continue
            if value.kind() == "string":
                return _literal(value)
            if value.kind() == "identifier":
                return self._scope.text(value.text())
        return ""


def _named(node: SgNode) -> tuple[str, str]:
    if node.kind() == "aliased_import":
        name, alias = node.field("name"), node.field("alias")
        return (name.text() if name else "", alias.text() if alias else "")
    return node.text(), ""


def _literal(node: SgNode) -> str:
    """Return the text of a string, with ``{}`` where a value is put in."""
    parts = []
    for one in node.children():
        if one.kind() == "string_content":
            parts.append(one.text())
        elif one.kind() == "interpolation":
            parts.append("{}")
    return "".join(parts)[:MOST_TEXT]
