"""What an attacker wins back of the public-domain portrait: he learns on drawn people and is shown the portrait covered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

from passerby.audit.attack.attackers import channels_of, folds_of, hidden_of, patch_guess, patches_of
from passerby.audit.attack.capture import AttackEvidence, AttackScene, capture
from passerby.audit.attack.coverings import Covering
from passerby.audit.attack.crowd import SIDE_PX, Walk, draw_wall, walking
from passerby.audit.attack.settings import AttackSettings
from passerby.media import frame_planes
from passerby.veil import PORTRAIT_FACE, PORTRAIT_HEAD, CoverSettings, portrait_head

FACE_WIDE_PX = 44
CELLS = 32
"""Cells along a side, finer than for the figures, so that a picture can be seen."""
Picture = NDArray[np.uint8]
"""Shape (CELLS, CELLS): brightness, 0 to 255."""


@dataclass(frozen=True, slots=True, eq=False)
class WonBack:
    """The portrait under one kind of cover.

    Attributes:
        name: Of the cover.
        hidden: What it hides.
        seen: What the output shows in its place.
        guess: What surroundings alone let expect.
        won: What the attacker makes of both.
        share: Of the variance that the guess leaves, what the attacker explains; negative where he makes it worse.
    """

    name: str
    hidden: Picture
    seen: Picture
    guess: Picture
    won: Picture
    share: float


def win_back(
    crowd: Sequence[AttackScene], coverings: Sequence[tuple[Covering, CoverSettings]], settings: AttackSettings
) -> Iterator[WonBack]:
    """Show what the attacker that reads patches makes of the portrait under each kind of cover.

    Args:
        crowd: Drawn people that he learns on.
        coverings: Each with its style.
        settings: Of the attack.

    Raises:
        UnreadableError: the portrait is missing.
    """
    fine = replace(settings, cells=CELLS)
    scenes = [*crowd, portrait_scene(settings.frames)]
    for covering, cover in coverings:
        with threadpool_limits(limits=1, user_api="blas"):  # as in ``gains.attack``
            won = _won(covering.name, capture(scenes, covering, cover, fine), fine)
        yield won


def _won(name: str, evidence: AttackEvidence, settings: AttackSettings) -> WonBack:
    """Return what is won back of the last person, learned on the others."""
    fold = np.append(folds_of(evidence.source[:-1], settings.folds, settings.seed), settings.folds)
    hidden = hidden_of(evidence, fold)
    channels = channels_of(evidence, hidden)
    told = patch_guess(patches_of(channels), hidden, fold, settings.folds)[-1]
    left = hidden.luma[-1]
    share = 1 - float(((left - told) ** 2).sum() / (left**2).sum())
    seen = evidence.covered[-1, 0] + evidence.painted[-1]
    guess = hidden.guess[-1]
    return WonBack(name, _picture(evidence.luma[-1]), _picture(seen), _picture(guess), _picture(guess + told), share)


def _picture(values: NDArray[np.float32]) -> Picture:
    return np.clip(np.rint(values.reshape(CELLS, CELLS)), 0, 255).astype(np.uint8)


def portrait_scene(frames: int) -> AttackScene:
    """Return the portrait walking over a wall, as drawn people do.

    Raises:
        UnreadableError: the portrait is missing.
    """
    ratio = FACE_WIDE_PX / (PORTRAIT_FACE[2] - PORTRAIT_FACE[0])
    head = portrait_head()
    mask = head.getchannel("A")
    size = (round(head.width * ratio), round(head.height * ratio))
    middle = [((PORTRAIT_FACE[k] + PORTRAIT_FACE[k + 2]) / 2 - PORTRAIT_HEAD[k]) * ratio for k in (0, 1)]
    corner = (round(SIDE_PX / 2 - middle[0]), round(SIDE_PX / 2 - middle[1]))
    whole, where = Image.new("RGB", (SIDE_PX, SIDE_PX)), Image.new("L", (SIDE_PX, SIDE_PX))
    whole.paste(head.convert("RGB").resize(size, Image.Resampling.LANCZOS), corner)
    where.paste(mask.resize(size, Image.Resampling.LANCZOS), corner)
    frame = av.VideoFrame.from_ndarray(np.asarray(whole), format="rgb24").reformat(format="yuv444p")
    figure = np.stack([plane.astype(np.float32) for plane in frame_planes(frame)])
    alpha = np.asarray(where, np.float32) / np.float32(255)
    half = np.array([PORTRAIT_FACE[2] - PORTRAIT_FACE[0], PORTRAIT_FACE[3] - PORTRAIT_FACE[1]]) * ratio / 2
    path = SIDE_PX / 2 + np.outer(np.arange(frames) - (frames - 1) / 2, (2.3, 0.6))
    return walking("portrait", figure, alpha, draw_wall(np.random.default_rng(3)), Walk(path, half))
