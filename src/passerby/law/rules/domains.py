"""Which facts the rules of a book read, and which of their values the rules can tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from passerby.law.facts import vocabulary
from passerby.law.reference import thresholds
from passerby.law.rules.clauses import Clause, Literal, split_atom, word_term
from passerby.law.values import FactValue

_Arguments = frozenset[tuple[str, ...]]


def fact_domains(
    clauses: Iterable[Clause],
) -> tuple[dict[str, tuple[FactValue, ...]], dict[str, dict[FactValue, FactValue]]]:
    """Return for each fact that is read its domain, and the values that no rule names, joined to the first of them.

    Whole domains stay where the values are not the rules' own words: flags, numbers, offences, and facts that other facts
    take their default from.

    Args:
        clauses: Every rule of the book.
    """
    conditions = frozenset(split_atom(literal.atom) for clause in clauses for literal in clause.body)
    named = frozenset(arguments for name, arguments in conditions if name == "fact")
    read = _facts_read(conditions)
    drivers = {driver for fact in vocabulary().values() for driver in fact.drivers()}
    domains: dict[str, tuple[FactValue, ...]] = {}
    alike: dict[str, dict[FactValue, FactValue]] = {}
    for name, fact in vocabulary().items():
        if name not in read:
            continue
        whole = fact.kind != "choice" or fact.open or name in drivers
        rest = [] if whole else _unnamed(name, fact.domain(), named)
        alike[name] = dict.fromkeys(rest, rest[0]) if rest else {}
        domains[name] = tuple(value for value in fact.domain() if value not in rest[1:])
    return domains, alike


def _facts_read(conditions: Iterable[tuple[str, tuple[str, ...]]]) -> set[str]:
    """Return the facts that conditions read: by name, by a threshold, by an offence list."""
    names = {word_term(name): name for name in vocabulary()}
    read: set[str] = set()
    for name, arguments in conditions:
        if name == "fact":
            read.add(names[arguments[0]])
        elif name == "meets":
            read.add(thresholds()[arguments[0].replace("_", "-")].fact)
        elif name == "listed":
            read.add("offence")
    return read


def _unnamed(name: str, domain: tuple[FactValue, ...], named: _Arguments) -> list[FactValue]:
    return [value for value in domain if (word_term(name), word_term(str(value))) not in named]


def facts_behind(clause: Clause, heads: Mapping[str, tuple[Clause, ...]]) -> frozenset[str]:
    """Return the names of all facts on which the conditions of a rule may rest, through whatever rules.

    Args:
        clause: The rule.
        heads: Conclusion to the rules that conclude it.
    """
    names: set[str] = set()
    seen: set[str] = set()
    waiting = [literal.atom for literal in clause.body]
    while waiting:
        atom = waiting.pop()
        if atom in seen:
            continue
        seen.add(atom)
        name, arguments = split_atom(atom)
        names |= _facts_read([(name, arguments)])
        wanted = f"open({arguments[0]})" if name == "reading" else atom
        waiting += [literal.atom for rule in heads.get(wanted, ()) for literal in rule.body]
    return frozenset(names)


def facts_for(function: str, heads: Mapping[str, tuple[Clause, ...]]) -> frozenset[str]:
    """Return the names of the facts that some rule may read of a system with one function, whatever else it is.

    Args:
        function: A value of ``function``.
        heads: Conclusion to the rules that conclude it.
    """
    firing = _firing(f"fact(function,{word_term(function)})", heads)
    waiting = [head for head in firing if split_atom(head)[0] in {"finding", "duty", "fine"}]
    conditions: set[tuple[str, tuple[str, ...]]] = set()
    seen: set[str] = set()
    while waiting:
        head = waiting.pop()
        if head not in seen:
            seen.add(head)
            body = [literal.atom for clause in firing.get(head, ()) for literal in clause.body]
            conditions.update(map(split_atom, body))
            waiting += map(_concluded, body)
    return frozenset(_facts_read(conditions))


def _firing(mine: str, heads: Mapping[str, tuple[Clause, ...]]) -> dict[str, list[Clause]]:
    """Return the rules that some system whose function is ``mine`` may meet, by their conclusions."""
    possible: set[str] = set()

    def may_hold(literal: Literal) -> bool:
        name = split_atom(literal.atom)[0]
        if literal.atom.startswith("fact(function,"):
            return (literal.atom == mine) is literal.positive
        given = name in {"fact", "meets", "listed", "outcome"}
        return not literal.positive or given or _concluded(literal.atom) in possible

    size = -1
    firing: dict[str, list[Clause]] = {}
    while size < len(possible):
        size = len(possible)
        firing = {head: [rule for rule in rules if all(map(may_hold, rule.body))] for head, rules in heads.items()}
        possible |= {head for head, rules in firing.items() if rules}
    return firing


def _concluded(atom: str) -> str:
    """Return the conclusion that a condition waits for: a reading waits for its open point."""
    name, arguments = split_atom(atom)
    return f"open({arguments[0]})" if name == "reading" else atom
