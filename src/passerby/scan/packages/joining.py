"""Joins mentions of packages to the catalogue: one finding per component and place, with what brought it in."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from passerby.scan.catalogue import IDENTIFYING, Catalogue, Component
from passerby.scan.packages.names import comparable, github_name, shown
from passerby.scan.values import (
    MEMBER,
    Ability,
    Confidence,
    Ecosystem,
    Evidence,
    Finding,
    FindingKind,
    PackageMention,
    Rating,
)

MOST_EVIDENCE = 20
"""Places that a finding lists; more are counted."""
_ENVIRONMENT = re.compile(
    r"(?:(?:lib(?:64)?/)?python[\d.]*/)?(?:site-packages|dist-packages|node_modules)|\.?v?env|conda-meta|[^/]+\.(?:dist|egg)-info"
    r"|META-INF|Pods|vendor"
)
_Node = tuple[Ecosystem, str]


class _Hit(NamedTuple):
    """A mention that the catalogue knows."""

    component: Component
    mention: PackageMention
    folder: str


def join_packages(mentions: Iterable[PackageMention], catalogue: Catalogue) -> tuple[Finding, ...]:
    """Return one finding for each component and place group, the same whatever the order of the mentions.

    A place group is the folder of a project; environments and archives in it (``node_modules``, ``site-packages``) belong to it.

    Args:
        mentions: From all readers.
        catalogue: What is known of components; names are compared exactly, as their registry does.
    """
    listed = sorted(set(mentions), key=_order)
    names = _by_name(catalogue)
    folders = {mention.evidence.path: place_group(mention.evidence.path) for mention in listed}
    hits = [
        _Hit(component, mention, folders[mention.evidence.path])
        for mention in listed
        if (component := _component(mention, names)) is not None
    ]
    by_folder: dict[str, list[PackageMention]] = {}
    for mention in listed:
        by_folder.setdefault(folders[mention.evidence.path], []).append(mention)
    groups: dict[tuple[str, str], list[_Hit]] = {}
    places = {(hit.component.id, hit.folder) for hit in hits}
    for hit in hits:
        folder = _highest(hit.component.id, hit.folder, places)
        groups.setdefault((hit.component.id, folder), []).append(hit)
    graphs: dict[str, _Graph] = {}
    findings = []
    for (_, folder), group in sorted(groups.items()):
        if folder not in graphs:
            graphs[folder] = _Graph(one for place, held in by_folder.items() if _inside(place, folder) for one in held)
        findings.append(_finding(group, graphs[folder]))
    return tuple(sorted(findings, key=lambda finding: (finding.path, finding.component)))


def place_group(path: str) -> str:
    """Return the folder of the project that a file belongs to.

    >>> place_group("app/.venv/lib/python3.11/site-packages/insightface-0.7.3.dist-info/METADATA")
    'app'
    """
    parts = path.rpartition("/")[0].split("/")
    for index, part in enumerate(parts):
        if _ENVIRONMENT.fullmatch(part):
            while index and (parts[index - 1] in ("lib", "lib64", "Lib") or parts[index - 1].startswith("python")):
                index -= 1
            return "/".join(parts[:index])
    return "/".join(parts)


def _highest(component: str, folder: str, places: set[tuple[str, str]]) -> str:
    """Return the highest folder above this one, or this one, where the component is named too."""
    parts = folder.split("/")
    for count in range(len(parts)):
        above = "/".join(parts[:count])
        if (component, above) in places:
            return above
    return folder


def _inside(folder: str, above: str) -> bool:
    return not above or folder == above or folder.startswith((f"{above}/", f"{above}{MEMBER}"))


def _order(mention: PackageMention) -> tuple[object, ...]:
    where = mention.evidence
    return (where.path, where.line or 0, where.what, mention.ecosystem, mention.name, mention.version, mention.requires,
            mention.installed, str(mention.root), mention.own, mention.chain)  # fmt: skip


def _by_name(catalogue: Catalogue) -> dict[_Node, Component]:
    return {
        (ecosystem, comparable(ecosystem, name)): component
        for (ecosystem, name), component in catalogue.by_package.items()
    }


def _component(mention: PackageMention, names: dict[_Node, Component]) -> Component | None:
    """Return the component that a mention names; what is straight from a repository may be known by the repository."""
    component = names.get((mention.ecosystem, mention.name))
    if component is None:
        match mention.ecosystem:
            case Ecosystem.CONDA:
                component = names.get((Ecosystem.PYPI, comparable(Ecosystem.PYPI, mention.name)))
            case Ecosystem.GO:
                component = names.get((Ecosystem.GITHUB, github_name(mention.name)))
            case Ecosystem.SWIFT:
                component = names.get((Ecosystem.GITHUB, mention.name))
    return component


def _recent(component: Component, mention: PackageMention) -> bool:
    """Tell whether a mention is of a version that can do what the component can; one that is not stated may be."""
    return not component.since or not mention.version or _version(mention.version) >= _version(component.since)


def _version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, for the question which of two is later.

    >>> _version("4.5.4.58") >= _version("4.5.4"), _version("4.5.3") >= _version("4.5.4")
    (True, False)
    """
    text = text.partition(":")[2] or text
    found = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part[:9]) for part in found[1].split(".")) if found else ()


