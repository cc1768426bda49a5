"""``passerby audit attack``: whether hidden pixels can be won back. Exit codes: 0 measured, 1 failed, 2 wrong use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from passerby import audit
from passerby.cli.audit.outputs import check_outputs, write_outputs
from passerby.cli.options import command_of
from passerby.veil import REVERSIBLE_STYLES, CoverSettings, CoverStyle


def add_to(group: typer.Typer) -> None:
    """Add the command."""
    group.command("attack")(command_of(_Attack, attack))


@dataclass(frozen=True)
class _Attack:
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="Annotated footage, as `audit veil --formats` shows; without it people are drawn.",
        ),
    ] = None
    style: Annotated[
        list[CoverStyle] | None,
        typer.Option("--style", help="Attack this style; repeatable. Without it: solid, avatar, noise."),
    ] = None
    replaceimg: Annotated[
        Path | None, typer.Option("--replaceimg", metavar="FILE", help="Picture for the style img.")
    ] = None
    media: Annotated[
        Path | None, typer.Option("--media", metavar="FOLDER", help="Where the footage lies, if not beside its labels.")
    ] = None
    people: Annotated[int, typer.Option("--people", help="Attack at most so many.")] = 150
    frames: Annotated[int, typer.Option("--frames", help="Use at most so many of each.")] = 8
    runs: Annotated[
        int,
        typer.Option(
            "--runs", help="Measure the detection limit anew on so many drawn crowds; 0 prints what the bench found."
        ),
    ] = 0
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of all draws.")] = 0
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the gains as CSV.")] = None
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write one HTML page with plots and pictures.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False


def attack(options: _Attack) -> None:
    """Try to win back what the veil hides: attackers that know the style learn on its encoded output.

    They are shown to find planted leaks among the same people, and others' blur and mosaic stand beside. Pixels are sought,
    nobody is recognised. Hidden pixels stay in memory.
    """
    check_outputs(
        (options.json, options.csv, options.report),
        overwrite=options.overwrite,
        inputs=[options.data] if options.data else [],
    )
    settings = audit.AttackSettings(people=options.people, frames=options.frames, runs=options.runs, seed=options.seed)
    styles = [
        CoverSettings(style=style, image=options.replaceimg, allow_reversible=style in REVERSIBLE_STYLES)
        for style in options.style or audit.STYLES
    ]
    found = audit.audit_attack(options.data, styles, settings, media=options.media, progress=_told)
    typer.echo(attack_text(found))
    texts = (
        (options.json, lambda: audit.attack_to_json(found)),
        (options.csv, lambda: audit.attack_to_csv(found)),
        (options.report, lambda: audit.attack_to_html(found)),
    )
    write_outputs(texts, overwrite=options.overwrite)


def _told(what: str) -> None:
    typer.echo(f"attacking {what}", err=True)


def attack_text(found: audit.AttackAudit) -> str:
    """Return what the command prints."""
    first = found.covers[0].outcome
    head = f"{found.source}: {first.people} people, up to {found.settings.frames} frames each"
    lines = [
        f"{head}; surroundings explain {audit.share_words(first.around_share)} of what is hidden",
        *(f"note: {words}" for words in audit.attack_notes(found)),
        "",
        *(audit.cover_words(cover) for cover in found.of_kind(audit.CoverKind.STYLE)),
        "",
        audit.summary_line(found),
        *_rows(found.of_kind(audit.CoverKind.LEAK), ("found", "missed")),
        audit.limit_words(found.limit),
        "",
        "What others do by default",
        *_rows(found.of_kind(audit.CoverKind.PEER), ("shows through", "not found")),
    ]
    return "\n".join(lines)


def _rows(covers: tuple[audit.AttackedCover, ...], words: tuple[str, str]) -> list[str]:
    width = max((len(cover.name) for cover in covers), default=0)
    lines = []
    for cover in covers:
        best = cover.outcome.best
        said = words[0 if cover.outcome.found else 1]
        limits = f"({audit.share_words(best.low)} to {audit.share_words(best.high)})"
        gain = audit.share_words(best.gain)
        lines.append(f"  {cover.name:<{width}}  {said:<{max(map(len, words))}}  {gain:>8}  {limits}, {best.attacker}")
    return lines
