"""Nobody is told that Passerby runs: no connection is tried, and nothing but its own networks is left in the home folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from passerby.veil.tools.demo_clip import demo_clip

pytestmark = pytest.mark.tool
RUNS = """
import numpy as np
from passerby.config import WEIGHTS
from passerby.veil.detect.decoders import CENTERFACE
from passerby.veil.detect.engine_onnx import CPU, OnnxRuntimeEngine
OnnxRuntimeEngine(WEIGHTS, CPU).run(np.zeros((64, 96, 3), np.uint8), CENTERFACE)
"""
TALKS = """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 9))
"""


def told_by(arguments: list[str], home: Path, trace: Path) -> list[str]:
    """Run Python as on a machine that is nobody's test runner; return whom it and its children connect or send to."""
    strace = shutil.which("strace")
    if strace is None:
        if os.environ.get("CI"):
            pytest.fail("strace is missing: run scripts/install-test-tools")
        pytest.skip("strace is missing: run scripts/install-test-tools")
    known = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [
        strace,
        "-f",
        "-qq",
        "-o",
        str(trace),
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg",
        sys.executable,
        "-B",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=known)
    if "ptrace" in done.stderr and "ermitted" in done.stderr:
        pytest.skip("this system forbids tracing")
    assert done.returncode == 0, done.stderr
    return re.findall(r"sa_family=(AF_INET6?|AF_PACKET)", trace.read_text(encoding="utf-8", errors="replace"))


@pytest.mark.parametrize("command", ["veil", "verify", "doctor"])
def test_no_connection_is_tried_and_the_home_folder_holds_kept_networks_alone(tmp_path: Path, command: str) -> None:
    clip, home = tmp_path / "in.mp4", tmp_path / "home"
    home.mkdir()
    demo_clip(clip, 0.5, (320, 192))
    arguments = {"veil": [str(clip), "-o", str(tmp_path / "out.mp4")], "verify": [str(clip)], "doctor": []}
    if command == "verify":
        Image.new("RGB", (64, 64), (112, 112, 112)).save(clip := tmp_path / "flat.png")
        arguments["verify"] = [str(clip)]
    assert told_by(["-m", "passerby", command, *arguments[command]], home, tmp_path / "trace") == []
    left = {path.relative_to(home) for path in home.rglob("*")}
    kept = Path(".cache") / "passerby"
    assert {path for path in left if kept not in path.parents} <= {kept, kept.parent}
    assert {path.suffix for path in left if kept in path.parents} <= {".kept", ".json"}


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="ONNX Runtime is not installed: pip install onnxruntime")
def test_onnx_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """Its published builds do so on their own, from 1.29 on."""
    home = tmp_path / "home"
    home.mkdir()
    assert told_by(["-c", RUNS], home, tmp_path / "trace") == []
    assert list(home.iterdir()) == []


def test_a_connection_would_be_noticed(tmp_path: Path) -> None:
    assert told_by(["-c", TALKS], tmp_path, tmp_path / "trace") == ["AF_INET"]
