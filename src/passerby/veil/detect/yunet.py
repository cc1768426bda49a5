"""YuNet: the second detector of ``verify``, of another architecture than the one that veils.

Its weights are those of libfacedetection (BSD-3-Clause): a table of numbers as text, written by ``scripts/yunet.py`` and pinned
by its digest. The network is put together here, in OpenVINO's operations, for pictures of any size. It has heads for class,
objectness and box; landmarks are neither computed nor in the table.

Source: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20 (2023), section 3; the
order of numbers in each array from ``facedetectcnn.cpp`` of libfacedetection. ``tests/yunet_portrait.json`` holds what that
library itself finds.
"""

from __future__ import annotations

import base64
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import WeightsError
from passerby.values import Digest, digest_bytes
from passerby.veil.detect.detector import Detector
from passerby.veil.detect.engine_openvino import OpenVinoEngine, load_openvino
from passerby.veil.detect.passes import LARGEST_PX, InferencePass
from passerby.veil.settings import FindSettings

YUNET_TABLE = Path(__file__).parents[1] / "weights" / "yunet.json"
YUNET_DIGEST = Digest("sha256:4c196cda8872b7b38b91eeb4cd6bf3bcff5f8dc651662f1662e74e9c3569afea")
"""The table as ``scripts/yunet.py`` writes it."""
STAGES = 5
"""Stages of two units after the first convolution. Those from the third on halve the picture first and are what heads see."""
STRIDES = (8, 16, 32)
"""Pixels that one cell of each head's output stands for."""
KEYS = ("cls", "obj", "bbox")
Weights = dict[str, NDArray[np.float32]]
Node = Any  # openvino has no types


def read_yunet_table(path: Path = YUNET_TABLE) -> Weights:
    """Return the arrays by name, each flat, float32.

    Raises:
        WeightsError: the table is missing or has another digest than the pinned one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {error.strerror}", hint="reinstall passerby") from error
    digest = digest_bytes(data)
    if digest != YUNET_DIGEST:
        raise WeightsError(
            f"weights {path.name} of YuNet must have {YUNET_DIGEST}, got {digest}", hint="reinstall passerby"
        )
    return {name: np.frombuffer(base64.b64decode(text), "<f4") for name, text in json.loads(data).items()}


def open_yunet(path: Path = YUNET_TABLE) -> Detector:
    """Load the network, on the CPU, in floats.

    Raises:
        WeightsError: the table is missing or has another digest than the pinned one.
        DetectorError: OpenVINO cannot run it.
    """
    engine = OpenVinoEngine(path, read=lambda _, table: YunetGraph(read_yunet_table(table)).model())
    return Detector(FindSettings(detector=path), engine=engine)


def yunet_passes(width: int, height: int) -> tuple[InferencePass, ...]:
    """Return the passes of ``verify``: the picture at its own size, as it is and mirrored.

    Source: docs/measures.md: for the places that are no face these two see most of what CenterFace leaves; larger ones cost more.

    >>> [one.long_side_px for one in yunet_passes(640, 360)]
    [640, 640]
    """
    side = min(max(width, height), LARGEST_PX)
    return InferencePass(side), InferencePass(side, mirrored=True)


class YunetGraph:
    """Puts the network together out of OpenVINO's operations.

    Args:
        weights: As :func:`read_yunet_table` returns them.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights, self._ov = weights, load_openvino()
        self._ops: Any = importlib.import_module("openvino.opset13")

    def model(self) -> Any:  # noqa: ANN401  # openvino has no types
        """Return the network: a picture of any size, shape (1, 3, H, W), blue first, 0 to 255, H and W multiples of 32.

        Outputs ``cls_8``, ``obj_8``, ``bbox_8`` to ``bbox_32`` have the shape (1, H / stride, W / stride, 1 or 4).
        """
        ov, ops = self._ov, self._ops
        picture = ops.parameter([1, 3, -1, -1], np.float32, name="picture")
        outputs = []
        for stride, feature, head in zip(STRIDES, self._necks(self._stages(picture)), range(len(STRIDES)), strict=True):
            for key in KEYS:
                out = self._unit(feature, f"bbox_head__multi_level_{key}__{head}", active=False)
                if key != "bbox":
                    out = ops.sigmoid(out)
                result = ops.result(ops.transpose(out, np.array([0, 2, 3, 1])))
                result.output(0).get_tensor().set_names({f"{key}_{stride}"})
                outputs.append(result)
        return ov.Model(outputs, [picture], "yunet")

    def _stages(self, picture: Node) -> list[Node]:
        """Return what the stages at strides 8, 16 and 32 give."""
        out = self._pool(self._unit(self._first(picture), "backbone__model0_dp"))
        seen = []
        for stage in range(1, STAGES + 1):
            if stage > 2:
                out = self._pool(out)
            for unit in (1, 2):
                out = self._unit(out, f"backbone__model{stage}_dp{unit}")
            seen.append(out)
        return seen[2:]

    def _necks(self, stages: list[Node]) -> list[Node]:
        """Return the same, each with the coarser ones added."""
        found: list[Node] = []
        for level in (2, 1, 0):
            below = stages[level] if not found else self._ops.add(self._doubled(found[-1]), stages[level])
            found.append(self._unit(below, f"neck__lateral_convs__{level}"))
        return found[::-1]

    def _first(self, picture: Node) -> Node:
        # 27 numbers a channel, (row, column, colour), padded to 32
        weight = self._weights["backbone__model0_pw_weight"].reshape(16, 32)[:, :27].reshape(16, 3, 3, 3)
        out = self._ops.convolution(
            picture, self._constant(weight.transpose(0, 3, 1, 2)), [2, 2], [1, 1], [1, 1], [1, 1]
        )
        return self._ops.relu(self._biased(out, "backbone__model0_pw"))

    def _unit(self, out: Node, name: str, *, active: bool = True) -> Node:
        """One unit: a convolution of single points over all channels, then one of 3 by 3 in each channel alone."""
        channels = len(self._weights[f"{name}_dw_bias"])
        points = self._weights[f"{name}_pw_weight"].reshape(channels, -1, 1, 1)
        out = self._ops.convolution(out, self._constant(points), [1, 1], [0, 0], [0, 0], [1, 1])
        out = self._biased(out, f"{name}_pw")
        depth = self._weights[f"{name}_dw_weight"].reshape(9, channels).T.reshape(channels, 1, 1, 3, 3)
        out = self._ops.group_convolution(out, self._constant(depth), [1, 1], [1, 1], [1, 1], [1, 1])
        out = self._biased(out, f"{name}_dw")
        return self._ops.relu(out) if active else out

    def _biased(self, out: Node, name: str) -> Node:
        return self._ops.add(out, self._constant(self._weights[f"{name}_bias"].reshape(1, -1, 1, 1)))

    def _pool(self, out: Node) -> Node:
        return self._ops.max_pool(out, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2], "ceil").output(0)

    def _doubled(self, out: Node) -> Node:
        return self._ops.interpolate(
            out,
            np.array([2, 2], np.float32),
            "nearest",
            "scales",
            axes=np.array([2, 3], np.int64),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def _constant(self, numbers: NDArray[np.float32]) -> Node:
        return self._ops.constant(np.ascontiguousarray(numbers, np.float32))
