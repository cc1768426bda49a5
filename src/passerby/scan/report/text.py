"""Writes a report for people at a terminal: a table where it is wide enough, else and in pipes a few lines a finding."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from passerby.scan.report.scanned import ComponentFound, ScanReport, by_rating
from passerby.scan.report.words import (
    CONFIDENCE_WORDS,
    CORRECTION,
    PRESENCE_MEANING,
    RATING_MEANING,
    RATING_WORDS,
    WEIGHTS_WORDS,
    abilities_of,
    abilities_short,
    answer_of,
    counted,
    declaration_of,
    hiding_of,
    kinds_of,
    place_of,
    read_of,
    shown,
    timing_of,
    title_of,
)
from passerby.scan.values import Finding, Rating, ScanResult, Unread

WIDE = 110
"""Columns from which on findings stand in a table."""
UNWRAPPED = 10_000
_STYLE = {Rating.IDENTIFIES: "bold red", Rating.CAN: "bold yellow", Rating.DOES_NOT: "bold green"}
_MOST_PLACES = 3
_MOST_UNREAD = 20


def report_to_text(report: ScanReport, *, width: int | None = None, colour: bool = False) -> str:
    """Return a report as text.

    Args:
        report: What was found.
        width: Columns of the terminal; None for a pipe, where no line is wrapped.
        colour: Mark classes by colour.
    """
    file = io.StringIO()
    console = Console(
        file=file,
        width=width or UNWRAPPED,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in _parts(report, wide=width is not None and width >= WIDE):
        console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _parts(report: ScanReport, *, wide: bool) -> Iterator[RenderableType]:
    yield Text(PRESENCE_MEANING)
    if report.declaration:
        promised, *follows = declaration_of(report.declaration)
        yield Text("\n" + promised)
        yield from (Text(words, "bold" if number == 0 else "") for number, words in enumerate(follows))
    for result in report.results:
        yield Text("\n" + shown(result.target), "bold")
        for rating, components in by_rating(result.findings):
            yield from _heading(f"{RATING_WORDS[rating]} ({len(components):,})", RATING_MEANING[rating], _STYLE[rating])
            if wide:
                yield _table(components)
            else:
                yield from (_block(found) for found in components)
        yield from _suppressed(result)
        yield from _unread(result.unread)
        yield from _summary(result)
    if any(finding.component for finding in report.findings()):
        yield Text(f"\nIs something wrong about a component? {CORRECTION} says how it is corrected.")


def _heading(title: str, meaning: str, style: str) -> Iterator[RenderableType]:
    yield Text("\n" + title.upper(), style)
    yield Text(meaning)


def _table(components: Iterable[ComponentFound]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=True, expand=True)
    table.add_column("what", ratio=2, overflow="fold")
    table.add_column("able to", ratio=3, overflow="fold")
    table.add_column("weights", ratio=2, overflow="fold")
    table.add_column("sure", no_wrap=True)
    table.add_column("where", ratio=6, overflow="fold")
    for found in components:
        finding = found.whole
        what = Text.assemble((title_of(finding), "bold"), f"\n{kinds_of(found)}")
        able = "\n".join(filter(None, (abilities_short(finding), timing_of(finding).replace(" (", "\n(", 1))))
        where = [*_places(finding), *(f"{label}: {words}" for label, words in _reasons(finding))]
        table.add_row(
            what,
            Text(able),
            Text(WEIGHTS_WORDS[finding.weights]),
            Text(CONFIDENCE_WORDS[finding.confidence]),
            Text("\n".join(where)),
        )
    return table


def _block(found: ComponentFound) -> RenderableType:
    finding = found.whole
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(""), Text(f"{kinds_of(found)}; {CONFIDENCE_WORDS[finding.confidence]}"))
    for position, words in enumerate((*abilities_of(finding), timing_of(finding))):
        if words:
            grid.add_row(Text("able to" if position == 0 else ""), Text(words))
    grid.add_row(Text("weights"), Text(WEIGHTS_WORDS[finding.weights]))
    for position, words in enumerate(_places(finding)):
        grid.add_row(Text("where" if position == 0 else ""), Text(words))
    for label, words in _reasons(finding):
        grid.add_row(Text(label), Text(words))
    whole = Table.grid()
    whole.add_column(overflow="fold")
    whole.add_row(Text(title_of(finding), "bold"))
    whole.add_row(Padding(grid, (0, 0, 0, 2)))
    return whole


def _places(finding: Finding) -> list[str]:
    told = [f"{place_of(evidence)}  {shown(evidence.what)}" for evidence in finding.evidence[:_MOST_PLACES]]
    rest = len(finding.evidence) - _MOST_PLACES
    if rest > 0:
        told.append(f"and {counted(rest, 'place', 'places')} more, in --json")
    return told or [shown(finding.path)]


def _reasons(finding: Finding) -> Iterator[tuple[str, str]]:
    if len(finding.chain) > 1:
        yield "through", " > ".join(shown(name) for name in finding.chain)
    if finding.note:
        yield "note", shown(finding.note)


def _suppressed(result: ScanResult) -> Iterator[RenderableType]:
    if not result.suppressed:
        return
    meaning = "Found, and left out of the answer by the file of suppressions."
    yield from _heading(f"suppressed ({len(result.suppressed):,})", meaning, "bold magenta")
    for finding, reason in result.suppressed:
        yield Text(f"{title_of(finding)} ({RATING_WORDS[finding.rating]}), {shown(finding.path)}: {shown(reason)}")


def _unread(unread: tuple[Unread, ...]) -> Iterator[RenderableType]:
    if not unread:
        return
    yield from _heading(f"not read ({len(unread):,})", "Nothing is said of these.", "bold")
    hiding_first = sorted(unread, key=lambda one: not one.hides)
    for one in hiding_first[:_MOST_UNREAD]:
        yield Text(f"{shown(one.path)}  {shown(one.reason)}{' (could hide something)' if one.hides else ''}")
    if len(unread) > _MOST_UNREAD:
        yield Text(f"and {len(unread) - _MOST_UNREAD:,} more, in --json")


def _summary(result: ScanResult) -> Iterator[RenderableType]:
    yield Text(f"\n{shown(result.target)}: {answer_of(result)}", "bold")
    yield Text("; ".join(filter(None, (read_of(result), hiding_of(result)))))
