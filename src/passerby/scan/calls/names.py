"""How names of calls compare across languages, and what ability a name speaks of."""

from __future__ import annotations

import re

from passerby.scan.values import Ability

IDENTIFYING = (Ability.SEARCH, Ability.GROUP, Ability.VERIFY, Ability.EMBED, Ability.PERSON, Ability.GAIT)
"""Abilities of which each is an identification, a comparison, or what these are made from."""
OF_FACES = (Ability.SEARCH, Ability.GROUP, Ability.VERIFY, Ability.EMBED)
"""Those of faces, which decide whether something identifies."""
_ENDINGS = ("command", "async", "request")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SPEAKS = {
    Ability.SEARCH: "search find identify identification identity recognize recognise match matcher matching lookup",
    Ability.GROUP: "group cluster clustering",
    Ability.VERIFY: "verify verification compare comparison distance similarity sim match matching",
    Ability.EMBED: "embed embedding embeddings encode encoding encodings represent representation descriptor descriptors "
    "feature features feat index template enroll enrol extract",
    Ability.AGE: "age ages analyze analyse attributes",
    Ability.GENDER: "gender sex analyze analyse attributes",
    Ability.ETHNICITY: "race ethnicity analyze analyse attributes",
    Ability.EMOTION: "emotion emotions expression expressions analyze analyse attributes",
    Ability.LANDMARKS: "landmark landmarks mesh alignment",
    Ability.LIVENESS: "liveness spoof spoofing",
}


def words_of(name: str) -> list[str]:
    """Return the words of a name.

    >>> words_of("SearchFacesByImageCommand"), words_of("face_encodings")
    (['search', 'faces', 'by', 'image', 'command'], ['face', 'encodings'])
    """
    return [word.lower() for word in _WORD.findall(name)]


def canonical(name: str) -> str:
    """Return a name as it compares: without case, ``_``, ``-`` and the endings of clients.

    >>> canonical("SearchFacesByImageCommand") == canonical("search_faces_by_image") == canonical("search-faces-by-image")
    True
    """
    bare = name.replace("_", "").replace("-", "").lower()
    for ending in _ENDINGS:
        if bare.endswith(ending) and len(bare) > len(ending) + 4:
            return bare.removesuffix(ending)
    return bare


def spellings(name: str) -> set[str]:
    """Return a name as other languages spell it, for the search that comes before the trees."""
    words = words_of(name)
    if "." in name or len(words) < 2:
        return set(name.split("."))
    whole = [word.capitalize() for word in words]
    return {name, "_".join(words), "-".join(words), "".join(whole), words[0] + "".join(whole[1:])}


def abilities_of(name: str, able: tuple[Ability, ...], usual: tuple[Ability, ...]) -> tuple[Ability, ...]:
    """Return what a call of this name does: the abilities that its words speak of, else those of ``usual``, else all.

    Args:
        name: As the catalogue spells it.
        able: What the component can do at all.
        usual: What such a call does where its name says nothing.
    """
    words = set(words_of(name))
    spoken = tuple(one for one in able if words.intersection(_SPEAKS.get(one, "").split()))
    return spoken or tuple(one for one in able if one in usual) or able
