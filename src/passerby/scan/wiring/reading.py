"""The readers of configuration."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from passerby.errors import ScanError
from passerby.scan.catalogue import Catalogue, read_catalogue
from passerby.scan.files import read_json, read_text, read_yaml
from passerby.scan.values import Observation, Reader, TargetFile, Unread
from passerby.scan.wiring.hooks import hooks_in
from passerby.scan.wiring.joints import Joint, found_joint
from passerby.scan.wiring.pipelines import Embedders, deepstream_in, elements_in, pipelines_in
from passerby.scan.wiring.systems import joints_in

MOST_BYTES = 2 << 20
"""Longer files are no configuration."""
_DOCUMENTS = frozenset({"yaml", "yml", "json"})
_SETTINGS = frozenset({"txt", "ini", "cfg", "conf", "config", "env", "pbtxt"})
_SCRIPTS = frozenset({"sh", "bash", "py", "service", "desktop", "launch"})
_NEEDLES = (
    b"face_recognition", b"ffmpeg", b"_face", b"facebox", b"compreface", b"deepstack", b"rekognition", b"double-take",
    b"FaceProcessing", b"VISION-FACE", b'"plug"', b"known_images_path", b"runOn", b"nvinfer", b"gvainference", b"gvaclassify",
    b"process-mode", b"secondary-gie",
)  # fmt: skip
"""At least one stands in every file that has something to say here."""
_PIPELINE = (b"gvainference", b"gvaclassify", b"nvinfer", b"VISION-FACE")


def wants_configuration(file: TargetFile) -> bool:
    """Return whether a file may be configuration, by its name and size."""
    suffix = file.name.rpartition(".")[2].lower()
    return file.size_bytes <= MOST_BYTES and suffix in _DOCUMENTS | _SETTINGS | _SCRIPTS


def read_configuration(file: TargetFile, catalogue: Catalogue | None = None) -> Iterable[Observation]:
    """Return what a configuration joins to streams.

    Args:
        file: YAML, JSON, sections of settings, or a script with a pipeline in it.
        catalogue: The one that is shipped unless given.
    """
    suffix = file.name.rpartition(".")[2].lower()
    data = file.read(MOST_BYTES)
    if not any(needle in data for needle in (_PIPELINE if suffix in _SCRIPTS else _NEEDLES)):
        return ()
    known = catalogue or read_catalogue()
    try:
        text = read_text(file, MOST_BYTES)
        joints = list(dict.fromkeys(_joints(file, text, suffix, known)))
    except ScanError as exc:
        if suffix in _DOCUMENTS and b"face" in data.lower() and b"camera" in data.lower():
            return (Unread(file.path, f"{exc.message.partition(': ')[0]}; it names faces and cameras"),)
        return ()
    return [found_joint(joint, file.path, text, known) for joint in joints]


def _joints(file: TargetFile, text: str, suffix: str, catalogue: Catalogue) -> Iterator[Joint]:
    embedders = _embedders(catalogue.digest) if catalogue is read_catalogue() else Embedders(catalogue)
    yield from pipelines_in(text, embedders)
    if suffix in _DOCUMENTS:
        document = read_json(file) if suffix == "json" else read_yaml(file, MOST_BYTES)
        yield from joints_in(document)
        yield from elements_in(document, embedders)
    elif suffix in _SETTINGS:
        yield from deepstream_in(text, embedders)
        yield from hooks_in(text)
    else:
        yield from hooks_in(text)


@functools.cache
def _embedders(_: object) -> Embedders:
    return Embedders(read_catalogue())


READERS = (Reader("configuration", 1, wants_configuration, read_configuration),)
"""What reads configuration; see :class:`passerby.scan.values.Reader`."""
