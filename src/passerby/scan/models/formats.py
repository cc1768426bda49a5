"""Tells by name and first bytes which format a file of weights has, and reads it as a network."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from passerby.scan.networks import (
    HDF5_MARK,
    MOST_JSON_BYTES,
    TFLITE_MARK,
    BrokenModelError,
    Network,
    inside,
    manifest_network,
    manifest_tensors,
    open_zip,
    parse_json,
    read_graph_model,
    read_hdf5,
    read_keras,
    read_mxnet,
    read_onnx,
    read_openvino,
    read_pickle,
    read_safetensors,
    read_tensorflow,
    read_tflite,
    read_torch_zip,
)
from passerby.scan.values import MEMBER, TargetFile

_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""A pickle of the number with which PyTorch's files began before version 1.6."""
_NCNN = b"7767517\n"
"""The first line of NCNN's descriptions."""
_TORCH = {".pt", ".pth", ".ckpt", ".ptl", ".pkl", ".pickle", ".torchscript", ".jit"}
_ARCHIVES = {*_TORCH, ".bin", ".keras"}
_DATA = {".mat", ".nc", ".nc4", ".nwb", ".loom", ".h5ad", ".cxi", ".he5"}
"""HDF5 of other trades."""
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
    ".params": "MXNet",
    ".gguf": "GGUF",
    ".t7": "Torch 7",
    ".ort": "ONNX Runtime",
    ".dlc": "Qualcomm SNPE",
    ".hef": "Hailo",
    ".nb": "Paddle Lite",
    ".tmfile": "Tengine",
    ".kmodel": "Kendryte",
    ".mlnet": "ML.NET",
    ".bmodel": "Sophon",
    ".cvimodel": "Sophon",
    ".hbm": "Horizon",
    ".om": "Ascend",
    ".uff": "TensorRT",
    ".xmodel": "Vitis AI",
    ".weights": "Darknet",
    ".data-00000-of-00001": "TensorFlow checkpoints",
}
"""Formats of models that are named and not read."""
_OTHERS_TOO = {".engine", ".trt", ".plan", ".nb", ".params", ".om", ".uff", ".hbm", ".weights"}
"""Suffixes of text files as well; models are no text."""


class Format(NamedTuple):
    """A format of weights.

    Attributes:
        name: For people.
        read: Reads a file of it; None where the format is known and not read.
    """

    name: str
    read: Callable[[TargetFile], Network] | None


def suffix_of(name: str) -> str:
    """Return the ending of a file's name with its dot, in lower case; empty where there is none."""
    return name[name.rfind(".") :].lower() if "." in name else ""


def format_of(file: TargetFile) -> Format | None:
    """Return the format of a file of weights; None where it is none, or lies in an archive that is read as one."""
    suffix = suffix_of(file.name)
    head = file.head(512)
    named = _NOT_READ.get(suffix)
    if named:
        return None if suffix in _OTHERS_TOO and b"\0" not in head else Format(named, None)
    found = _by_bytes(head, suffix) or _by_name(file, suffix)
    return None if found is None or _is_in_model(file) else found


def _by_bytes(head: bytes, suffix: str) -> Format | None:
    if head[4:8] == TFLITE_MARK:
        return _LITE
    if head.startswith(HDF5_MARK):
        return None if suffix in _DATA else _HDF5
    if head.startswith(_ZIP):
        if suffix == ".keras":
            return _KERAS
        return _TORCH_ZIP if suffix in _TORCH or b"/data.pkl" in head else None
    if head.startswith(_LEGACY):
        return _PICKLE
    if head.startswith(_NCNN):
        return Format("NCNN", None)
    return _ONNX if suffix not in _BY_SUFFIX and _begins_as_onnx(head) else None


def _begins_as_onnx(head: bytes) -> bool:
    """A version of the format, then the name of the tool that wrote it."""
    if len(head) < 8 or head[0] != 0x08 or head[1] >= 32 or head[2] != 0x12:
        return False
    name = head[4 : 4 + head[3]]
    return len(name) > 2 and name.isascii() and name[:1].isalpha()


