"""An audit by attack: styles of the veil, planted leaks that show what the attackers can do, and what others do by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from passerby.audit.attack.capture import AttackScene, capture
from passerby.audit.attack.coverings import LEAKS, PEERS, Covering, paint_style
from passerby.audit.attack.crowd import drawn_crowd
from passerby.audit.attack.footage import footage_scenes
from passerby.audit.attack.gains import AttackOutcome, attack
from passerby.audit.attack.limit import BlendLimit, blend_limit, kept_limit
from passerby.audit.attack.portrait import WonBack, win_back
from passerby.audit.attack.settings import AttackSettings
from passerby.errors import UsageError
from passerby.media import protect_process
from passerby.veil import CoverSettings, CoverStyle

DRAWN = "drawn crowd"
STYLES = (CoverStyle.SOLID, CoverStyle.AVATAR, CoverStyle.NOISE)
"""Attacked where none is named: those that hide for good and need no picture of the user's."""
SHOWN_PEERS = ("supervision blur", "supervision mosaic", "deface blur", "deface mosaic")
"""Peers whose pictures are shown, beside one leak and all styles."""
Progress = Callable[[str], None]


class CoverKind(StrEnum):
    """Why a cover was attacked."""

    STYLE = "style"
    LEAK = "leak"
    PEER = "peer"


@dataclass(frozen=True, slots=True)
class AttackedCover:
    """One kind of cover and what attackers gained.

    Attributes:
        kind: Why it was attacked.
        name: Short.
        words: What is painted.
        outcome: What attackers gained.
    """

    kind: CoverKind
    name: str
    words: str
    outcome: AttackOutcome


@dataclass(frozen=True, slots=True, eq=False)
class AttackAudit:
    """All that one audit found.

    Attributes:
        source: Name of the data.
        settings: How it was attacked.
        notes: What a reader must know.
        covers: Styles first, then leaks, then peers.
        limit: Which blends are found how often.
        pictures: What was won back of the portrait.
    """

    source: str
    settings: AttackSettings
    notes: tuple[str, ...]
    covers: tuple[AttackedCover, ...]
    limit: BlendLimit
    pictures: tuple[WonBack, ...]

    def of_kind(self, kind: CoverKind) -> tuple[AttackedCover, ...]:
        """Return covers that were attacked for one reason."""
        return tuple(one for one in self.covers if one.kind is kind)

    @property
    def missed(self) -> tuple[AttackedCover, ...]:
        """Planted leaks that were not found."""
        return tuple(one for one in self.of_kind(CoverKind.LEAK) if not one.outcome.found)


def audit_attack(
    data: Path | None,
    styles: Sequence[CoverSettings],
    settings: AttackSettings,
    *,
    media: Path | None = None,
    progress: Progress | None = None,
) -> AttackAudit:
    """Attack styles, planted leaks and what others do by default, on the same people.

    Args:
        data: Annotated footage; None for people drawn here.
        styles: To be attacked, at least one, each once.
        settings: Of the attack.
        media: Where the footage lies, if not beside its labels.
        progress: Told what is attacked.

    Raises:
        UsageError: no style, or one twice.
        AuditError: labels cannot be used, or show too few people.
        MediaError: footage cannot be read.
    """
    names = [str(style.style) for style in styles]
    if not names or len(set(names)) < len(names):
        raise UsageError(f"styles must be named, each once, got {', '.join(names) or 'none'}")
    protect_process()  # what covers hide is held in memory
    told = progress or (lambda _: None)
    covers = list(_covers(styles))
    scenes, notes = _scenes(data, covers[0][2], settings, media)
    attacked = []
    for kind, covering, cover in covers:
        told(f"{kind}: {covering.name}")
        outcome = attack(capture(scenes, covering, cover, settings), settings)
        attacked.append(AttackedCover(kind, covering.name, covering.words, outcome))
    if settings.runs:
        told(f"detection limit: {settings.runs} drawn crowds")
    limit = blend_limit(settings) if settings.runs else kept_limit()
    told("portrait")
    crowd = scenes if data is None else list(drawn_crowd(settings.people, settings.frames, settings.seed))
    shown = [(covering, cover) for kind, covering, cover in covers if _is_shown(kind, covering)]
    pictures = tuple(win_back(crowd, shown, settings))
    source = DRAWN if data is None else data.name
    return AttackAudit(source, settings, notes, tuple(attacked), limit, pictures)


def _covers(styles: Sequence[CoverSettings]) -> Iterator[tuple[CoverKind, Covering, CoverSettings]]:
    for style in styles:
        name = str(style.style)
        yield CoverKind.STYLE, Covering(name, f"the veil's style {name}", paint_style), style
    for leak in LEAKS:
        yield CoverKind.LEAK, leak, CoverSettings()
    for peer in PEERS:
        yield CoverKind.PEER, peer, CoverSettings()


def _is_shown(kind: CoverKind, covering: Covering) -> bool:
    return kind is CoverKind.STYLE or covering is LEAKS[0] or covering.name in SHOWN_PEERS


def _scenes(
    data: Path | None, cover: CoverSettings, settings: AttackSettings, media: Path | None
) -> tuple[list[AttackScene], tuple[str, ...]]:
    if data is not None:
        return footage_scenes(data, cover, settings, media=media)
    note = (
        "The people are drawn, and are nobody. What their surroundings say of hidden pixels is as we drew it; annotated footage "
        "says it of real people: passerby audit attack DATA."
    )
    return list(drawn_crowd(settings.people, settings.frames, settings.seed)), (note,)
