"""Writing that goes wrong: nothing half is left, the input stays, and the reason is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.media_clips import make_clip

PROGRAM = """
import resource, sys
from pathlib import Path
from passerby.errors import PasserbyError
from passerby.media import WriteSettings, read_ahead, transcode
source, target, limit, slow = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "slow"
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
def edit(index, picture):
    if slow:
        import signal
        print(index, flush=True)
        signal.pause()
try:
    transcode(source, target, edit=edit, needs_edit=lambda a, b: True, settings=WriteSettings(preset="ultrafast", crf=0))
except PasserbyError as exc:
    sys.exit(f"{type(exc).__name__}: {exc.message} | {exc.hint}")
"""


def start(source: Path, target: Path, limit: int = 0, pace: str = "fast") -> subprocess.Popen[str]:
    """Run a transcode in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, str(source), str(target), str(limit), pace]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )  # fmt: skip


@pytest.mark.parametrize(("suffix", "limit"), [(".mp4", 3000), (".mp4", 60000), (".mkv", 60000), (".avi", 60000)])
def test_file_that_may_not_grow_leaves_nothing(tmp_path: Path, suffix: str, limit: int) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=48, size=(320, 240))
    before = source.read_bytes()
    process = start(source, tmp_path / f"out{suffix}", limit)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("OutputError: cannot write"), err
    assert list(tmp_path.iterdir()) == [source]
    assert source.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_full_disk_leaves_nothing(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=48, size=(320, 240))
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        process = start(source, disk / "out.mp4")
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "NoSpaceError: cannot write" in err
        assert "No space left on device" in err
        assert "free space on the disk" in err
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(("number", "suffix"), [(signal.SIGINT, ".mp4"), (signal.SIGTERM, ".mkv")])
def test_signal_leaves_nothing_of_the_hidden_and_private_file(
    tmp_path: Path, number: signal.Signals, suffix: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=48)
    process = start(source, tmp_path / f"out{suffix}", pace="slow")
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "0"
    (beside,) = (path for path in tmp_path.iterdir() if path != source)
    assert beside.name.startswith(".passerby-")
    assert beside.stat().st_mode & 0o077 == 0
    began = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == [source]
