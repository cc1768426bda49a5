"""The second detector: whole or refused, finding what libfacedetection itself finds, and faces where they are."""

from __future__ import annotations

import json
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.needs import program
from typer.testing import CliRunner

from passerby.boxes import pairwise_iou
from passerby.cli.app import build
from passerby.config import PORTRAIT
from passerby.errors import WeightsError
from passerby.veil import Detector, FindSettings, verify_file
from passerby.veil.detect.engine_openvino import OpenVinoEngine
from passerby.veil.detect.passes import start_passes
from passerby.veil.detect.yunet import (
    YUNET_TABLE,
    YunetGraph,
    open_yunet,
    read_yunet_table,
    yunet_passes,
)
from passerby.veil.review.verification import YUNET_SEEMS_LEFT
from passerby.veil.tools import doctor
from passerby.veil.tools.demo_clip import PORTRAIT_FACE, demo_clip

SCRIPTS = Path(__file__).parent.parent / "scripts"
KNOWN = json.loads((Path(__file__).parent / "yunet_portrait.json").read_text(encoding="utf-8"))
Rgb = NDArray[np.uint8]


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    found = open_yunet()
    yield found
    found.close()


@pytest.fixture(scope="module")
def in_floats() -> Iterator[Detector]:
    engine = OpenVinoEngine(
        YUNET_TABLE, precision="f32", read=lambda _, table: YunetGraph(read_yunet_table(table)).model()
    )
    found = Detector(FindSettings(detector=YUNET_TABLE), engine=engine)
    yield found
    found.close()


def portraits(width: int, height: int) -> Rgb:
    """The picture that libfacedetection was shown, at a size."""
    picture = Image.new("RGB", tuple(KNOWN["picture"]), (150, 150, 140))
    with Image.open(PORTRAIT) as portrait:
        for side, x, y in KNOWN["pasted"]:
            picture.paste(portrait.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (x, y))
    return np.ascontiguousarray(np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR)))


def one_portrait(size: tuple[int, int], face_px: int, at: tuple[int, int]) -> tuple[Image.Image, tuple[float, ...]]:
    """The portrait in a plain picture, its face so many pixels wide; and where the face is."""
    ratio = face_px / (PORTRAIT_FACE[2] - PORTRAIT_FACE[0])
    with Image.open(PORTRAIT) as portrait:
        side = round(portrait.width * ratio)
        small = portrait.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
    picture = Image.new("RGB", size, (150, 150, 140))
    picture.paste(small, at)
    return picture, tuple(edge * ratio + at[n % 2] for n, edge in enumerate(PORTRAIT_FACE))


@pytest.mark.parametrize("known", KNOWN["found"], ids=lambda known: f"{known['width']}x{known['height']}")
@pytest.mark.parametrize("prepared", [False, True])
def test_it_finds_what_libfacedetection_finds(in_floats: Detector, known: dict[str, object], prepared: bool) -> None:
    width, height = int(str(known["width"])), int(str(known["height"]))
    in_floats.prepare([(width, height)] if prepared else [])
    found = in_floats.infer(portraits(width, height), 0.35).result()
    faces = np.array(known["faces"], float)
    cut = faces[:, 1] + faces[:, 3] >= height
    ours = np.column_stack([found.xyxy[:, :2], found.xyxy[:, 2:] - found.xyxy[:, :2], found.score * 100])
    more = (ours - faces)[~cut]
    assert ((more > -0.05) & (more < 1.05)).all(), "theirs are rounded down"
    assert ours[cut, :3] == pytest.approx(faces[cut, :3] + 0.5, abs=0.55)
    assert found.xyxy[cut, 3] == pytest.approx(height), "theirs reach beyond the picture's edge"
    assert len(found) == (8 if width == 640 else 4)


def test_what_the_processor_computes_fastest_finds_the_same(detector: Detector, in_floats: Detector) -> None:
    rgb = portraits(640, 384)
    ours, exact = (one.infer(rgb, 0.6).result() for one in (detector, in_floats))
    assert ours.score == pytest.approx(exact.score, abs=0.03)
    assert ours.xyxy == pytest.approx(exact.xyxy, abs=1)


def test_boxes_are_all_it_gives_and_all_it_holds() -> None:
    names = set(read_yunet_table())
    assert len(names) == 94
    assert not [name for name in names if "kps" in name], "landmarks"
    outputs = {output.get_any_name() for output in YunetGraph(read_yunet_table()).model().outputs}
    assert outputs == {f"{key}_{stride}" for key in ("cls", "obj", "bbox") for stride in (8, 16, 32)}


def test_the_licence_stands_beside_the_table() -> None:
    text = (YUNET_TABLE.parent / "yunet.LICENSE.txt").read_text(encoding="utf-8")
    assert "Shiqi Yu" in text
    assert "Redistributions in binary form must reproduce" in text


