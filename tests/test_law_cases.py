"""The law's cases: every answer, every rule reached, every dropped condition noticed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from passerby import law
from passerby.law.engine.rulebook import Rulebook, rulebook_on
from passerby.law.engine.worlds import World, Worlds
from passerby.law.facts.defaults import accept_facts
from passerby.law.rules.book import Book
from passerby.law.rules.clauses import Clause, Literal, split_atom

FOLDER = Path(__file__).parent / "law_cases"
RAISED = Path(__file__).parent / "golden" / "law_open_points.yaml"
"""Which open points each case raises, whether its outcome turns on them or not; rebuilt by the script beside it."""
AGREE_WITH_NOT_PROHIBITED = set(law.Outcome) - {law.Outcome.PROHIBITED, law.Outcome.OUT_OF_SCOPE}
"""The sources of the worked cases say of some only that the ban does not bite; the neighbours are exact."""


@dataclass(frozen=True, eq=False)
class Case:
    """One deployment and what each position answers."""

    id: str
    facts: Mapping[str, Any]
    expected: Mapping[str, law.Outcome]
    day: date | None
    amended: bool
    overlays: tuple[str, ...]
    duties: Mapping[str, frozenset[str]]
    fine: Mapping[str, str]
    unknown: tuple[str, frozenset[str]] | None
    outside: bool
    exact: bool

    def engine(self, position: str) -> Rulebook:
        return rulebook_on(position, self.overlays, self.day, amended=self.amended)

    def agrees(self, position: str, outcome: law.Outcome) -> bool:
        wanted = self.expected[position]
        if wanted is law.Outcome.NOT_PROHIBITED and not self.exact:
            return outcome in AGREE_WITH_NOT_PROHIBITED
        return outcome is wanted


def read_cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        bases = content.get("bases", {})
        for entry in content["cases"]:
            yield Case(
                id=entry["id"],
                facts={**bases.get(entry.get("like"), {}), **entry["facts"]},
                expected={position: law.Outcome(word) for position, word in entry["expected"].items()},
                day=entry.get("day"),
                amended=entry.get("amended", True),
                overlays=tuple(entry.get("overlays", ())),
                duties={position: frozenset(names) for position, names in entry.get("duties", {}).items()},
                fine=entry.get("fine", {}),
                unknown=(entry["position"], frozenset(entry["unknown"])) if "unknown" in entry else None,
                outside=entry.get("outside", False),
                exact=path.stem != "worked",
            )


CASES = tuple(read_cases())


def test_case_ids_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert sum(not case.exact for case in CASES) == 52, "the worked cases are whole"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_has_its_answer_under_every_position(case: Case) -> None:
    for position, wanted in case.expected.items():
        verdict = law.assess(case.facts, position=position, on=case.day, overlays=case.overlays, amended=case.amended)
        assert case.agrees(position, verdict.outcome), f"{position}: wanted {wanted}, got {verdict.outcome}"
        assert verdict.outside is case.outside
        assert verdict.reasons, "an answer has a reason"
        if position in case.duties:
            assert {duty.id for duty in verdict.duties} == case.duties[position], position
        if position in case.fine:
            assert (verdict.fine is None) is (case.fine[position] == "none"), position
        if case.unknown is not None and case.unknown[0] == position:
            assert set(verdict.unknown) == case.unknown[1]
        if wanted is law.Outcome.DEPENDS and not case.outside:
            assert verdict.open_points or verdict.unknown, "depends says on what"


@cache
def golden_points() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = yaml.safe_load(RAISED.read_text(encoding="utf-8"))
    return content


def raised_points(worlds: Worlds, assumptions: list[int]) -> list[str]:
    """Return the open points that a case raises whatever is unknown, without the test's own switches."""
    found = (split_atom(atom)[1][0] for atom in worlds.always(assumptions, "open("))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("dropped_"))


def consistent(world: World) -> bool:
    """Tell whether a world is free of conclusions that deny each other, such as not regulated and yet identification."""
    atoms = world.atoms
    regulated = (
        {"emotion_recognition", "finding(transparency_only)"} if "in_use" in atoms else {"finding(transparency_only)"}
    )
    respite = "placed_before" in atoms and "reached" not in atoms
    if (
        "finding(not_regulated)" in atoms
        and not respite
        and (regulated & atoms or ("remote_identification" in atoms and "excepted" not in atoms))
    ):
        return False
    if "live" in atoms and {"recorded_search", "recorded_police_search"} & atoms:
        return False
    return not {"finding(not_prohibited)", "finding(prohibited)"} <= atoms


def judged(
    case: Case, position: str, worlds: Worlds, assumptions: list[int], head: str = "finding(not_regulated)"
) -> bool:
    """Tell whether a program gives a case all that it states: outcome, duties, fine; by the head changed also more."""
    outcomes = worlds.outcomes(assumptions)
    only = next(iter(outcomes)) if len(outcomes) == 1 else None
    if (
        not case.agrees(position, law.Outcome.DEPENDS if only is None else only)
        or (None in outcomes) is not case.outside
    ):
        return False
    kind = head.startswith("finding(not_") or "recorded" in head
    if kind and not all(map(consistent, worlds.possible(assumptions).values())):
        return False
    if position in case.duties:
        found = {split_atom(atom)[1][0].replace("_", "-") for atom in worlds.always(assumptions, "duty(")}
        if found != case.duties[position]:
            return False
    if position in case.fine:
        tiers = {split_atom(atom)[1][0].replace("_", "-") for atom in worlds.always(assumptions, "fine(")}
        if tiers != {case.fine[position]} - {"none"}:
            return False
    return not head.startswith("open(") or raised_points(worlds, assumptions) == golden_points().get(case.id, {}).get(
        position, []
    )


