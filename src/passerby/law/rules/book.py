"""Puts the rule files of one position and its overlays together and checks that they fit each other and the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from passerby.errors import RuleError
from passerby.law.facts import nearest_word, vocabulary
from passerby.law.reference import DATA, ROOM, as_date, read_yaml, thresholds
from passerby.law.rules.check import Checked, check_rules
from passerby.law.rules.clauses import Clause
from passerby.law.rules.domains import fact_domains
from passerby.law.rules.file import RuleFile, words_of
from passerby.law.rules.folder import read_head, read_rule_files, require_keys
from passerby.law.rules.overlay import Overlay, read_overlay
from passerby.law.values import FactValue, Provision, Rule


@dataclass(frozen=True, slots=True)
class Book:
    """All rules of one position with some overlays.

    Attributes:
        position: Its name.
        title: For people.
        status: ``law``, ``proposal`` or ``opinion``.
        overlays: Names of the layers, in order.
        provisions: By id, in the order of the files.
        clauses: Every rule.
        heads: Conclusion to the rules that conclude it.
        rules: Rule id to its provision and the rule.
        dates: Dated group to the day from which it applies, None when the text never was law.
        domains: For each fact that some rule reads, the values that the rules tell apart.
        alike: For each such fact, the values that no rule names, to the one that stands for them all.
        edges: Threshold to its number on the day asked about.
    """

    position: str
    title: str
    status: str
    overlays: tuple[str, ...]
    provisions: Mapping[str, Provision]
    clauses: tuple[Clause, ...]
    heads: Mapping[str, tuple[Clause, ...]]
    rules: Mapping[str, tuple[Provision, Rule]]
    dates: Mapping[str, date | None]
    domains: Mapping[str, tuple[FactValue, ...]]
    alike: Mapping[str, Mapping[FactValue, FactValue]]
    edges: Mapping[str, float]

    def facts(self) -> tuple[str, ...]:
        """Return the names of the facts that some rule reads, in the order of the vocabulary."""
        return tuple(self.domains)

    def narrow(self, name: str, value: FactValue) -> FactValue:
        """Return the member of the fact's domain that stands for a value in this book."""
        narrowed = vocabulary()[name].narrow(value)
        return self.alike[name].get(narrowed, narrowed)


def position_names(root: Path = ROOM) -> tuple[str, ...]:
    """Return the names of the positions, sorted by the order their files state."""
    found = [
        (int(str(read_head(path)[0].get("order", 99))), path.parent.name)
        for path in root.glob("positions/*/position.md")
    ]
    return tuple(name for _, name in sorted(found))


def load_book(
    position: str, overlays: Iterable[str | Path] = (), day: date | None = None, *, root: Path = ROOM
) -> Book:
    """Read and check the rule files of a position and its overlays.

    Args:
        position: Name of its folder.
        overlays: Names of overlays or folders of one's own, each laid over the ones before.
        day: The day whose thresholds count; None for the latest.
        root: Folder that holds ``positions`` and ``overlays``.

    Raises:
        RuleError: a file is broken, or the files do not fit each other; the message starts with file and line.
    """
    path = root / "positions" / position / "position.md"
    if not path.is_file():
        known = position_names(root)
        hint = f"did you mean {near}?" if (near := nearest_word(position, known)) else None
        raise RuleError(f"position must be one of {', '.join(known)}, got {position}", hint=hint)
    front, _ = read_head(path)
    require_keys(front, ("title", "status"), str(path.relative_to(root)))
    base = str(front["extends"]) if front.get("extends") else None
    files = [
        file for name in (base, position) if name for file in read_rule_files(root / "positions" / name, name, root)
    ]
    layers = [read_overlay(name, root) for name in overlays]
    for layer in layers:
        if position not in layer.over:
            raise RuleError(f"overlay {layer.name} must be laid over {' or '.join(layer.over)}, got {position}")
        files.extend(layer.files)
    dates = _dates(position, base, layers, root)
    edges = {threshold.name: threshold.on(day) for threshold in thresholds().values()}
    return _assemble(position, front, files, layers, dates=dates, edges=edges)


def _assemble(
    position: str,
    front: dict[str, object],
    files: list[RuleFile],
    layers: list[Overlay],
    *,
    dates: Mapping[str, date | None],
    edges: Mapping[str, float],
) -> Book:
    rules = _rules_by_id(files)
    off = {rule for names in (words_of(front.get("disables")), *(layer.disables for layer in layers)) for rule in names}
    _refuse_unknown(off, rules)
    clauses = tuple(clause for file in files for clause in file.clauses if clause.rule not in off)
    heads = _by_conclusion(clauses)
    kept = {name: entry for name, entry in rules.items() if name not in off}
    check_rules(Checked(position, clauses, heads, kept, dates))
    domains, alike = fact_domains(clauses)
    return Book(
        position=position,
        title=str(front["title"]),
        status=str(front["status"]),
        overlays=tuple(layer.name for layer in layers),
        provisions={file.provision.id: file.provision for file in files},
        clauses=clauses,
        heads=heads,
        rules=kept,
        dates=dates,
        domains=domains,
        alike=alike,
        edges=edges,
    )


def _rules_by_id(files: list[RuleFile]) -> dict[str, tuple[Provision, Rule]]:
    rules: dict[str, tuple[Provision, Rule]] = {}
    for file in files:
        for rule in file.provision.rules:
            if rule.id in rules:
                first, earlier = rules[rule.id]
                where, used = f"{file.provision.path}:{rule.line}", f"{first.path}:{earlier.line}"
                message = f"{where}: rule {rule.id} must have an id of its own, got one used in {used}"
                raise RuleError(message, hint="give it another heading")
            rules[rule.id] = (file.provision, rule)
    return rules


def _refuse_unknown(off: set[str], rules: Mapping[str, tuple[Provision, Rule]]) -> None:
    for name in sorted(off - set(rules)):
        near = nearest_word(name, rules)
        raise RuleError(f"disabled rule must exist, got {name}" + (f"; the nearest is {near}" if near else ""))


def _by_conclusion(clauses: Iterable[Clause]) -> dict[str, tuple[Clause, ...]]:
    heads: dict[str, tuple[Clause, ...]] = {}
    for clause in clauses:
        heads[clause.head] = (*heads.get(clause.head, ()), clause)
    return heads


def _dates(position: str, base: str | None, layers: list[Overlay], root: Path) -> dict[str, date | None]:
    """Return each dated group with the day from which it applies, as the layers move it."""
    table = read_yaml(root / "data" / "dates.yaml" if (root / "data" / "dates.yaml").is_file() else DATA / "dates.yaml")
    entries: dict[str, date | None] = {}
    for name in (base, position):
        for group, entry in (table.get(name) or {}).items() if name else ():
            start = entry["from"]
            entries[group] = as_date(start, f"dates.yaml: {name}: {group}") if start is not None else None
    entries["always"] = None
    for layer in layers:
        for group, day in layer.dates.items():
            if group not in entries:
                raise RuleError(f"overlays/{layer.name}/overlay.md:1: dates may move {', '.join(entries)}, got {group}")
            entries[group] = day
    return entries