def changed(path: Path) -> Path:
    """A copy of the table with one number changed."""
    data = bytearray(YUNET_TABLE.read_bytes())
    data[len(data) // 2] = ord("A") if data[len(data) // 2] != ord("A") else ord("B")
    path.write_bytes(data)
    return path


def test_another_table_is_refused_by_name(tmp_path: Path) -> None:
    for path, words in (
        (changed(tmp_path / "yunet.json"), "weights yunet.json of YuNet must have sha256:"),
        (tmp_path / "absent.json", "absent.json cannot be read: No such file"),
    ):
        with pytest.raises(WeightsError, match=words):
            open_yunet(path)
        check = doctor.check_second_detector(path)
        assert check.state == "missing"
        assert words in check.detail
    assert doctor.check_second_detector().state == "ok"


@pytest.mark.parametrize("at", [(0, 0), (170, 40), (333, 10)])
@pytest.mark.parametrize("face_px", [12, 20, 32, 64])
def test_the_portrait_is_found_where_it_was_pasted(detector: Detector, face_px: int, at: tuple[int, int]) -> None:
    picture, (x0, y0, x1, y1) = one_portrait((690, 366), face_px, at)

    def scaled(width: int, height: int) -> Rgb:
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))

    found = start_passes(detector, yunet_passes(*picture.size), scaled, picture.size, 0.5).result()
    box = found.xyxy[0]
    assert found.score[0] > YUNET_SEEMS_LEFT
    assert abs((box[0] + box[2]) / 2 - (x0 + x1) / 2) < face_px / 4
    assert y0 < (box[1] + box[3]) / 2 < y1
    assert 0.6 * face_px < box[2] - box[0] < 1.6 * face_px


def test_a_bare_face_seems_left_and_a_covered_one_does_not(detector: Detector, tmp_path: Path) -> None:
    picture, box = one_portrait((640, 360), 60, (200, 20))
    picture.save(tmp_path / "bare.png")
    result = verify_file(tmp_path / "bare.png", [detector])
    assert len(result.exposed) == 1
    assert result.exposed[0].best.sure_from == YUNET_SEEMS_LEFT
    assert result.exposed[0].best.detector.startswith("YuNet on OpenVINO")
    x0, y0, x1, y1 = map(round, box)
    picture.paste((112, 112, 112), (x0 - 20, y0 - 30, x1 + 20, y1 + 20))
    picture.save(tmp_path / "veiled.png")
    assert verify_file(tmp_path / "veiled.png", [detector]).exposed == ()


def test_one_face_left_bare_in_a_veiled_clip_is_told_by_each_detector(detector: Detector, tmp_path: Path) -> None:
    truths = demo_clip(tmp_path / "bare.mp4", 8.0)
    run, app = CliRunner(), build()
    veil = ["veil", str(tmp_path / "bare.mp4"), "-q", "--no-manifest", "-o"]
    assert run.invoke(app, [*veil, str(tmp_path / "whole.mp4")]).exit_code == 0
    clean = run.invoke(app, ["verify", str(tmp_path / "whole.mp4"), "--every", "10"])
    assert clean.exit_code == 0, clean.output
    assert "frames looked at with CenterFace and YuNet)" in clean.stdout
    # the one who stands at the right, 40 to 120 of 640 pixels wide
    zone = ["--exclude-zone", "0.66,0.35,0.95,0.95"]
    assert run.invoke(app, [*veil, str(tmp_path / "one.mp4"), *zone]).exit_code == 0
    found = run.invoke(app, ["verify", str(tmp_path / "one.mp4"), "--every", "10", "--json"])
    assert found.exit_code == 4
    places = json.loads(found.stdout)["left"]
    assert all(place["best"]["box"][0] > 0.6 * 640 for place in places)
    assert any(len(place["detectors"]) == 2 for place in places), "both see it"
    for place in places:
        box, faces = np.array([place["best"]["box"]], np.float32), truths[place["best"]["frame"]].xyxy
        assert pairwise_iou(np.concatenate([box, faces]))[0, 1:].max() > 0.3, "it is the face, and no part of the suit"
    told = run.invoke(app, ["verify", str(tmp_path / "one.mp4"), "--every", "10"])
    assert "also seen by" in told.stdout
    assert verify_file(tmp_path / "one.mp4", [detector], every=10).exposed
    assert verify_file(tmp_path / "one.mp4", [detector], every=10, seems_left=0.99).exposed == ()


@pytest.mark.tool
def test_the_script_reads_arrays_out_of_a_library_by_their_names(tmp_path: Path) -> None:
    source, library = tmp_path / "x.c", tmp_path / "x.so"
    source.write_text(
        "float a_bias[2] = {1, -2}, b_weight[3] = {.5, 0, 4}; int other = 3; float c(void) { return 1; }\n"
    )
    subprocess.run([program("cc"), "-shared", "-fPIC", "-o", library, source], check=True)
    script = runpy.run_path(str(SCRIPTS / "yunet.py"))
    found = {name: np.frombuffer(data, "<f4").tolist() for name, data in script["arrays_in"](library.read_bytes())}
    assert found == {"a_bias": [1, -2], "b_weight": [0.5, 0, 4]}
    with pytest.raises(ValueError, match="must be a 64-bit"):
        list(script["arrays_in"](b"MZ" + bytes(100)))


def test_the_script_writes_the_table_as_it_stands() -> None:
    script = runpy.run_path(str(SCRIPTS / "yunet.py"))
    arrays = {name: numbers.tobytes() for name, numbers in read_yunet_table().items()}
    assert script["table_of"](arrays).encode() == YUNET_TABLE.read_bytes()
