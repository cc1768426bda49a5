"""A machine that fails under a running gateway: its disk is really full, its clock really jumps. Every output is watched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.gateway_tools import program

pytestmark = pytest.mark.xdist_group("gateway-machine")
OUTPUTS = {"rtsp", "mse", "hls", "snapshot", "recording"}
ROOT = Path(__file__).parents[1]
_SYS_ADMIN = 21


def scenario(command: list[str], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run it in a process of its own, and look at what must hold whatever happened."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["bare"] == []
    assert set(seen["pictures"]) >= OUTPUTS
    assert all(seen["pictures"][name] > 5 for name in OUTPUTS)
    return seen


def small_disk(folder: Path) -> list[str]:
    """Return what runs a command with a small file system at a folder, in a mount namespace of its own; else skip."""
    mount = f"mount -t tmpfs -o size=12m none '{folder}'"
    may_mount = bool(int(_status("CapEff"), 16) >> _SYS_ADMIN & 1) or _number("/proc/sys/user/max_user_namespaces") > 0
    unshare = shutil.which("unshare")
    for flags in ("-m", "-Urm"):
        if unshare is None:
            break
        probe = subprocess.run([unshare, flags, "sh", "-c", mount], capture_output=True, check=False, timeout=30)
        if probe.returncode == 0:
            return [unshare, flags, "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if os.environ.get("CI") and may_mount and unshare is None:
        pytest.fail("a small file system could be mounted with unshare, which is not installed")
    pytest.skip("no small file system can be mounted: neither as root nor in a user namespace")


def _status(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((line.split()[1] for line in lines if line.startswith(f"{name}:")), "0")


def _number(path: str) -> int:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return 0


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk in a namespace of its own")
def test_a_disk_that_is_full_covers_with_its_reason_and_ends_within_five_seconds(tmp_path: Path) -> None:
    command = [*small_disk(tmp_path), sys.executable, "-m", "tests.gateway_machine", "disk", str(tmp_path)]
    seen = scenario(command)
    assert seen["full"], "the file system gave ENOSPC"
    assert seen["covered"]
    assert seen["reason"].startswith("disk_full: recording cannot be written: no space left")
    assert seen["state"] == "disk_full"
    assert seen["recovered_s"] < 5.0
    assert seen["faults"] == 1, "one fault, that did not come and go while the disk was full"


@pytest.mark.tool
@pytest.mark.skipif(sys.platform != "linux", reason="the clock is moved as Linux has it")
def test_a_clock_that_jumps_covers_with_its_reason_and_ends_within_five_seconds(tmp_path: Path) -> None:
    # Nearest to a real jump of what works without privileges: all processes of the gateway see it through the C library.
    # Time namespaces move only the clocks that never jump; libfaketime breaks the sleep of Python from 3.11 on.
    library, file, folder = tmp_path / "moved_clock.so", tmp_path / "moved", tmp_path / "recordings"
    compiler = program("cc", "gcc")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests" / "moved_clock.c"], check=True)
    folder.mkdir()
    file.write_bytes(bytes(8))
    command = [sys.executable, "-m", "tests.gateway_machine", "clock", str(folder), str(file)]
    environment = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(file)}
    seen = scenario(command, environment)
    assert len(seen["jumps"]) == 4
    for row in seen["jumps"].values():
        assert row["reason"].startswith("clock_jump: the clock jumped by ")
        assert row["recovered_s"] < 5.0
    assert seen["jumps"]["by decades"]["year"] < time.gmtime().tm_year - 20, "the process saw another time"
    assert seen["restarts"] == 0
