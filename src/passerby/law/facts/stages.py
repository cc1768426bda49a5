"""The stages of an interview (``data/interview.yaml``): in which order a person is asked, whatever settles most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from passerby.errors import LawError
from passerby.law.facts.terms import vocabulary
from passerby.law.reference import DATA, read_yaml


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of an interview.

    Attributes:
        title: For people.
        facts: What is asked in it; the last stage has every fact that no stage names.
        in_order: Whether they are asked as written; else the one that settles most comes first.
    """

    title: str
    facts: tuple[str, ...]
    in_order: bool


@cache
def stages() -> tuple[Stage, ...]:
    """Return the stages in order; together they have every fact of the vocabulary, each once.

    Raises:
        LawError: the file is broken.
    """
    raw = read_yaml(DATA / "interview.yaml")
    try:
        read = [Stage(str(e["title"]), tuple(e["facts"]), bool(e.get("in_order"))) for e in raw]
    except (KeyError, TypeError) as exc:
        raise LawError(f"data/interview.yaml: a stage must have title and facts, broken at {exc}") from exc
    named = [name for stage in read for name in stage.facts]
    strangers = [name for name in named if name not in vocabulary() or named.count(name) > 1]
    if strangers or not read:
        raise LawError(f"data/interview.yaml: each fact must be one of the vocabulary and stand once, got {strangers}")
    last = read[-1]
    rest = tuple(name for name in vocabulary() if name not in named)
    return (*read[:-1], Stage(last.title, (*last.facts, *rest), last.in_order))


@cache
def stage_of(fact: str) -> Stage:
    """Return the stage in which a fact is asked."""
    return next(stage for stage in stages() if fact in stage.facts)


@cache
def place_of(fact: str) -> tuple[int, int]:
    """Return the number of a fact's stage and, where that is asked as written, its place there."""
    stage = stage_of(fact)
    return stages().index(stage), stage.facts.index(fact) if stage.in_order else 0
