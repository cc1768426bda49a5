"""What one network, or one of its outputs, is taken for, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from passerby.scan.values import Ability, Confidence, Rating


class Sign(NamedTuple):
    """One thing that speaks for or against.

    Attributes:
        points: For it above 0, against it below.
        words: What is seen, for people; empty for what is said elsewhere.
    """

    points: int
    words: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a network can do.

    Attributes:
        title: For people.
        why: What shows it; one sentence without a full stop.
        abilities: In the order of ``Ability``.
        rating: Whether it identifies.
        confidence: How sure.
        note: What a reader should know, or empty.
    """

    title: str
    why: str
    abilities: tuple[Ability, ...] = ()
    rating: Rating = Rating.DOES_NOT
    confidence: Confidence = Confidence.LIKELY
    note: str = ""


def face_embedder(why: str, confidence: Confidence) -> Judgement:
    """Return the judgement of a network that makes descriptors of faces."""
    return Judgement("face embedder", why, (Ability.EMBED,), Rating.IDENTIFIES, confidence)


def general_embedder(why: str) -> Judgement:
    """Return the judgement of a network that makes descriptors of any picture."""
    note = "Descriptors of any picture serve for faces as well, less well than those of a face network."
    return Judgement("general embedder", why, (Ability.GENERAL_EMBED,), confidence=Confidence.MAY_BE, note=note)


def person_embedder(why: str) -> Judgement:
    """Return the judgement of a network that finds people again by body or clothes."""
    return Judgement("person re-identification network", why, (Ability.PERSON,))
