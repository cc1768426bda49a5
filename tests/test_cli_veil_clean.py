"""What ``verify`` finds goes back into ``veil``, by hand or by itself."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from passerby.cli.app import build
from passerby.config import PORTRAIT
from passerby.veil.review.places import VerifyDetection, boxes_to_cover
from passerby.veil.tools.demo_clip import demo_clip

GREY = (112, 112, 112)
BLIND = ("-t", "0.99")
"""A confidence that no detection reaches: everything is missed."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    demo_clip(tmp_path / "walk.mp4", 0.8, (480, 270))
    with Image.open(PORTRAIT) as portrait:
        portrait.convert("RGB").resize((256, 256)).save(tmp_path / "face.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build(), list(arguments))


def covered_share(path: Path) -> float:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    return float(np.mean([(np.abs(frame - GREY).max(axis=2) <= 12).mean() for frame in frames]))


@pytest.mark.parametrize("name", ["walk.mp4", "face.png"])
def test_what_was_missed_is_covered_until_nothing_is_found(folder: Path, name: str) -> None:
    target = Path(name).with_stem(f"{Path(name).stem}_veiled")
    assert run("veil", name, *BLIND).exit_code == 0
    assert run("verify", str(target)).exit_code == 4
    bare = covered_share(target)
    done = run("veil", name, *BLIND, "--until-clean", "--overwrite", "--report", "r.html")
    assert done.exit_code == 0, done.output
    assert "round 1: covered what seemed left at " in done.stderr
    assert "verified: no face detected" in done.stderr
    assert run("verify", str(target)).exit_code == 0
    assert covered_share(target) > bare + 0.02
    manifest = json.loads((folder / f"{target.name}.manifest.json").read_text(encoding="utf-8"))
    assert manifest["outputs"][0]["name"] == target.name
    assert not list(folder.glob(".passerby-*"))


def test_what_verify_writes_is_what_veil_takes(folder: Path) -> None:
    assert run("veil", "walk.mp4", *BLIND, "--tracks-out", "t.json").exit_code == 0
    assert run("verify", "walk_veiled.mp4", "--tracks-out", "found.json").exit_code == 4
    again = run("verify", "walk_veiled.mp4", "--tracks-out", "found.json")
    assert again.exception is not None
    assert "exists already" in str(again.exception)
    done = run("veil", "walk.mp4", *BLIND, "--tracks-in", "t.json", "--tracks-in", "found.json", "-o", "out.mp4")
    assert done.exit_code == 0, done.output
    assert run("verify", "out.mp4").exit_code == 0
    assert run("verify", "out.mp4", "--tracks-out", "none.csv").exit_code == 0
    assert (folder / "none.csv").read_text(encoding="utf-8") == ""


@pytest.mark.usefixtures("folder")
def test_a_span_is_counted_from_the_input() -> None:
    done = run("veil", "walk.mp4", *BLIND, "--until-clean", "--start", "0.4")
    assert done.exit_code == 0, done.output
    assert run("verify", "walk_veiled.mp4").exit_code == 0


@pytest.mark.usefixtures("folder")
def test_who_is_kept_clear_is_not_covered_again() -> None:
    done = run("veil", "walk.mp4", "--tracks-in", "t.json", "--keep", "1", "--until-clean")
    assert "does not go with --keep" in str(done.exception)


def test_boxes_go_over_the_frames_between_those_examined() -> None:
    def seen(frame: int, box: tuple[float, float, float, float], score: float, detector: str = "a") -> VerifyDetection:
        return VerifyDetection(frame, frame / 25, box, score, 0.5, detector)

    found = [
        seen(4, (10, 10, 20, 20), 0.6),
        seen(4, (11, 9, 21, 19), 0.4, "b"),
        seen(4, (50, 50, 60, 60), 0.2),
        seen(8, (12, 10, 22, 20), 0.1),
    ]
    boxes = boxes_to_cover(found, 4, 10)
    assert [(one.track, one.frame, one.box) for one in boxes] == [
        (1, 0, (10, 9, 21, 20)),
        (1, 4, (10, 9, 21, 20)),
        (1, 8, (12, 10, 22, 20)),
        (1, 9, (12, 10, 22, 20)),
    ]
