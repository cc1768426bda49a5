"""Which files are models, how each format is read, and what is found: known ones by digest and name, others by structure."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from passerby.scan.catalogue import Component, KnownFile, read_catalogue
from passerby.scan.models.dlib import HEAD_BYTES, judge_dlib
from passerby.scan.models.formats import format_of, network_in
from passerby.scan.models.judgement import Judgement
from passerby.scan.models.judging import judge
from passerby.scan.networks import BrokenModelError
from passerby.scan.values import (
    Confidence,
    Evidence,
    Finding,
    FindingKind,
    Observation,
    Rating,
    Reader,
    TargetFile,
    Unread,
    Weights,
)

_LEAST_BYTES = 64


@functools.cache
def _known_names() -> dict[str, tuple[Component, KnownFile]]:
    """Known weights by name, without those names that two components have."""
    names: dict[str, list[tuple[Component, KnownFile]]] = {}
    for component in read_catalogue().components.values():
        for file in component.files:
            names.setdefault(file.name.lower(), []).append((component, file))
    return {name: rows[0] for name, rows in names.items() if len({row[0].id for row in rows}) == 1}


def _wants(file: TargetFile) -> bool:
    if file.name.lower() in _known_names():
        return True
    if file.size_bytes < _LEAST_BYTES:
        return False
    return format_of(file) is not None or judge_dlib(file.head(HEAD_BYTES)) is not None


def _judge(file: TargetFile) -> tuple[list[Judgement], str]:
    form = format_of(file)
    if form is None:
        judged = judge_dlib(file.head(HEAD_BYTES))
        return ([judged], "dlib") if judged else ([], "")
    network = network_in(file, form)
    if not network.outputs and not network.parameters:
        return [], network.form
    return judge(network), network.form


def _read(file: TargetFile) -> Iterator[Observation]:
    known = read_catalogue().by_sha256.get(file.digest().removeprefix("sha256:"))
    named = _known_names().get(file.name.lower())
    if known:
        yield _known(file, known, "its digest is that of", Confidence.CERTAIN)
        return
    if named:
        yield _known(file, named, "it has the name of", Confidence.LIKELY)
    try:
        judged, form = _judge(file)
    except BrokenModelError as exc:
        yield Unread(file.path, str(exc))
        return
    for one in judged:
        if named and one.rating is not Rating.IDENTIFIES and not one.abilities:
            continue
        if named and set(one.abilities) <= set(named[1].abilities or named[0].abilities):
            continue
        yield Finding(
            FindingKind.MODEL,
            file.path,
            one.title,
            abilities=one.abilities,
            rating=one.rating,
            confidence=one.confidence,
            weights=Weights.HELD,
            evidence=(Evidence(file.path, f"{form}: {one.why}"),),
            digest=file.digest(),
            note=one.note,
        )


def _known(file: TargetFile, known: tuple[Component, KnownFile], words: str, confidence: Confidence) -> Finding:
    component, weights = known
    abilities = weights.abilities or component.abilities
    return Finding(
        FindingKind.MODEL,
        file.path,
        f"{component.title}: {weights.name}",
        component.id,
        abilities=abilities,
        rating=rating_of(abilities, component),
        confidence=confidence,
        weights=Weights.HELD,
        evidence=(Evidence(file.path, f"{words} {weights.name}"),),
        digest=file.digest(),
        note=component.note,
    )


def rating_of(abilities: tuple[str, ...], component: Component) -> Rating:
    """Return the rating of one file of weights: by what it can do, where that is stated, else its component's."""
    if abilities == component.abilities:
        return component.rating
    return Rating.IDENTIFIES if {"search", "group", "verify", "embed"} & set(abilities) else Rating.DOES_NOT


READERS = (Reader("models", 4, _wants, _read),)
"""Reads files of weights."""
