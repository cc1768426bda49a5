"""CenterFace in 8 bits: every costly layer computes in them, the same faces are found, the table of ranges can be made anew."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passerby.boxes import pairwise_iou
from passerby.config import WEIGHTS
from passerby.errors import DetectorError
from passerby.values import digest_file
from passerby.veil.detect.decoders import CENTERFACE
from passerby.veil.detect.detector import Detector, wait_for
from passerby.veil.detect.engine_openvino import OpenVinoEngine, openvino_core
from passerby.veil.detect.quantise import (
    CALIBRATION,
    Calibration,
    depthwise,
    equalise,
    mark_values,
    marked_values,
    name_of,
    prepare,
    quantise,
    read_calibration,
)
from passerby.veil.settings import FindSettings
from passerby.veil.tools.demo_clip import demo_frames

SIZE = (320, 192)
CALIBRATE = Path(__file__).parent.parent / "bench" / "calibrate.py"


def read_network() -> Any:  # noqa: ANN401  # openvino has no types
    return openvino_core().read_model(WEIGHTS.read_bytes())


def compiled(model: Any) -> Any:  # noqa: ANN401  # openvino has no types
    model.reshape([1, 3, SIZE[1], SIZE[0]])
    return openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="layers have other names on other processors")
def test_every_convolution_computes_in_8_bits() -> None:
    """One depthwise layer left in float, with conversions around it, and the gain is gone."""
    model = quantise(read_network(), read_calibration(), CENTERFACE.outputs)
    kinds: dict[str, str] = {}
    for node in compiled(model).get_runtime_model().get_ordered_ops():
        told = node.get_rt_info()
        for name in told["originalLayersNames"].astype(str).split(","):
            kinds[name] = told["primitiveType"].astype(str)
    layers = [following.get_friendly_name() for _, _, following in depthwise(model)]
    assert len(layers) == 17
    assert {kinds[name][-3:] for name in layers} == {"_I8"}
    whole = [kind for name, kind in kinds.items() if name.endswith("/WithoutBiases")]
    assert len(whole) == 59
    assert all(kind.endswith("_I8") for kind in whole)


def test_equal_channels_change_nothing_in_float32() -> None:
    rgb = np.asarray(list(demo_frames(1.0, SIZE))[-1][0].convert("RGB"))
    one = [rgb.transpose(2, 0, 1)[None].astype(np.float32)]
    plain, equal = (prepare(read_network(), CENTERFACE.outputs) for _ in range(2))
    equalise(equal, read_calibration().channels)
    for before, after in zip(compiled(plain)(one).values(), compiled(equal)(one).values(), strict=True):
        np.testing.assert_allclose(before, after, atol=2e-4)


def test_only_the_three_heads_are_kept_and_the_network_that_was_read_stays_as_it_is() -> None:
    model = read_network()
    made = quantise(model, read_calibration(), CENTERFACE.outputs)
    assert [output.get_any_name() for output in made.outputs] == ["537", "538", "539"]
    assert len(model.outputs) == 4
    assert not [node for node in model.get_ops() if node.get_type_name() == "FakeQuantize"]
    marks = [node for node in made.get_ops() if node.get_type_name() == "FakeQuantize"]
    assert len(marks) == len(read_calibration().ranges) + 62, "each value and the weights of each convolution"


def test_the_table_names_every_value_and_every_channel() -> None:
    table, model = read_calibration(), prepare(read_network(), CENTERFACE.outputs)
    assert table.weights == digest_file(WEIGHTS)
    assert set(table.ranges) == {name_of(value) for value in marked_values(model)}
    channels = {
        name_of(d.input_value(0)): d.get_output_partial_shape(0)[1].get_length() for _, _, d in depthwise(model)
    }
    assert {name: len(steps) for name, steps in table.channels.items()} == channels
    assert all(min(steps) == 0 and max(steps) <= 40 for steps in table.channels.values())
    assert all(low <= 0 < high for low, high in table.ranges.values())
    assert table.ranges["input.1"] == (0, 255)


@pytest.mark.parametrize("size", [(640, 384), (960, 544)])
def test_what_floats_find_surely_8_bits_find_too_and_the_other_way(size: tuple[int, int]) -> None:
    """Single scores differ by up to a quarter, up and down; docs/measures.md counts faces found and lost."""
    picture = np.asarray(list(demo_frames(1.0, size))[-1][0].convert("RGB"))
    found = {}
    for precision in ("f32", "int8"):
        detector = Detector(FindSettings(), engine=OpenVinoEngine(WEIGHTS, threads=1, precision=precision))
        found[precision] = wait_for(detector.infer(picture, 0.1))
        detector.close()
    for one, other in (("f32", "int8"), ("int8", "f32")):
        sure = found[one].xyxy[found[one].score > 0.25]
        assert len(sure) > 2
        overlap = pairwise_iou(np.concatenate([sure, found[other].xyxy]))[: len(sure), len(sure) :]
        assert (overlap.max(axis=1) > 0.6).all()


def test_the_table_is_made_anew_from_the_portrait(tmp_path: Path) -> None:
    made = tmp_path / "made.json"
    subprocess.run([sys.executable, CALIBRATE, "-o", made], check=True, capture_output=True, timeout=120)
    new, ships = read_calibration(made), read_calibration()
    assert new.weights == ships.weights
    assert json.loads(made.read_text())["picture"] == json.loads(CALIBRATION.read_text())["picture"]
    assert list(new.channels) == list(ships.channels)
    for name, steps in ships.channels.items():
        assert np.abs(np.subtract(new.channels[name], steps)).max() <= 1, "other processors round otherwise"
    for name, ends in ships.ranges.items():
        np.testing.assert_allclose(new.ranges[name], ends, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": "x", "channels": {"a": 3}, "ranges": {}}'])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(DetectorError, match=r"table\.json must be a table of ranges") as refused:
        read_calibration(tmp_path / "table.json")
    assert refused.value.hint == "reinstall passerby"


def test_a_table_for_another_network_is_refused() -> None:
    table = read_calibration()
    for other in (
        Calibration(table.weights, {}, table.ranges),
        Calibration(table.weights, table.channels, {}),
        Calibration(table.weights, {**table.channels, "365": (1, 2)}, table.ranges),
    ):
        with pytest.raises(DetectorError, match="table of ranges does not fit the network"):
            quantise(read_network(), other, CENTERFACE.outputs)


def test_a_value_without_a_name_in_the_file_is_an_error() -> None:
    model = prepare(read_network(), CENTERFACE.outputs)
    mark_values(model, read_calibration().ranges)
    nameless = next(node for node in model.get_ops() if node.get_type_name() == "FakeQuantize").output(0)
    with pytest.raises(ValueError, match="has no name in the file"):
        name_of(nameless)
