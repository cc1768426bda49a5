"""When a statement of a data file stands: facts and outcomes under which it may or must hold. For liability and letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from passerby.errors import LawError
from passerby.law.values import UNKNOWN, FactValue, Outcome


@dataclass(frozen=True, slots=True)
class Condition:
    """When a statement stands. An empty condition always does.

    Attributes:
        when: Fact to the values of which one must be possible; a fact not given or unknown may have any.
        only: Fact to the values of which one must be given.
        unless: Fact to the values of which none may be given.
        outcomes: Outcomes of which one must be possible.
    """

    when: Mapping[str, frozenset[FactValue]] = field(default_factory=dict, hash=False)
    only: Mapping[str, frozenset[FactValue]] = field(default_factory=dict, hash=False)
    unless: Mapping[str, frozenset[FactValue]] = field(default_factory=dict, hash=False)
    outcomes: frozenset[str] = frozenset()

    def stands(self, facts: Mapping[str, FactValue], possible: frozenset[Outcome]) -> bool:
        """Tell whether the statement stands beside these facts, when these outcomes remain possible."""
        if self.outcomes and not self.outcomes & {outcome.value for outcome in possible}:
            return False
        return (
            all(facts.get(name, UNKNOWN) in {UNKNOWN, *values} for name, values in self.when.items())
            and all(facts.get(name, UNKNOWN) in values for name, values in self.only.items())
            and not any(facts.get(name, UNKNOWN) in values for name, values in self.unless.items())
        )


def read_condition(raw: object, where: str) -> Condition:
    """Read a condition from YAML: a mapping with ``facts``, ``only``, ``unless`` and ``outcomes``, each optional.

    Raises:
        LawError: it is anything else.
    """
    if raw is None:
        return Condition()
    if not isinstance(raw, dict) or set(raw) - {"facts", "only", "unless", "outcomes"}:
        raise LawError(f"{where}: when must hold facts, only, unless or outcomes, got {raw}")
    try:
        return Condition(
            _sets(raw.get("facts")),
            _sets(raw.get("only")),
            _sets(raw.get("unless")),
            frozenset(Outcome(outcome).value for outcome in raw.get("outcomes", ())),
        )
    except (TypeError, AttributeError, ValueError) as exc:
        raise LawError(f"{where}: when must list values under facts, got {raw}") from exc


def _sets(raw: dict[str, list[FactValue]] | None) -> dict[str, frozenset[FactValue]]:
    return {name: frozenset(values) for name, values in (raw or {}).items()}
