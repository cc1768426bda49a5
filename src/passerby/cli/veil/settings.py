"""Turns what was typed after ``passerby veil`` into settings, and refuses what cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from passerby.errors import UsageError
from passerby.values import Zone
from passerby.veil import CoverSettings, FindSettings, Style, VeilSettings, WriteSettings, parse_zone


@dataclass(frozen=True, slots=True)
class Typed:
    """The options as typed; see ``passerby veil --help``."""

    thresh: float | None = None
    detector: Path | None = None
    ep: str = "cpu"
    require_gpu: bool = False
    thorough: bool = False
    replacewith: str = Style.SOLID.value
    replaceimg: Path | None = None
    fill: str = "#707070"
    mask_scale: float = 1.3
    mosaicsize: int = 6
    allow_reversible: bool = False
    zone: Sequence[str] = ()
    exclude_zone: Sequence[str] = ()
    keep: Sequence[int] = ()
    start: str | None = None
    end: str | None = None
    keep_audio: bool = False
    keep_metadata: bool = False
    full_reencode: bool = False
    preset: str = "superfast"
    crf: int = 20
    overwrite: bool = False
    tracks_in: Sequence[Path] = field(default=())


def settings_of(typed: Typed) -> VeilSettings:
    """Return the settings.

    Raises:
        UsageError: an option is wrong, or two do not go together.
    """
    if typed.thresh is not None and not 0 < typed.thresh < 1:
        raise UsageError(f"--thresh must lie between 0 and 1, got {typed.thresh:g}")
    if typed.mosaicsize < 1:
        raise UsageError(f"--mosaicsize must be 1 or more cells across a face, got {typed.mosaicsize}")
    if typed.keep and not typed.tracks_in:
        raise UsageError(
            "--keep needs the tracks that its numbers come from, got no --tracks-in",
            hint="first run with --tracks-out tracks.json, read the number off the contact sheet, then add --tracks-in",
        )
    style = _style(typed.replacewith)
    if typed.replaceimg is not None and style is Style.SOLID:
        style = Style.IMAGE
    start_s, end_s = (None if text is None else seconds_of(text) for text in (typed.start, typed.end))
    if start_s is not None and end_s is not None and end_s <= start_s:
        raise UsageError(f"--end must come after --start, got {typed.start} and {typed.end}")
    return VeilSettings(
        FindSettings(typed.detector, typed.ep, typed.require_gpu, typed.thresh, typed.thorough),
        CoverSettings(
            style, colour_of(typed.fill), typed.replaceimg, typed.mask_scale, _zones(typed.zone, "zone"),
            _zones(typed.exclude_zone, "exclude zone"), typed.allow_reversible, frozenset(typed.keep), typed.mosaicsize,
        ),
        WriteSettings(
            start_s, end_s, typed.keep_audio, typed.keep_metadata, typed.full_reencode, typed.preset, typed.crf,
            typed.overwrite,
        ),
    )  # fmt: skip


def _style(name: str) -> Style:
    try:
        return Style(name)
    except ValueError as error:
        known = ", ".join(style.value for style in Style)
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


def _zones(texts: Sequence[str], kind: str) -> tuple[Zone, ...]:
    zones = []
    for number, text in enumerate(texts, 1):
        name, equals, points = text.partition("=")
        zones.append(parse_zone(points, name) if equals else parse_zone(text, f"{kind} {number}"))
    return tuple(zones)
