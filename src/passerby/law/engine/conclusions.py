"""Whether a conclusion of the rules, such as ``law_enforcement``, holds for given facts; letters follow it."""

from __future__ import annotations

from collections.abc import Mapping

from passerby.law.engine.decide import DEFAULT_POSITION
from passerby.law.engine.rulebook import rulebook_on
from passerby.law.facts import accept_facts


def concludes(facts: Mapping[str, object], conclusion: str, *, position: str = DEFAULT_POSITION) -> bool | None:
    """Tell whether a conclusion holds in every world that fits the facts; the text is read as fully applicable.

    Args:
        facts: As for `assess`: an absent fact takes its default.
        conclusion: A word that rules of the position conclude, as they write it.
        position: Whose rules.

    Returns:
        True or False where it holds or fails whatever is not known, None where that is open.

    Raises:
        FactsError: a name or value is outside the vocabulary, or two facts contradict each other.
        RuleError: the position is not known.

    >>> concludes({"actor": "police", "purpose": "work-management"}, "law_enforcement")
    False
    """
    rulebook = rulebook_on(position, (), None, amended=True)
    known = accept_facts(facts).known
    with rulebook.lock:
        literal = rulebook.worlds.literal(conclusion)
        if literal is None:
            return False
        assumed = rulebook.worlds.assume(known)
        holds = rulebook.worlds.find([*assumed, literal]) is not None
        fails = rulebook.worlds.find([*assumed, -literal]) is not None
    return None if holds and fails else holds
