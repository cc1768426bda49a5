"""Asks for facts, only for those that can still matter, and writes the facts file. Pure: no terminal, no input or output.

The engine says which facts the verdict still turns on when all that was not answered is unknown. Of those the one whose stage
comes first (`stages`) is asked, within a stage the one that settles most. What was answered with "unknown" is not asked again.
The interview ends when no position turns on anything that was not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from passerby.errors import FactsError
from passerby.law.facts.check import check_facts, nearest_word
from passerby.law.facts.contradictions import value_to_yaml
from passerby.law.facts.stages import place_of
from passerby.law.facts.terms import Fact, vocabulary
from passerby.law.values import UNKNOWN, FactValue, Verdict

Judge = Callable[[Mapping[str, FactValue]], Sequence[Verdict]]
"""Returns the verdicts of all positions asked about, for facts of which some may be ``unknown``."""
_YES = frozenset({"yes", "y", "true", "1", "oui", "ja"})
_NO = frozenset({"no", "n", "false", "0", "non", "nein"})
_UNKNOWN = frozenset({"unknown", "u", "don't know", "dont know", "do not know", "inconnu", "unbekannt"})


@dataclass(slots=True)
class Interview:
    """The state of one interview.

    Attributes:
        judge: The engine, for the positions asked about.
        answers: Fact to value, in the order of the answers.
        verdicts: After the answers so far; all that was not asked is unknown.
    """

    judge: Judge
    answers: dict[str, FactValue] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        self._judge(self.answers)

    def next_fact(self) -> Fact | None:
        """Return the fact to ask for next, or None when nothing that could still be asked matters."""
        # of several in one stage the first: open facts come with the one that settles most first
        name = min(self.open_facts(), key=place_of, default=None)
        return vocabulary()[name] if name is not None else None

    def answer(self, name: str, text: str) -> None:
        """Take one answer as typed.

        Raises:
            FactsError: it is no value of the fact, or contradicts an earlier answer; the state is as before.
        """
        value = read_answer(vocabulary()[name], text)
        self._judge(check_facts({**self.answers, name: value}))

    def back(self) -> str | None:
        """Take the last answer back and return its fact, or None when there is none."""
        if not self.answers:
            return None
        *kept, last = self.answers
        self._judge({name: self.answers[name] for name in kept})
        return last

    def open_facts(self) -> tuple[str, ...]:
        """Return what still matters and was not answered, each once, for each position the one that settles most first."""
        names = (name for verdict in self.verdicts for name in verdict.unknown if name not in self.answers)
        return tuple(dict.fromkeys(names))

    def facts(self) -> dict[str, FactValue]:
        """Return the answers, and unknown for what still matters and was not answered."""
        return {**self.answers, **dict.fromkeys(self.open_facts(), UNKNOWN)}

    def _judge(self, answers: dict[str, FactValue]) -> None:
        everything: dict[str, FactValue] = dict.fromkeys(vocabulary(), UNKNOWN)
        verdicts = tuple(self.judge({**everything, **answers}))
        # both at once, so that an interruption leaves the state before the answer
        self.answers, self.verdicts = answers, verdicts


def read_answer(fact: Fact, text: str) -> FactValue:
    """Turn what was typed into a value: a word, its number in the list, yes or no, a number, or ``unknown``.

    Raises:
        FactsError: it is none of them.
    """
    word = text.strip()
    plain = word.lower()
    if plain in _UNKNOWN:
        return UNKNOWN
    if fact.kind == "bool":
        if plain in _YES | _NO:
            return plain in _YES
        raise FactsError(f"expected yes, no or unknown, got '{word}'", hint="? explains the question")
    if fact.kind == "number":
        return _read_number(word)
    words = list(fact.values)
    if fact.open:
        return plain.replace(" ", "-")
    if plain.isdigit() and 1 <= int(plain) <= len(words):
        return words[int(plain) - 1]
    if plain in words:
        return plain
    close = nearest_word(word, words)
    raise FactsError(
        f"expected a number from 1 to {len(words)} or one of the words, got '{word}'"
        + (f"; the nearest is '{close}'" if close else ""),
        hint="? explains the question",
    )


def _read_number(word: str) -> FactValue:
    try:
        number = float(word.replace(",", "."))
    except ValueError as exc:
        raise FactsError(f"expected a number or unknown, got '{word}'", hint="? explains the question") from exc
    return int(number) if number.is_integer() else number


def facts_to_yaml(
    facts: Mapping[str, FactValue], *, title: str = "", description: str = "", comments: bool = True
) -> str:
    """Return facts as a YAML file that ``passerby assess`` reads, each with its question as a comment.

    >>> print(facts_to_yaml({"fria": True}, comments=False), end="")
    facts:
      fria: true
    """
    lines = []
    if comments:
        lines += ["# A deployment, for: passerby assess. Values: passerby law facts. unknown is a value of every fact."]
    if title:
        lines.append(f"title: {_quote(title)}")
    if description:
        lines.append(f"description: {_quote(description)}")
    lines.append("facts:")
    for name, value in facts.items():
        fact = vocabulary()[name]
        if comments:
            lines.append(f"  # {fact.question} ({fact.source})")
        lines.append(f"  {name}: {value_to_yaml(value)}")
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'
