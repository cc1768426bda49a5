"""Reads one rule file: a provision in our own words with the rules beside it, one Markdown file per article.

Front matter names article, title, reference, certainty and the dated group. Each heading of the second level is a rule:
its id, a quoted statement (with `Otherwise:` for what is so when the conclusion fails), perhaps a line in asterisks with
its own certainty, guideline paragraph or dated group, prose, and one fenced `asp` block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

import yaml

from passerby.errors import RuleError
from passerby.law.rules.clauses import Clause, parse_clauses
from passerby.law.rules.sections import RuleSection, certainty_of, extend_sections, read_sections
from passerby.law.values import Certainty, Provision, Rule, weakest

FRONT = ("article", "title", "reference", "certainty", "applies")
OPTIONAL = ("guideline", "extends", "disables")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One provision and the program it holds.

    Attributes:
        provision: The provision with its rules.
        clauses: Their answer set rules, in the order of the file.
    """

    provision: Provision
    clauses: tuple[Clause, ...]


def read_rule_file(path: Path, *, position: str, shown: str) -> RuleFile:
    """Read one rule file, with what it takes over from the file that it extends.

    Args:
        path: The file.
        position: Name of the position or overlay that it belongs to.
        shown: The path to show in messages and provisions.

    Raises:
        RuleError: the file is broken; the message starts with ``shown:line:`` and the hint says what to write.
    """
    front, prose, sections = _read(path, shown, ())
    head = Certainty(str(front["certainty"]))
    stem = path.stem
    rules: list[Rule] = []
    clauses: list[Clause] = []
    for section in sections:
        section.own.setdefault("applies", str(front["applies"]))
        rule, found = _rule(section, head, f"{stem}/{section.id}")
        rules.append(rule)
        clauses.extend(found)
    provision = Provision(
        id=f"{position}/{stem}",
        position=position,
        article=str(front["article"]),
        title=str(front["title"]),
        reference=str(front["reference"]),
        guideline=str(front["guideline"]) if "guideline" in front else None,
        certainty=head,
        applies=str(front["applies"]),
        text="\n\n".join(part for part in (prose, *(section.text() for section in sections)) if part) + "\n",
        path=shown,
        rules=tuple(rules),
    )
    return RuleFile(provision, tuple(clauses))


def _read(path: Path, shown: str, below: tuple[str, ...]) -> tuple[dict[str, object], str, list[RuleSection]]:
    """Return the front matter, the prose above the rules, and the rules, those of the base included.

    Args:
        path: The file.
        shown: The path to show in messages.
        below: The files that extend this one.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise RuleError(f"{shown}:1: file must be readable UTF-8 text, got {exc}") from exc
    front, body_at = read_front(lines, shown)
    _check_front(front, lines, shown)
    prose, sections = read_sections(lines, body_at, shown)
    if "extends" not in front:
        return front, prose, sections
    where = f"{shown}:{line_of(lines, 'extends')}"
    base = path.parent.parent / f"{front['extends']}.md"
    base_shown = (PurePosixPath(shown).parent.parent / f"{front['extends']}.md").as_posix()
    if not base.is_file():
        raise RuleError(f"{where}: base must be a rule file such as commission-2021/art-03, got {front['extends']}")
    if base_shown in (shown, *below):
        raise RuleError(f"{where}: rule file must not extend itself, got {' -> '.join((*below, shown, base_shown))}")
    _, _, taken = _read(base, base_shown, (*below, shown))
    disabled = words_of(front.get("disables"))
    return front, prose, extend_sections(taken, sections, disabled, f"{shown}:{line_of(lines, 'disables')}")


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


def words_of(value: object) -> tuple[str, ...]:
    """Return one word of YAML or a list of them as a tuple; empty for nothing.

    >>> words_of("act-2024"), words_of(None)
    (('act-2024',), ())
    """
    if value is None:
        return ()
    return tuple(str(word) for word in value) if isinstance(value, list) else (str(value),)


def _check_front(front: dict[str, object], lines: list[str], shown: str) -> None:
    for name in FRONT:
        if front.get(name) is None:
            raise RuleError(f"{shown}:1: front matter must have {name}", hint=f"add a line `{name}: ...`")
    for name in front:
        if name not in FRONT + OPTIONAL:
            wanted = ", ".join(FRONT + OPTIONAL)
            raise RuleError(
                f"{shown}:{line_of(lines, name)}: front matter may have {wanted}, got {name}", hint="remove the line"
            )
    certainty_of(str(front["certainty"]), f"{shown}:{line_of(lines, 'certainty')}")


def _rule(section: RuleSection, certainty: Certainty, rule: str) -> tuple[Rule, tuple[Clause, ...]]:
    where = f"{section.path}:{section.line}"
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
    clauses = parse_clauses(
        asp, path=section.block_path, line=section.block_line, rule=rule, group=section.own["applies"]
    )
    if len({clause.head for clause in clauses}) > 1:
        raise RuleError(
            f"{where}: rule {section.id} must have one conclusion, got several", hint="give each its own heading"
        )
    own = Certainty(section.own["certainty"]) if "certainty" in section.own else weakest([certainty, section.at_most])
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
