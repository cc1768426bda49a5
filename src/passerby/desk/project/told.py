"""Settings of an output as its manifest tells them: what is mended must be covered as the rest of it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from passerby.desk.project.known import known_digest
from passerby.errors import UsageError
from passerby.media import read_manifest
from passerby.values import Zone
from passerby.veil import REVERSIBLE_STYLES, CoverSettings, CoverStyle, FindSettings, VeilSettings, WriteSettings

_COVER = ("mask_scale", "mosaic_cells", "heads")
_WRITE = ("preset", "crf", "keep_audio", "keep_metadata")


def told_zones(told: Any) -> tuple[Zone, ...]:  # noqa: ANN401 - JSON's own shape
    """Return zones as a manifest or a journal tells them.

    Raises:
        LookupError, TypeError, ValueError: they are none.
    """
    return tuple(Zone(tuple((float(x), float(y)) for x, y in zone["points"]), str(zone["name"])) for zone in told)


def shows_a_part(veiled: Path) -> bool:
    """Return whether an output shows a part of its input only, as its manifest tells: its frames are not the input's."""
    try:
        write = read_manifest(veiled)["settings"]["write"]
        return write["start_s"] is not None or write["end_s"] is not None
    except (OSError, ValueError, LookupError, TypeError):
        return False


def told_settings(veiled: Path) -> tuple[VeilSettings, tuple[str, ...]]:
    """Return the settings that an output was made with, and what of them the desk does not take over, in words.

    Args:
        veiled: The output; its manifest stands beside it. Without one the settings are the usual ones.
    """
    try:
        told = read_manifest(veiled)
        if veiled.exists() and known_digest(veiled) not in {one["digest"] for one in told["outputs"]}:
            return VeilSettings(), ("its manifest is of another output: it is covered as usual",)
        made = told["settings"]
        return _settings(made["find"], made["cover"], made["write"])
    except FileNotFoundError:
        return VeilSettings(), ("no manifest tells how it was made: it is covered as usual",)
    except (OSError, ValueError, LookupError, TypeError, UsageError):
        return VeilSettings(), ("its manifest cannot be read: it is covered as usual",)


def _settings(find: Any, cover: Any, write: Any) -> tuple[VeilSettings, tuple[str, ...]]:  # noqa: ANN401 - JSON's own shape
    notes: tuple[str, ...] = ()
    style = CoverStyle(cover["style"])
    if style in REVERSIBLE_STYLES or style is CoverStyle.IMAGE:
        notes = (f"faces are covered solid instead of by {style}",)
        style = CoverStyle.SOLID
    if cover["keep"]:
        notes += ("tracks that were left clear are covered until somebody is kept in the desk",)
    red, green, blue = (int(part) for part in cover["fill"])
    usual = WriteSettings()
    return VeilSettings(
        FindSettings(thorough=bool(find["thorough"]), threshold=find["threshold"]),
        CoverSettings(
            style,
            (red, green, blue),
            zones=told_zones(cover["zones"]),
            exclude_zones=told_zones(cover["exclude_zones"]),
            **{name: type(getattr(CoverSettings(), name))(cover[name]) for name in _COVER},
        ),
        WriteSettings(**{name: type(getattr(usual, name))(write[name]) for name in _WRITE}),
    ), notes
