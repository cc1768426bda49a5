"""Checks that the rules of one position fit each other, the vocabulary and the dated data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from passerby.errors import RuleError
from passerby.law.facts import nearest_word, vocabulary
from passerby.law.reference import fines, offences, thresholds
from passerby.law.rules.clauses import Clause, split_atom, word_term
from passerby.law.values import Outcome, Provision, Rule

FINDINGS = {
    "out_of_scope": Outcome.OUT_OF_SCOPE,
    "prohibited": Outcome.PROHIBITED,
    "prohibited_by_other_law": Outcome.PROHIBITED,
    "non_compliant": Outcome.NON_COMPLIANT,
    "permitted_with_authorisation": Outcome.PERMITTED,
    "high_risk": Outcome.HIGH_RISK,
    "transparency_only": Outcome.TRANSPARENCY_ONLY,
    "not_prohibited": Outcome.NOT_PROHIBITED,
    "not_regulated": Outcome.NOT_REGULATED,
}
"""What a rule may find, and the outcome it leads to; of several findings the first in this order counts. An overlay that
stands for another law than the position's own finds ``prohibited_by_other_law``, which the position does not fine."""
ENDS = frozenset({"finding", "duty", "fine", "open"})
"""Conclusions that the engine reads itself, so that no rule needs to use them."""
GIVEN = frozenset({"fact", "meets", "listed", "reading", "outcome"})
"""Conditions that come from the facts, the data, or the engine."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is looked at: the rules of one position with its overlays.

    Attributes:
        position: Its name.
        clauses: Every rule.
        heads: Conclusion to the rules that conclude it.
        rules: Rule id to its provision and the rule.
        dates: The dated groups known to the position.
    """

    position: str
    clauses: tuple[Clause, ...]
    heads: Mapping[str, tuple[Clause, ...]]
    rules: Mapping[str, tuple[Provision, Rule]]
    dates: Mapping[str, date | None]


def check_rules(book: Checked) -> None:
    """Check every rule.

    Raises:
        RuleError: a rule names an unknown fact, value, threshold, list, outcome, condition or dated group, concludes what
            nothing uses, negates what has no words for its failing, or rests on itself. The message starts with file and line.
    """
    for clause in book.clauses:
        _check_clause(clause, book)
    _check_cycles(book)


def _check_clause(clause: Clause, book: Checked) -> None:
    rule = book.rules[clause.rule][1]
    where = f"{clause.path}:{clause.line}"
    if clause.group not in book.dates:
        known = ", ".join(book.dates)
        raise RuleError(f"{where}: applies must be one of {known}, got {clause.group}", hint="see data/dates.yaml")
    name, arguments = split_atom(clause.head)
    if name in GIVEN:
        raise RuleError(f"{where}: rule must not conclude {name}, which comes from outside", hint="choose another word")
    if name == "finding":
        _one_of("finding", arguments, list(FINDINGS), where)
    if name == "fine":
        _one_of(
            "fine tier", arguments, [word_term(tier) for position, tier in fines() if position == book.position], where
        )
    for literal in clause.body:
        _check_condition(literal.atom, where, book)
        if not literal.positive and literal.atom in book.heads and _otherwise(literal.atom, book) is None:
            raise RuleError(
                f"{where}: {literal.atom} is used with `not` and must say what is so when it fails",
                hint=f"add `> Otherwise: ...` to a rule that concludes {literal.atom}",
            )
    if name not in ENDS and not any(clause.head == lit.atom for other in book.clauses for lit in other.body):
        raise RuleError(
            f"{where}: conclusion {clause.head} must be used by some rule", hint=f"rule {rule.id} has no effect"
        )


def _check_condition(atom: str, where: str, book: Checked) -> None:
    name, arguments = split_atom(atom)
    if name == "fact":
        _check_fact(arguments, where)
    elif name == "meets":
        _one_of("threshold", arguments, [word_term(t) for t in thresholds()], where)
    elif name == "listed":
        _one_of("offence list", arguments, [word_term(t) for t in offences().lists], where)
    elif name == "reading":
        _one_of("reading", arguments, [split_atom(h)[1][0] for h in book.heads if h.startswith("open(")], where)
    elif name == "outcome":
        _one_of("outcome", arguments, [word_term(o) for o in Outcome if o is not Outcome.DEPENDS], where)
    elif atom not in book.heads:
        near = nearest_word(atom, book.heads)
        hint = f"did you mean {near}?" if near else "write a rule that concludes it"
        raise RuleError(f"{where}: condition must be a fact or the conclusion of a rule, got {atom}", hint=hint)


def _check_fact(arguments: tuple[str, ...], where: str) -> None:
    names = {word_term(name): name for name in vocabulary()}
    if len(arguments) != 2 or arguments[0] not in names:
        near = nearest_word(arguments[0], names) if arguments else None
        raise RuleError(
            f"{where}: fact must be fact(name,value) with a name of the vocabulary, got fact({','.join(arguments)})",
            hint=f"did you mean {near}?" if near else "add the fact to data/vocabulary.yaml first",
        )
    fact = vocabulary()[names[arguments[0]]]
    if fact.kind == "number" or fact.open:
        raise RuleError(
            f"{where}: {fact.name} must be compared by meets(threshold) or listed(list), got fact({','.join(arguments)})"
        )
    _one_of(f"value of {fact.name}", arguments[1:], [word_term(str(v)) for v in fact.domain()], where)


def _one_of(what: str, got: tuple[str, ...], known: list[str], where: str) -> None:
    if len(got) != 1 or got[0] not in known:
        near = nearest_word(got[0], known) if got else None
        hint = f"did you mean {near}?" if near else None
        raise RuleError(f"{where}: {what} must be one of {', '.join(known)}, got {','.join(got)}", hint=hint)


def _otherwise(atom: str, book: Checked) -> str | None:
    return next((rule.otherwise for c in book.heads[atom] if (rule := book.rules[c.rule][1]).otherwise), None)


def _check_cycles(book: Checked) -> None:
    """Refuse rules that rest on themselves: a derivation must end in facts."""
    done: set[str] = set()

    def visit(atom: str, path: tuple[str, ...]) -> None:
        if atom in path:
            clause = book.heads[atom][0]
            ring = " -> ".join((*path[path.index(atom) :], atom))
            raise RuleError(f"{clause.path}:{clause.line}: rules must not rest on themselves, got {ring}")
        if atom in done:
            return
        for clause in book.heads.get(atom, ()):
            for literal in clause.body:
                for needed in _needed(literal.atom, book):
                    visit(needed, (*path, atom))
        done.add(atom)

    for atom in book.heads:
        visit(atom, ())


def _needed(atom: str, book: Checked) -> tuple[str, ...]:
    """Return the conclusions that a condition waits for: a reading for its open point, an outcome for every finding."""
    name, arguments = split_atom(atom)
    if name == "outcome":
        return tuple(head for head in book.heads if head.startswith("finding("))
    return (f"open({arguments[0]})",) if name == "reading" else (atom,)
