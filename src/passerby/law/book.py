"""Puts the rule files of one position and its overlays together and checks that they fit each other and the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from passerby.errors import RuleError
from passerby.law.clauses import Clause, split, term
from passerby.law.facts_check import nearest
from passerby.law.reference import DATA, ROOM, as_date, offences, read_yaml, thresholds
from passerby.law.rulefile import RuleFile, line_of, read_front, read_rule_file
from passerby.law.values import Outcome, Provision, Rule
from passerby.law.vocabulary import vocabulary

ENDS = frozenset({"finding", "duty", "fine", "open"})
"""Conclusions that the engine reads itself, so that no rule needs to use them."""
GIVEN = frozenset({"fact", "meets", "listed", "reading", "outcome"})
"""Conditions that come from the facts, the data, or the engine."""


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

    def facts(self) -> tuple[str, ...]:
        """Return the names of the facts that some rule reads, in the order of the vocabulary."""
        read = {split(literal.atom) for clause in self.clauses for literal in clause.body}
        names = {arguments[0] for name, arguments in read if name == "fact"}
        names |= {thresholds()[arguments[0].replace("_", "-")].fact for name, arguments in read if name == "meets"}
        names |= {"offence" for name, _ in read if name == "listed"}
        return tuple(name for name in vocabulary() if name in names)


def position_names(root: Path = ROOM) -> tuple[str, ...]:
    """Return the names of the positions, sorted by the order their files state."""
    found = [
        (int(str(_front(path)[0].get("order", 99))), path.parent.name) for path in root.glob("positions/*/position.md")
    ]
    return tuple(name for _, name in sorted(found))


def overlay_names(root: Path = ROOM) -> tuple[str, ...]:
    """Return the names of the overlays, sorted."""
    return tuple(sorted(path.parent.name for path in root.glob("overlays/*/overlay.md")))


def read_overlay(name: str, root: Path = ROOM) -> Overlay:
    """Read one overlay: its ``overlay.md`` and its rule files.

    Raises:
        RuleError: there is no such overlay, or a file of it is broken.
    """
    path = root / "overlays" / name / "overlay.md"
    if not path.is_file():
        known = overlay_names(root)
        hint = f"did you mean {near}?" if (near := nearest(name, known)) else None
        raise RuleError(f"overlay must be one of {', '.join(known)}, got {name}", hint=hint)
    front, lines = _front(path)
    shown = str(path.relative_to(root))
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
        files=_files(path.parent, name, root),
    )


def load_book(position: str, overlays: Iterable[str] = (), *, root: Path = ROOM) -> Book:
    """Read and check the rule files of a position and its overlays.

    Args:
        position: Name of its folder.
        overlays: Names of overlays, each laid over the ones before.
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
    off = {rule for name in (_words(front.get("disables")), *(layer.disables for layer in layers)) for rule in name}
    return _assemble(position, front, files, off, dates, layers)


def _assemble(
    position: str,
    front: dict[str, object],
    files: list[RuleFile],
    off: set[str],
    dates: Mapping[str, date | None],
    layers: list[Overlay],
) -> Book:
    rules: dict[str, tuple[Provision, Rule]] = {}
    for file in files:
        for rule in file.provision.rules:
            if rule.id in rules:
                first, earlier = rules[rule.id]
                raise RuleError(
                    f"{file.provision.path}:{rule.line}: rule {rule.id} must have an id of its own, got one used in {first.path}:{earlier.line}",
                    hint="give it another heading",
                )
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
    book = Book(position, str(front["title"]), str(front["status"]), names, provisions, clauses, heads, kept, dates)
    for clause in clauses:
        _check_clause(clause, book)
    _check_cycles(book)
    return book


def _check_clause(clause: Clause, book: Book) -> None:
    provision, rule = book.rules[clause.rule]
    where = f"{provision.path}:{clause.line}"
    if clause.group not in book.dates:
        known = ", ".join(book.dates)
        raise RuleError(f"{where}: applies must be one of {known}, got {clause.group}", hint="see data/dates.yaml")
    name, arguments = split(clause.head)
    if name in GIVEN:
        raise RuleError(f"{where}: rule must not conclude {name}, which comes from outside", hint="choose another word")
    if name == "finding":
        _one_of("finding", arguments, [term(o) for o in Outcome if o is not Outcome.DEPENDS], where)
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


def _check_condition(atom: str, where: str, book: Book) -> None:
    name, arguments = split(atom)
    if name == "fact":
        _check_fact(arguments, where)
    elif name == "meets":
        _one_of("threshold", arguments, [term(t) for t in thresholds()], where)
    elif name == "listed":
        _one_of("offence list", arguments, [term(t) for t in offences().lists], where)
    elif name == "reading":
        _one_of("reading", arguments, [split(h)[1][0] for h in book.heads if h.startswith("open(")], where)
    elif name == "outcome":
        _one_of("outcome", arguments, [term(o) for o in Outcome if o is not Outcome.DEPENDS], where)
    elif atom not in book.heads:
        near = nearest(atom, book.heads)
        hint = f"did you mean {near}?" if near else "write a rule that concludes it"
        raise RuleError(f"{where}: condition must be a fact or the conclusion of a rule, got {atom}", hint=hint)


def _check_fact(arguments: tuple[str, ...], where: str) -> None:
    names = {term(name): name for name in vocabulary()}
    if len(arguments) != 2 or arguments[0] not in names:
        near = nearest(arguments[0], names) if arguments else None
        raise RuleError(
            f"{where}: fact must be fact(name,value) with a name of the vocabulary, got fact({','.join(arguments)})",
            hint=f"did you mean {near}?" if near else "add the fact to data/vocabulary.yaml first",
        )
    fact = vocabulary()[names[arguments[0]]]
    if fact.kind == "number" or fact.open:
        raise RuleError(
            f"{where}: {fact.name} must be compared by meets(threshold) or listed(list), got fact({','.join(arguments)})"
        )
    _one_of(f"value of {fact.name}", arguments[1:], [term(str(v)) for v in fact.domain()], where)


def _one_of(what: str, got: tuple[str, ...], known: list[str], where: str) -> None:
    if len(got) != 1 or got[0] not in known:
        near = nearest(got[0], known) if got else None
        hint = f"did you mean {near}?" if near else None
        raise RuleError(f"{where}: {what} must be one of {', '.join(known)}, got {','.join(got)}", hint=hint)


def _otherwise(atom: str, book: Book) -> str | None:
    return next((rule.otherwise for c in book.heads[atom] if (rule := book.rules[c.rule][1]).otherwise), None)


def _check_cycles(book: Book) -> None:
    """Refuse rules that rest on themselves: a derivation must end in facts."""
    done: set[str] = set()

    def visit(atom: str, path: tuple[str, ...]) -> None:
        if atom in path:
            clause = book.heads[atom][0]
            provision, _ = book.rules[clause.rule]
            ring = " -> ".join((*path[path.index(atom) :], atom))
            raise RuleError(f"{provision.path}:{clause.line}: rules must not rest on themselves, got {ring}")
        if atom in done:
            return
        for clause in book.heads.get(atom, ()):
            for literal in clause.body:
                visit(literal.atom, (*path, atom))
        done.add(atom)

    for atom in book.heads:
        visit(atom, ())


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
