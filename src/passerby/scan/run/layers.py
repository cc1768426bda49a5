"""Knows the layers of container images, so that a finding says where a later layer hides it: it ships all the same.

Source: Docker, "Image Specification v1.3"; OCI Image Format Specification 1.1, "Image Manifest" and "Image Layer Filesystem
Changeset".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from passerby.errors import ScanError
from passerby.scan.run.answers import FileAnswers
from passerby.scan.values import MEMBER, Evidence, Finding, TargetFile

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_BYTES = 4 << 20
_MOST_LAYERS = 1000
_DELETED = "A later layer of the image deletes it, and it is still in there"
_REPLACED = "a later layer of the image replaces it, and it is still in there"
_LAYER = re.compile(r"layer\.tar|(?:sha256:)?[0-9a-f]{64}(?:\.tar(?:\.\w+)?)?")
"""Names that tools give to layers: only what lies in archives of such a name is taken down."""


def note_layers(file: TargetFile, answers: FileAnswers) -> None:
    """Take down what a file says of layers: a manifest of an image their order, a whiteout what is deleted, another its place."""
    name = file.name
    layer, member, place = file.path.rpartition(MEMBER)
    if name.startswith(_WHITEOUT):
        answers.whiteouts.append(file.path)
        return
    if member and _LAYER.fullmatch(layer.rpartition("/")[2]):
        answers.places.append(_short(layer, place))
    if name == "manifest.json" or (len(name) == 64 and file.head(1) == b"{"):
        layers = tuple(_layers(file))
        if len(layers) > 1:
            answers.images.append(layers)


def _layers(file: TargetFile) -> Iterator[str]:
    """Yield the paths of the layers that a manifest names, lowest first."""
    folder = file.path[: -len(file.name)]
    try:
        told = json.loads(file.read(_MOST_BYTES))
    except (ScanError, ValueError, RecursionError):
        return
    for one in told if isinstance(told, list) else [told]:
        if not isinstance(one, dict):
            continue
        listed = one.get("Layers") or one.get("layers")
        for layer in listed[:_MOST_LAYERS] if isinstance(listed, list) else ():
            if isinstance(layer, str):
                yield folder + layer
            elif isinstance(layer, dict) and isinstance(layer.get("digest"), str):
                yield folder + layer["digest"].rpartition(":")[2]


def _short(layer: str, place: str) -> int:
    """Return what stands for a place in a layer: 48 bits, since an image holds hundreds of thousands."""
    told = f"{layer}{MEMBER}{place.removeprefix('./')}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(told, digest_size=6).digest())


class Layers:
    """Says which findings lie in a layer's part that a later layer deletes or replaces.

    Args:
        images: Of each image the paths of its layers, lowest first.
        whiteouts: Paths of files that delete others.
        places: As :func:`note_layers` took them down.
    """

    def __init__(self, images: Iterable[tuple[str, ...]], whiteouts: Iterable[str], places: Iterable[int]) -> None:
        self._images, self._places = list(images), frozenset(places)
        self._deleted: dict[str, set[str]] = {}
        for path in whiteouts:
            layer, _, place = path.rpartition(MEMBER)
            folder, _, name = place.removeprefix("./").rpartition("/")
            below = f"{folder}/" if folder else ""
            gone = below if name == _OPAQUE else below + name.removeprefix(_WHITEOUT)
            self._deleted.setdefault(layer, set()).add(gone)

    def told(self, finding: Finding) -> Finding:
        """Return a finding, with a note where a later layer deletes its file, and evidence that says where one replaces it."""
        evidence = tuple(map(self._told_of, finding.evidence))
        if evidence != finding.evidence:
            finding = replace(finding, evidence=evidence)
        if any(self._deletes(later, place) for later, place in self._later(finding.path)):
            note = f"{finding.note.rstrip('.')}. {_DELETED}" if finding.note else _DELETED
            return replace(finding, note=note)
        return finding

    def _told_of(self, evidence: Evidence) -> Evidence:
        if any(self._replaces(later, place) for later, place in self._later(evidence.path)):
            return replace(evidence, what=f"{evidence.what}; {_REPLACED}" if evidence.what else _REPLACED)
        return evidence

    def _later(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield each layer that is laid over the one in which a path lies, with the place in it."""
        for layers in self._images:
            for index, layer in enumerate(layers):
                start = layer + MEMBER
                if path.startswith(start):
                    place = path[len(start) :].partition(MEMBER)[0].removeprefix("./")
                    yield from ((later, place) for later in layers[index + 1 :])

    def _deletes(self, layer: str, place: str) -> bool:
        gone = self._deleted.get(layer)
        if not gone:
            return False
        return any(path in gone or f"{path}/" in gone for path in _above(place)) or ("" in gone)

    def _replaces(self, layer: str, place: str) -> bool:
        return any(_short(layer, path) in self._places for path in _above(place))


def _above(place: str) -> list[str]:
    """Return a place and all folders that it lies in, the outermost, which has no name, first."""
    parts = place.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]
