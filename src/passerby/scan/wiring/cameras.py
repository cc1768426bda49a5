"""Cameras that recognise faces by themselves, judged by what they say of their analytics over ONVIF."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from passerby.scan.values import Ability, Confidence, Evidence, Finding, FindingKind, Rating, Weights

if TYPE_CHECKING:  # a gateway judges without loading the catalogue
    from passerby.scan.catalogue import Catalogue, Component

_RECOGNISES = re.compile(
    r"face_?(?:recogni[sz]|identif|match|compar|verif|re_?id|librar|search|list|db|database)", re.IGNORECASE
)
_RECOGNITION_TOPIC = re.compile(r"(?:^|/)(?:recognition/face|face/recognition)(?:/|$)", re.IGNORECASE)
_ATTRIBUTES = re.compile(r"face_?(?:attribute|age|gender|emotion|expression)", re.IGNORECASE)
_FACE = re.compile(r"(?:^|[^a-z])face|Face(?![a-z])|Face(?=[A-Z])|face_?(?:detect|captur|count)", re.IGNORECASE)
_INNOCENT = re.compile(r"(?:inter|sur|type|pre)face", re.IGNORECASE)
_MOST_NAMES = 2000
_STANDARD = {
    "module": frozenset({"FaceRecognition"}),
    "rule": frozenset({"FaceRecognition"}),
    "topic": frozenset({"RuleEngine/Recognition/Face"}),
}
"""Source: ONVIF Analytics Service Specification 20.06 on, face recognition rule ``tt:FaceRecognition`` and its topic."""


class _Named(NamedTuple):
    """One name that speaks of faces.

    Attributes:
        sort: ``module``, ``rule`` or ``topic``.
        told: As the camera spells it.
        plain: Without the prefixes of vocabularies.
        ability: What it speaks of.
        component: Whose mark it is, if anybody's.
    """

    sort: str
    told: str
    plain: str
    ability: Ability
    component: Component | None


def faces_in_onvif(
    modules: Iterable[str], rules: Iterable[str], topics: Iterable[str], catalogue: Catalogue | None = None
) -> tuple[Finding, ...]:
    """Return what a camera's own analytics can do with faces, at most one finding an ability.

    Args:
        modules: Types of analytics modules, as the camera names them (``tt:FaceRecognition``).
        rules: Types of rules.
        topics: Event topics from the root (``tns1:RuleEngine/Recognition/Face``).
        catalogue: With the marks of ``wiring``; without one the standard's own names count, and what makers' names say.
    """
    found: dict[Ability, list[_Named]] = {}
    for one in _named(modules, rules, topics, catalogue):
        found.setdefault(one.ability, []).append(one)
    return tuple(_finding(ability, found[ability]) for ability in Ability if ability in found)


def recognition_names(modules: Iterable[str], rules: Iterable[str], topics: Iterable[str]) -> tuple[str, ...]:
    """Return by what a camera offers to recognise faces, in words that may be published whatever the camera says.

    The standard's names are given as they are; a maker's own name is ``own-module``, ``own-rule`` or ``own-topic``, because a
    camera could name itself anything.

    >>> recognition_names(["tt:FaceRecognition"], ["x:FaceLibraryMatch"], ["tns1:VideoSource/MotionAlarm"])
    ('FaceRecognition', 'own-rule')
    """
    named = [one for one in _named(modules, rules, topics, None) if one.ability is Ability.SEARCH]
    return tuple(sorted({one.plain if one.plain in _STANDARD[one.sort] else f"own-{one.sort}" for one in named}))


def _named(
    modules: Iterable[str], rules: Iterable[str], topics: Iterable[str], catalogue: Catalogue | None
) -> Iterator[_Named]:
    components = catalogue.components.values() if catalogue is not None else ()
    marks = [one for one in components if one.wiring.onvif_modules or one.wiring.onvif_topics]
    for sort, names in (("module", modules), ("rule", rules), ("topic", topics)):
        for name in sorted(set(names))[:_MOST_NAMES]:
            plain = "/".join(part.rpartition(":")[2] for part in name.split("/"))
            component = next((one for one in marks if _marked(one, plain, sort)), None)
            known = component is not None or plain in _STANDARD[sort]
            ability = Ability.SEARCH if known else _meaning(plain)
            if ability is not None:
                yield _Named(sort, name, plain, ability, component)


def _marked(component: Component, plain: str, sort: str) -> bool:
    if sort == "topic":
        return any(plain == one or plain.endswith(f"/{one}") for one in component.wiring.onvif_topics)
    return plain in component.wiring.onvif_modules


def _meaning(plain: str) -> Ability | None:
    if _INNOCENT.search(plain):
        return None
    if _RECOGNISES.search(plain) or _RECOGNITION_TOPIC.search(plain):
        return Ability.SEARCH
    if _ATTRIBUTES.search(plain):
        return Ability.AGE
    return Ability.DETECT if _FACE.search(plain) else None


def _shown(name: str) -> str:
    return "".join(one for one in name if one.isprintable())[:120]


def _finding(ability: Ability, named: list[_Named]) -> Finding:
    identifies = ability is Ability.SEARCH
    titles = {
        Ability.SEARCH: "The camera itself recognises faces",
        Ability.AGE: "The camera itself estimates attributes of faces",
        Ability.DETECT: "The camera itself detects faces",
    }
    sure = any(one.component is not None or one.plain in _STANDARD[one.sort] for one in named)
    said = sorted({f"names the {one.sort} {_shown(one.told)}" for one in named})
    return Finding(
        kind=FindingKind.CAMERA,
        path="",
        title=titles[ability],
        component=next((one.component.id for one in named if one.component is not None), ""),
        abilities=(Ability.AGE, Ability.GENDER, Ability.DETECT) if ability is Ability.AGE else (ability,),
        rating=Rating.IDENTIFIES if identifies else Rating.DOES_NOT,
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        weights=Weights.HELD,
        evidence=tuple(Evidence("", what) for what in said[:12]),
        note="It offers this; whether it is turned on, its settings say." if identifies else "",
    )
