"""``passerby audit veil``: what stays exposed in annotated footage, by Passerby and by others, and the model card."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from passerby import audit
from passerby.cli.audit.outputs import check_outputs, write_outputs
from passerby.cli.options import command_of
from passerby.config import MEASURED
from passerby.errors import UsageError
from passerby.values import utc_now


def add_to(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("veil")(command_of(_Veil, veil))
    group.command("card")(card)


def _print_formats(asked: bool) -> None:
    if asked:
        typer.echo(audit.formats_text(), nl=False)
        raise typer.Exit


@dataclass(frozen=True)
class _Veil:
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Labels (COCO, WIDER text, MOT, CSV), or the folder that holds them.")
    ]
    media: Annotated[
        Path | None, typer.Option("--media", metavar="FOLDER", help="Where the footage lies; default: by the labels.")
    ] = None
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", metavar="deface|FOLDER", help="Measure deface, or a folder of any tool's outputs; repeatable."
        ),
    ] = None
    without: Annotated[bool, typer.Option("--without-passerby", help="Measure only what --against names.")] = False
    material: Annotated[
        str, typer.Option("--material", metavar="TEXT", help="What the footage is, for the report.")
    ] = ""
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the figures as CSV.")] = None
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write one HTML page with plots.")] = (
        None
    )
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False
    formats: Annotated[
        bool,
        typer.Option(
            "--formats", callback=_print_formats, is_eager=True, help="Print what labels may look like and exit."
        ),
    ] = False


def veil(options: _Veil) -> None:
    """Say on annotated footage which faces stay exposed, of whom and for how long, and how sure that is.

    Footage is decoded in memory; nothing of it is written. Properties of people are told only where labels hold them.
    """
    check_outputs((options.json, options.csv, options.report), overwrite=options.overwrite, inputs=[options.data])
    if options.without and not options.against:
        raise UsageError("--without-passerby needs something to measure, got no --against")
    data = audit.read_annotated(options.data, options.media)
    tools = _tools(options, data)
    found = audit.audit_veil(
        data, tools, date=utc_now().date().isoformat(), material=options.material, progress=_say_progress
    )
    typer.echo("\n".join(_text(found)))
    texts = (
        (options.json, lambda: audit.veil_to_json(found)),
        (options.csv, lambda: audit.veil_to_csv(found)),
        (options.report, lambda: audit.veil_to_html(found)),
    )
    write_outputs(texts, overwrite=options.overwrite)


def _tools(options: _Veil, data: audit.AnnotatedData) -> list[audit.CoverTool]:
    tools: list[audit.CoverTool] = [] if options.without else [audit.PasserbyCovers()]
    for name in options.against or ():
        is_folder = Path(name).is_dir() or name != "deface"
        tools.append(audit.FolderCovers(Path(name), data) if is_folder else audit.DefaceCovers())
    names = [tool.name for tool in tools]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"what is compared must have names of its own, got {', '.join(twice)} twice")
    return tools


def card(
    *,
    figures: Annotated[
        Path, typer.Argument(metavar="[FIGURES]", help="JSON of passerby audit veil; default: of this version.")
    ] = MEASURED,
) -> None:
    """Print the model card of some figures, in Markdown: what Passerby misses, by size, light, pose and occlusion."""
    typer.echo(audit.model_card(audit.read_figures(figures)), nl=False)


def _say_progress(name: str, done: int, count: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"{done + 1} of {count}: {name}", err=True)


def _text(found: audit.VeilAudit) -> list[str]:
    lines = [
        f"{found.source}: {found.clips:,} clips, {found.pictures:,} pictures, {found.frames:,} frames",
        *(f"note: {words}" for words in audit.veil_cautions(found)),
    ]
    for tool in found.tools:
        lines += ["", f"{tool.name} ({tool.about})"]
        rates = [("exposed faces", tool.exposed), ("less than half covered", tool.half_bare)]
        rates += [("faces below 8 px", tool.tiny)] if tool.tiny else []
        rates += [("people with an exposed frame", tool.people)] if tool.people else []
        lines += [f"  {name:<30} {audit.rate_words(rate)}" for name, rate in rates]
        lines += [f"  {one.name:<52} {audit.quantity_words(one)}" for one in tool.quantities]
        for table in tool.tables:
            lines.append(f"  by {table.dimension}")
            lines += [f"    {rate.name:<18} {audit.rate_words(rate)}" for rate in table.rates]
            lines += [f"    {words}" for words in audit.dimension_words(table)]
    lines += ["", *(audit.difference_words(one) for one in found.differences)] if found.differences else []
    return lines
