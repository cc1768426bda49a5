"""Bad inputs to ``passerby veil``: each is named with what is wrong, nothing of it is written, nothing is touched."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from passerby.cli.app import build
from passerby.errors import PasserbyError, UsageError
from passerby.veil.tools.demo_clip import demo_clip


def veil(*arguments: str) -> Result:
    return CliRunner().invoke(build("veil"), ["veil", *arguments])


def state(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("bad") / "c.mp4"
    demo_clip(path, 0.6, (320, 180))
    return path.read_bytes()


def test_every_bad_file_of_a_folder_is_named_and_the_good_ones_are_veiled(
    tmp_path: Path, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    bad = {
        "zero.mp4": b"",
        "cut.mp4": clip[:900],
        "half.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        "animated.gif": b"GIF89a" + bytes(40),
    }
    for name, data in bad.items():
        (folder / name).write_bytes(data)
    (folder / "words.jpg").write_text("no picture")
    Image.new("RGB", (1, 1), (9, 9, 9)).save(folder / "dot.png")
    Image.fromarray(np.full((2, 4000, 3), 90, np.uint8)).save(folder / "long.png")
    (folder / "clip.avi").write_bytes(clip)  # an MP4 with a wrong suffix
    before = state(folder)
    done = veil("in", "-o", "out", "--no-manifest")
    assert done.exit_code == 1
    assert sorted(done.stdout.splitlines()) == sorted(str(Path("out") / n) for n in ("clip.mp4", "dot.png", "long.png"))
    for name in bad:
        assert f"in/{name}: " in done.stderr, name
    assert "words.jpg" in done.stderr
    assert state(folder) == before, "inputs untouched"
    assert set(state(tmp_path / "out")) == {"clip.mp4", "dot.png", "long.png"}, "no litter"
    with Image.open(tmp_path / "out" / "long.png") as long:
        assert long.size == (4000, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["c.mp4", "-o", "c.mp4"], "output must not be an input"),
        (["c.mp4", "-o", "./c.mp4", "--overwrite"], "output must not be an input"),
        (["c.mp4", "-o", "link.mp4", "--overwrite"], "output must not be an input"),
        (["none.mp4"], "no such file"),
        (["*.webm"], "no file matches"),
        (["c.mp4", "c.mp4", "d.mp4", "-o", "x.mp4"], "-o must be a folder"),
        (["cam"], "a camera needs an output"),
    ],
)
def test_wrong_names_are_wrong_use(
    tmp_path: Path, clip: bytes, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.mp4").write_bytes(clip)
    (tmp_path / "d.mp4").write_bytes(clip)
    (tmp_path / "link.mp4").symlink_to("c.mp4")
    before = state(tmp_path)
    done = veil(*arguments)
    assert isinstance(done.exception, UsageError)
    assert words in done.exception.message
    assert state(tmp_path) == before


def test_folder_without_a_picture_or_clip_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "note.txt").write_text("hello")
    done = veil(str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    assert isinstance(done.exception, UsageError)
    assert "no picture or clip" in done.exception.message
    assert not (tmp_path / "out").exists()


def test_single_bad_file_is_one_error_with_exit_code_1(tmp_path: Path, clip: bytes) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip[:900])
    done = veil(str(tmp_path / "cut.mp4"))
    if isinstance(done.exception, PasserbyError):
        assert done.exception.exit_code == 1
        assert "cut.mp4" in done.exception.message
    else:
        assert done.exit_code == 1
        assert "cut.mp4" in done.stderr
    assert set(state(tmp_path)) == {"cut.mp4"}


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read and write everything")
def test_file_without_read_permission_is_named(tmp_path: Path, clip: bytes) -> None:
    (tmp_path / "c.mp4").write_bytes(clip)
    (tmp_path / "c.mp4").chmod(0)
    done = veil(str(tmp_path / "c.mp4"))
    assert done.exit_code == 1
    assert set(state(tmp_path.parent)) >= {f"{tmp_path.name}/c.mp4"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs the POSIX limit of file sizes")
def test_full_disk_leaves_nothing(tmp_path: Path, clip: bytes) -> None:
    import resource
    import subprocess
    import sys

    (tmp_path / "c.mp4").write_bytes(clip)
    before = state(tmp_path)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = subprocess.run(
        [sys.executable, "-m", "passerby", "veil", "c.mp4", "-q"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=limit,  # no threads run here
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "error: " in done.stderr
    assert state(tmp_path) == before
