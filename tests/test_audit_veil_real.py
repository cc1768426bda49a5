"""`audit veil` with the detector that ships: what it computes is what is written, and no frame goes anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.audit_footage import Row, write_rows

from passerby import audit
from passerby.veil import veil_file
from passerby.veil.tools.demo_clip import demo_clip

SIZE = (320, 192)
WATCHED = """
import os, sys
def note(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            print("WROTE", path, file=sys.stderr)
    elif event in {"socket.connect", "tempfile.mkstemp", "tempfile.mkdtemp"}:
        print("WROTE", event, file=sys.stderr)
sys.addaudithook(note)
from passerby.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    rows: list[Row] = []
    for index, frame in enumerate(demo_clip(folder / "drawn.mp4", 1.0, SIZE)):
        for person, (x0, y0, x1, y1) in zip(frame.person, frame.xyxy.tolist(), strict=True):
            box = {"x": round(x0, 1), "y": round(y0, 1), "w": round(x1 - x0, 1), "h": round(y1 - y0, 1)}
            rows.append({"video": "drawn.mp4", "frame": index, "track": int(person), **box})
    return write_rows(folder / "labels.csv", rows)


def test_what_is_computed_is_what_is_written(labels: Path, tmp_path: Path) -> None:
    """The same covers twice: in memory, and out of the pixels of the encoded output."""
    veil_file(labels.parent / "drawn.mp4", tmp_path / "drawn.mp4")
    data = audit.read_annotated(labels)
    found = audit.audit_veil(data, [audit.PasserbyCovers(), audit.FolderCovers(tmp_path, data)], date="2026-11-30")
    ours, read = found.tools
    assert ours.exposed.faces == read.exposed.faces > 20
    assert abs(ours.exposed.errors - read.exposed.errors) <= 0.05 * ours.exposed.faces
    assert found.weights.startswith("sha256:")
    areas = [{one.name: one.value for one in tool.quantities}["covered area"] for tool in found.tools]
    assert areas[0] is not None
    assert areas[1] is not None
    assert 0.95 * areas[0] < areas[1] < 2 * areas[0], "beside covers on a plain wall pixels say little"


def test_no_frame_is_written_anywhere_while_footage_is_measured(labels: Path, tmp_path: Path) -> None:
    home, temporary, output = tmp_path / "home", tmp_path / "tmp", tmp_path / "out"
    for folder in (home, temporary, output):
        folder.mkdir()
    known = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-B", "-c", WATCHED, "audit", "veil", str(labels), "--json", str(output / "a.json")]
    done = subprocess.run(command, capture_output=True, text=True, env=known, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    written = {line.split(maxsplit=1)[1] for line in done.stderr.splitlines() if line.startswith("WROTE")}
    elsewhere = {
        path
        for path in written
        if not path.startswith((str(home / ".cache" / "passerby"), str(output), "/dev/", "/proc/"))
    }
    assert elsewhere == set()
    assert list(temporary.iterdir()) == []
    assert [path.name for path in output.iterdir()] == ["a.json"]
    assert json.loads((output / "a.json").read_text(encoding="utf-8"))["clips"] == 1
