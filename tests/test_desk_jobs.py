"""Files veiled in processes of their own: progress, several at once, stopping, dying, and nothing left half done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.media_clips import make_clip

from passerby.config import PORTRAIT
from passerby.desk.jobs.running import COMMAND, JobPhase, JobState, VeilJobs, VeilOrder
from passerby.desk.jobs.work import ProgressTold, veil_beside
from passerby.desk.project import Project
from passerby.errors import PasserbyError, UnreadableError
from passerby.values import digest_file
from passerby.veil import read_sidecar

WAIT_S = 60.0


class Watching:
    """Waits for jobs without looking again and again."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def changed(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, holds: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, WAIT_S), "waited in vain"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a clip that takes longer than a first sign of progress."""
    return make_clip(tmp_path_factory.mktemp("clip") / "a.mp4", frames=300, size=(640, 360)).read_bytes()


def worker(tmp_path: Path, body: str) -> tuple[str, ...]:
    """Return the command of a process that does something else than veiling."""
    script = tmp_path / "worker.py"
    script.write_text(f"import json, sys, os, time, signal\norder = json.loads(sys.stdin.readline())\n{body}\n")
    return (sys.executable, str(script))


def order(folder: Path, name: str = "a") -> VeilOrder:
    return VeilOrder(folder / f"{name}.mp4", folder / f"{name}_veiled.mp4", folder / f"{name}.tracks.json")


TELL = "print(json.dumps({}), flush=True)\n"
DONE = TELL.format("{'veiled': {'frames': 10, 'faces': 2, 'notes': ['n']}}")
WAIT_FOR_END = "sys.stdin.read()\n"


def test_a_picture_is_veiled_with_manifest_and_tracks_as_the_command_does(tmp_path: Path) -> None:
    source = tmp_path / "portrait.png"
    source.write_bytes(PORTRAIT.read_bytes())
    target, tracks = tmp_path / "portrait_veiled.png", tmp_path / "portrait_veiled.png.tracks.json"
    watching = Watching()
    with VeilJobs(1, changed=watching.changed) as jobs:
        number = jobs.start(VeilOrder(source, target, tracks))
        watching.until(lambda: not jobs.busy)
        state = jobs.state(number)
    assert (state.phase, state.error, state.of, state.faces) == (JobPhase.DONE, "", 1, 1)
    header, boxes = read_sidecar(tracks)
    assert (header.source, header.output) == (digest_file(source), digest_file(target))
    assert len(boxes) == 1
    manifest = json.loads((tmp_path / "portrait_veiled.png.manifest.json").read_text())
    assert manifest["outputs"][0] | {"digest": ""} == {"name": target.name, "digest": ""} | {
        key: value for key, value in manifest["outputs"][0].items() if key not in {"name", "digest"}
    }
    outputs = {target.name, tracks.name, "portrait_veiled.png.manifest.json"}
    project = {"portrait.png.desk.jsonl", "portrait.png.desk.tracks.json"}
    assert {one.name for one in tmp_path.iterdir()} == {source.name} | outputs | project
    with Project.open(source, target) as opened:
        assert "verify" in {doubt.why for doubt in opened.state().doubts}, "the detectors that verify looked once more"


def test_what_cannot_be_veiled_says_why_and_what_helps(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    source.write_bytes(b"\0\0\0\x18ftypisom" + bytes(64))
    watching = Watching()
    with VeilJobs(1, changed=watching.changed) as jobs:
        number = jobs.start(order(tmp_path))
        watching.until(lambda: not jobs.busy)
        state = jobs.state(number)
    assert state.phase is JobPhase.FAILED
    assert "a.mp4" in state.error
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]


def test_progress_gives_speed_and_time_left(tmp_path: Path) -> None:
    command = worker(tmp_path, TELL.format("{'frames': 25.0, 'of': 100}") + WAIT_FOR_END)
    clock = iter([0.0, 5.0])
    watching = Watching()
    with VeilJobs(1, command=command, clock=lambda: next(clock), changed=watching.changed) as jobs:
        number = jobs.start(order(tmp_path))
        watching.until(lambda: jobs.state(number).frames > 0)
        state = jobs.state(number)
    assert (state.frames, state.of, state.speed, state.left_s) == (25.0, 100, 5.0, 15.0)


