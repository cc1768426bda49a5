"""``passerby veil --preview``: one sheet of veiled pictures, quickly, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from passerby.cli.app import build
from passerby.config import PORTRAIT
from passerby.errors import PasserbyError
from passerby.veil.tools.demo_clip import demo_clip

KEY = (255, 0, 255)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    demo_clip(folder / "walk.mp4", 1.0, (320, 180))
    with Image.open(PORTRAIT) as portrait:
        portrait.convert("RGB").resize((256, 256)).save(folder / "face.png")
    return folder


def veil(*arguments: object) -> Result:
    return CliRunner().invoke(build(), ["veil", *map(str, arguments)])


def test_a_sheet_shows_veiled_pictures_and_no_input_is_veiled(footage: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    done = veil(footage, "--preview", sheet, "--fill", "#ff00ff")
    assert (done.exit_code, done.stdout) == (0, f"{sheet}\n"), done.output
    assert "covers more" in done.stderr
    with Image.open(sheet) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
        assert image.width == 3 * 480
    assert (np.abs(pixels - KEY).max(axis=2) < 60).mean() > 0.02
    assert sorted(path.name for path in footage.iterdir()) == ["face.png", "walk.mp4"]
    again = veil(footage, "--preview", sheet)
    assert isinstance(again.exception, PasserbyError)
    assert again.exception.message == f"output exists already: {sheet}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preview", "a.gif"], "writes one sheet, .jpg or .png, got a.gif"),
        (["--preview", "a.jpg", "--report", "r.html"], "--preview does not go with --report"),
        (["--preview", "a.jpg", "--tracks-out", "t.json"], "--preview does not go with --tracks-out"),
    ],
)
def test_what_a_preview_cannot_show_is_refused(footage: Path, arguments: list[str], words: str) -> None:
    done = veil(footage / "walk.mp4", *arguments)
    assert isinstance(done.exception, PasserbyError)
    assert (done.exception.exit_code, words in done.exception.message) == (2, True)
    camera = veil("cam", "-o", "x.mp4", "--preview", "a.jpg")
    assert isinstance(camera.exception, PasserbyError)
    assert "does not go with a camera" in camera.exception.message
