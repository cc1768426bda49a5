"""``passerby audit scores``: who is missed and who is wronged by a face system, from its comparison log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from passerby import audit
from passerby.cli.audit.outputs import check_outputs, write_outputs
from passerby.cli.options import command_of

_MOST_ROWS = 60


def add_to(group: typer.Typer) -> None:
    """Add the command."""
    group.command("scores")(command_of(_Scores, scores))


@dataclass(frozen=True)
class _Scores:
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV or Parquet: score, mated (0 or 1), group, subject, reference; more columns may follow.",
        ),
    ]
    threshold: Annotated[
        float, typer.Option("--threshold", help="The operator's threshold; a score on it is accepted.")
    ]
    higher: Annotated[
        bool, typer.Option("--higher-is-closer/--lower-is-closer", help="Whether scores are similarities or distances.")
    ] = True
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="COLUMN", help="Cross the groups with a column, such as device; repeatable."),
    ] = None
    passers_by: Annotated[
        int,
        typer.Option("--passers-by", min=1, help="People who pass a station in a day, for what a rate means there."),
    ] = 10_000
    list_size: Annotated[
        int, typer.Option("--list", min=1, help="People on the list that each of them is compared with.")
    ] = 1_000
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the rates as CSV.")] = None
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write one HTML page with plots.")] = (
        None
    )
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False


def scores(options: _Scores) -> None:
    """Say from a comparison log who is not found and who is taken for somebody else, by group, and how sure that is.

    A row is one comparison of two pictures; subject and reference name the person on each. Columns of people and groups stay
    on this machine and are written nowhere but group names.
    """
    check_outputs((options.json, options.csv, options.report), overwrite=options.overwrite, inputs=[options.file])
    settings = audit.ScoresSettings(
        threshold=options.threshold,
        higher_is_closer=options.higher,
        by=tuple(options.by or ()),
        passers_by=options.passers_by,
        list_size=options.list_size,
    )
    found = audit.audit_scores(options.file, settings)
    typer.echo(_text(found))
    texts = (
        (options.json, lambda: audit.scores_to_json(found)),
        (options.csv, lambda: audit.scores_to_csv(found)),
        (options.report, lambda: audit.scores_to_html(found)),
    )
    write_outputs(texts, overwrite=options.overwrite)


def _text(found: audit.ScoresAudit) -> str:
    direction = "higher" if found.settings.higher_is_closer else "lower"
    head = f"{found.source}: {found.rows:,} comparisons of {found.persons:,} people in {len(found.groups)} groups"
    lines = [
        f"{head}, threshold {found.settings.threshold:g}, {direction} is closer",
        *(f"note: {words}" for words in audit.cautions(found)),
        "",
        "Who is not found (false non-match rate)",
        *_rates(found.misses),
        *audit.equality_words(found.equal_misses, "false non-matches"),
        "",
        "Who is taken for somebody else (false match rate)",
        *_rates(found.matches),
        *audit.equality_words(found.equal_matches, "false matches"),
        "",
        *(
            audit.station(found, check)
            for check in found.matches
            if check.rate.stratum.group == check.rate.stratum.other
        ),
    ]
    return "\n".join(lines)


def _rates(checks: tuple[audit.RateCheck, ...]) -> list[str]:
    left = len(checks) - _MOST_ROWS
    checks = checks[:_MOST_ROWS]
    width = max((len(check.rate.stratum.name) for check in checks), default=0)
    lines = []
    for check in checks:
        rate = check.rate
        limits = f"({audit.percent(rate.low)} to {audit.percent(rate.high)})"
        counts = f"{rate.errors:,} of {rate.comparisons:,}, {rate.persons:,} people"
        lines.append(f"  {rate.stratum.name:<{width}}  {audit.percent(rate.value):>9}  {limits}  {counts}")
        if words := audit.support(rate):
            lines.append(f"  {'':<{width}}  {words}")
    if left > 0:
        lines.append(f"  and {left:,} more: --csv, --json and --report hold all of them")
    return lines
