"""Cameras that recognise faces by themselves, judged by what they say of their analytics over ONVIF."""

from __future__ import annotations

import re
from collections.abc import Iterable

from passerby.scan.catalogue import Catalogue, Component
from passerby.scan.values import Ability, Confidence, Evidence, Finding, FindingKind, Rating, Weights

_RECOGNISES = re.compile(
    r"face_?(?:recogni[sz]|identif|match|compar|verif|re_?id|librar|search|list|db|database)", re.IGNORECASE
)
_RECOGNITION_TOPIC = re.compile(r"(?:^|/)(?:recognition/face|face/recognition)(?:/|$)", re.IGNORECASE)
_ATTRIBUTES = re.compile(r"face_?(?:attribute|age|gender|emotion|expression)", re.IGNORECASE)
_FACE = re.compile(r"(?:^|[^a-z])face|Face(?![a-z])|Face(?=[A-Z])|face_?(?:detect|captur|count)", re.IGNORECASE)
_INNOCENT = re.compile(r"(?:inter|sur|type|pre)face", re.IGNORECASE)
_MOST_NAMES = 2000


def faces_in_onvif(
    modules: Iterable[str], rules: Iterable[str], topics: Iterable[str], catalogue: Catalogue
) -> tuple[Finding, ...]:
    """Return what a camera's own analytics can do with faces, at most one finding an ability.

    Args:
        modules: Types of analytics modules, as the camera names them (``tt:FaceRecognition``).
        rules: Types of rules.
        topics: Event topics from the root (``tns1:RuleEngine/Recognition/Face``).
        catalogue: With the marks of ``wiring``.

    Source: ONVIF Analytics Service Specification 20.06 on, face recognition rule ``tt:FaceRecognition`` and its topic
    ``tns1:RuleEngine/Recognition/Face``; names of makers' own say by their words what they do.
    """
    marks = [one for one in catalogue.components.values() if one.wiring.onvif_modules or one.wiring.onvif_topics]
    found: dict[Ability, list[tuple[str, bool]]] = {}
    components: dict[Ability, Component] = {}
    for sort, names in (("module", modules), ("rule", rules), ("topic", topics)):
        for name in sorted(set(names))[:_MOST_NAMES]:
            plain = "/".join(part.rpartition(":")[2] for part in name.split("/"))
            component = next((one for one in marks if _marked(one, plain, sort)), None)
            ability = Ability.SEARCH if component is not None else _meaning(plain)
            if ability is not None:
                found.setdefault(ability, []).append((f"names the {sort} {_shown(name)}", component is not None))
                if component is not None:
                    components.setdefault(ability, component)
    return tuple(_finding(ability, found[ability], components.get(ability)) for ability in Ability if ability in found)


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


def _finding(ability: Ability, said: list[tuple[str, bool]], component: Component | None) -> Finding:
    identifies = ability is Ability.SEARCH
    titles = {
        Ability.SEARCH: "The camera itself recognises faces",
        Ability.AGE: "The camera itself estimates attributes of faces",
        Ability.DETECT: "The camera itself detects faces",
    }
    abilities = {Ability.AGE: (Ability.AGE, Ability.GENDER, Ability.DETECT)}.get(ability, (ability,))
    return Finding(
        kind=FindingKind.CAMERA,
        path="",
        title=titles[ability],
        component=component.id if component is not None else "",
        abilities=abilities,
        rating=Rating.IDENTIFIES if identifies else Rating.DOES_NOT,
        confidence=Confidence.CERTAIN if any(sure for _, sure in said) else Confidence.LIKELY,
        weights=Weights.HELD,
        evidence=tuple(Evidence("", what) for what in sorted({what for what, _ in said})[:12]),
        note="It offers this; whether it is turned on, its settings say." if identifies else "",
    )
