"""Knows the layers of container images, so that a finding says where a later layer deletes it: it ships all the same.

Source: Docker, "Image Specification v1.3"; OCI Image Format Specification 1.1, "Image Manifest" and "Image Layer Filesystem
Changeset".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from passerby.errors import ScanError
from passerby.scan.run.answers import FileAnswers
from passerby.scan.values import MEMBER, Finding, TargetFile

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_BYTES = 4 << 20
_MOST_LAYERS = 1000
_DELETED = "A later layer of the image deletes it, and it is still in there"


def note_layers(file: TargetFile, answers: FileAnswers) -> None:
    """Take down what a file says of layers: a manifest of an image their order, a whiteout what is deleted."""
    name = file.name
    if name.startswith(_WHITEOUT):
        answers.whiteouts.append(file.path)
    elif name == "manifest.json" or (len(name) == 64 and file.head(1) == b"{"):
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


class Layers:
    """Says which findings lie in a layer's part that a later layer deletes.

    Args:
        images: Of each image the paths of its layers, lowest first.
        whiteouts: Paths of files that delete others.
    """

    def __init__(self, images: Iterable[tuple[str, ...]], whiteouts: Iterable[str]) -> None:
        self._images = list(images)
        self._deleted: dict[str, set[str]] = {}
        for path in whiteouts:
            layer, _, place = path.rpartition(MEMBER)
            folder, _, name = place.removeprefix("./").rpartition("/")
            below = f"{folder}/" if folder else ""
            gone = below if name == _OPAQUE else below + name.removeprefix(_WHITEOUT)
            self._deleted.setdefault(layer, set()).add(gone)

    def told(self, finding: Finding) -> Finding:
        """Return a finding, with a note where a later layer deletes its file."""
        for layers in self._images:
            for index, layer in enumerate(layers):
                start = layer + MEMBER
                if finding.path.startswith(start):
                    place = finding.path[len(start) :].partition(MEMBER)[0].removeprefix("./")
                    if any(self._deletes(later, place) for later in layers[index + 1 :]):
                        note = f"{finding.note.rstrip('.')}. {_DELETED}" if finding.note else _DELETED
                        return replace(finding, note=note)
        return finding

    def _deletes(self, layer: str, place: str) -> bool:
        gone = self._deleted.get(layer)
        if not gone:
            return False
        parts = place.split("/")
        above = ["/".join(parts[:count]) for count in range(len(parts) + 1)]
        return any(path in gone or f"{path}/" in gone for path in above) or ("" in gone)
