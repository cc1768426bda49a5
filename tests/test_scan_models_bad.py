"""Files of models that are broken, cut off or made to harm: named as not read, within bounds, and nothing in them is run."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scan_models_tools import (
    ARCFACE_STATE,
    FULLY,
    field,
    hdf5,
    keras_embedder,
    keras_zip,
    mxnet,
    observations,
    on_disk,
    onnx_embedder,
    openvino_head,
    pickled_state,
    safetensors,
    tfjs_layers,
    tflite_head,
    torch_legacy,
    torch_zip,
    varint,
    zipped,
)

from passerby.scan import Unread
from passerby.scan.files import BytesFile

SMALL_STATE = {"conv1.weight": (64, 3, 3, 3), "fc.weight": (512, 25088), "features.running_mean": (512,)}
WHOLE = {
    "a.onnx": onnx_embedder(prelus=1),
    "a.tflite": tflite_head((1, 112, 112, 3), 512, FULLY),
    "a.json": tfjs_layers(keras_embedder()),
    "a.safetensors": safetensors(ARCFACE_STATE),
    "a.pt": torch_zip(SMALL_STATE),
    "a.pth": torch_legacy(SMALL_STATE),
    "a.pb": onnx_embedder(prelus=1),
    "a.xml": openvino_head((1, 3, 112, 112), 512),
    "b.json": mxnet(),
    "a.h5": hdf5({"c/kernel:0": (3, 3, 3, 64), "fc/kernel:0": (25088, 512)}, keras_embedder()),
    "a.keras": keras_zip(keras_embedder()),
    "a.dat": b"\x01\x01\x0eloss_metric_2\x01" + b"\0" * 100,
}


def unread(data: bytes, name: str) -> str:
    """Return why a file is not read."""
    found = observations(BytesFile(data, name))
    assert len(found) == 1, found
    assert isinstance(found[0], Unread)
    assert found[0].hides
    return found[0].reason


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_ends_anywhere_is_judged_or_named(name: str) -> None:
    data = WHOLE[name]
    for end in range(len(data)):
        observations(BytesFile(data[:end], name))


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_with_one_changed_byte_is_judged_or_named(name: str) -> None:
    data = bytearray(WHOLE[name])
    for place in range(0, len(data), 7):
        for value in (0, 0x7F, 0xFF):
            kept, data[place] = data[place], value
            observations(BytesFile(bytes(data), name))
            data[place] = kept


@given(st.binary(min_size=64, max_size=400), st.sampled_from(sorted(WHOLE)))
def test_any_bytes_are_judged_or_named(data: bytes, name: str) -> None:
    head = WHOLE[name][:16]
    observations(BytesFile(data, name))
    observations(BytesFile(head + data, name))


def test_a_cut_file_is_said_to_be_broken() -> None:
    assert "a field reaches beyond its end" in unread(WHOLE["a.onnx"][:-20], "a.onnx")
    assert "header reaches beyond its end" in unread(WHOLE["a.safetensors"][:-200], "a.safetensors")
    assert "zip is broken" in unread(WHOLE["a.pt"][:-40], "a.pt")
    assert "an offset leads out of it" in unread(WHOLE["a.tflite"][:-300], "a.tflite")
    assert "no JSON" in unread(WHOLE["a.json"][:-3], "a.json")


class _Canary:
    """Writes a file when somebody unpickles it."""

    def __init__(self, where: Path) -> None:
        self._where = where

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, (f"open({str(self._where)!r}, 'w').close()",))


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_that_would_run_code_is_not_run(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "ran"
    data = pickle.dumps({"fc.weight": _Canary(canary), "pad": "-" * 100}, protocol)
    for name, file in (("a.pkl", data), ("a.pth", data), ("a.pt", zipped({"archive/data.pkl": data}))):
        (tmp_path / name).write_bytes(file)
        on_disk(tmp_path / name)
    assert not canary.exists()


def test_entities_are_refused() -> None:
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "aaaaaaaaaa">]><net name="&a;"><layers><layer/></layers></net>'
    )
    assert "entities" in unread(bomb, "a.xml")


def test_groups_that_hold_themselves_end() -> None:
    data = bytearray(WHOLE["a.h5"])
    root = struct.unpack_from("<Q", data, 64)[0]
    for place in range(96, len(data) - 8, 8):
        kept = bytes(data[place : place + 8])
        data[place : place + 8] = struct.pack("<Q", root)
        observations(BytesFile(bytes(data), "a.h5"))
        data[place : place + 8] = kept


def test_shapes_beyond_belief_are_only_numbers() -> None:
    huge = 2**63 - 1
    observations(BytesFile(onnx_embedder((1, 3, huge, huge), width=huge), "a.onnx"))
    observations(
        BytesFile(safetensors({"fc.weight": (huge, huge), "conv.weight": (huge, 3, huge, huge)}), "a.safetensors")
    )
    observations(BytesFile(tfjs_layers(keras_embedder((None, huge, huge, 3), huge)), "a.json"))


def test_a_billion_fields_are_not_read() -> None:
    many = field(4, 1) * 1_000_100
    assert "fields" in unread(field(7, many), "a.onnx")


def test_graphs_in_graphs_end() -> None:
    graph = b""
    for _ in range(200):
        graph = field(1, field(4, "If") + field(5, field(1, "then") + field(6, graph)))
    observations(BytesFile(field(7, graph), "a.onnx"))


def test_models_in_models_end() -> None:
    model: dict[str, object] = keras_embedder()
    for _ in range(50):
        model = {"class_name": "Sequential", "config": {"name": "m", "layers": [model]}}
    assert "models in models" in unread(tfjs_layers(model), "a.json")


def test_json_that_is_too_deep_is_named() -> None:
    deep = b'{"modelTopology": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    assert "too deep" in unread(deep, "a.json")


def test_a_pickle_of_too_many_steps_is_named() -> None:
    assert "steps" in unread(b"\x80\x02" + b"(0" * 500_100 + b"].", "a.pth")


def test_a_pickle_of_one_long_piece_takes_no_memory() -> None:
    data = b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"\0" * 100
    tracemalloc.start()
    reason = unread(data, "a.pth")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "too long" in reason
    assert peak < 8 << 20


def test_a_pickle_that_grows_out_of_a_zip_is_bounded() -> None:
    out = io.BytesIO()
    piece = b"B" + struct.pack("<I", 16 << 20) + b"\0" * (16 << 20)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("archive/data.pkl", "w") as inner:
        inner.write(b"\x80\x02")
        for _ in range(8):
            inner.write(piece + b"0")
    assert "too long" in unread(out.getvalue(), "a.pt")


def test_a_zip_of_too_many_members_is_named() -> None:
    end = struct.pack("<4s4HIIH", b"PK\x05\x06", 0, 0, 65535, 65535, 1 << 30, 0, 0)
    assert "list of members" in unread(b"PK\x03\x04" + b"\0" * 100 + end, "a.pt")
    assert "list of members" in unread(b"PK\x03\x04" + b"\0" * 100 + end, "a.keras")


def test_trained_numbers_are_passed_over(tmp_path: Path) -> None:
    """A file of 2 GB, of which the disk holds nothing: its graph is read without its numbers."""
    whole = onnx_embedder(prelus=1)
    size = 2 << 30
    head = field(1, 8) + varint(100 << 3 | 2) + varint(size)
    path = tmp_path / "a.bin"
    with path.open("wb") as file:
        file.write(head)
        file.seek(size, 1)
        file.write(whole)

    class Sparse(BytesFile):
        def __init__(self) -> None:
            super().__init__(b"", "a.onnx")
            self.size_bytes = path.stat().st_size

        def open(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return path.open("rb")

    found = observations(Sparse())
    assert [getattr(one, "title", one) for one in found] == ["face embedder"]


def test_formats_that_are_not_read_are_named() -> None:
    assert unread(b"RKNN" + b"\0" * 100, "a.rknn") == "models of RKNN are not read"
    assert unread(b"x" * 100, "b.caffemodel") == "models of Caffe are not read"
    assert unread(b"7767517\n2 2\nInput data 0 1 data\n" + b" " * 60, "b.param") == "models of NCNN are not read"
    assert unread(b"\0" * 100, "model.ckpt.data-00000-of-00001") == "models of TensorFlow checkpoints are not read"
    assert unread(b"GGUF" + b"\0" * 100, "b.gguf") == "models of GGUF are not read"


def test_a_pickle_without_tensors_is_no_model() -> None:
    assert observations(BytesFile(pickle.dumps({"names": ["a" * 100], "numbers": list(range(50))}), "table.pkl")) == []
    assert observations(BytesFile(json.dumps({"weights": [1, 2, 3], "note": "-" * 100}).encode(), "table.json")) == []


def test_a_state_that_holds_itself_ends() -> None:
    data = pickled_state({"a.weight": (512, 512)}).replace(b"u.", b"q\x01X\x01\0\0\0xh\x01su.")
    observations(BytesFile(b"\x80\x02}q\x01(X\x01\0\0\0xh\x01u." + b"." * 64, "a.pth"))
    observations(BytesFile(data, "a.pth"))
