"""Verifying an output: says where a face seems left, knows covers for what they are, never says that none is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from passerby.cli.app import build
from passerby.config import PORTRAIT
from passerby.errors import PasserbyError, UnreadableError, UnsupportedError, UsageError
from passerby.veil import Detector, FindSettings, Painter
from passerby.veil.review.places import ExposedPlace, VerifyDetection, group_detections
from passerby.veil.review.verification import covered, verify_file
from passerby.veil.settings import REVERSIBLE_STYLES, CoverSettings, CoverStyle
from passerby.veil.tools.demo_clip import PORTRAIT_FACE, demo_clip

BOX = np.array([PORTRAIT_FACE], np.float32)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(FindSettings(floats=True))


def veiled_portrait(path: Path, style: CoverStyle) -> Path:
    with Image.open(PORTRAIT) as image:
        pixels = np.array(image.convert("RGB"))
    settings = CoverSettings(style=style, mask_scale=1.6)
    Painter(settings, pixels.shape[1], pixels.shape[0]).paint_rgb(pixels, BOX)
    Image.fromarray(pixels).save(path)
    return path


def test_bare_face_seems_left(detector: Detector) -> None:
    result = verify_file(PORTRAIT, [detector])
    best = result.exposed[0].best
    assert best.score > 0.7
    x0, y0, x1, y1 = best.box
    assert abs(x0 - PORTRAIT_FACE[0]) < 25
    assert abs(x1 - PORTRAIT_FACE[2]) < 25
    assert y0 < 120 < y1
    assert (result.frames, result.examined, result.detectors) == (1, 1, (detector.runs_on,))


@pytest.mark.parametrize("style", [s for s in CoverStyle if s not in REVERSIBLE_STYLES and s is not CoverStyle.IMAGE])
def test_covered_face_is_not_detected(tmp_path: Path, detector: Detector, style: CoverStyle) -> None:
    assert verify_file(veiled_portrait(tmp_path / "p.png", style), [detector]).exposed == ()


def test_places_of_a_clip_are_told_with_their_time(tmp_path: Path, detector: Detector) -> None:
    demo_clip(tmp_path / "d.mp4", 1.2)
    told: list[int] = []
    result = verify_file(tmp_path / "d.mp4", [detector], every=10, progress=lambda done, _: told.append(done))
    assert (result.frames, result.examined) == (30, 3)
    assert told == list(range(1, 31))
    assert len(result.exposed) >= 3
    assert all(place.first_frame >= 10 for place in result.exposed), "nobody is there before"
    assert all(place.first_s == pytest.approx(place.first_frame / 25) for place in result.exposed)


@pytest.mark.parametrize("style", [CoverStyle.SOLID, CoverStyle.AVATAR, CoverStyle.NOISE])
def test_covers_are_known_and_pictures_are_not_taken_for_covers(style: CoverStyle) -> None:
    with Image.open(PORTRAIT) as image:
        pixels = np.array(image.convert("RGB"))
    before = np.asarray(Image.fromarray(pixels).convert("L"))
    Painter(CoverSettings(style=style), 512, 512).paint_rgb(pixels, BOX)
    after = np.asarray(Image.fromarray(pixels).convert("L"))
    assert covered(after, BOX).tolist() == [True]
    assert covered(before, BOX).tolist() == [False]
    assert covered(before, np.array([[600, 600, 700, 700], [-9, -9, 0, 0]], np.float32)).tolist() == [False, False]


def detection(frame: int, x: float, score: float, sure_from: float = 0.3, detector: str = "d") -> VerifyDetection:
    return VerifyDetection(frame, frame / 25, (x, 0, x + 20, 20), score, sure_from, detector)


def test_detections_that_follow_each_other_are_one_place() -> None:
    rows = [
        detection(0, 0, 0.2),
        detection(0, 100, 0.5),
        detection(2, 2, 0.4),
        detection(4, 4, 0.3),
        detection(90, 4, 0.9),
    ]
    assert group_detections(rows) == (
        ExposedPlace(rows[4], 90, 90, 3.6, 3.6, 1, ("d",)),
        ExposedPlace(rows[1], 0, 0, 0.0, 0.0, 1, ("d",)),
        ExposedPlace(rows[2], 0, 4, 0.0, 0.16, 3, ("d",)),
    )


def test_scores_of_two_detectors_are_compared_by_the_measure_of_each() -> None:
    rows = [
        detection(0, 0, 0.6, 0.7, "e"),
        detection(0, 100, 0.5, 0.7, "e"),
        detection(0, 1, 0.29),
        detection(0, 200, 0.24),
    ]
    assert group_detections(rows) == (
        ExposedPlace(rows[2], 0, 0, 0.0, 0.0, 2, ("d", "e")),
        ExposedPlace(rows[3], 0, 0, 0.0, 0.0, 1, ("d",)),
        ExposedPlace(rows[1], 0, 0, 0.0, 0.0, 1, ("e",)),
    )


def test_what_is_no_picture_or_clip_is_refused(tmp_path: Path, detector: Detector) -> None:
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "b.mp4").write_bytes(b"")
    for name in ("a.txt", "b.mp4", "none.mp4"):
        with pytest.raises((UnreadableError, UnsupportedError)):
            verify_file(tmp_path / name, [detector])


def test_command_exits_4_with_the_place_and_0_with_careful_words(tmp_path: Path) -> None:
    found = CliRunner().invoke(build(), ["verify", str(PORTRAIT)])
    assert found.exit_code == 4
    assert "a face seems to be left at 1 place" in found.stdout
    assert "frame 0, at 1" in found.stdout
    clean = CliRunner().invoke(build(), ["verify", str(veiled_portrait(tmp_path / "p.png", CoverStyle.SOLID))])
    assert clean.exit_code == 0
    assert "no face detected" in clean.stdout
    assert "no proof" in clean.stdout
    assert "no face " not in clean.stdout.replace("no face detected", "")
    as_json = CliRunner().invoke(build(), ["verify", str(PORTRAIT), "--json", "--quiet"])
    assert as_json.exit_code == 4
    assert '"left": [' in as_json.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-t", "1.5"], "--thresh must lie between 0 and 1"),
        (["--every", "0"], "--every must be 1 or more"),
        (["--detector", "none.onnx"], "none.onnx"),
        (["--require-gpu"], "--require-gpu needs --ep cuda"),
    ],
)
def test_wrong_use_is_refused(arguments: list[str], words: str) -> None:
    found = CliRunner().invoke(build(), ["verify", str(PORTRAIT), *arguments])
    assert isinstance(found.exception, PasserbyError)
    assert words in found.exception.message
    assert isinstance(found.exception, UsageError) or arguments[0] == "--detector"
