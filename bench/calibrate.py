"""Finds how large values get in CenterFace, on the public-domain portrait, and writes the table that its 8-bit form needs.

python bench/calibrate.py                 writes src/passerby/veil/calibration.json anew
python bench/calibrate.py -o FILE         writes elsewhere
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.config import PORTRAIT, WEIGHTS
from passerby.values import Digest, digest_file
from passerby.veil.detect.decoders import CENTERFACE
from passerby.veil.detect.engine_openvino import load_openvino, openvino_core
from passerby.veil.detect.quantise import (
    CALIBRATION,
    STEPS_PER_DOUBLING,
    Calibration,
    depthwise,
    equalise,
    marked_values,
    name_of,
    prepare,
)

SIZE = (640, 384)
CUTS = (
    # longer side of the portrait, pixels; left and upper edge of what is shown of it; brightness
    (128, (0, 0), 1.0),
    (256, (0, 0), 1.0),
    (384, (0, 0), 1.0),
    (512, (0, 0), 1.0),
    (512, (0, 128), 1.0),
    (768, (100, 0), 1.0),
    (256, (0, 0), 0.3),
    (384, (0, 0), 1.6),
)
"""The portrait small and large, whole and cut, dark and bright. Source: docs/measures.md."""
FAINTEST_STEPS = 40
"""A channel fainter by more steps (a thousandth) counts as fainter by these: it may be silent on the portrait only."""
BEYOND = 1.3
"""How far values before depthwise convolutions may go beyond what the portrait shows. Source: docs/measures.md."""
DIGITS = 4


def pictures() -> Iterator[NDArray[np.uint8]]:
    """Yield what the network is shown, shape (384, 640, 3), red first: the portrait in a corner, black around it."""
    with Image.open(PORTRAIT) as image:
        portrait = image.convert("RGB")
    for side, (x, y), brightness in CUTS:
        resized = portrait.resize((side, side), Image.Resampling.BILINEAR)
        shown = np.asarray(resized)[y : y + SIZE[1], x : x + SIZE[0]]
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        picture[: shown.shape[0], : shown.shape[1]] = np.clip(np.rint(shown * brightness), 0, 255)
        yield picture


def outputs_of(model: Any, values: Sequence[Any]) -> Iterator[list[NDArray[np.float32]]]:  # noqa: ANN401
    """Yield the given values for each picture, in float32 and one thread, which gives the same numbers every time."""
    ov = load_openvino()
    operations = importlib.import_module("openvino.opset13")
    network = ov.Model([operations.result(value) for value in values], model.get_parameters(), "values")
    network.reshape([1, 3, SIZE[1], SIZE[0]])
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1", "ENABLE_CPU_PINNING": False}
    compiled = openvino_core().compile_model(network, "CPU", hints)
    for picture in pictures():
        found = compiled([picture.transpose(2, 0, 1)[None].astype(np.float32)])
        yield [found[at] for at in range(len(values))]


def channel_steps(model: Any) -> dict[str, tuple[int, ...]]:  # noqa: ANN401
    """Return by how many steps each channel's maximum over all pictures lies below the largest channel's."""
    values = [following.input_value(0) for _, _, following in depthwise(model)]
    tops = [[value.max(axis=(0, 2, 3)) for value in found] for found in outputs_of(model, values)]
    steps = {}
    for at, value in enumerate(values):
        top = np.max([one[at] for one in tops], axis=0)
        faint = np.maximum(top / top.max(), 2.0 ** (-FAINTEST_STEPS / STEPS_PER_DOUBLING))
        steps[name_of(value)] = tuple(int(step) for step in np.rint(-STEPS_PER_DOUBLING * np.log2(faint)))
    return steps


def value_ranges(model: Any) -> dict[str, tuple[float, float]]:  # noqa: ANN401
    """Return each value's least and greatest, the mean over all pictures: the extremes of one picture cost the others steps.

    Before depthwise convolutions it is the greatest of all and more: there every channel reaches it in some picture.
    """
    values = marked_values(model)
    ends = [[(float(one.min()), float(one.max())) for one in found] for found in outputs_of(model, values)]
    mean, most = np.mean(ends, axis=0), BEYOND * np.max(ends, axis=0)
    equalised = {name_of(following.input_value(0)) for _, _, following in depthwise(model)}
    ranges = {}
    for at, value in enumerate(values):
        name = name_of(value)
        ranges[name] = _rounded((most if name in equalised else mean)[at])
    ranges[name_of(model.inputs[0])] = (0.0, 255.0)  # every step of a picture's bytes stays a step
    return ranges


def calibrate() -> Calibration:
    """Measure both."""
    model = prepare(openvino_core().read_model(WEIGHTS.read_bytes()), CENTERFACE.outputs)
    channels = channel_steps(model)
    equalise(model, channels)
    return Calibration(Digest(digest_file(WEIGHTS)), channels, value_ranges(model))


def _rounded(ends: NDArray[np.float64]) -> tuple[float, float]:
    low, high = (float(f"{end:.{DIGITS}g}") for end in ends)
    return low, high


def as_text(table: Calibration) -> str:
    """Return the table as JSON, one value a line."""
    parts = [f' "weights": {json.dumps(table.weights)}', f' "picture": {json.dumps(digest_file(PORTRAIT))}']
    for name, rows in (("channels", table.channels), ("ranges", table.ranges)):
        lines = [f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items()]
        parts.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=CALIBRATION, help="where the table goes")
    told = parser.parse_args()
    told.output.write_text(as_text(calibrate()), encoding="utf-8")
    print(f"{told.output}: {told.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
