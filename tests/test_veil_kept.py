"""Kept networks: found again, refused when changed, never in the way, and never more than so many bytes."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from passerby.config import WEIGHTS, cache_folder
from passerby.veil.detect.decoders import CENTERFACE
from passerby.veil.detect.detector import WEIGHTS_DIGEST, Detector
from passerby.veil.detect.engine_openvino import OpenVinoEngine
from passerby.veil.detect.kept import INDEX, NetworkFolder, private_folder
from passerby.veil.detect.precision import shipped_folder
from passerby.veil.settings import FindSettings

SIZE = (96, 64)
RGB = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
WRITES = """
import sys
from pathlib import Path
from passerby.veil.detect.kept import NetworkFolder
folder, me = NetworkFolder(Path(sys.argv[1]), "b"), sys.argv[2]
for turn in range(20):
    folder.write("shared", b"the same for all" * 1000)
    folder.write(f"own-{me}", me.encode() * 1000)
    got = folder.read("shared")
    assert got in (None, b"the same for all" * 1000), got
"""


@pytest.fixture
def folder(tmp_path: Path) -> NetworkFolder:
    path = tmp_path / "base" / "kept"
    assert private_folder(path) is None
    return NetworkFolder(path, "bound")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING):
        yield caplog


def blob_of(folder: NetworkFolder, name: str) -> Path:
    (path,) = folder.path.glob(f"{name}-*.kept")
    return path


def modes(path: Path) -> set[int]:
    return {stat.S_IMODE(one.stat().st_mode) for one in path.iterdir()}


def test_what_was_kept_comes_back_under_its_name_and_binding_alone(folder: NetworkFolder) -> None:
    assert folder.read("a") is None
    assert folder.write("a", b"one")
    assert folder.write("b", b"two")
    assert (folder.read("a"), folder.read("b"), folder.holds()) == (b"one", b"two", (2, 6))
    assert NetworkFolder(folder.path, "other").read("a") is None, "another processor, version or weights"
    assert folder.write("a", b"three")
    assert folder.read("a") == b"three"
    assert (stat.S_IMODE(folder.path.stat().st_mode), modes(folder.path)) == (0o700, {0o600})
    with pytest.raises(ValueError, match="name must be of a to z"):
        folder.read("../a")


@pytest.mark.parametrize("content", [b"onf", b"", b"one more"])
def test_a_changed_file_is_refused_with_a_word_and_made_anew(
    folder: NetworkFolder, said: pytest.LogCaptureFixture, content: bytes
) -> None:
    folder.write("a", b"one")
    blob_of(folder, "a").write_bytes(content)
    assert folder.read("a") is None
    assert "is not what was kept there: refused" in said.text
    assert folder.write("a", b"one")
    assert folder.read("a") == b"one"


def test_a_changed_index_is_refused_with_a_word(folder: NetworkFolder, said: pytest.LogCaptureFixture) -> None:
    folder.write("a", b"one")
    index = folder.path / INDEX
    whole = index.read_text()
    pin = json.loads(whole)["files"]["a-bound"][0]
    for changed in (whole.replace(pin, "0" * 64), whole[:-9], "[]", "null", '{"files": []}', whole + " "):
        index.write_text(changed)
        assert folder.read("a") is None
        assert "was changed: all are made anew" in said.text
        said.clear()
    index.write_text(whole)
    assert folder.read("a") == b"one"


def test_a_link_is_not_followed(folder: NetworkFolder, tmp_path: Path) -> None:
    folder.write("a", b"one")
    blob = blob_of(folder, "a")
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    assert folder.read("a") is None


def test_the_least_recently_used_goes_beyond_the_bound(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path, "bound", most_bytes=300)
    for age, name in enumerate("abc"):
        folder.write(name, name.encode() * 100)
        os.utime(blob_of(folder, name), (1000 + age, 1000 + age))
    assert folder.read("a")
    assert folder.write("d", b"d" * 100)
    assert [bool(folder.read(name)) for name in "abcd"] == [True, False, True, True]
    assert len(list(tmp_path.glob("*.kept"))) == 3, "what is forgotten is deleted"
    assert folder.write("e", b"e" * 999)
    assert (folder.read("e"), folder.holds()) == (b"e" * 999, (1, 999)), "the newest always stays"


def test_files_that_nobody_names_go_when_they_are_old(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path, "bound")
    for name, age_s in (("new", 0), ("old", 10_000)):
        (tmp_path / f"{name}.kept").write_bytes(b"x")
        seen_s = (tmp_path / f"{name}.kept").stat().st_mtime - age_s
        os.utime(tmp_path / f"{name}.kept", (seen_s, seen_s))
    folder.write("a", b"one")
    assert {path.name for path in tmp_path.glob("[no]*.kept")} == {"new.kept"}


def test_where_nothing_can_be_written_nothing_breaks(folder: NetworkFolder) -> None:
    (folder.path / INDEX).mkdir()
    assert not folder.write("a", b"one")
    assert folder.read("a") is None
    folder.path.rename(folder.path.with_name("gone"))
    assert not folder.write("a", b"one")
    assert (folder.read("a"), folder.holds()) == (None, (0, 0))


def test_a_folder_must_be_private(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert "must be closed to others (mode 0700), got 0755" in str(private_folder(tmp_path / "open"))
    assert "must be a folder" in str(private_folder(tmp_path / "link"))
    for path in (tmp_path / "file", tmp_path / "file" / "kept", tmp_path / "no" / "home" / "kept"):
        assert private_folder(path), path
    assert not (tmp_path / "no").exists(), "a home that is missing stays missing"
    assert str(shipped_folder(WEIGHTS_DIGEST, path=tmp_path / "file")).endswith("cannot be made: File exists")


def test_two_processes_and_more_share_a_folder(folder: NetworkFolder, said: pytest.LogCaptureFixture) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", WRITES, folder.path, str(n)], stderr=subprocess.PIPE) for n in range(3)
    ]
    told = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    assert told == [b"", b"", b""], "no word of changed files"
    shared = NetworkFolder(folder.path, "b")
    for name, data in (("shared", b"the same for all" * 1000), ("own-0", b"0" * 1000)):
        if shared.read(name) is None:  # of two that write the index at once one may be forgotten
            assert shared.write(name, data)
        assert shared.read(name) == data
    assert said.text == ""


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"HOME": "/home/x"}, "/home/x/.cache/passerby"),
        ({"HOME": "/home/x", "XDG_CACHE_HOME": "/c"}, "/c/passerby"),
        ({"HOME": "/home/x", "XDG_CACHE_HOME": "relative"}, "/home/x/.cache/passerby"),
        ({"HOME": "/", "CACHE_DIRECTORY": "/var/cache/passerby:/var/cache/more"}, "/var/cache/passerby/networks"),
        ({"HOME": ""}, None),
        ({}, None),
    ],
)
def test_the_folder_is_the_service_managers_or_the_users_own(environ: dict[str, str], path: str | None) -> None:
    assert cache_folder(environ) == (None if path is None else Path(path))


def run_once(
    folder: NetworkFolder | None, precision: str = "int8"
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    engine = OpenVinoEngine(WEIGHTS, threads=1, precision=precision, kept=folder)
    engine.expect([SIZE])
    return {name: np.array(values) for name, values in engine.run(RGB, CENTERFACE).items()}


def test_an_engine_takes_kept_networks_and_finds_the_same(
    folder: NetworkFolder, said: pytest.LogCaptureFixture
) -> None:
    without = run_once(None)
    kept, again = run_once(folder), run_once(folder)
    assert folder.holds()[0] == 1
    run_once(folder, "f32")
    assert folder.holds()[0] == 2, "each precision has its own"
    for name, values in without.items():
        np.testing.assert_array_equal(values, kept[name])
        np.testing.assert_array_equal(values, again[name])
    blob = blob_of(folder, "int8-96x64")
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    changed = run_once(folder)
    assert "refused" in said.text
    for name, values in without.items():
        np.testing.assert_array_equal(values, changed[name])
    assert blob_of(folder, "int8-96x64").read_bytes() != bytes(data), "made anew"


def test_what_openvino_does_not_load_is_made_anew(folder: NetworkFolder, said: pytest.LogCaptureFixture) -> None:
    folder.write("int8-96x64-1", b"no network at all")
    assert run_once(folder)
    assert "does not load, and is made anew" in said.text
    assert folder.holds()[1] > 1_000_000


def test_a_users_own_detector_is_neither_quantised_nor_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(WEIGHTS.read_bytes())
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    detector = Detector(FindSettings(detector=mine))
    detector.infer(RGB, 0.5).result(60)
    detector.close()
    assert "int8" not in detector.runs_on
    assert not (tmp_path / "cache").exists()


def test_the_weights_that_ship_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    for _ in range(2):
        detector = Detector(FindSettings(), threads=1)
        detector.infer(RGB, 0.5).result(60)
        detector.close()
    (index,) = (tmp_path / "cache").rglob(INDEX)
    names = sorted(json.loads(index.read_text())["files"])
    assert [name.rsplit("-", 1)[0].split("-", 1)[1] for name in names if "any" in name] == ["any-1"]
    assert [name for name in names if name.startswith("precision-")]
    checking = Detector(FindSettings(floats=True), threads=1)
    checking.close()
    assert "int8" not in checking.runs_on
