"""Turns what was typed after ``passerby veil`` into settings, and refuses what cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from passerby.cli.veil.options import VeilOptions
from passerby.errors import UsageError
from passerby.values import Zone
from passerby.veil import CoverSettings, CoverStyle, FindSettings, HwAccel, VeilSettings, WriteSettings, parse_zone


def settings_of(options: VeilOptions) -> VeilSettings:
    """Return the settings.

    Raises:
        UsageError: an option is wrong, or two do not go together.
    """
    _refuse_numbers(options)
    if options.keep and not options.tracks_in:
        raise UsageError(
            "--keep needs the tracks that its numbers come from, got no --tracks-in",
            hint="first run with --tracks-out tracks.json, read the number off the contact sheet, then add --tracks-in",
        )
    if options.keep and options.until_clean:
        raise UsageError(
            "--until-clean does not go with --keep: it would cover who is to stay clear",
            hint="verify the output by itself, and look at what it lists",
        )
    style = _style(options.replacewith)
    if options.replaceimg is not None and style is CoverStyle.SOLID:
        style = CoverStyle.IMAGE
    start_s, end_s = (None if text is None else seconds_of(text) for text in (options.start, options.end))
    if start_s is not None and end_s is not None and end_s <= start_s:
        raise UsageError(f"--end must come after --start, got {options.start} and {options.end}")
    return VeilSettings(
        find=FindSettings(
            detector=options.detector,
            provider=options.ep,
            require_gpu=options.require_gpu,
            threshold=options.thresh,
            thorough=options.thorough,
        ),
        cover=CoverSettings(
            style=style,
            fill=colour_of(options.fill),
            image=options.replaceimg,
            mask_scale=options.mask_scale,
            zones=_zones(options.zone, "zone"),
            exclude_zones=_zones(options.exclude_zone, "exclude zone"),
            allow_reversible=options.allow_reversible,
            keep=frozenset(options.keep or ()),
            mosaic_cells=options.mosaicsize,
            heads=options.heads,
        ),
        write=WriteSettings(
            start_s=start_s,
            end_s=end_s,
            keep_audio=options.keep_audio,
            keep_metadata=options.keep_metadata,
            full_reencode=options.full_reencode,
            preset=options.preset,
            crf=options.crf,
            overwrite=options.overwrite,
            hwaccel=_hwaccel(options.hwaccel),
        ),
    )


def _refuse_numbers(options: VeilOptions) -> None:
    if options.thresh is not None and not 0 < options.thresh < 1:
        raise UsageError(f"--thresh must lie between 0 and 1, got {options.thresh:g}")
    if options.mosaicsize < 1:
        raise UsageError(f"--mosaicsize must be 1 or more cells across a face, got {options.mosaicsize}")


def _hwaccel(name: str) -> HwAccel:
    try:
        return HwAccel(name)
    except ValueError as error:
        raise UsageError(f"--hwaccel must be one of {', '.join(HwAccel)}, got {name}") from error


def _style(name: str) -> CoverStyle:
    try:
        return CoverStyle(name)
    except ValueError as error:
        known = ", ".join(style.value for style in CoverStyle)
        hint = "faces are always hidden: there is no none" if name == "none" else None
        raise UsageError(f"--replacewith must be one of {known}, got {name}", hint=hint) from error


def colour_of(text: str) -> tuple[int, int, int]:
    """Return R, G, B of ``#rrggbb`` or ``R,G,B``.

    Raises:
        UsageError: it is neither.

    >>> colour_of("#ff8000"), colour_of("1,2,3")
    ((255, 128, 0), (1, 2, 3))
    """
    if match := re.fullmatch(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", text):
        red, green, blue = (int(part, 16) for part in match.groups())
        return red, green, blue
    if match := re.fullmatch(r"(\d{1,3}),(\d{1,3}),(\d{1,3})", text):
        red, green, blue = (int(part) for part in match.groups())
        if max(red, green, blue) <= 255:
            return red, green, blue
    raise UsageError(f"--fill must be #rrggbb or R,G,B, each 0 to 255, got {text!r}")


def seconds_of(text: str) -> float:
    """Return the seconds that a time means: ``90``, ``1:30``, ``0:01:30.5``.

    Raises:
        UsageError: it is no such time.

    >>> seconds_of("1:30"), seconds_of("0:01:30.5"), seconds_of("4.25")
    (90.0, 90.5, 4.25)
    """
    if not re.fullmatch(r"(\d+:)?(\d{1,2}:)?\d+(\.\d+)?", text):
        raise UsageError(f"time must be seconds or h:mm:ss, got {text!r}")
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def _zones(texts: Sequence[str] | None, kind: str) -> tuple[Zone, ...]:
    zones = []
    for number, text in enumerate(texts or (), 1):
        name, equals, points = text.partition("=")
        zones.append(parse_zone(points, name) if equals else parse_zone(text, f"{kind} {number}"))
    return tuple(zones)
