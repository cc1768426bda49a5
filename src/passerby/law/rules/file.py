"""Reads one rule file: a provision in our own words with the rules beside it, one Markdown file per article.

Front matter names article, title, reference, certainty and the dated group. Each heading of the second level is a rule:
its id, a quoted statement (with `Otherwise:` for what is so when the conclusion fails), perhaps a line in asterisks with
its own certainty, guideline paragraph or dated group, prose, and one fenced `asp` block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import yaml

from passerby.errors import RuleError
from passerby.law.rules.clauses import Clause, parse_clauses
from passerby.law.values import Certainty, Provision, Rule

FRONT = ("article", "title", "reference", "certainty", "applies")
OPTIONAL = ("guideline",)
OWN = ("certainty", "guideline", "applies")
_HEADING = re.compile(r"## ([a-z0-9]+(?:-[a-z0-9]+)*)")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One provision and the program it holds.

    Attributes:
        provision: The provision with its rules.
        clauses: Their answer set rules, in the order of the file.
    """

    provision: Provision
    clauses: tuple[Clause, ...]


@dataclass(slots=True)
class _Section:
    id: str
    line: int
    quote: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    block: list[str] | None = None
    block_line: int = 0


def read_rule_file(path: Path, *, position: str, shown: str) -> RuleFile:
    """Read one rule file.

    Args:
        path: The file.
        position: Name of the position or overlay that it belongs to.
        shown: The path to show in messages and provisions.

    Raises:
        RuleError: the file is broken; the message starts with ``shown:line:`` and the hint says what to write.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise RuleError(f"{shown}:1: file must be readable UTF-8 text, got {exc}") from exc
    front, body_at = read_front(lines, shown)
    head = _check_front(front, lines, shown)
    sections = _sections(lines, body_at, shown)
    stem = path.stem
    rules: list[Rule] = []
    clauses: list[Clause] = []
    for section in sections:
        section.own.setdefault("applies", str(front["applies"]))
        rule, found = _rule(section, head, f"{stem}/{section.id}", shown)
        rules.append(rule)
        clauses.extend(found)
    text = "\n".join(lines[body_at:]).strip() + "\n"
    provision = Provision(
        id=f"{position}/{stem}",
        position=position,
        article=str(front["article"]),
        title=str(front["title"]),
        reference=str(front["reference"]),
        guideline=str(front["guideline"]) if "guideline" in front else None,
        certainty=head,
        applies=str(front["applies"]),
        text=text,
        path=shown,
        rules=tuple(rules),
    )
    return RuleFile(provision, tuple(clauses))


def read_front(lines: list[str], shown: str) -> tuple[dict[str, object], int]:
    """Return the front matter and the index of the first line below it.

    Raises:
        RuleError: there is none, or it is no YAML mapping.
    """
    ends = [i for i, line in enumerate(lines) if line.strip() == "---"]
    if not lines or lines[0].strip() != "---" or len(ends) < 2:
        raise RuleError(f"{shown}:1: file must begin with front matter between two lines ---", hint="see docs/law.md")
    try:
        front = yaml.safe_load("\n".join(lines[1 : ends[1]]))
    except ValueError as exc:
        # YAML reads days itself and does not say on which line a day does not exist
        line, word = next(
            ((i, d) for i, text in enumerate(lines[1 : ends[1]], 2) for d in _bad_days(text)), (1, str(exc))
        )
        raise RuleError(f"{shown}:{line}: date must be written YYYY-MM-DD and exist, got {word}") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        raise RuleError(
            f"{shown}:{line}: front matter must be YAML, got {getattr(exc, 'problem', None) or exc}"
        ) from exc
    if not isinstance(front, dict):
        raise RuleError(f"{shown}:1: front matter must be `name: value` lines, got {type(front).__name__}")
    return front, ends[1] + 1


def _bad_days(text: str) -> Iterator[str]:
    for word in re.findall(r"\d{4}-\d{1,2}-\d{1,2}", text):
        try:
            date.fromisoformat(word)
        except ValueError:
            yield word


def line_of(lines: list[str], name: str) -> int:
    """Return the line on which a name of the front matter stands, from 1; 1 when it is absent."""
    return next((i for i, line in enumerate(lines, 1) if line.startswith(f"{name}:")), 1)


def _check_front(front: dict[str, object], lines: list[str], shown: str) -> Certainty:
    for name in FRONT:
        if front.get(name) is None:
            raise RuleError(f"{shown}:1: front matter must have {name}", hint=f"add a line `{name}: ...`")
    for name in front:
        if name not in FRONT + OPTIONAL:
            wanted = ", ".join(FRONT + OPTIONAL)
            raise RuleError(
                f"{shown}:{line_of(lines, name)}: front matter may have {wanted}, got {name}", hint="remove the line"
            )
    return _certainty(str(front["certainty"]), f"{shown}:{line_of(lines, 'certainty')}")


def _certainty(word: str, where: str) -> Certainty:
    try:
        return Certainty(word)
    except ValueError as exc:
        wanted = ", ".join(Certainty)
        raise RuleError(
            f"{where}: certainty must be one of {wanted}, got {word}", hint="how sure is the text behind it?"
        ) from exc


def _sections(lines: list[str], start: int, shown: str) -> list[_Section]:
    sections: list[_Section] = []
    fence: str | None = None
    for number, line in enumerate(lines[start:], start + 1):
        if fence is not None:
            if line.strip() == "```":
                fence = None
            elif fence == "asp" and sections and sections[-1].block is not None:
                sections[-1].block.append(line)
        elif line.startswith("```"):
            fence = line.strip("` ")
            if fence == "asp":
                _open_block(sections, number, shown)
        elif line.startswith("## "):
            sections.append(_heading(line, number, shown))
        elif sections and sections[-1].block is None:
            _collect(sections[-1], line, number, shown)
    if fence is not None:
        raise RuleError(f"{shown}:{len(lines)}: block must be closed", hint="end the block with a line ```")
    return sections


def _heading(line: str, number: int, shown: str) -> _Section:
    match = _HEADING.fullmatch(line.strip())
    if match is None:
        hint = "rules have headings like `## no-objective`; use # or ### for other headings"
        raise RuleError(
            f"{shown}:{number}: rule's heading must be lower-case words joined by hyphens, got {line[3:]}", hint=hint
        )
    return _Section(match[1], number)


def _open_block(sections: list[_Section], number: int, shown: str) -> None:
    if not sections:
        raise RuleError(
            f"{shown}:{number}: block must stand under a rule's heading", hint="add a heading `## some-id` above it"
        )
    if sections[-1].block is not None:
        raise RuleError(
            f"{shown}:{number}: rule {sections[-1].id} must have one block, got a second",
            hint="give it its own heading",
        )
    sections[-1].block = []
    sections[-1].block_line = number + 1


def _collect(section: _Section, line: str, number: int, shown: str) -> None:
    stripped = line.strip()
    if stripped.startswith(">"):
        section.quote.append(stripped[1:].strip())
    elif re.fullmatch(r"\*[a-z]+: .*\*", stripped):
        for part in stripped.strip("*").split(";"):
            name, _, value = part.strip().partition(": ")
            if name not in OWN:
                raise RuleError(f"{shown}:{number}: a rule may state {', '.join(OWN)}, got {name}", hint="remove it")
            if name == "certainty":
                _certainty(value, f"{shown}:{number}")
            section.own[name] = value.strip()


def _rule(section: _Section, certainty: Certainty, rule: str, shown: str) -> tuple[Rule, tuple[Clause, ...]]:
    where = f"{shown}:{section.line}"
    words = " ".join(section.quote)
    statement, _, otherwise = words.partition("Otherwise:")
    if not statement.strip():
        raise RuleError(
            f"{where}: rule {section.id} must have a statement", hint="add a line `> What it says.` below the heading"
        )
    if section.block is None:
        raise RuleError(
            f"{where}: rule {section.id} must have a block", hint="add a block ```asp ... ``` below the statement"
        )
    asp = "\n".join(section.block)
    clauses = parse_clauses(asp, path=shown, line=section.block_line, rule=rule, group=section.own["applies"])
    if len({clause.head for clause in clauses}) > 1:
        raise RuleError(
            f"{where}: rule {section.id} must have one conclusion, got several", hint="give each its own heading"
        )
    own = Certainty(section.own["certainty"]) if "certainty" in section.own else certainty
    read = Rule(
        id=rule,
        statement=statement.strip(),
        otherwise=otherwise.strip() or None,
        asp=asp,
        certainty=own,
        guideline=section.own.get("guideline"),
        line=section.line,
    )
    return read, clauses
