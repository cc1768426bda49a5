"""How each known kind of face detector wants its picture, and what its outputs mean.

Boxes and scores only: landmarks, where a network has them, are never read.

Layouts: CenterFace (ships with Passerby), YuNet, SCRFD, YOLO-face (v5 and v8 exports).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.boxes import boxes_around, clip_to_picture, pairwise_iou
from passerby.errors import DetectorError
from passerby.values import Boxes, Detections, Scores

MAX_FACES = 2000
"""Most boxes kept of one pass, strongest first; bounds time and memory on pictures made to be slow. Source: a choice, above any
crowd that was measured."""
SAME_FACE = 0.4
"""Boxes of one pass with this intersection over union are one face. Source: a choice; the misses in docs/measures.md were counted
with it."""
Outputs = dict[str, NDArray[Any]]
Decode = Callable[[Outputs, int, int, float], Detections]


@dataclass(frozen=True, slots=True)
class DetectorLayout:
    """One kind of detector.

    Attributes:
        name: As people call it.
        outputs: Names of the outputs that are read, or () for all. Source of these and all below: the published files of each
            kind and the preprocessing of their own code.
        multiple: Width and height of the input must be multiples of this many pixels.
        bgr: The network wants blue first.
        mean: Subtracted from each channel value (0 to 255).
        scale: Multiplied after that.
        decode: From raw outputs, input height and width, and a threshold, to detections in input pixels.
    """

    name: str
    outputs: tuple[str, ...]
    multiple: int
    bgr: bool
    mean: float
    scale: float
    decode: Decode


def suppress(xyxy: Boxes, score: Scores, overlap: float) -> NDArray[np.intp]:
    """Return the rows that stay when of any two boxes that overlap more the weaker goes, strongest first.

    Args:
        xyxy: Shape (N, 4), float32, rows (x0, y0, x1, y1) in pixels.
        score: Shape (N,), float32, 0 to 1.
        overlap: Intersection over union, 0 to 1, from which two boxes count as one face.

    >>> suppress(np.array([[0, 0, 9, 9], [0, 0, 8, 9]], "f4"), np.array([0.5, 0.9], "f4"), 0.4)
    array([1])
    """
    order = np.argsort(-score, kind="stable")
    alike = pairwise_iou(xyxy[order]) >= overlap
    free = np.ones(len(order), bool)
    keep = []
    for row in range(len(order)):
        if free[row]:
            keep.append(row)
            free &= ~alike[row]
    return np.asarray(order[keep], np.intp)


def decode_centerface(outputs: Outputs, height: int, width: int, threshold: float) -> Detections:
    """Read CenterFace: a heat map at a quarter of the size, log sizes and centre offsets (arXiv 1911.03599, section 3).

    Args:
        outputs: ``537`` heat map (1, 1, h, w), ``538`` log size (1, 2, h, w; height, width), ``539`` offset (1, 2, h, w; y, x).
        height: Of the input, pixels.
        width: Of the input, pixels.
        threshold: Least score, 0 to 1.
    """
    heat = outputs["537"][0, 0]
    rows, columns = np.nonzero(heat > threshold)
    padded = np.pad(heat, 1)
    around = np.stack([padded[rows + dy, columns + dx] for dy in range(3) for dx in range(3)])
    peak = heat[rows, columns] >= around.max(axis=0, initial=0)
    rows, columns = rows[peak], columns[peak]
    size = np.exp(np.minimum(outputs["538"][0][:, rows, columns], 10)) * 4
    shift = outputs["539"][0][:, rows, columns]
    centre_y, centre_x = (rows + shift[0] + 0.5) * 4, (columns + shift[1] + 0.5) * 4
    xyxy = boxes_around(centre_x, centre_y, size[1], size[0])
    return _finish(xyxy, heat[rows, columns], height, width)


def decode_yunet(outputs: Outputs, height: int, width: int, threshold: float) -> Detections:
    """Read YuNet (OpenCV model zoo, 2023mar): class, objectness and box at strides 8, 16 and 32, no anchors.

    Source: score = sqrt(class x objectness), box as in OpenCV's FaceDetectorYN post-processing.
    """
    boxes, scores = [], []
    for stride in (8, 16, 32):
        score = np.sqrt(
            np.clip(outputs[f"cls_{stride}"].reshape(-1), 0, 1) * np.clip(outputs[f"obj_{stride}"].reshape(-1), 0, 1)
        )
        kept = np.nonzero(score > threshold)[0]
        box = outputs[f"bbox_{stride}"].reshape(-1, 4)[kept]
        grid_y, grid_x = np.divmod(kept, width // stride)
        size = np.exp(np.minimum(box[:, 2:], 10)) * stride
        boxes.append(boxes_around((grid_x + box[:, 0]) * stride, (grid_y + box[:, 1]) * stride, size[:, 0], size[:, 1]))
        scores.append(score[kept])
    return _finish(np.concatenate(boxes), np.concatenate(scores), height, width)


def decode_scrfd(outputs: Outputs, height: int, width: int, threshold: float) -> Detections:
    """Read SCRFD: per stride 8, 16, 32 two anchors a cell, a score and four distances to the box's sides (arXiv 2105.04714).

    Outputs are told apart by shape: (N, 1) scores and (N, 4) distances, N = two per cell.
    """
    tables = [table.reshape(-1, table.shape[-1]) for table in outputs.values()]
    boxes, scores = [], []
    for stride in (8, 16, 32):
        cells = (height // stride) * (width // stride) * 2
        score = _one([t for t in tables if t.shape == (cells, 1)], "SCRFD scores")[:, 0]
        distance = _one([t for t in tables if t.shape == (cells, 4)], "SCRFD boxes") * stride
        kept = np.nonzero(score > threshold)[0]
        grid_y, grid_x = np.divmod(kept // 2, width // stride)
        centre = np.stack([grid_x, grid_y], axis=1) * stride
        boxes.append(np.concatenate([centre - distance[kept, :2], centre + distance[kept, 2:]], axis=1))
        scores.append(score[kept])
    return _finish(np.concatenate(boxes), np.concatenate(scores), height, width)


def decode_yolo(outputs: Outputs, height: int, width: int, threshold: float) -> Detections:
    """Read a YOLO-face export: rows of centre, size and score; v5 (rows, with objectness and class) or v8 (columns).

    v5-face rows are (x, y, w, h, objectness, ten landmark values, class); v8-face columns (x, y, w, h, score, ...).
    """
    raw = next(iter(outputs.values()))
    table: NDArray[Any] = raw.reshape(raw.shape[-2:])
    if table.shape[0] < table.shape[1]:
        table = table.T
        score = table[:, 4]
    else:
        score = table[:, 4] * (table[:, 15] if table.shape[1] == 16 else 1)
    kept = np.nonzero(score > threshold)[0]
    x, y, w, h = table[kept, :4].T
    return _finish(boxes_around(x, y, w, h), score[kept], height, width)


CENTERFACE = DetectorLayout(
    "CenterFace",
    outputs=("537", "538", "539"),
    multiple=32,
    bgr=False,
    mean=0,
    scale=1,
    decode=decode_centerface,
)
YUNET = DetectorLayout("YuNet", outputs=(), multiple=32, bgr=True, mean=0, scale=1, decode=decode_yunet)
SCRFD = DetectorLayout("SCRFD", outputs=(), multiple=32, bgr=False, mean=127.5, scale=1 / 128, decode=decode_scrfd)
YOLO = DetectorLayout("YOLO-face", outputs=(), multiple=32, bgr=False, mean=0, scale=1 / 255, decode=decode_yolo)


def recognise_layout(names: Sequence[str], shapes: Sequence[tuple[int | None, ...]]) -> DetectorLayout:
    """Tell a detector's kind by the names and shapes of its outputs.

    Args:
        names: Output names in the file's order.
        shapes: Their shapes, None where a dimension is free.

    Raises:
        DetectorError: none of the known layouts.
    """
    if {"537", "538", "539"} <= set(names):
        return CENTERFACE
    if {"cls_8", "obj_8", "bbox_8", "cls_16", "obj_16", "bbox_16", "cls_32", "obj_32", "bbox_32"} <= set(names):
        return YUNET
    if len(names) == 1 and len(shapes[0]) == 3:
        return YOLO
    last = [shape[-1] for shape in shapes]
    if len(names) in {6, 9} and last.count(1) == 3 and last.count(4) == 3:
        return SCRFD
    raise DetectorError(
        f"detector must have CenterFace, YuNet, SCRFD or YOLO-face outputs, got {', '.join(names[:12])}",
        hint="Passerby runs face detectors only; leave --detector out to use the weights that ship with it",
    )


def _one(found: list[NDArray[np.float32]], what: str) -> NDArray[np.float32]:
    if len(found) != 1:
        raise DetectorError(f"{what} must come in one table per stride, got {len(found)}")
    return found[0]


def _finish(xyxy: NDArray[np.float32], score: NDArray[np.float32], height: int, width: int) -> Detections:
    if not (np.isfinite(xyxy).all() and np.isfinite(score).all()):
        raise DetectorError("detector must return finite boxes and scores, got NaN or infinity")
    xyxy = clip_to_picture(xyxy, width, height).astype(np.float32)
    strongest = np.argsort(-score, kind="stable")[:MAX_FACES]
    xyxy, score = xyxy[strongest], score[strongest]
    keep = suppress(xyxy, score, SAME_FACE)
    return Detections(xyxy[keep], np.clip(score[keep], 0, 1).astype(np.float32))
