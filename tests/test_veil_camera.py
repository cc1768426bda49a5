"""Recording a camera of this machine: covered from the first frame, ended by time or Ctrl-C, whole or not at all.

A clip stands in for the camera: there is none on most machines that run tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import InputContainer
from typer.testing import CliRunner

from passerby.cli.app import build
from passerby.errors import UnreadableError, UsageError
from passerby.veil.run import camera
from passerby.veil.settings import HwAccel, VeilSettings, WriteSettings
from passerby.veil.tools.demo import exposures_in
from passerby.veil.tools.demo_clip import Truth, demo_clip

GREY = (112, 112, 112)


@pytest.fixture
def truths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Truth]:
    clip = tmp_path / "instead.mp4"
    truths = demo_clip(clip, 1.6, (480, 270))

    def instead(device: Path) -> InputContainer:
        assert device == Path("/dev/video0")
        return av.open(str(clip))

    monkeypatch.setattr(camera, "open_camera", instead)
    return truths


def test_recording_shows_no_large_face(tmp_path: Path, truths: list[Truth]) -> None:
    told: list[int] = []
    done = camera.veil_camera(Path("/dev/video0"), tmp_path / "v.mp4", progress=lambda _what, n, _total: told.append(n))
    assert (done.frames, done.width, done.height) == (40, 480, 270)
    assert told == list(range(1, 41))
    with av.open(str(tmp_path / "v.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.allclose(np.diff(times), 0.04, atol=0.002)
    large = [row for row in exposures_in(tmp_path / "v.mp4", truths, GREY) if row.low_px > 30]
    assert large
    assert all(row.exposed == 0 for row in large)


@pytest.mark.usefixtures("truths")
def test_recording_ends_after_the_time_asked_for(tmp_path: Path) -> None:
    settings = VeilSettings(write=WriteSettings(end_s=0.6))
    assert camera.veil_camera(Path("/dev/video0"), tmp_path / "v.mp4", settings).frames == 15


RECORDING = """
import os, signal, sys
from pathlib import Path
import av
from passerby.veil.run import camera

def interrupt(_what, frames, _total):
    if frames == 5:
        os.kill(os.getpid(), signal.SIGINT)

camera.open_camera = lambda _device: av.open(sys.argv[1])
before = signal.getsignal(signal.SIGINT)
done = camera.veil_camera(Path("/dev/video0"), Path(sys.argv[2]), progress=interrupt)
assert signal.getsignal(signal.SIGINT) is before
print(done.frames)
"""


def test_interrupt_ends_the_recording_and_keeps_it(tmp_path: Path) -> None:
    """In a process of its own, as whoever presses Ctrl-C has it, and at the first start, which measures the detector."""
    clip, target = tmp_path / "instead.mp4", tmp_path / "v.mkv"
    demo_clip(clip, 1.6, (480, 270))
    command = [sys.executable, "-c", RECORDING, str(clip), str(target)]
    fresh = os.environ | {"CACHE_DIRECTORY": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=fresh)
    assert done.returncode == 0, done.stderr
    frames = int(done.stdout)
    assert 5 <= frames < 40
    with av.open(str(target)) as container:
        assert len(list(container.decode(video=0))) == frames


def test_camera_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="camera /dev/no-such-video must open"):
        camera.veil_camera(Path("/dev/no-such-video"), tmp_path / "v.mp4")
    with pytest.raises(UsageError, match="a camera is recorded as"):
        camera.veil_camera(Path("/dev/video0"), tmp_path / "v.png")
    asked = VeilSettings(write=WriteSettings(hwaccel=HwAccel.AUTO))
    with pytest.raises(UsageError, match="a camera is recorded in software, got --hwaccel auto"):
        camera.veil_camera(Path("/dev/video0"), tmp_path / "v.mp4", asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("truths")
def test_command_records_a_camera(tmp_path: Path) -> None:
    target = tmp_path / "rec.mp4"
    found = CliRunner().invoke(build("veil"), ["veil", "cam", "-o", str(target), "--end", "0.4"])
    assert found.exit_code == 0, found.output
    assert found.stdout == f"{target}\n"
    assert "10 frames of 480x270" in found.stderr
    assert (tmp_path / "rec.mp4.manifest.json").exists()
    wrong = CliRunner().invoke(build("veil"), ["veil", "cam", "-o", str(tmp_path / "x.mp4"), "--start", "1"])
    assert isinstance(wrong.exception, UsageError)
