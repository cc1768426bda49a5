"""Reads the answer set rules of a rule file: ground normal rules, one conclusion each, no variables.

The subset is small on purpose. A rule without variables can be read by a lawyer, each of its conditions can be dropped by
a test, and a conclusion can be explained from the answer set alone: a rule supports its conclusion when its conditions hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clingo import MessageCode, ast

from passerby.errors import RuleError


@dataclass(frozen=True, slots=True)
class Literal:
    """One condition: an atom that must hold, or must not.

    Attributes:
        atom: As clingo writes it, without blanks, such as ``fact(actor,police)``.
        positive: False for ``not``.
    """

    atom: str
    positive: bool

    def __str__(self) -> str:
        return self.atom if self.positive else f"not {self.atom}"


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule of the program: a conclusion and its conditions.

    Attributes:
        head: The atom concluded.
        body: The conditions, all needed.
        rule: Id of the rule it was written under.
        group: The dated group with which it starts to apply.
        path: File in which it stands; another than its provision's where it was taken over.
        line: Line in that file, from 1.
    """

    head: str
    body: tuple[Literal, ...]
    rule: str
    group: str
    path: str
    line: int

    def holds(self, atoms: frozenset[str]) -> bool:
        """Tell whether every condition holds in an answer set."""
        return all((literal.atom in atoms) is literal.positive for literal in self.body)


def split_atom(atom: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of an atom and its arguments.

    >>> split_atom("fact(actor,police)"), split_atom("banned")
    (('fact', ('actor', 'police')), ('banned', ()))
    """
    name, _, rest = atom.partition("(")
    return name, tuple(rest[:-1].split(",")) if rest else ()


def word_term(word: str) -> str:
    """Return a word of the vocabulary as clingo writes it.

    >>> word_term("on-behalf-of-police")
    'on_behalf_of_police'
    """
    return word.replace("-", "_").lower()


def parse_clauses(text: str, *, path: str, line: int, rule: str, group: str) -> tuple[Clause, ...]:
    """Read the rules of one block.

    Args:
        text: The block between the fences.
        path: For messages.
        line: Line of the block's first line in its file, from 1.
        rule: Id of the rule it stands under.
        group: The dated group it applies with.

    Raises:
        RuleError: it is no answer set program, or leaves the subset; the message starts with ``path:line:``.
    """
    complaints: list[str] = []
    statements: list[ast.AST] = []
    try:
        # blank lines in front make clingo count lines as the file does
        ast.parse_string("\n" * (line - 1) + text, statements.append, logger=_collect(complaints), message_limit=20)
    except RuntimeError as exc:
        found = complaints[0] if complaints else "<string>:0:0: error: no answer set program"
        where, message = _place(found, line)
        raise RuleError(
            f"{path}:{where}: rule is no answer set program: {message}",
            hint="write `conclusion :- condition, not condition.` and end each rule with a full stop",
        ) from exc
    clauses = tuple(_clauses(statements, path, rule, group))
    if not clauses:
        raise RuleError(f"{path}:{line}: rule {rule} has an empty block", hint="write at least one rule in the block")
    return clauses


def _collect(into: list[str]) -> Callable[[MessageCode, str], None]:
    return lambda _code, message: into.append(message)


def _place(message: str, line: int) -> tuple[int, str]:
    """Return the line and the plain words of one of clingo's messages, ``<string>:12:5-6: error: ...``."""
    parts = message.split(":", 3)
    number = int(parts[1]) if len(parts) > 3 and parts[1].isdigit() and parts[1] != "0" else line
    return number, " ".join(parts[-1].replace("error:", "").split())


def _clauses(statements: list[ast.AST], path: str, rule: str, group: str) -> Iterator[Clause]:
    for statement in statements:
        if statement.ast_type == ast.ASTType.Program:
            continue
        line = statement.location.begin.line
        where = f"{path}:{line}"
        if statement.ast_type != ast.ASTType.Rule or statement.head.ast_type != ast.ASTType.Literal:
            raise RuleError(
                f"{where}: rule must be `conclusion :- conditions.`, got {statement}", hint="no choices, no directives"
            )
        head = _literal(statement.head, where)
        if not head.positive or head.atom.startswith("#"):
            raise RuleError(
                f"{where}: rule must conclude one atom, got {statement}", hint="constraints conclude nothing"
            )
        body = tuple(_literal(part, where) for part in statement.body)
        yield Clause(head.atom, body, rule, group, path, line)


def _literal(node: ast.AST, where: str) -> Literal:
    if node.ast_type != ast.ASTType.Literal or node.atom.ast_type not in {
        ast.ASTType.SymbolicAtom,
        ast.ASTType.BooleanConstant,
    }:
        raise RuleError(
            f"{where}: condition must be an atom or `not` an atom, got {node}",
            hint="compare numbers by meets(threshold)",
        )
    if node.sign == ast.Sign.DoubleNegation:
        raise RuleError(f"{where}: condition must not be negated twice, got {node}", hint="write the condition itself")
    if node.atom.ast_type == ast.ASTType.BooleanConstant:
        return Literal("#false", positive=True)
    text = str(node.atom).replace(" ", "")
    if any(_is_variable(part) for part in _arguments(node.atom.symbol)):
        raise RuleError(f"{where}: condition must have no variables, got {node}", hint="write one rule for each value")
    return Literal(text, node.sign == ast.Sign.NoSign)


def _arguments(symbol: ast.AST) -> list[ast.AST]:
    return list(symbol.arguments) if symbol.ast_type == ast.ASTType.Function else [symbol]


def _is_variable(node: ast.AST) -> bool:
    return node.ast_type != ast.ASTType.SymbolicTerm and not (
        node.ast_type == ast.ASTType.Function and not node.arguments
    )