class _Graph:
    """What needs what among the packages of one place group."""

    def __init__(self, mentions: Iterable[PackageMention]) -> None:
        self._needs: dict[_Node, set[_Node]] = {}
        own: set[_Node] = set()
        direct: set[_Node] = set()
        for mention in mentions:
            node = (mention.ecosystem, mention.name)
            needed = self._needs.setdefault(node, set())
            needed.update((mention.ecosystem, name) for name in mention.requires)
            if mention.own:
                own.add(node)
            elif mention.root:
                direct.add(node)
        wanted = {other for needed in self._needs.values() for other in needed}
        self._before = [self._paths(start) for start in (own, direct, set(self._needs) - wanted)]

    def _paths(self, start: set[_Node]) -> dict[_Node, _Node | None]:
        before: dict[_Node, _Node | None] = dict.fromkeys(sorted(start))
        left = deque(before)
        while left:
            node = left.popleft()
            for other in sorted(self._needs.get(node, ())):
                if other not in before:
                    before[other] = node
                    left.append(other)
        return before

    def chain(self, ecosystem: Ecosystem, name: str) -> tuple[str, ...]:
        """Return a shortest way to a package: from the target's own, else from one it names, else from one that nothing needs."""
        for before in self._before:
            node: _Node | None = (ecosystem, name)
            if node in before:
                chain: list[str] = []
                while node is not None:
                    chain.append(node[1])
                    node = before[node]
                return tuple(reversed(chain))
        return ()


def _finding(group: list[_Hit], graph: _Graph) -> Finding:
    component = group[0].component
    mentions = [hit.mention for hit in group]
    evidence = _evidence(mentions)
    stated = [mention for mention in mentions if mention.version]
    version = max(stated, key=lambda mention: mention.installed).version if stated else ""
    chains = {mention.chain for mention in mentions} | {graph.chain(one.ecosystem, one.name) for one in mentions}
    finding = Finding(
        FindingKind.PACKAGE,
        evidence[0].path,
        component.title,
        component=component.id,
        version=version,
        abilities=tuple(ability for ability in Ability if ability in component.abilities),
        rating=component.rating,
        confidence=Confidence.LIKELY if all(mention.own for mention in mentions) else Confidence.CERTAIN,
        weights=component.weights,
        evidence=evidence,
        chain=min(filter(None, chains), key=lambda chain: (len(chain) < 2, len(chain), chain), default=()),
    )
    return _judged(finding, component, mentions)


def _judged(finding: Finding, component: Component, mentions: list[PackageMention]) -> Finding:
    """Return a finding with what its places say of it: too old, only needed, only named."""
    if not any(_recent(component, mention) for mention in mentions):
        return replace(
            finding,
            abilities=tuple(ability for ability in finding.abilities if ability not in IDENTIFYING),
            rating=Rating.DOES_NOT,
            note=f"from before {component.since}, the first version that can do more",
        )
    said = ""
    if finding.confidence is Confidence.LIKELY:
        said = "the manifest bears its name; whether it is the same is not sure"
    elif any(mention.installed for mention in mentions):
        pass
    elif all(mention.root is False for mention in mentions):
        said = "a package that is here needs it, and it was not found here itself"
        finding = replace(finding, rating=Rating.CAN if finding.rating is Rating.IDENTIFIES else finding.rating)
    else:
        said = f"only named, its files were not found here ({shown(mentions[0].name)})"
    return replace(finding, note="; ".join(filter(None, (said, component.note.rstrip(".")))))


def _evidence(mentions: list[PackageMention]) -> tuple[Evidence, ...]:
    places = sorted({mention.evidence for mention in mentions}, key=lambda one: (one.path, one.line or 0, one.what))
    more = len(places) - MOST_EVIDENCE
    if more <= 0:
        return tuple(places)
    return (*places[:MOST_EVIDENCE], Evidence(places[0].path, f"and {more} places more name it"))