BOOKS = tuple((position, ()) for position in law.positions()) + tuple(
    sorted({(position, case.overlays) for case in CASES if case.overlays for position in case.expected})
)


def whole_engine(position: str, overlays: tuple[str, ...]) -> Rulebook:
    return rulebook_on(position, overlays, None, amended=True)


@cache
def base_worlds(position: str, overlays: tuple[str, ...]) -> tuple[tuple[Case, dict[str, Any], tuple[World, ...]], ...]:
    """Return each undated case of a book with its known facts and one world for each possible outcome."""
    engine = whole_engine(position, overlays)
    found = []
    for case in CASES:
        if position in case.expected and case.overlays == overlays and (case.day is None or overlays):
            known = accept_facts(case.facts).known
            possible = engine.worlds.possible(engine.worlds.assume(known))
            if engine.book.overlays == tuple(overlays) and case.engine(position).book.overlays[-1:] == overlays[-1:]:
                found.append((case, known, tuple(possible.values())))
    return tuple(found)


def own_clauses(book: Book, overlays: tuple[str, ...]) -> tuple[tuple[int, Clause], ...]:
    """Return the rules to be tested in a book with their number: those of its overlays, or of the position itself."""
    wanted = set(overlays) or {book.position}
    return tuple((n, c) for n, c in enumerate(book.clauses) if book.rules[c.rule][0].position in wanted)


@pytest.mark.parametrize(
    ("position", "overlays"), BOOKS, ids=lambda value: value if isinstance(value, str) else "+".join(value) or "alone"
)
def test_every_rule_is_reached_by_a_case(position: str, overlays: tuple[str, ...]) -> None:
    book = whole_engine(position, overlays).book
    worlds = [world.atoms for _, _, found in base_worlds(position, overlays) for world in found]
    assert worlds
    unreached = [
        clause for _, clause in own_clauses(book, overlays) if not any(clause.holds(atoms) for atoms in worlds)
    ]
    assert not unreached, [f"{book.rules[c.rule][0].path}:{c.line}" for c in unreached]


def with_droppable_conditions(book: Book) -> Book:
    """Return the book with each condition replaced by: it holds, or a switch says that it was dropped."""
    clauses: list[Clause] = []
    for number, clause in enumerate(book.clauses):
        body = []
        for place, literal in enumerate(clause.body):
            name = f"{number}_{place}"
            kept = Literal(f"kept({number},{place})", positive=True)
            switch = Literal(f"reading(dropped_{name})", positive=True)
            clauses.append(dataclasses.replace(clause, head=f"open(dropped_{name})", body=()))
            clauses.append(dataclasses.replace(clause, head=kept.atom, body=(literal,)))
            clauses.append(dataclasses.replace(clause, head=kept.atom, body=(switch,)))
            body.append(kept)
        clauses.append(dataclasses.replace(clause, body=tuple(body)))
    return dataclasses.replace(book, clauses=tuple(clauses))


@pytest.mark.parametrize(
    ("position", "overlays"), BOOKS, ids=lambda value: value if isinstance(value, str) else "+".join(value) or "alone"
)
def test_dropping_any_condition_is_noticed_by_a_case(position: str, overlays: tuple[str, ...]) -> None:
    book = whole_engine(position, overlays).book
    worlds = Worlds(with_droppable_conditions(book))
    names = [(number, place) for number, clause in enumerate(book.clauses) for place in range(len(clause.body))]
    switch = {name: worlds.literal("reading(dropped_{}_{})".format(*name)) for name in names}
    cases = base_worlds(position, overlays)
    off = [-literal for literal in switch.values() if literal is not None]
    assert all(judged(case, position, worlds, [*worlds.assume(known), *off]) for case, known, _ in cases), (
        "switched off"
    )
    unnoticed = []
    for number, clause in own_clauses(book, overlays):
        for place, dropped in enumerate(clause.body):
            chosen = switch[number, place]
            rest = [-one if one != chosen else one for one in switch.values() if one is not None]
            if all(
                judged(case, position, worlds, [*worlds.assume(known), *rest], clause.head)
                for case, known, _ in likely_first(cases, clause, dropped)
            ):
                unnoticed.append(f"{book.rules[clause.rule][0].path}:{clause.line}: {clause.head}: {dropped}")
    assert not unnoticed, "\n".join(unnoticed)


def likely_first(
    cases: tuple[tuple[Case, dict[str, Any], tuple[World, ...]], ...], clause: Clause, dropped: Literal
) -> list[tuple[Case, dict[str, Any], tuple[World, ...]]]:
    """Return the cases, first those in which the rule would fire but for the condition."""
    bare = dataclasses.replace(clause, body=tuple(literal for literal in clause.body if literal is not dropped))

    def likely(worlds: tuple[World, ...]) -> bool:
        return any(bare.holds(world.atoms) and not clause.holds(world.atoms) for world in worlds)

    return sorted(cases, key=lambda entry: not likely(entry[2]))


@pytest.mark.parametrize("position", law.positions())
def test_cases_raise_the_open_points_on_record(position: str) -> None:
    for case in CASES:
        if position in case.expected:
            engine = case.engine(position)
            assumptions = engine.worlds.assume(accept_facts(case.facts).known)
            recorded = golden_points().get(case.id, {}).get(position, [])
            assert raised_points(engine.worlds, assumptions) == recorded, case.id
