"""What JavaScript and TypeScript code uses, with and without JSX."""

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

_BINDING = (
    "import_statement",
    "export_statement",
    "variable_declarator",
    "assignment_expression",
    "public_field_definition",
    "required_parameter",
)
_USING = (
    "call_expression",
    "new_expression",
    "member_expression",
    "string",
    "template_string",
)
_ELEMENTS = ("jsx_opening_element", "jsx_self_closing_element")
_TEXTS = frozenset({"string", "template_string"})
_MEMBERS = frozenset({"member_expression", "nested_type_identifier", "subscript_expression"})
_INNER = frozenset({"await_expression", "parenthesized_expression", "as_expression", "non_null_expression"})
_REQUIRERS = frozenset({"require", "importScripts"})
_NAMES = frozenset({"identifier", "property_identifier", "private_property_identifier", "type_identifier"})


def javascript_uses(text: str, grammar: str = "tsx") -> Iterator[Use]:
    """Yield what the code imports, names and writes as literals.

    Args:
        text: The code.
        grammar: ``tsx``, which takes all dialects but TypeScript's casts by ``<>``; ``typescript``, which takes these and no JSX.
    """
    root = parse(text, grammar)
    reading = _ScriptReading()
    for node in find_kinds(root, _BINDING):
        for _ in reading.bind(node):
            pass
    for node in find_kinds(root, (*_BINDING, *_USING, *(_ELEMENTS if grammar == "tsx" else ()))):
        yield from reading.bind(node) if node.kind() in _BINDING else reading.use(node)


