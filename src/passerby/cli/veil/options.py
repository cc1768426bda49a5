"""The options of ``passerby veil``, each declared once. Their names are deface's where it has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Flag = typer.Option
FIND, COVER, KEEP, WRITE, SAY = "Finding", "Covering", "Tracks", "Output", "Telling"


@dataclass(frozen=True, slots=True, kw_only=True)
class VeilOptions:
    """What was typed, in the order of the help."""

    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Pictures, clips, folders, patterns, s3://bucket/folder/, cam."),
    ]
    output: Annotated[
        str | None,
        Flag(
            "-o",
            "--output",
            help="File, or folder for several inputs. Default: beside the input, with _veiled.",
            rich_help_panel=WRITE,
        ),
    ] = None
    suffix: Annotated[
        str | None,
        Flag(
            "--suffix",
            help="What names of outputs end with before the dot, in an output folder too. Default: _veiled beside the input.",
            rich_help_panel=WRITE,
        ),
    ] = None
    thresh: Annotated[
        float | None,
        Flag(
            "-t",
            "--thresh",
            "--threshold",
            help="Confidence from which one detection is covered. Default: measured.",
            rich_help_panel=FIND,
        ),
    ] = None
    thorough: Annotated[
        bool, Flag("--thorough", help="Look at more frames and sizes: slower, fewer misses.", rich_help_panel=FIND)
    ] = False
    detector: Annotated[
        Path | None, Flag("--detector", help="Another face detector (ONNX file).", rich_help_panel=FIND)
    ] = None
    ep: Annotated[str, Flag("--ep", "--execution-provider", help="cpu or cuda (extra: gpu).", rich_help_panel=FIND)] = (
        "cpu"
    )
    require_gpu: Annotated[
        bool, Flag("--require-gpu", help="Fail rather than run on the CPU.", rich_help_panel=FIND)
    ] = False
    replacewith: Annotated[
        str,
        Flag(
            "--replacewith",
            help="solid, avatar, img or noise; blur or mosaic with --allow-reversible.",
            rich_help_panel=COVER,
        ),
    ] = "solid"
    replaceimg: Annotated[Path | None, Flag("--replaceimg", help="Picture for img.", rich_help_panel=COVER)] = None
    fill: Annotated[str, Flag("--fill", help="Colour of solid: #rrggbb or R,G,B.", rich_help_panel=COVER)] = "#707070"
    mask_scale: Annotated[
        float, Flag("--mask-scale", help="1.3 adds 30 % of the face's box on each side.", rich_help_panel=COVER)
    ] = 1.3
    heads: Annotated[
        bool, Flag("--heads", help="Cover the whole head: hair, ears, chin, the neck's begin.", rich_help_panel=COVER)
    ] = False
    mosaicsize: Annotated[
        int, Flag("--mosaicsize", help="Cells of mosaic and blur across a face.", rich_help_panel=COVER)
    ] = 6
    allow_reversible: Annotated[
        bool, Flag("--allow-reversible", help="Permit blur and mosaic, which can be undone.", rich_help_panel=COVER)
    ] = False
    boxes: Annotated[bool, Flag("--boxes", hidden=True, help="deface's option: boxes are always used.")] = False
    zone: Annotated[
        list[str] | None,
        Flag(
            "--zone",
            help="Always covered: x,y,x,y,... from 0 to 1, NAME=x,y,... to name it. Repeatable.",
            rich_help_panel=COVER,
        ),
    ] = None
    exclude_zone: Annotated[
        list[str] | None,
        Flag(
            "--exclude-zone",
            help="Never covered (posters, statues): as --zone, at most a quarter of the picture.",
            rich_help_panel=COVER,
        ),
    ] = None
    tracks_out: Annotated[
        Path | None,
        Flag(
            "--tracks-out",
            help="Write tracks (.json; .csv MOT; .coco.json COCO) and a contact sheet (.png).",
            rich_help_panel=KEEP,
        ),
    ] = None
    tracks_in: Annotated[
        list[Path] | None,
        Flag(
            "--tracks-in",
            help="Take tracks back, edited; COCO and MOT boxes come on top of what is found.",
            rich_help_panel=KEEP,
        ),
    ] = None
    mend: Annotated[
        Path | None,
        Flag("--mend", help="Earlier output: copy from it what --tracks-in leaves as it was.", rich_help_panel=KEEP),
    ] = None
    keep: Annotated[
        list[int] | None,
        Flag("--keep", help="Number of a track of --tracks-in that stays in the clear.", rich_help_panel=KEEP),
    ] = None
    start: Annotated[
        str | None,
        Flag("--start", "--start-time", help="Output begins here: seconds or h:mm:ss.", rich_help_panel=WRITE),
    ] = None
    end: Annotated[
        str | None,
        Flag(
            "--end",
            "--end-time",
            help="Output ends here; a camera's recording, after this time.",
            rich_help_panel=WRITE,
        ),
    ] = None
    keep_audio: Annotated[
        bool, Flag("-k", "--keep-audio", help="Copy audio: voices tell who speaks.", rich_help_panel=WRITE)
    ] = False
    keep_metadata: Annotated[
        bool, Flag("-m", "--keep-metadata", help="Keep metadata from an allow-list.", rich_help_panel=WRITE)
    ] = False
    full_reencode: Annotated[bool, Flag("--full-reencode", help="Encode everything anew.", rich_help_panel=WRITE)] = (
        False
    )
    preset: Annotated[str, Flag("--preset", help="Encoder's preset.", rich_help_panel=WRITE)] = "superfast"
    crf: Annotated[int, Flag("--crf", help="Encoder's quality, 0 (best) to 28.", rich_help_panel=WRITE)] = 20
    hwaccel: Annotated[
        str,
        Flag("--hwaccel", help="Hardware that encodes: none, auto, nvenc or qsv (untried).", rich_help_panel=WRITE),
    ] = "none"
    overwrite: Annotated[bool, Flag("--overwrite", help="Replace existing outputs.", rich_help_panel=WRITE)] = False
    skip_done: Annotated[
        bool | None,
        Flag(
            "--skip-done/--no-skip-done",
            help="Leave outputs that their manifest says are done. Default: for folders and several inputs.",
            rich_help_panel=WRITE,
        ),
    ] = None
    preview: Annotated[
        Path | None,
        Flag(
            "--preview",
            help="Write one sheet of up to 12 veiled pictures out of INPUT (.jpg, .png), and nothing else.",
            rich_help_panel=SAY,
        ),
    ] = None
    jobs: Annotated[
        int | None,
        Flag("--jobs", "-j", min=1, help="Files at once. Default: one a processor.", rich_help_panel=WRITE),
    ] = None
    until_clean: Annotated[
        bool,
        Flag(
            "--until-clean",
            help="Verify each output, and cover what seems left: at most three rounds.",
            rich_help_panel=FIND,
        ),
    ] = False
    report: Annotated[
        Path | None, Flag("--report", help="Write an honest report: page and JSON.", rich_help_panel=SAY)
    ] = None
    manifest: Annotated[
        bool,
        Flag(
            "--manifest/--no-manifest", help="Digests, settings and versions beside each output.", rich_help_panel=SAY
        ),
    ] = True
    seal: Annotated[
        Path | None,
        Flag(
            "--seal",
            help="Keep each clip's faces beside it, locked to these authorities (YAML; extra: seal).",
            rich_help_panel=WRITE,
        ),
    ] = None
    quiet: Annotated[
        bool, Flag("-q", "--quiet", "--disable-progress-output", help="No progress, no summary.", rich_help_panel=SAY)
    ] = False
