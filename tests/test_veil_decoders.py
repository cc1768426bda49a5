"""Layouts: what each kind of network puts into its outputs is read as it was meant, and no other network is run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.boxes import pairwise_iou
from passerby.errors import DetectorError
from passerby.veil.detect import decoders as layouts

SIZE = (64, 96)  # height, width of the made-up networks' input


def centerface(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    height, width = SIZE[0] // 4, SIZE[1] // 4
    heat, size, shift = (np.zeros((1, n, height, width), np.float32) for n in (1, 2, 2))
    heat[0, 0, y, x] = score
    size[0, :, y, x] = np.log([high / 4, wide / 4])
    return {"537": heat, "538": size, "539": shift}


def yunet(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    outputs: layouts.Outputs = {}
    for stride in (8, 16, 32):
        cells = (SIZE[0] // stride) * (SIZE[1] // stride)
        outputs |= {
            f"cls_{stride}": np.zeros((1, cells, 1), np.float32),
            f"obj_{stride}": np.zeros((1, cells, 1), np.float32),
        }
        outputs[f"bbox_{stride}"] = np.zeros((1, cells, 4), np.float32)
    row = y * (SIZE[1] // 8) + x
    outputs["cls_8"][0, row] = outputs["obj_8"][0, row] = score
    outputs["bbox_8"][0, row] = [0, 0, np.log(wide / 8), np.log(high / 8)]
    return outputs


def scrfd(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    outputs: layouts.Outputs = {}
    for stride in (8, 16, 32):
        cells = (SIZE[0] // stride) * (SIZE[1] // stride) * 2
        outputs[f"s{stride}"] = np.zeros((cells, 1), np.float32)
        outputs[f"b{stride}"] = np.zeros((cells, 4), np.float32)
    row = 2 * (y * (SIZE[1] // 8) + x)
    outputs["s8"][row] = score
    outputs["b8"][row] = np.array([wide / 2, high / 2, wide / 2, high / 2]) / 8
    return outputs


def yolo8(x: int, y: int, wide: float, high: float, score: float) -> layouts.Outputs:
    table = np.zeros((1, 20, 126), np.float32)
    table[0, :5, 7] = [x, y, wide, high, score]
    return {"output0": table}


@pytest.mark.parametrize(
    ("decode", "made", "centre"),
    [
        (layouts.decode_centerface, centerface(10, 6, 20, 24, 0.7), (42, 26)),
        (layouts.decode_yunet, yunet(5, 3, 20, 24, 0.7), (40, 24)),
        (layouts.decode_scrfd, scrfd(5, 3, 20, 24, 0.7), (40, 24)),
        (layouts.decode_yolo, yolo8(40, 24, 20, 24, 0.7), (40, 24)),
    ],
    ids=["centerface", "yunet", "scrfd", "yolo"],
)
def test_a_face_is_read_where_the_network_put_it(
    decode: layouts.Decode, made: layouts.Outputs, centre: tuple[int, int]
) -> None:
    found = decode(made, *SIZE, 0.2)
    x, y = centre
    assert found.xyxy.round(2).tolist() == [[x - 10, y - 12, x + 10, y + 12]]
    assert found.score == pytest.approx([0.7])
    assert len(decode(made, *SIZE, 0.8)) == 0


@pytest.mark.parametrize(
    ("decode", "made", "broken"),
    [
        (layouts.decode_centerface, centerface(10, 6, 20, 24, 0.7), "538"),
    ],
)
def test_nan_is_no_detection(decode: layouts.Decode, made: layouts.Outputs, broken: str) -> None:
    made[broken][:] = np.nan
    with pytest.raises(DetectorError, match="finite"):
        decode(made, *SIZE, 0.2)


@pytest.mark.parametrize(
    ("names", "shapes", "name"),
    [
        (["537", "538", "539", "540"], [(1, 1, 8, 8)] * 4, "CenterFace"),
        ([f"{k}_{s}" for k in ("cls", "obj", "bbox", "kps") for s in (8, 16, 32)], [(1, 1, 1)] * 12, "YuNet"),
        ([str(n) for n in range(9)], [(8, 1)] * 3 + [(8, 4)] * 3 + [(8, 10)] * 3, "SCRFD"),
        (["output0"], [(1, 20, 8400)], "YOLO-face"),
    ],
)
def test_kind_of_detector_is_told_by_its_outputs(
    names: list[str], shapes: list[tuple[int | None, ...]], name: str
) -> None:
    assert layouts.recognise_layout(names, shapes).name == name


def test_a_network_that_gives_one_vector_is_refused() -> None:
    # the shape of a face-embedding network: it must never be run
    with pytest.raises(DetectorError, match="CenterFace, YuNet, SCRFD or YOLO-face"):
        layouts.recognise_layout(["embedding"], [(1, 512)])


@given(st.lists(st.tuples(*[st.floats(0, 90, width=32)] * 4, st.floats(0.125, 1, width=32)), max_size=20))
def test_suppression_keeps_the_strongest_and_no_two_alike(rows: list[tuple[float, ...]]) -> None:
    table = np.array(rows, np.float32).reshape(-1, 5)
    xyxy = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4] + 1], axis=1)
    keep = layouts.suppress(xyxy, table[:, 4], 0.4)
    if len(rows):
        assert table[:, 4].argmax() in keep or table[keep, 4].max() == table[:, 4].max()
    alike = pairwise_iou(xyxy[keep])
    np.fill_diagonal(alike, 0)
    assert (alike < 0.4).all()
