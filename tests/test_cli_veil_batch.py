"""A folder is finished by giving the same command again, however a run ended, and several files are veiled at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from passerby.cli.app import build
from passerby.config import PORTRAIT, processes_for, processors, share_processors
from passerby.values import digest_bytes
from passerby.veil.tools.demo_clip import demo_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    demo_clip(path, 0.6, (320, 180))
    return path.read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, clip: bytes) -> Path:
    """A folder of inputs, veiled once."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "in" / "deep").mkdir(parents=True)
    with Image.open(PORTRAIT) as portrait:
        for name, side in [("a.png", 96), ("b.jpg", 128), ("deep/c.png", 128)]:
            portrait.convert("RGB").resize((side, side)).save(folder / "in" / name)
    for name in ("d.mp4", "deep/e.mp4"):
        (folder / "in" / name).write_bytes(clip)
    done = CliRunner().invoke(build(), ["veil", str(folder / "in"), "-o", str(folder / "out"), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def veil(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["veil", "in", "-o", "out", *arguments])


def outputs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder / "out")): path.read_bytes()
        for path in (folder / "out").rglob("*")
        if path.is_file() and not path.name.startswith(".passerby-")
    }


ALL = {"a.png", "b.jpg", "d.mp4", "deep/c.png", "deep/e.mp4"}


def manifests_hold(folder: Path) -> bool:
    """Whether no output stands without the manifest that tells it; a process that was killed may leave one alone."""
    found = outputs(folder)
    named = {name.removesuffix(".manifest.json") for name in found if name.endswith(".manifest.json")}
    return named >= {name for name in found if not name.endswith(".manifest.json")}


def test_what_is_done_is_left_and_what_is_not_is_done(folder: Path) -> None:
    before = outputs(folder)
    assert before.keys() == ALL | {f"{name}.manifest.json" for name in ALL}
    (folder / "out" / "a.png").unlink()  # its manifest stays, as where a process was killed between the two
    (folder / "out" / "d.mp4").write_bytes(b"")
    done = veil("--report", "r.html", "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert sorted(done.stdout.splitlines()) == [str(Path("out/a.png")), str(Path("out/d.mp4"))]
    assert done.stderr.count("veiled already") == 3
    assert {name: data for name, data in outputs(folder).items() if not name.endswith("json")} == {
        name: data for name, data in before.items() if not name.endswith("json")
    }
    told = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert [row["source"] for row in told["files"]] == ["a.png", "d.mp4"]
    assert sum("veiled already" in row["reason"] for row in told["skipped"]) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fill", "#000000"], "made with other settings"),
        (["--no-skip-done"], "output exists already"),
    ],
)
def test_what_was_made_otherwise_is_named_and_stays(folder: Path, arguments: list[str], words: str) -> None:
    before = outputs(folder)
    done = veil(*arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count(words) == 5
    assert outputs(folder) == before


def test_what_is_not_ours_is_named_and_stays(folder: Path) -> None:
    (folder / "in" / "a.png").write_bytes((folder / "in" / "deep" / "c.png").read_bytes())
    (folder / "out" / "b.jpg").write_bytes(b"edited")
    manifest = folder / "out" / "d.mp4.manifest.json"
    told = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(told | {"versions": told["versions"] | {"passerby": "0.0.1"}}), encoding="utf-8")
    (folder / "out" / "deep" / "e.mp4.manifest.json").write_text("mine", encoding="utf-8")
    before = outputs(folder)
    done = veil()
    assert done.exit_code == 1
    for words in ("made of another input", "changed since", "made by version 0.0.1", "none that can be read"):
        assert words in done.stderr
    assert outputs(folder) == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_is_finished_by_the_same_command(folder: Path, number: signal.Signals) -> None:
    shutil.rmtree(folder / "out")
    for index in range(6):
        (folder / "in" / f"f{index}.mp4").write_bytes((folder / "in" / "d.mp4").read_bytes())
    command = [sys.executable, "-m", "passerby", "veil", "in", "-o", "out", "--jobs", "2", "--quiet"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        run.stdout.readline()  # one file is done
        os.kill(run.pid, number)
        _, said = run.communicate(timeout=60)
    assert run.returncode != 0
    if number != signal.SIGKILL:
        assert "of 11 files are done" in said
    until = time.monotonic() + 30
    while any(path.name.startswith(".passerby-") for path in folder.rglob("*")) and time.monotonic() < until:
        time.sleep(0.1)  # processes whose parent was killed undo what they do
    assert not [path for path in folder.rglob("*") if path.name.startswith(".passerby-")]
    done = veil("--jobs", "1")
    assert done.exit_code == 0, done.output
    assert {name for name in outputs(folder) if not name.endswith("json")} == ALL | {
        f"f{index}.mp4" for index in range(6)
    }
    assert manifests_hold(folder)


def test_a_run_killed_with_all_its_processes_is_finished_by_the_same_command(folder: Path) -> None:
    shutil.rmtree(folder / "out")
    command = [sys.executable, "-m", "passerby", "veil", "in", "-o", "out", "--jobs", "2"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, start_new_session=True) as run:
        assert run.stdout is not None
        run.stdout.readline()  # one file is done
        os.killpg(run.pid, signal.SIGKILL)
    done = veil("--jobs", "1", "--quiet")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    found = outputs(folder)
    assert found.keys() == ALL | {f"{name}.manifest.json" for name in ALL}
    for name in ALL:
        told = json.loads(found[f"{name}.manifest.json"])
        assert told["outputs"][0]["digest"] == digest_bytes(found[name])


def workers_of(pid: int) -> list[int]:
    """Return the processes that veil for a run."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(one) for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the processes in /proc")
def test_a_process_that_dies_costs_its_file(folder: Path) -> None:
    shutil.rmtree(folder / "out")
    for index in range(6):
        (folder / "in" / f"f{index}.mp4").write_bytes((folder / "in" / "d.mp4").read_bytes())
    command = [sys.executable, "-m", "passerby", "veil", "in", "-o", "out", "--jobs", "2"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        first = run.stdout.readline()
        os.kill(workers_of(run.pid)[-1], signal.SIGKILL)
        written, said = run.communicate(timeout=100)
    assert run.returncode == 1, said
    assert said.count("the process that veiled it ended (signal 9)") == 1
    assert "hint: if memory ran out" in said
    assert len((first + written).splitlines()) == 10
    assert manifests_hold(folder)


def test_processes_share_the_processors() -> None:
    whole = processors()
    try:
        share_processors(2)
        assert processors() == max(1, whole // 2)
        share_processors(1000)
        assert processors() == 1
    finally:
        share_processors(1)
    assert 1 <= processes_for(1000) <= whole
    assert processes_for(1) == 1
