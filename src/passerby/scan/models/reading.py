"""Which files are models, how each format is read, and what is found: known ones by digest and name, others by structure."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from typing import BinaryIO

from passerby.scan.catalogue import Component, KnownFile, read_catalogue
from passerby.scan.models.dlib import HEAD_BYTES, judge_dlib
from passerby.scan.models.judgement import Judgement
from passerby.scan.models.judging import judge
from passerby.scan.networks import (
    MARK,
    MOST_JSON_BYTES,
    BrokenModelError,
    Network,
    inside,
    manifest_network,
    manifest_tensors,
    parse_json,
    read_graph_model,
    read_keras,
    read_onnx,
    read_pickle,
    read_safetensors,
    read_tensorflow,
    read_tflite,
    read_torch_zip,
)
from passerby.scan.values import (
    MEMBER,
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
_TORCH = (".pt", ".pth", ".ckpt", ".tar", ".pkl", ".pickle", ".bin", ".ptl")
_NOT_READ = {
    ".mlmodel": "Core ML",
    ".caffemodel": "Caffe",
    ".engine": "TensorRT",
    ".trt": "TensorRT",
    ".plan": "TensorRT",
    ".rknn": "RKNN",
    ".mnn": "MNN",
    ".pdmodel": "Paddle",
    ".pdiparams": "Paddle",
    ".gguf": "GGUF",
    ".t7": "Torch 7",
    ".ort": "ONNX Runtime",
    ".dlc": "Qualcomm SNPE",
    ".hef": "Hailo",
    ".nb": "Paddle Lite",
    ".tmfile": "Tengine",
    ".kmodel": "Kendryte",
    ".mlnet": "ML.NET",
}
"""Formats of models that are named and not read. Their files may still be known by name or digest."""
_ARCHIVES = {*_TORCH, ".keras"}
_PLAIN = {".onnx", ".tflite", ".lite", ".safetensors", ".dat", ".pb", ".json", *_TORCH}


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


@functools.cache
def _known_names() -> dict[str, tuple[Component, KnownFile]]:
    """Known weights by name, without those names that two components have."""
    names: dict[str, list[tuple[Component, KnownFile]]] = {}
    for component in read_catalogue().components.values():
        for file in component.files:
            names.setdefault(file.name.lower(), []).append((component, file))
    return {name: rows[0] for name, rows in names.items() if len({row[0].id for row in rows}) == 1}


def _is_json_model(file: TargetFile) -> bool:
    head = file.head()
    return b'"modelTopology"' in head or b'"weightsManifest"' in head or (b'"weights"' in head and b'"shape"' in head)


def _wants(file: TargetFile) -> bool:
    suffix = _suffix(file.name)
    if suffix in _NOT_READ or file.name.lower() in _known_names():
        return True
    if suffix not in _PLAIN or file.size_bytes < _LEAST_BYTES or _is_in_model(file):
        return False
    if suffix == ".json":
        return _is_json_model(file)
    if suffix == ".dat":
        return judge_dlib(file.head(HEAD_BYTES)) is not None
    if suffix in _TORCH:
        return _is_torch(file.head(512), suffix)
    return True


def _is_in_model(file: TargetFile) -> bool:
    """Whether it lies in an archive that is read as a model itself."""
    archive = file.path.rpartition(MEMBER)[0]
    return bool(archive) and _suffix(archive) in _ARCHIVES


def _is_torch(head: bytes, suffix: str) -> bool:
    if head.startswith(b"PK\x03\x04"):
        return suffix != ".tar" and b"data.pkl" in head[:512]
    return suffix != ".bin" and head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05"


def _open_and(read: Callable[[BinaryIO, int], Network], file: TargetFile) -> Network:
    with file.open() as stream:
        return read(stream, file.size_bytes)


def _read_json(file: TargetFile) -> Network:
    if file.size_bytes > MOST_JSON_BYTES:
        raise BrokenModelError(f"its description has more than {MOST_JSON_BYTES >> 20} MB")
    data = file.read(MOST_JSON_BYTES)
    if data.lstrip()[:1] == b"[":
        try:
            return manifest_network(json.loads(data))
        except (ValueError, RecursionError) as exc:
            raise BrokenModelError("it is no JSON, or too deep") from exc
    model = parse_json(data)
    topology = model.get("modelTopology")
    manifest = model.get("weightsManifest")
    if isinstance(topology, dict) and "node" in topology:
        signature = inside(model, "userDefinedMetadata", "signature") or model.get("signature")
        return read_graph_model(topology, manifest, signature)
    if isinstance(topology, dict):
        described = inside(topology, "model_config") or topology
        return read_keras(described, "TensorFlow.js layers model", manifest_tensors(manifest))
    return manifest_network(manifest)


def _network(file: TargetFile) -> Network:
    suffix = _suffix(file.name)
    head = file.head(512)
    if suffix == ".json":
        return _read_json(file)
    if head[4:8] == MARK:
        return _open_and(read_tflite, file)
    if suffix == ".onnx":
        return _open_and(read_onnx, file)
    if suffix == ".safetensors":
        return _open_and(read_safetensors, file)
    if suffix == ".pb":
        return _open_and(read_tensorflow, file)
    if suffix in _TORCH:
        zipped = head.startswith(b"PK\x03\x04")
        return _open_and(lambda stream, _: read_torch_zip(stream) if zipped else read_pickle(stream), file)
    raise BrokenModelError("its first bytes are not those of its format")


def _judge(file: TargetFile) -> tuple[list[Judgement], str]:
    suffix = _suffix(file.name)
    if suffix in _NOT_READ:
        raise BrokenModelError(f"models of {_NOT_READ[suffix]} are not read")
    if suffix == ".dat":
        known = judge_dlib(file.head(HEAD_BYTES))
        if known is None:
            raise BrokenModelError("its first bytes are not dlib's")
        return [known], "dlib"
    network = _network(file)
    if suffix in (".pkl", ".pickle") and not network.parameters:
        return [], network.form
    stem = file.name.removesuffix(suffix)
    return judge(dataclasses.replace(network, names=(*network.names, stem))), network.form


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


READERS = (Reader("models", 1, _wants, _read),)
"""Reads files of weights."""