def _by_name(file: TargetFile, suffix: str) -> Format | None:
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if suffix == ".json":
        head = file.head()
        words = (
            b'"modelTopology"' in head or b'"weightsManifest"' in head or (b'"weights"' in head and b'"shape"' in head)
        )
        mxnet = b'"nodes"' in head and b'"op"' in head and b'"null"' in head
        return _JSON if words or mxnet else None
    if suffix == ".xml":
        head = file.head()
        return _OPENVINO if b"<net " in head and b"<layer" in head else None
    if suffix in _TORCH and file.head(2)[:1] == b"\x80":
        return _PICKLE
    return None


def _is_in_model(file: TargetFile) -> bool:
    archive = file.path.rpartition(MEMBER)[0]
    return bool(archive) and suffix_of(archive) in _ARCHIVES


def _opened(read: Callable[[BinaryIO, int], Network]) -> Callable[[TargetFile], Network]:
    def reading(file: TargetFile) -> Network:
        with file.open() as stream:
            return read(stream, file.size_bytes)

    return reading


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
    if "nodes" in model and "heads" in model:
        return read_mxnet(model)
    if isinstance(topology, dict) and "node" in topology:
        signature = inside(model, "userDefinedMetadata", "signature") or model.get("signature")
        return read_graph_model(topology, manifest, signature)
    if isinstance(topology, dict):
        described = inside(topology, "model_config") or topology
        return read_keras(described, "TensorFlow.js layers model", manifest_tensors(manifest))
    return manifest_network(manifest)


def _read_hdf5(stream: BinaryIO, size_bytes: int) -> Network:
    contents = read_hdf5(stream, size_bytes)
    described = contents.texts.get("model_config")
    if described:
        return read_keras(parse_json(described), "Keras H5", contents.parameters)
    if not any(len(parameter.shape) == 4 for parameter in contents.parameters):
        return Network("HDF5 data")
    return Network("HDF5 weights", parameters=tuple(contents.parameters), names=tuple(contents.texts))


def _read_keras_zip(stream: BinaryIO, size_bytes: int) -> Network:
    try:
        with open_zip(stream, size_bytes) as archive, archive.open("config.json") as inner:
            data = inner.read(MOST_JSON_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, KeyError) as exc:
        raise BrokenModelError("its zip is broken, encrypted, or without config.json") from exc
    if len(data) > MOST_JSON_BYTES:
        raise BrokenModelError(f"its description has more than {MOST_JSON_BYTES >> 20} MB")
    return read_keras(parse_json(data), "Keras")


_LITE = Format("TensorFlow Lite", _opened(read_tflite))
_HDF5 = Format("HDF5", _opened(_read_hdf5))
_KERAS = Format("Keras", _opened(_read_keras_zip))
_TORCH_ZIP = Format("PyTorch", _opened(read_torch_zip))
_PICKLE = Format("PyTorch", _opened(lambda stream, _: read_pickle(stream)))
_ONNX = Format("ONNX", _opened(read_onnx))
_JSON = Format("TensorFlow.js", _read_json)
_OPENVINO = Format("OpenVINO", _opened(lambda stream, _: read_openvino(stream)))
_BY_SUFFIX = {
    ".onnx": _ONNX,
    ".safetensors": Format("safetensors", _opened(read_safetensors)),
    ".pb": Format("TensorFlow", _opened(read_tensorflow)),
    ".tflite": Format("TensorFlow Lite", _opened(read_tflite)),
}


def network_in(file: TargetFile, form: Format) -> Network:
    """Return the network in a file, with the file's own name among its words.

    Raises:
        BrokenModelError: the format is not read, the bytes are not it, or they exceed a bound.
    """
    if form.read is None:
        raise BrokenModelError(f"models of {form.name} are not read")
    network = form.read(file)
    stem = file.name.removesuffix(suffix_of(file.name))
    return dataclasses.replace(network, names=(*network.names, stem))