class _ScriptReading:
    def __init__(self) -> None:
        self._scope = Scope()

    def bind(self, node: SgNode) -> Iterator[Use]:
        kind = node.kind()
        if kind in {"import_statement", "export_statement"}:
            yield from self._import(node)
            return
        left, right = first_field(node, "name", "left", "pattern"), first_field(node, "value", "right", "type")
        if right is not None and right.kind() == "type_annotation":
            right = next(iter(named_children(right)), None)
        if left is None or right is None:
            return
        if left.kind() == "identifier" and right.kind() in _TEXTS:
            self._scope.bind_text(left.text(), _literal(right))
        origin = self._origin(right)
        self._bind(left, origin)
        if left.kind() == "object_pattern" and origin.module and not origin.tail:
            for member, _ in _destructured(left):
                yield Use(UseSort.IMPORT, origin.then(member), left)

    def _bind(self, left: SgNode, origin: Origin) -> None:
        kind = left.kind()
        if kind == "identifier":
            self._scope.bind(left.text(), origin)
            self._scope.bind(left.text(), origin, attribute=True)
        elif kind in {"property_identifier", "private_property_identifier"}:
            self._scope.bind(left.text(), origin, attribute=True)
        elif kind == "member_expression" and (name := left.field("property")) is not None:
            self._scope.bind(name.text(), origin, attribute=True)
        elif kind == "object_pattern" and origin.module:
            for member, alias in _destructured(left):
                self._scope.bind(alias, origin.then(member))

    def _import(self, node: SgNode) -> Iterator[Use]:
        clauses = [one for one in node.children() if one.kind() in {"import_clause", "import_require_clause"}]
        source = first_field(node, "source") or next((one.field("source") for one in clauses), None)
        if source is None:
            return
        module = _literal(source)
        yield Use(UseSort.IMPORT, Origin(module), node)
        for one in find_kinds(node, ("import_specifier", "export_specifier")):
            name, alias = one.field("name"), one.field("alias")
            if name is not None:
                yield Use(UseSort.IMPORT, Origin(module, (name.text(),)), one)
                self._scope.bind((alias or name).text(), Origin(module, (name.text(),)))
        for one in _whole(clauses):
            self._scope.bind(one.text(), Origin(module))

    def use(self, node: SgNode) -> Iterator[Use]:
        kind = node.kind()
        if kind in _TEXTS:
            yield Use(UseSort.TEXT, Origin("", (_literal(node),)), node)
        elif kind == "member_expression":
            yield Use(UseSort.NAME, self._origin(node), node)
        elif kind.startswith("jsx"):
            if (name := node.field("name")) is not None:
                yield Use(UseSort.NAME, self._origin(name), node)
        else:
            function = first_field(node, "function", "constructor")
            if function is None:
                return
            if function.kind() == "identifier":
                yield Use(UseSort.NAME, self._origin(function), node)
            if (module := self._required(node, function)) is not None:
                yield Use(UseSort.IMPORT, Origin(module), node)
            self._hand_on(node, function)

    def _hand_on(self, call: SgNode, function: SgNode) -> None:
        """In ``import("x").then((y) => ...)`` the ``y`` stands for what came."""
        owner, name = function.field("object"), function.field("property")
        arguments = named_children(call.field("arguments"))
        if owner is None or name is None or name.text() != "then" or not arguments:
            return
        taken = first_field(arguments[0], "parameter", "parameters")
        if taken is not None and taken.kind() == "formal_parameters":
            taken = next((one.field("pattern") for one in named_children(taken)), None)
        if taken is not None:
            self._bind(taken, self._origin(owner))

    def _origin(self, node: SgNode, links: int = MOST_LINKS) -> Origin:
        kind = node.kind()
        if kind in _NAMES:
            return self._scope.name(node.text())
        if links and kind in _MEMBERS:
            return self._member(node, links)
        if links and kind in {"call_expression", "new_expression"}:
            return self._made(node, links)
        if links and kind in _INNER and (inner := named_children(node)):
            return self._origin(inner[0], links - 1)
        return Origin("")

    def _member(self, node: SgNode, links: int) -> Origin:
        owner, name = first_field(node, "object", "module"), first_field(node, "property", "name", "index")
        if owner is None or name is None or (node.kind() == "subscript_expression" and name.kind() != "string"):
            return Origin("")
        text = _literal(name) if name.kind() == "string" else name.text()
        return self._scope.member(self._origin(owner, links - 1), text)

    def _made(self, node: SgNode, links: int) -> Origin:
        function = first_field(node, "function", "constructor")
        if function is None:
            return Origin("")
        if (module := self._required(node, function)) is not None:
            return Origin(module)
        arguments = named_children(node.field("arguments"))
        origin = self._origin(function, links - 1)
        if not origin.module and len(arguments) == 1 and str(origin).rpartition(".")[2].startswith("_"):
            return self._origin(arguments[0], links - 1)  # __importStar(require("x")) of compilers
        return client_origin(origin, self._text(arguments[0]) if arguments else "") or origin

    def _required(self, call: SgNode, function: SgNode) -> str | None:
        """Return the module of ``require("x")`` and ``import("x")``."""
        arguments = named_children(call.field("arguments"))
        if function.kind() == "import" or (function.kind() == "identifier" and function.text() in _REQUIRERS):
            return (self._text(arguments[0]) or None) if arguments else None
        return None

    def _text(self, node: SgNode) -> str:
        if node.kind() in _TEXTS:
            return _literal(node)
        return self._scope.text(node.text()) if node.kind() == "identifier" else ""


def _whole(clauses: list[SgNode]) -> list[SgNode]:
    """Return the names by which clauses of an import take the module whole."""
    parts = [one for clause in clauses for one in clause.children()]
    parts += [part for one in parts if one.kind() == "namespace_import" for part in one.children()]
    return [one for one in parts if one.kind() == "identifier"]


def _destructured(pattern: SgNode) -> Iterator[tuple[str, str]]:
    for one in pattern.children():
        if one.kind() == "shorthand_property_identifier_pattern":
            yield one.text(), one.text()
        elif one.kind() == "pair_pattern":
            key, value = one.field("key"), one.field("value")
            if key is not None and value is not None and value.kind() == "identifier":
                yield key.text(), value.text()


def _literal(node: SgNode) -> str:
    """Return the text of a string, with ``{}`` where a value is put in."""
    parts = []
    for one in node.children():
        if one.kind() == "string_fragment":
            parts.append(one.text())
        elif one.kind() == "template_substitution":
            parts.append("{}")
    return "".join(parts)[:MOST_TEXT]
