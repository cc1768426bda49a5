"""docs/break-it.md: the clip hides its secret, the digests are what the page says, the script proves a secret."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
SCRIPT, FOLDER = ROOT / "scripts" / "break_it.py", ROOT / "docs" / "break-it"
TOLD = json.loads((FOLDER / "clip.json").read_text())
PAGE = (ROOT / "docs" / "break-it.md").read_text()
CHOSEN = bytes(range(0xA0, 0xB0))

_spec = importlib.util.spec_from_file_location("break_it", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
break_it = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(break_it)


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def test_what_is_committed_is_the_clip_that_the_digests_tell_of() -> None:
    clip = FOLDER / "clip.mp4"
    assert clip.stat().st_size < 300_000
    assert hashlib.sha256(clip.read_bytes()).hexdigest() == TOLD["clip_sha256"]
    assert TOLD["secret_bits"] == 8 * break_it.SECRET_BYTES == 128
    told = {key for key in TOLD if key.endswith("_sha256")}
    assert all(re.fullmatch("[0-9a-f]{64}", TOLD[key]) for key in told)
    assert told == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M)), "the page explains every digest"
    assert sorted(path.name for path in FOLDER.iterdir()) == ["clip.json", "clip.mp4"], "no source, no secret"


def test_no_square_of_the_committed_clip_can_be_told_from_another() -> None:
    seen = break_it.means(FOLDER / "clip.mp4")
    assert seen.shape == (96, 16)
    assert np.ptp(seen) < break_it.FLAT


def test_the_script_draws_the_source_as_it_did() -> None:
    if platform.machine() != TOLD["made_with"]["machine"]:
        pytest.skip("libraries draw other last bits on another processor")
    assert break_it.MarkedScene(bytes(16)).digest() == TOLD["source_of_zeros_sha256"]


def test_a_clip_of_ones_own_hides_what_its_source_shows(tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    break_it.write_source(break_it.MarkedScene(CHOSEN), source)
    assert break_it.read_bare(source) == CHOSEN, "whoever sees the face reads the secret"
    assert call("make", str(tmp_path / "out"), CHOSEN.hex()).returncode == 0
    told = json.loads((tmp_path / "out" / "clip.json").read_text())
    assert told["secret_sha256"] == hashlib.sha256(CHOSEN).hexdigest()
    samples = b"".join(frame.tobytes() for frame in break_it.MarkedScene(CHOSEN).frames())
    assert len(samples) == 96 * 640 * 360 * 3 // 2
    assert told["source_sha256"] == hashlib.sha256(samples).hexdigest()
    assert np.ptp(break_it.means(tmp_path / "out" / "clip.mp4")) < break_it.FLAT
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.json", "clip.mp4"]
    right = call("check", CHOSEN.hex(), str(tmp_path / "out" / "clip.json"))
    assert (right.returncode, "has the digest" in right.stdout) == (0, True)
    wrong = call("check", bytes(16).hex(), str(tmp_path / "out" / "clip.json"))
    assert (wrong.returncode, wrong.stdout) == (1, "This is not the secret.\n")


def test_new_secrets_differ_and_are_told_to_nobody(tmp_path: Path) -> None:
    made = [call("make", str(tmp_path / name)) for name in ("a", "b")]
    assert [(done.returncode, done.stdout, done.stderr) for done in made] == [(0, "", "")] * 2
    first, second = (json.loads((tmp_path / name / "clip.json").read_text()) for name in ("a", "b"))
    assert first["secret_sha256"] != second["secret_sha256"]
    assert first["source_sha256"] != second["source_sha256"]


@pytest.mark.parametrize("text", ["zz", "00", "", "00" * 17])
def test_what_is_no_secret_is_wrong_use(text: str) -> None:
    assert call("check", text).returncode == 2
    assert not break_it.is_secret(bytes(16), TOLD)
