"""``passerby assess``: whether a described deployment is banned, with the article and the reasons.

The answer goes to standard output. Exit codes: 0 assessed, whatever the verdict; 1 failed; 2 the facts or the command are
wrong.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from passerby import law
from passerby.cli.law.interview import interview
from passerby.errors import UsageError
from passerby.files import write_atomic
from passerby.languages import FALLBACK_LANGUAGE, LANGUAGES

PositionOption = Annotated[
    list[str] | None,
    typer.Option("--position", help="A position to ask; may be given several times. Default: act-2024."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Ask every position.")]
OnOption = Annotated[
    str | None,
    typer.Option(
        "--on", metavar="DATE", help="As in force on this day, YYYY-MM-DD. Without it texts are read in full."
    ),
]
OverlayOption = Annotated[
    list[str] | None,
    typer.Option(
        "--overlay", metavar="DIR", help="Lay a folder of rules, or a shipped layer by name, over the position."
    ),
]
LangOption = Annotated[
    str, typer.Option("--lang", help=f"Language of what is written: {', '.join(LANGUAGES)}. JSON stays in English.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def add_to(app: typer.Typer) -> None:
    """Add the command ``assess``."""
    app.command("assess")(_assess)


def read_options(positions: list[str] | None, on: str | None, *, every: bool) -> tuple[tuple[str, ...], date | None]:
    """Return the positions to ask and the day, from the options that several commands share.

    Raises:
        UsageError: both single positions and all are asked for, or a position is not known.
        FactsError: the day does not exist.
    """
    if every and positions:
        raise UsageError("--all asks every position, got --position as well", hint="leave one of the two out")
    known = law.positions()
    for name in positions or ():
        if name not in known:
            close = law.nearest_word(name, known)
            raise UsageError(
                f"--position must be one of {', '.join(known)}, got '{name}'",
                hint=f"write --position {close}" if close else None,
            )
    chosen = known if every else tuple(dict.fromkeys(positions or (law.DEFAULT_POSITION,)))
    return chosen, law.parse_day(on, "--on") if on else None


def read_language(lang: str) -> law.Wording:
    """Return the texts of the language asked for.

    Raises:
        UsageError: there is no such language.
    """
    if lang not in LANGUAGES:
        raise UsageError(f"--lang must be {', '.join(LANGUAGES)}, got '{lang}'", hint=f"write --lang {LANGUAGES[0]}")
    return law.wording_in(lang)


def read_overlays(given: list[str] | None) -> tuple[str | Path, ...]:
    """Return layers as shipped names or folders.

    Raises:
        UsageError: it is neither.
    """
    return tuple(_read_overlay(name) for name in given or ())


def _read_overlay(name: str) -> str | Path:
    if name in law.overlays():
        return name
    if Path(name).is_dir():
        return Path(name)
    close = law.nearest_word(name, law.overlays())
    raise UsageError(
        f"--overlay must be a folder or one of {', '.join(law.overlays())}, got '{name}'",
        hint=f"write --overlay {close}" if close else "give the path of a folder that holds overlay.md",
    )


def _assess(
    *,
    deployment: Annotated[
        str | None, typer.Argument(metavar="FILE", help="Facts as YAML, JSON or TOML; - reads standard input.")
    ] = None,
    position: PositionOption = None,
    every: AllOption = False,
    on: OnOption = None,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
    lang: LangOption = FALLBACK_LANGUAGE,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Also write the report as one HTML page.")
    ] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for the facts here and save them to FILE (default: deployment.yaml).")
    ] = False,
) -> None:
    """Assess a deployment: prohibited, allowed under conditions, high-risk or not touched, and why.

    The facts are those that `passerby law facts` lists. A fact that is not known may be left out or written as unknown; the
    answer then says what remains possible and what to ask first.
    """
    positions, day = read_options(position, on, every=every)
    overlays = read_overlays(overlay)
    w = read_language(lang)
    if ask:
        described = interview(Path(deployment or "deployment.yaml"), positions, day, overlays, w=w)
    elif deployment is None:
        raise UsageError("a file of facts must be given", hint="passerby assess FILE, or passerby assess --ask")
    else:
        described = law.read_deployment(deployment)
    assessment = law.assess_deployment(described, positions, on=day, overlays=overlays)
    if report is not None:
        write_atomic(report, law.assessment_to_html(assessment, lang).encode())
        typer.echo(f"wrote {report}", err=True)
    if as_json:
        typer.echo(law.dump_json(law.assessment_to_json(assessment)), nl=False)
    else:
        typer.echo(law.assessment_to_text(assessment, lang), nl=False)
