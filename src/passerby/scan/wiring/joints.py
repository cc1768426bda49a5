"""What was found to join a recogniser to streams, before it is a finding."""

from __future__ import annotations

import re
from typing import NamedTuple

from passerby.scan.catalogue import Catalogue
from passerby.scan.values import Ability, Confidence, Evidence, Finding, FindingKind, Rating, Weights

_STREAM = re.compile(r"\b(?:rtsps?|rtmps?|srt|rtp)://[^\s'\"<>|]{1,1000}", re.IGNORECASE)
_ON = frozenset({"true", "yes", "on", "1"})
_OFF = frozenset({"false", "no", "off", "0"})
_OF_FACES = (Ability.SEARCH, Ability.GROUP, Ability.VERIFY, Ability.EMBED)


class Joint(NamedTuple):
    """One recogniser that a configuration joins to streams.

    Attributes:
        component: Its id in the catalogue, or empty.
        title: For people, where the catalogue has none.
        what: One sentence without a full stop, and without anything that the file keeps secret.
        streams: How many cameras or streams it is joined to; None where the file does not say.
        rating: What it does as it is configured.
        place: A text that stands where it is configured, to find the line.
        abilities: What it does; empty: what the catalogue says of it.
        sure: Whether this is the system's own spelling, or fits it only.
    """

    component: str
    title: str
    what: str
    streams: int | None
    rating: Rating
    place: str
    abilities: tuple[Ability, ...] = ()
    sure: bool = True


def is_on(value: object) -> bool:
    """Return whether a value of a configuration says yes."""
    return str(value).strip().lower() in _ON


def is_off(value: object) -> bool:
    """Return whether a value of a configuration says no, as opposed to nothing."""
    return str(value).strip().lower() in _OFF


def streams_in(text: str) -> int:
    """Return how many different addresses of streams stand in a text. Only their number leaves here: they may hold passwords."""
    return len({found.group() for found in _STREAM.finditer(text)})


def found_joint(joint: Joint, path: str, text: str, catalogue: Catalogue) -> Finding:
    """Return what was found as a finding.

    Args:
        joint: What.
        path: Of the file, as it is shown.
        text: Of the file, for the line.
        catalogue: For title and abilities.
    """
    component = catalogue.components.get(joint.component)
    able = joint.abilities or (component.abilities if component is not None else (Ability.SEARCH,))
    if joint.rating is Rating.DOES_NOT and not joint.abilities:
        able = (Ability.DETECT,)
    at = text.find(joint.place)
    joined = (
        "" if joint.streams is None else f", joined to {joint.streams} {'stream' if joint.streams == 1 else 'streams'}"
    )
    return Finding(
        kind=FindingKind.WIRING,
        path=path,
        title=component.title if component is not None else joint.title,
        component=joint.component if component is not None else "",
        abilities=tuple(sorted(able, key=list(Ability).index)),
        rating=joint.rating,
        confidence=Confidence.CERTAIN if joint.sure else Confidence.LIKELY,
        weights=component.weights if component is not None else Weights.GIVEN,
        evidence=(Evidence(path, f"{joint.what}{joined}", text.count("\n", 0, max(0, at)) + 1),),
        note=_note(joint),
    )


def _note(joint: Joint) -> str:
    if joint.rating is Rating.IDENTIFIES and joint.streams:
        return "A recogniser that is joined to live streams can scan everybody who passes."
    if joint.rating is Rating.CAN:
        return "Recognition is there and not turned on in this file."
    return ""
