"""How faint a leak is still found: shares of hidden pixels that are blended in, sought in crowds drawn anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from passerby.audit.attack.capture import capture
from passerby.audit.attack.coverings import Covering, blend
from passerby.audit.attack.crowd import drawn_crowd
from passerby.audit.attack.gains import attack
from passerby.audit.attack.settings import AttackSettings
from passerby.veil import CoverSettings

BLENDS = (0.0025, 0.005, 0.01, 0.02)
"""Shares that are tried. Source: a choice: from what eight bits and an encoder hardly keep to what must be found."""
FIRST_SEED = 1000
"""Crowds of the limit begin here, so that none of them is the one that is attacked otherwise."""


@dataclass(frozen=True, slots=True)
class BlendFound:
    """How often one blend was found.

    Attributes:
        share: Of the hidden pixels, 0 to 1.
        found: Crowds in which it was.
        runs: Crowds in which it was sought.
    """

    share: float
    found: int
    runs: int


@dataclass(frozen=True, slots=True)
class BlendLimit:
    """Which blends are found how often.

    Attributes:
        people: Of each crowd.
        frames: Of each person.
        blends: From the faintest on.
    """

    people: int
    frames: int
    blends: tuple[BlendFound, ...]

    @property
    def smallest(self) -> BlendFound | None:
        """The faintest blend that is found in at least 95 of 100 crowds."""
        return next((one for one in self.blends if one.runs and one.found >= 0.95 * one.runs), None)


def found_in(seed: int, settings: AttackSettings, shares: Sequence[float] = BLENDS) -> list[bool]:
    """Return which blends are found in one crowd: the same people, folds and shuffles for each of them."""
    scenes = list(drawn_crowd(settings.people, settings.frames, seed))
    found = []
    for share in shares:
        covering = Covering(f"blend {share:g}", f"{100 * share:g} % of the hidden pixels blended in", blend(share))
        found.append(attack(capture(scenes, covering, CoverSettings(), settings), settings).found)
    return found


def blend_limit(settings: AttackSettings) -> BlendLimit:
    """Seek each blend in as many crowds as the settings say."""
    rows = [found_in(FIRST_SEED + run, settings) for run in range(settings.runs)]
    counts = [sum(column) for column in zip(*rows, strict=True)]
    blends = [BlendFound(share, count, len(rows)) for share, count in zip(BLENDS, counts, strict=True)]
    return BlendLimit(settings.people, settings.frames, tuple(blends))


def kept_limit() -> BlendLimit:
    """Return what ``bench/audit_attack.py --record`` measured and keeps beside this module."""
    kept = json.loads(files("passerby.audit").joinpath("attack/limit.json").read_text("utf-8"))
    return BlendLimit(kept["people"], kept["frames"], tuple(BlendFound(**one) for one in kept["blends"]))


def limit_to_json(limit: BlendLimit) -> str:
    """Return a limit as it is kept."""
    blends = [{"share": one.share, "found": one.found, "runs": one.runs} for one in limit.blends]
    return json.dumps({"people": limit.people, "frames": limit.frames, "blends": blends}, indent=1) + "\n"
