"""What bills of materials have in common: parts with names and digests, what needs what, and what is known of them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from passerby.scan.catalogue import IDENTIFYING, Catalogue, Component, read_catalogue
from passerby.scan.packages.names import mention, parse_purl, shown
from passerby.scan.values import (
    Ability,
    Confidence,
    Ecosystem,
    Evidence,
    Finding,
    FindingKind,
    Observation,
    Rating,
    TargetFile,
    Weights,
)
from passerby.values import Digest

MOST_PARTS = 500_000
SHORTEST_STEM = 6
"""Letters that a name of weights must have without its ending, to be a name still (``w600k_r50``)."""
_HUGGING_FACE = re.compile(r"pkg:huggingface/(?:[^/@?#]+/)?([^/@?#]+)", re.I)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WHOLE = (Ability.SEARCH, Ability.VERIFY, Ability.EMBED)
_TASKS: dict[str, tuple[Ability, ...]] = {
    **dict.fromkeys(("face recognition", "facial recognition", "biometric recognition"), _WHOLE),
    **dict.fromkeys(("face matching", "face comparison", "face similarity"), (Ability.VERIFY, Ability.EMBED)),
    **dict.fromkeys(
        ("face verification", "facial verification", "biometric verification"), (Ability.VERIFY, Ability.EMBED)
    ),
    **dict.fromkeys(("face identification", "facial identification"), (Ability.SEARCH, Ability.EMBED)),
    **dict.fromkeys(("biometric identification", "face search", "face retrieval"), (Ability.SEARCH, Ability.EMBED)),
    **dict.fromkeys(
        ("face embedding", "face embeddings", "face feature extraction", "facial embedding"), (Ability.EMBED,)
    ),
    "face clustering": (Ability.GROUP, Ability.EMBED),
    **dict.fromkeys(("person re identification", "person reidentification", "person reid"), (Ability.PERSON,)),
    "gait recognition": (Ability.GAIT,),
    **dict.fromkeys(("face detection", "facial detection"), (Ability.DETECT,)),
    **dict.fromkeys(("facial landmark detection", "face landmark detection", "face alignment"), (Ability.LANDMARKS,)),
    **dict.fromkeys(("facial emotion recognition", "facial expression recognition"), (Ability.EMOTION,)),
    **dict.fromkeys(("emotion recognition", "face emotion recognition"), (Ability.EMOTION,)),
    **dict.fromkeys(("age estimation", "facial age estimation"), (Ability.AGE,)),
    **dict.fromkeys(("gender classification", "gender recognition"), (Ability.GENDER,)),
    **dict.fromkeys(("ethnicity classification", "race classification"), (Ability.ETHNICITY,)),
    **dict.fromkeys(("face liveness detection", "face anti spoofing", "liveness detection"), (Ability.LIVENESS,)),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bill.

    Attributes:
        name: As stated, with its group before it where it has one.
        version: As stated.
        purl: Its package URL, or empty.
        sha256: Digests, 64 hex digits each.
        file: It is a file, and named as one.
        model: It is stated to be a machine-learning model.
        tasks: What such a model is stated to do.
    """

    name: str
    version: str = ""
    purl: str = ""
    sha256: tuple[str, ...] = ()
    file: bool = False
    model: bool = False
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill of materials.

    Attributes:
        parts: By reference.
        needs: What each part needs or contains, by reference.
        roots: References of what the bill is about.
    """

    parts: dict[str, Part] = field(default_factory=dict)
    needs: dict[str, list[str]] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)


def observe(bill: Bill, file: TargetFile) -> Iterator[Observation]:
    """Yield what a bill says: packages with what brought them in, and models and files that the catalogue knows.

    Names are compared whole; a part without a package URL that bears the name of a component is likely it, and no more.
    """
    catalogue = read_catalogue()
    known = {files: _known_names(catalogue, files=files) for files in (False, True)}
    before = _paths(bill)
    for reference, part in bill.parts.items():
        chain = _chain(reference, before, bill)
        where = Evidence(file.path, f"lists {shown(part.name, part.version)}")
        package = parse_purl(part.purl)
        if package:
            ecosystem, name, version = package
            needed = _needed(bill, reference, ecosystem)
            root = True if reference in bill.roots else None
            yield from mention(ecosystem, name, version or part.version, where, requires=needed, root=root, chain=chain)
        yield from _known_digests(part, file, catalogue, chain)
        if part.model or not package:
            yield from _known_part(part, file, known[part.file], chain)


def _needed(bill: Bill, reference: str, ecosystem: Ecosystem) -> tuple[str, ...]:
    """Return the names of the packages of one registry that a part needs."""
    parts = (bill.parts[other] for other in bill.needs.get(reference, ()) if other in bill.parts)
    packages = (parse_purl(part.purl) for part in parts)
    return tuple(package[1] for package in packages if package and package[0] is ecosystem)


def _known_names(catalogue: Catalogue, *, files: bool) -> dict[str, Component]:
    """Return components by what names them whole, in lower case: weights and libraries, or packages and titles as well."""
    known: dict[str, Component] = {}
    for component in catalogue.components.values():
        weights = [file.name for file in component.files]
        names = [*weights, *component.binaries.files]
        if not files:
            names += [name for of_registry in component.names.values() for name in of_registry]
            names += [component.id, component.title]
            names += [stem for name in weights if len(stem := name.rpartition(".")[0]) >= SHORTEST_STEM]
        for name in names:
            known.setdefault(name.lower(), component)
    return known


def _paths(bill: Bill) -> dict[str, str]:
    """Return, for each part that can be come to from a root, the part before it on a shortest way."""
    before = dict.fromkeys(sorted(bill.roots), "")
    left = deque(before)
    while left:
        reference = left.popleft()
        for other in sorted(bill.needs.get(reference, ())):
            if other not in before:
                before[other] = reference
                left.append(other)
    return before


def _chain(reference: str, before: dict[str, str], bill: Bill) -> tuple[str, ...]:
    chain: list[str] = []
    while reference in before and len(chain) < 100:
        part = bill.parts.get(reference)
        if part:
            package = parse_purl(part.purl)
            chain.append(package[1] if package else shown(part.name))
        reference = before[reference]
    return tuple(reversed(chain))


def _known_digests(part: Part, file: TargetFile, catalogue: Catalogue, chain: tuple[str, ...]) -> Iterator[Finding]:
    for sha256 in part.sha256:
        if _SHA256.fullmatch(sha256) and sha256 in catalogue.by_sha256:
            component, weights = catalogue.by_sha256[sha256]
            yield Finding(
                FindingKind.MODEL,
                file.path,
                f"{component.title} ({weights.name})",
                component=component.id,
                version=part.version,
                abilities=weights.abilities or component.abilities,
                rating=component.rating,
                confidence=Confidence.CERTAIN,
                weights=Weights.GIVEN,
                evidence=(Evidence(file.path, f"lists a file whose SHA-256 digest is that of {weights.name}"),),
                chain=chain,
                digest=Digest(f"sha256:{sha256}"),
                note="only listed here, the file itself was not read",
            )


def _named_component(part: Part, known: dict[str, Component]) -> Component | None:
    """Return the component whose whole name a part bears; models and files are compared without what stands before them."""
    name = part.name.lower()
    hub = _HUGGING_FACE.match(part.purl)
    short = name.rpartition("/")[2] if part.file or part.model or hub else ""
    wanted = [name, name.replace("/", ":"), re.sub(r"[-_.]+", "-", name), short, unquote(hub[1]).lower() if hub else ""]
    return next((known[one] for one in wanted if one in known), None)


def _known_part(part: Part, file: TargetFile, known: dict[str, Component], chain: tuple[str, ...]) -> Iterator[Finding]:
    component = _named_component(part, known)
    stated = [_task(task) for task in part.tasks if _task(task) in _TASKS]
    if component is None and not stated:
        return
    what = f"lists {'the model' if part.model else 'a part named'} {shown(part.name, part.version)}"
    says = [f"says of {shown(part.name)}: {task}" for task in stated]
    finding = Finding(
        FindingKind.MODEL if part.model or stated else FindingKind.PACKAGE,
        file.path,
        f"model for {stated[0]}" if stated else "",
        version=shown("x", part.version).partition(" ")[2],
        confidence=Confidence.LIKELY,
        evidence=tuple(Evidence(file.path, text) for text in [what, *says]),
        chain=chain,
        note="only listed in a bill of materials, by its name; what it names was not looked at",
    )
    yield _as_component(finding, component) if component else _as_stated(finding, stated)


def _as_component(finding: Finding, component: Component) -> Finding:
    return replace(
        finding,
        title=component.title,
        component=component.id,
        abilities=tuple(ability for ability in Ability if ability in component.abilities),
        rating=component.rating,
        weights=component.weights,
    )


def _as_stated(finding: Finding, tasks: list[str]) -> Finding:
    able = {ability for task in tasks for ability in _TASKS[task]}
    rating = Rating.IDENTIFIES if able & IDENTIFYING else Rating.DOES_NOT
    abilities = tuple(ability for ability in Ability if ability in able)
    return replace(finding, abilities=abilities, rating=rating, weights=Weights.GIVEN)


def _task(text: str) -> str:
    return re.sub(r"[-_\s]+", " ", text.strip().lower())
