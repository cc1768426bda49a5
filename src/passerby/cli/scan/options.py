"""What is typed after ``passerby scan``."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

REPORTS = "Reports, beside what is printed (- is standard output)"
ANSWER = "What decides the answer"
OTHER = "Other targets"


class FailOn(enum.StrEnum):
    """What also makes the answer 3, beside what identifies."""

    EMBED = "embed"
    VERIFY = "verify"
    DETECT = "detect"
    CAN = "can"


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What was typed."""

    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="TARGET...", help="Folders, environments, archives, packages, images, bills of materials."
        ),
    ] = None
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write JSON.", rich_help_panel=REPORTS)
    ] = None
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0.", rich_help_panel=REPORTS)
    ] = None
    cyclonedx: Annotated[
        Path | None, typer.Option("--cyclonedx", metavar="FILE", help="Write CycloneDX 1.6.", rich_help_panel=REPORTS)
    ] = None
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page.", rich_help_panel=REPORTS)
    ] = None
    facts: Annotated[
        Path | None,
        typer.Option(
            "--facts", metavar="FILE", help="Write draft facts for `passerby assess`.", rich_help_panel=REPORTS
        ),
    ] = None
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            "--fail-on",
            help="Also exit 3 for this; may be given several times. detect: whatever works on faces.",
            rich_help_panel=ANSWER,
        ),
    ] = None
    suppressions: Annotated[
        Path | None,
        typer.Option(
            "--suppressions",
            metavar="FILE",
            help="Findings that are known, each with a reason and an end date; shown, and not counted.",
            rich_help_panel=ANSWER,
        ),
    ] = None
    declaration: Annotated[
        Path | None,
        typer.Option(
            "--declaration",
            metavar="FILE",
            help="A supplier's signed declaration (FILE.sig beside it), held against what is found.",
            rich_help_panel=ANSWER,
        ),
    ] = None
    signers: Annotated[
        Path | None,
        typer.Option(
            "--signers",
            metavar="FILE",
            help="Who may have signed: allowed signers of ssh-keygen.",
            rich_help_panel=ANSWER,
        ),
    ] = None
    host: Annotated[
        bool,
        typer.Option("--host", help="What runs on this machine, by its files (Linux).", rich_help_panel=OTHER),
    ] = False
    camera: Annotated[
        list[str] | None,
        typer.Option(
            "--camera",
            metavar="HOST[:PORT]",
            help="What a camera recognises by itself, asked by ONVIF; may be given several times.",
            rich_help_panel=OTHER,
        ),
    ] = None
    user: Annotated[
        str | None,
        typer.Option(
            "--user", help="Of the cameras; password in PASSERBY_CAMERA_PASSWORD, or asked for.", rich_help_panel=OTHER
        ),
    ] = None
    committed: Annotated[
        bool,
        typer.Option(
            "--committed", help="Of folders in Git, only what is committed or staged: no environment, no .git."
        ),
    ] = False
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, max=256, help="Processes that read; 0 for none beside this one.")
    ] = None
    fresh: Annotated[bool, typer.Option("--fresh", help="Take nothing from earlier scans, and keep nothing.")] = False
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="List the components that are known, and scan nothing.")
    ] = False
