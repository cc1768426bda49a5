"""Worker of ``scan_models.py`` for networks of Keras with random weights, in a throw-away environment, as ``scan_exports.py``."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Build = Callable[[], Any]


def _load(name: str) -> Any:  # noqa: ANN401 - of the throw-away environment
    return importlib.import_module(name)


class Layers:
    """Networks of Keras, layer by layer."""

    def __init__(self) -> None:
        self.keras = _load("keras")
        self.parts = self.keras.layers

    def row(self, shape: tuple[int, ...], *layers: Any) -> Any:  # noqa: ANN401 - layers of Keras
        start = last = self.keras.Input(shape)
        for layer in layers:
            last = layer(last)
        return self.keras.Model(start, last)

    def convs(self, *widths: int, act: str = "prelu") -> list[Any]:
        made: list[Any] = []
        for width in widths:
            made += [
                self.parts.Conv2D(width, 3, strides=2, padding="same", use_bias=False),
                self.parts.BatchNormalization(),
            ]
            made.append(self.parts.PReLU(shared_axes=[1, 2]) if act == "prelu" else self.parts.Activation(act))
        return made

    def flat(self, side: int, out: int, *, act: str = "prelu") -> Any:  # noqa: ANN401 - a model of Keras
        p = self.parts
        end = [p.BatchNormalization(), p.Dropout(0.4), p.Flatten(), p.Dense(out), p.BatchNormalization(scale=False)]
        return self.row((side, side, 3), *self.convs(32, 64, 128, 256, act=act), *end)

    def whole_map(self, side: int, out: int) -> Any:  # noqa: ANN401 - a model of Keras
        p, places = self.parts, -(-side // 16)
        end = [p.DepthwiseConv2D(places, use_bias=False), p.BatchNormalization(), p.Conv2D(out, 1, use_bias=False)]
        return self.row((side, side, 3), *self.convs(32, 64, 128, 256), *end, p.BatchNormalization(), p.Flatten())

    def top(self, name: str, side: int, *end: Any) -> Any:  # noqa: ANN401 - layers of Keras
        trunk = getattr(self.keras.applications, name)(input_shape=(side, side, 3), weights=None, include_top=False)
        return self.row((side, side, 3), trunk, *end)

    def joined(self, name: str, side: int, out: int, *more: Any) -> Any:  # noqa: ANN401 - layers of Keras
        return self.top(name, side, self.parts.GlobalAveragePooling2D(), self.parts.Dense(out), *more)

    def app(self, name: str, side: int, **more: Any) -> Any:  # noqa: ANN401 - a model of Keras
        return getattr(self.keras.applications, name)(input_shape=(side, side, 3), weights=None, **more)

    def small(self, shape: tuple[int, ...], out: int, act: str | None = None, name: str | None = None) -> Any:  # noqa: ANN401
        p = self.parts
        return self.row(
            shape, *self.convs(32, 64, act="relu"), p.GlobalAveragePooling2D(), p.Dense(out, activation=act, name=name)
        )

    def mask(self, side: int) -> Any:  # noqa: ANN401 - a model of Keras
        p = self.parts
        back = [
            p.UpSampling2D(),
            p.Conv2D(32, 3, padding="same"),
            p.UpSampling2D(),
            p.Conv2D(1, 1, activation="sigmoid"),
        ]
        return self.row((side, side, 3), *self.convs(32, 64, act="relu"), *back)


def networks() -> list[tuple[str, bool, Build]]:
    """Return names, whether each makes descriptors of faces, and how to build it."""
    make = Layers()
    p = make.parts
    rows: list[tuple[str, bool, Build]] = [
        ("ArcFace of Keras", True, partial(make.flat, 112, 512)),
        ("ArcFace of Keras, ReLU", True, partial(make.flat, 112, 256, act="relu")),
        ("MobileFaceNet of Keras", True, partial(make.whole_map, 112, 128)),
        ("GhostFaceNet of Keras", True, partial(make.whole_map, 112, 512)),
        (
            "FaceNet of Keras",
            True,
            lambda: make.joined("InceptionResNetV2", 160, 128, p.BatchNormalization(scale=False)),
        ),
        ("FaceNet of Keras, length 1", True, lambda: make.joined("InceptionV3", 160, 512, p.UnitNormalization())),
        ("MobileNet face", True, lambda: make.joined("MobileNet", 112, 256, p.UnitNormalization())),
        ("MobileNetV2 face", True, lambda: make.joined("MobileNetV2", 128, 512, p.BatchNormalization())),
        (
            "EfficientNet face",
            True,
            lambda: make.top("EfficientNetB0", 112, p.Flatten(), p.Dense(512), p.BatchNormalization()),
        ),
        (
            "OpenFace of Keras",
            True,
            lambda: make.top("InceptionV3", 96, p.GlobalAveragePooling2D(), p.Dense(128), p.UnitNormalization()),
        ),
        ("ResNet face", True, lambda: make.joined("ResNet50", 112, 512)),
        ("VGG face, 112", True, lambda: make.top("VGG16", 112, p.Flatten(), p.Dense(512), p.BatchNormalization())),
    ]
    names = [
        "MobileNet",
        "MobileNetV2",
        "MobileNetV3Small",
        "EfficientNetB0",
        "EfficientNetV2B0",
        "NASNetMobile",
        "DenseNet121",
    ]
    for name in names:
        rows += [(f"{name} {side}", False, partial(make.app, name, side)) for side in (224, 160, 128)]
        rows.append((f"{name}, no softmax", False, partial(make.app, name, 128, classifier_activation=None)))
        rows.append((f"{name} headless", False, partial(make.app, name, 224, include_top=False, pooling="avg")))
    rows += [
        (f"MobileNetV2, {n} classes", False, partial(make.app, "MobileNetV2", 96, classes=n))
        for n in (10, 43, 128, 200, 257)
    ]
    rows += [
        ("emotion, grey", False, partial(make.small, (48, 48, 1), 7, "softmax")),
        ("emotion, colour", False, partial(make.small, (112, 112, 3), 7, "softmax", "emotion")),
        ("age", False, partial(make.small, (96, 96, 3), 101, "softmax", "age")),
        ("gender", False, partial(make.small, (128, 128, 3), 2, "softmax", "gender")),
        ("landmarks of Keras", False, partial(make.small, (112, 112, 3), 136, None, "landmarks")),
        ("keypoints, 30", False, partial(make.small, (96, 96, 1), 30)),
        ("masks of Keras", False, partial(make.mask, 128)),
        ("masks of Keras, 112", False, partial(make.mask, 112)),
        ("digits of Keras", False, partial(make.small, (28, 28, 1), 10, "softmax")),
        (
            "person of Keras",
            False,
            lambda: make.row((256, 128, 3), *make.convs(32, 64), p.GlobalAveragePooling2D(), p.Dense(512)),
        ),
        ("speaker of Keras", False, lambda: make.row((200, 80), p.LSTM(64), p.Dense(256))),
        ("two classes", False, partial(make.small, (150, 150, 3), 1, "sigmoid")),
    ]
    return rows


def write(build: Build, folder: Path, number: int) -> dict[str, str]:
    """Write a network in every format; return paths by format, or why one failed."""
    keras = _load("keras")
    keras.utils.set_random_seed(number)
    model = build()
    formats: dict[str, tuple[str, Callable[[Path], object]]] = {
        "Keras H5": ("h5", model.save),
        "Keras": ("keras", model.save),
        "TensorFlow.js": (
            "json",
            lambda path: path.write_text(json.dumps({"modelTopology": json.loads(model.to_json())})),
        ),
        "TensorFlow Lite": ("tflite", partial(model.export, format="litert", verbose=False)),
    }
    written: dict[str, str] = {}
    for name, (suffix, save) in formats.items():
        path = folder / f"n{number}.{suffix}"
        if name == "TensorFlow Lite" and number % 3:
            continue
        try:
            save(path)
            written[name] = str(path)
        except Exception as exc:  # noqa: BLE001 - an exporter may raise anything; the row says so
            written[f"{name} failed"] = f"{type(exc).__name__}: {str(exc)[:80]}"
    keras.backend.clear_session()
    return written


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cases = networks()
    print(json.dumps([[name, embedder] for name, embedder, _ in cases]), file=answers, flush=True)
    for line in sys.stdin:
        number = int(line)
        with contextlib.redirect_stdout(sys.stderr):
            try:
                answer = write(cases[number][2], Path(sys.argv[1]), number)
            except Exception as exc:  # noqa: BLE001 - building may raise anything; the row says so
                answer = {"built failed": f"{type(exc).__name__}: {str(exc)[:120]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