def test_two_passes_over_a_file_count_half_each_and_are_told_now_and_then() -> None:
    told: list[dict[str, object]] = []
    now = iter([0.0, 0.1, 0.5, 0.6])
    progress = ProgressTold(told.append, lambda: next(now))
    for what, done in (("watching", 10), ("watching", 20), ("writing", 10), ("writing", 11)):
        progress(what, done, 100)
    assert told == [{"frames": 5.0, "of": 100}, {"frames": 15.0, "of": 100}]


def test_so_many_at_once_as_was_said_and_the_rest_in_order(tmp_path: Path) -> None:
    watching = Watching()
    with VeilJobs(2, command=worker(tmp_path, WAIT_FOR_END), changed=watching.changed) as jobs:
        numbers = [jobs.start(order(tmp_path, str(n))) for n in range(4)]

        def phases() -> list[str]:
            return [jobs.state(n).phase.value for n in numbers]

        assert phases() == ["veiling", "veiling", "waiting", "waiting"]
        jobs.stop(numbers[3])
        jobs.stop(numbers[0])
        watching.until(lambda: phases() == ["stopped", "veiling", "veiling", "stopped"])
    assert phases() == ["stopped"] * 2 + ["stopped"] * 2, "leaving ends them"
    with pytest.raises(LookupError):
        jobs.state(99)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended (signal 9)"),
        ("sys.exit(3)", "ended (exit code 3)"),
        ("print('no json', flush=True)\ntime.sleep(600)", "ended (signal 9)"),
    ],
)
def test_a_process_that_dies_costs_its_file_and_no_other(tmp_path: Path, body: str, error: str) -> None:
    watching = Watching()
    falls = f"if '/a.mp4' in order['source']:\n  {body.replace(chr(10), chr(10) + '  ')}\n{DONE}"
    with VeilJobs(1, command=worker(tmp_path, falls), changed=watching.changed) as jobs:
        first, second = jobs.start(order(tmp_path, "a")), jobs.start(order(tmp_path, "b"))
        watching.until(lambda: not jobs.busy)
        assert error in jobs.state(first).error
        assert jobs.state(first).hint
        assert jobs.state(second) == JobState(JobPhase.DONE, 10, 10, faces=2, notes=("n",))


def test_a_program_that_is_not_there_is_an_error_of_the_file(tmp_path: Path) -> None:
    with VeilJobs(1, command=[str(tmp_path / "none")]) as jobs:
        assert "no process can be started" in jobs.state(jobs.start(order(tmp_path))).error


def test_stopping_in_the_middle_leaves_nothing(tmp_path: Path, clip: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    watching = Watching()
    with VeilJobs(1, changed=watching.changed) as jobs:
        number = jobs.start(order(tmp_path))
        watching.until(lambda: jobs.state(number).frames > 0)
        jobs.stop(number)
        assert jobs.state(number).phase is JobPhase.STOPPED
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]


def test_a_process_whose_server_is_killed_undoes_what_it_was_doing_and_ends(tmp_path: Path, clip: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    given = {
        "source": str(tmp_path / "a.mp4"),
        "target": str(tmp_path / "o.mp4"),
        "tracks": str(tmp_path / "t"),
        "among": 1,
        "held": False,
    }
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(given) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["frames"] >= 0
        process.stdin.close()
        assert process.wait(WAIT_S) == 128 + signal.SIGTERM
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]


def test_an_output_that_fails_leaves_no_tracks_and_no_manifest(tmp_path: Path) -> None:
    source = tmp_path / "portrait.png"
    source.write_bytes(PORTRAIT.read_bytes())
    (tmp_path / "t.json").mkdir()
    with pytest.raises(PasserbyError):
        veil_beside(source, tmp_path / "o.png", tmp_path / "t.json", ProgressTold(lambda _: None))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["portrait.png", "t.json"]


def test_a_file_that_is_replaced_while_it_is_veiled_leaves_nothing(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", frames=30)
    other = make_clip(tmp_path / "other.mp4", frames=30)

    def replace_it(_: object) -> None:
        if other.exists():
            other.replace(source)

    with pytest.raises(UnreadableError, match=r"a\.mp4 was changed while it was read"):
        veil_beside(source, tmp_path / "o.mp4", tmp_path / "t.json", ProgressTold(replace_it))
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]
