"""Puts the rule files of one position and its overlays together and checks that they fit each other and the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from passerby.errors import RuleError
from passerby.law.facts import nearest, vocabulary
from passerby.law.reference import DATA, ROOM, as_date, read_yaml, thresholds
from passerby.law.rules.check import Checked, check_rules
from passerby.law.rules.clauses import Clause, split, term
from passerby.law.rules.file import RuleFile, line_of, read_front, read_rule_file
from passerby.law.values import FactValue, Provision, Rule


@dataclass(frozen=True, slots=True)
class Overlay:
    """A layer over a position: more rules, rules switched off, days moved.

    Attributes:
        name: Name of its folder.
        title: For people.
        over: Positions it may be laid over.
        start: First day on which it holds, or None.
        end: Last day on which it holds, or None.
        automatic: True when it is read with the position from its first day on, unasked.
        disables: Ids of rules it switches off.
        dates: Dated group to the day it starts with instead.
        files: Its rule files.
    """

    name: str
    title: str
    over: tuple[str, ...]
    start: date | None
    end: date | None
    automatic: bool
    disables: tuple[str, ...]
    dates: Mapping[str, date] = field(hash=False)
    files: tuple[RuleFile, ...]

    def holds(self, day: date | None) -> bool:
        """Tell whether it holds on a day; without a day it does."""
        return day is None or ((self.start is None or self.start <= day) and (self.end is None or day <= self.end))


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
        (int(str(_front(path)[0].get("order", 99))), path.parent.name) for path in root.glob("positions/*/position.md")
    ]
    return tuple(name for _, name in sorted(found))


def overlay_names(root: Path = ROOM) -> tuple[str, ...]:
    """Return the names of the overlays, sorted."""
    return tuple(sorted(path.parent.name for path in root.glob("overlays/*/overlay.md")))


def read_overlay(given: str | Path, root: Path = ROOM) -> Overlay:
    """Read one overlay: its ``overlay.md`` and its rule files.

    Args:
        given: Name of an overlay of the room, or the folder of one's own.
        root: Folder that holds ``overlays``.

    Raises:
        RuleError: there is no such overlay, or a file of it is broken.
    """
    own = isinstance(given, Path)
    folder = given if isinstance(given, Path) else root / "overlays" / given
    name, path, base = folder.name, folder / "overlay.md", folder.parent if own else root
    if own and not path.is_file():
        raise RuleError(f"overlay must be a folder with a file overlay.md, got {given}", hint="see docs/law.md")
    if not path.is_file():
        known = overlay_names(root)
        hint = f"did you mean {near}?" if (near := nearest(name, known)) else None
        raise RuleError(f"overlay must be one of {', '.join(known)}, got {name}", hint=hint)
    front, lines = _front(path)
    shown = str(path.relative_to(base))
    for key in ("title", "over"):
        if not front.get(key):
            raise RuleError(f"{shown}:1: front matter must have {key}", hint=f"add a line `{key}: ...`")

    def day(key: str) -> date | None:
        return as_date(front[key], f"{shown}:{line_of(lines, key)}: {key}") if front.get(key) is not None else None

    start, end = day("from"), day("until")
    if start and end and end < start:
        raise RuleError(f"{shown}:{line_of(lines, 'until')}: until must not lie before from, got {end} before {start}")
    moved = front.get("dates") or {}
    return Overlay(
        name=name,
        title=str(front["title"]),
        over=_words(front["over"]),
        start=start,
        end=end,
        automatic=bool(front.get("automatic")),
        disables=_words(front.get("disables")),
        dates={g: as_date(d, f"{shown}:{line_of(lines, 'dates')}: {g}") for g, d in moved.items()}
        if isinstance(moved, dict)
        else {},
        files=_files(folder, name, base),
    )


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
        hint = f"did you mean {near}?" if (near := nearest(position, known)) else None
        raise RuleError(f"position must be one of {', '.join(known)}, got {position}", hint=hint)
    front, _ = _front(path)
    for key in ("title", "status"):
        if not front.get(key):
            raise RuleError(
                f"{path.relative_to(root)}:1: front matter must have {key}", hint=f"add a line `{key}: ...`"
            )
    base = str(front["extends"]) if front.get("extends") else None
    files = [*(_files(root / "positions" / base, base, root) if base else ()), *_files(path.parent, position, root)]
    layers = [read_overlay(name, root) for name in overlays]
    for layer in layers:
        if position not in layer.over:
            raise RuleError(f"overlay {layer.name} must be laid over {' or '.join(layer.over)}, got {position}")
        files.extend(layer.files)
    dates = _dates(position, base, layers, root)
    edges = {threshold.name: threshold.on(day) for threshold in thresholds().values()}
    return _assemble(position, front, files, layers, dates, edges)


def _assemble(
    position: str,
    front: dict[str, object],
    files: list[RuleFile],
    layers: list[Overlay],
    dates: Mapping[str, date | None],
    edges: Mapping[str, float],
) -> Book:
    off = {rule for names in (_words(front.get("disables")), *(layer.disables for layer in layers)) for rule in names}
    rules: dict[str, tuple[Provision, Rule]] = {}
    for file in files:
        for rule in file.provision.rules:
            if rule.id in rules:
                first, earlier = rules[rule.id]
                where, used = f"{file.provision.path}:{rule.line}", f"{first.path}:{earlier.line}"
                message = f"{where}: rule {rule.id} must have an id of its own, got one used in {used}"
                raise RuleError(message, hint="give it another heading")
            rules[rule.id] = (file.provision, rule)
    for name in sorted(off - set(rules)):
        raise RuleError(
            f"disabled rule must exist, got {name}" + (f"; the nearest is {n}" if (n := nearest(name, rules)) else "")
        )
    clauses = tuple(clause for file in files for clause in file.clauses if clause.rule not in off)
    heads: dict[str, tuple[Clause, ...]] = {}
    for clause in clauses:
        heads[clause.head] = (*heads.get(clause.head, ()), clause)
    kept = {name: entry for name, entry in rules.items() if name not in off}
    provisions = {file.provision.id: file.provision for file in files}
    names = tuple(layer.name for layer in layers)
    checked = Checked(position, clauses, heads, kept, dates)
    check_rules(checked)
    domains, alike = _domains(clauses)
    return Book(
        position,
        str(front["title"]),
        str(front["status"]),
        names,
        provisions,
        clauses,
        heads,
        kept,
        dates,
        domains,
        alike,
        edges,
    )


def _domains(
    clauses: tuple[Clause, ...],
) -> tuple[dict[str, tuple[FactValue, ...]], dict[str, dict[FactValue, FactValue]]]:
    """Return for each fact that is read its domain, with values that no rule names joined to one."""
    read = {split(literal.atom) for clause in clauses for literal in clause.body}
    named = {arguments for name, arguments in read if name == "fact"}
    names = {term(name): name for name in vocabulary()}
    used = {names[arguments[0]] for arguments in named}
    used |= {thresholds()[arguments[0].replace("_", "-")].fact for name, arguments in read if name == "meets"}
    used |= {"offence" for name, _ in read if name == "listed"}
    drivers = {fact.default_by[0] for fact in vocabulary().values() if fact.default_by}
    domains: dict[str, tuple[FactValue, ...]] = {}
    alike: dict[str, dict[FactValue, FactValue]] = {}
    for name, fact in vocabulary().items():
        if name not in used:
            continue
        whole = fact.kind != "choice" or fact.open or name in drivers
        rest = [v for v in fact.domain() if not whole and (term(name), term(str(v))) not in named]
        alike[name] = dict.fromkeys(rest, rest[0]) if rest else {}
        domains[name] = tuple(v for v in fact.domain() if v not in rest[1:])
    return domains, alike


def _dates(position: str, base: str | None, layers: list[Overlay], root: Path) -> dict[str, date | None]:
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


def _files(folder: Path, position: str, root: Path) -> tuple[RuleFile, ...]:
    paths = sorted(path for path in folder.glob("*.md") if path.name not in {"position.md", "overlay.md"})
    return tuple(read_rule_file(path, position=position, shown=str(path.relative_to(root))) for path in paths)


def _front(path: Path) -> tuple[dict[str, object], list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return read_front(lines, f"{path.parent.parent.name}/{path.parent.name}/{path.name}")[0], lines


def _words(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(word) for word in value) if isinstance(value, list) else (str(value),)
