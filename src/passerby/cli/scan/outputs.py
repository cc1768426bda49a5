"""Prints a report and writes it in the forms that were asked for, each file whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from passerby.cli.scan.options import ScanOptions
from passerby.errors import UsageError
from passerby.files import check_target, write_atomic
from passerby.scan import (
    ScanReport,
    draft_facts,
    dump_json,
    report_to_cyclonedx,
    report_to_html,
    report_to_json,
    report_to_sarif,
    report_to_text,
)

STANDARD_OUTPUT = Path("-")


def check_outputs(options: ScanOptions) -> None:
    """Refuse outputs that could not be written, before anything is scanned.

    Raises:
        UsageError: two outputs are one file, or one of them is a target.
        OutputError: a folder is missing.
    """
    outputs = [
        path
        for path in (options.json, options.sarif, options.cyclonedx, options.html, options.facts)
        if path is not None
    ]
    if len({_resolved(path) for path in outputs}) < len(outputs):
        raise UsageError("each report must have a file of its own, got one twice", hint="choose another name")
    for path in outputs:
        if path != STANDARD_OUTPUT:
            check_target(path, overwrite=True, inputs=[one for one in options.targets or () if one.is_file()])


def write_reports(report: ScanReport, options: ScanOptions) -> None:
    """Print a report, unless standard output takes another form, and write the forms that were asked for.

    Raises:
        OutputError: one cannot be written.
    """
    if options.json is not None:
        write_text(dump_json(report_to_json(report)), options.json)
    if options.sarif is not None:
        write_text(dump_json(report_to_sarif(report)), options.sarif)
    if options.cyclonedx is not None:
        write_text(dump_json(report_to_cyclonedx(report)), options.cyclonedx)
    if options.html is not None:
        write_text(report_to_html(report), options.html)
    if options.facts is not None:
        _write_facts(report, options.facts)
    if STANDARD_OUTPUT not in (options.json, options.sarif, options.cyclonedx, options.html, options.facts):
        print_text(report_to_text(report, width=terminal_width(), colour=_colour()))


def write_text(text: str, path: Path) -> None:
    """Write text to a file, or to standard output.

    Raises:
        OutputError: it cannot be written.
    """
    if path == STANDARD_OUTPUT:
        print_text(text)
        return
    write_atomic(path, text.encode())
    typer.echo(f"wrote {path}", err=True)


def print_text(text: str) -> None:
    """Print text; what the terminal has no letters for is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=False)


def terminal_width() -> int | None:
    """Return the columns of the terminal that standard output is; None where it is none."""
    if not sys.stdout.isatty():
        return None
    return max(os.get_terminal_size(sys.stdout.fileno()).columns, 20)


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write_facts(report: ScanReport, path: Path) -> None:
    """Write each draft to a file; where there are several, those after the first bear their function in the name."""
    drafts = draft_facts(report)
    if path == STANDARD_OUTPUT:
        print_text(drafts[0].text)
        return
    for number, draft in enumerate(drafts):
        beside = path.with_name(f"{path.stem}-{draft.function}-{number + 1}{path.suffix}")
        write_text(draft.text, beside if number else path)


def _resolved(path: Path) -> Path:
    return path if path == STANDARD_OUTPUT else path.resolve()
