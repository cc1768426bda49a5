"""The rules of one file as they are written: heading, words, marks, block. A file may extend another and hold what differs.

A file that names a base takes over its rules one by one. A heading that the base has too may give other words, another block
or another certainty; what it does not give stays as in the base. What is not listed is taken over whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from passerby.errors import RuleError
from passerby.law.values import Certainty, weakest

OWN = ("certainty", "guideline", "applies")
_HEADING = re.compile(r"## ([a-z0-9]+(?:-[a-z0-9]+)*)")


@dataclass(slots=True)
class RuleSection:
    """One rule as written.

    Attributes:
        id: Its heading.
        path: File of its heading, for messages.
        line: Line of its heading, from 1.
        quote: The lines of its statement.
        own: What it states of itself: certainty, guideline, applies.
        block: The lines of its block, or None.
        block_path: File in which the block stands.
        block_line: Line of the block's first line, from 1.
        raw: Every line below the heading.
        at_most: How sure the base is of it, where it was taken over.
    """

    id: str
    path: str
    line: int
    quote: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    block: list[str] | None = None
    block_path: str = ""
    block_line: int = 0
    raw: list[str] = field(default_factory=list)
    at_most: Certainty = Certainty.QUOTED

    def text(self) -> str:
        """Return it as Markdown, with the words and the block that it took over."""
        lines = [f"## {self.id}", *self.raw]
        if self.quote and not any(line.lstrip().startswith(">") for line in self.raw):
            lines[1:1] = [f"> {line}" for line in self.quote]
        if self.block is not None and "```asp" not in self.raw:
            lines += ["", "```asp", *self.block, "```"]
        return "\n".join(lines).strip()


def certainty_of(word: str, where: str) -> Certainty:
    """Return a certainty by its word.

    Raises:
        RuleError: there is no such certainty; the message starts with ``where:``.
    """
    try:
        return Certainty(word)
    except ValueError as exc:
        wanted = ", ".join(Certainty)
        raise RuleError(
            f"{where}: certainty must be one of {wanted}, got {word}", hint="how sure is the text behind it?"
        ) from exc


def read_sections(lines: list[str], start: int, shown: str) -> tuple[str, list[RuleSection]]:
    """Return the prose above the first rule, and the rules.

    Args:
        lines: The whole file.
        start: Index of the first line below the front matter.
        shown: Path of the file, for messages.

    Raises:
        RuleError: a heading, mark or block is not as it must be.
    """
    sections: list[RuleSection] = []
    prose: list[str] = []
    fence: str | None = None
    for number, line in enumerate(lines[start:], start + 1):
        raw = sections[-1].raw if sections else prose
        if fence is None and line.startswith("## "):
            sections.append(_heading(line, number, shown))
            continue
        raw.append(line)
        if fence is not None:
            if line.strip() == "```":
                fence = None
            elif fence == "asp" and sections and sections[-1].block is not None:
                sections[-1].block.append(line)
        elif line.startswith("```"):
            fence = line.strip("` ")
            if fence == "asp":
                _open_block(sections, number, shown)
        elif sections and sections[-1].block is None:
            _collect(sections[-1], line, number, shown)
    if fence is not None:
        raise RuleError(f"{shown}:{len(lines)}: block must be closed", hint="end the block with a line ```")
    return "\n".join(prose).strip(), sections


def _heading(line: str, number: int, shown: str) -> RuleSection:
    match = _HEADING.fullmatch(line.strip())
    if match is None:
        hint = "rules have headings like `## no-objective`; use # or ### for other headings"
        raise RuleError(
            f"{shown}:{number}: rule's heading must be lower-case words joined by hyphens, got {line[3:]}", hint=hint
        )
    return RuleSection(match[1], shown, number)


def _open_block(sections: list[RuleSection], number: int, shown: str) -> None:
    if not sections:
        raise RuleError(
            f"{shown}:{number}: block must stand under a rule's heading", hint="add a heading `## some-id` above it"
        )
    if sections[-1].block is not None:
        raise RuleError(
            f"{shown}:{number}: rule {sections[-1].id} must have one block, got a second",
            hint="give it its own heading",
        )
    sections[-1].block, sections[-1].block_path, sections[-1].block_line = [], shown, number + 1


def _collect(section: RuleSection, line: str, number: int, shown: str) -> None:
    stripped = line.strip()
    if stripped.startswith(">"):
        section.quote.append(stripped[1:].strip())
    elif re.fullmatch(r"\*[a-z]+: .*\*", stripped):
        for part in stripped.strip("*").split(";"):
            name, _, value = part.strip().partition(": ")
            if name not in OWN:
                raise RuleError(f"{shown}:{number}: a rule may state {', '.join(OWN)}, got {name}", hint="remove it")
            if name == "certainty":
                certainty_of(value, f"{shown}:{number}")
            section.own[name] = value.strip()


def extend_sections(
    base: Iterable[RuleSection], own: Iterable[RuleSection], disabled: Iterable[str], where: str
) -> list[RuleSection]:
    """Return the rules of a base with what a file that extends it gives otherwise.

    Args:
        base: The rules of the base, in its order.
        own: The rules written in the file; a new one stands behind the one written above it, else at the end.
        disabled: Headings of the base that are not taken over.
        where: File and line of the front matter that disables, for messages.

    Raises:
        RuleError: a disabled heading is none of the base, or a heading gives nothing.
    """
    off = set(disabled)
    result = [_taken_over(section) for section in base]
    for name in off - {section.id for section in result}:
        raise RuleError(f"{where}: disabled heading must be one of the base, got {name}", hint="remove it")
    result = [section for section in result if section.id not in off]
    above: str | None = None
    for section in own:
        if not any(line.strip() for line in section.raw):
            raise RuleError(
                f"{section.path}:{section.line}: rule {section.id} must say what differs from the base, got nothing",
                hint="remove the heading; the rule is taken over all the same",
            )
        places = {taken.id: place for place, taken in enumerate(result)}
        if section.id in places:
            place = places[section.id]
            result[place] = _differing(section, result[place])
        else:
            result.insert(places[above] + 1 if above in places else len(result), section)
        above = section.id
    return result


def _taken_over(section: RuleSection) -> RuleSection:
    """Return a rule of a base as another text has it: as sure as that text, but never surer than the base's own mark."""
    known = Certainty(section.own["certainty"]) if "certainty" in section.own else Certainty.QUOTED
    return replace(section, own={}, at_most=weakest([known, section.at_most]))


def _differing(own: RuleSection, base: RuleSection) -> RuleSection:
    block = base if own.block is None else own
    return replace(
        own,
        quote=own.quote or base.quote,
        block=block.block,
        block_path=block.block_path,
        block_line=block.block_line,
        at_most=base.at_most if "certainty" not in own.own else Certainty.QUOTED,
    )
