"""A veiled file over HTTP: its state, its edits, boxes that are followed, its frames; by a real project on disk."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.desk_site import desk_site
from tests.gateway_tools import wait_for
from tests.media_clips import make_clip

from passerby.desk import DeskFile, DeskFiles, JobPhase, JobState, VeilJobs
from passerby.errors import UsageError
from passerby.values import Track, digest_file
from passerby.veil import RUN_DIGEST_FRAMES, SidecarHeader, run_digests, track_boxes, write_sidecar
from passerby.web.desk.app import DeskParts
from passerby.web.desk.opened import OpenedFiles

FRAMES = 40


def veiled_clip(folder: Path) -> Path:
    """Make a clip whose output is another one, with the sidecar of two faces beside it."""
    source, veiled = folder / "street.mp4", folder / "street_veiled.mp4"
    make_clip(source, size=(320, 180), frames=FRAMES, options={"preset": "veryfast", "g": "12"})
    make_clip(veiled, size=(320, 180), frames=FRAMES, options={"preset": "veryfast", "g": "8"})
    boxes = np.tile(np.array([[60, 40, 90, 76]], np.float32), (20, 1))
    tracks = tuple(Track(number, first, boxes, np.full(20, 0.9, np.float32)) for number, first in ((1, 0), (2, 20)))
    header = SidecarHeader(
        digest_file(source), 320, 180, FRAMES, Fraction(1, 12800), "0", output=digest_file(veiled), cuts=(13,),
        run_frames=RUN_DIGEST_FRAMES, runs=run_digests(tracks, FRAMES),
    )  # fmt: skip
    write_sidecar(veiled.with_name(veiled.name + ".tracks.json"), header, track_boxes(tracks))
    return source


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with ExitStack() as stack:
        files = stack.enter_context(DeskFiles(stack.enter_context(VeilJobs(1))))
        edited = stack.enter_context(OpenedFiles(files.get))
        site = stack.enter_context(
            desk_site(lambda entry, end: DeskParts(entry=entry, end=end, files=files, edited=edited))
        )
        (opened,) = files.open(veiled_clip(tmp_path))
        wait_for(lambda: files.get(opened.id).state.phase is JobPhase.DONE)
        yield stack.enter_context(site.client())


def test_the_state_says_what_the_page_needs(client: httpx.Client) -> None:
    told = client.get("/api/files/1/state").json()
    assert (told["frames"], told["width"], told["height"], told["rotation"]) == (FRAMES, 320, 180, 0)
    assert told["times_s"][:3] == pytest.approx([0, 0.04, 0.08])
    assert [(one["number"], one["first"], one["last"]) for one in told["tracks"]] == [(1, 0, 19), (2, 20, 39)]
    assert (told["cuts"], told["changed_frames"], told["undo_depth"]) == ([13], [], 0)
    assert told["notes"] == ["no manifest tells how it was made: it is covered as usual"]
    boxes = client.get("/api/files/1/boxes?first=18&last=21").json()["boxes"]
    assert boxes == {str(frame): [[1 if frame < 20 else 2, 60, 40, 90, 76]] for frame in range(18, 22)}


def test_edits_are_on_disk_before_they_are_answered_and_undone(client: httpx.Client, tmp_path: Path) -> None:
    edit = {"do": "cover", "boxes": [{"frame": 3, "box": [10, 10, 40, 50]}], "origin": "drawn"}
    told = client.post("/api/files/1/edits", json=edit).json()
    assert [one["number"] for one in told["tracks"]] == [1, 2, 3]
    journal = tmp_path / "street.mp4.desk.jsonl"
    assert json.loads(journal.read_text().splitlines()[-1])["do"] == "cover"
    assert client.post("/api/files/1/undo").json()["redo_depth"] == 1
    assert client.post("/api/files/1/redo").json()["undo_depth"] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "an edit must be one JSON object"),
        (b'{"do": "recognise"}', "do must be one of"),
        (b'{"do": "cover", "boxes": []}', "boxes of cover must be a list"),
        (b'{"do": "cover", "boxes": [{"frame": 1, "box": [1, 1, 9, 9]}], "style": "blur"}', "style of a face must be solid"),
        (b'{"do": "split", "track": 9, "frame": 3}', "track"),
    ],
)  # fmt: skip
def test_what_is_no_edit_is_refused_in_words(client: httpx.Client, body: bytes, words: str) -> None:
    answer = client.post("/api/files/1/edits", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_what_was_asked_for_in_another_window_s_state_is_refused(client: httpx.Client) -> None:
    seen = client.get("/api/files/1/state").json()["steps"]
    client.post(f"/api/files/1/edits?seen={seen}", json={"do": "split", "track": 1, "frame": 10})
    client.post(f"/api/files/1/undo?seen={seen + 1}")
    now = client.post(f"/api/files/1/edits?seen={seen + 2}", json={"do": "split", "track": 2, "frame": 30}).json()
    assert [(one["number"], one["first"]) for one in now["tracks"]] == [(1, 0), (2, 20), (3, 30)]
    for way, row in (("edits", {"do": "uncover", "tracks": [3]}), ("undo", {}), ("redo", {})):
        late = client.post(f"/api/files/1/{way}?seen={seen + 1}", json=row)
        assert (late.status_code, late.json()["hint"]) == (409, "look again, and repeat it"), "3 was another one then"
    assert client.get("/api/files/1/state").json()["steps"] == now["steps"] == seen + 3


def test_one_person_s_next_piece_is_offered(client: httpx.Client) -> None:
    client.post("/api/files/1/edits", json={"do": "keep", "tracks": [1], "why": "consent"})
    found = client.get("/api/files/1/pieces?track=1&frame=19").json()["pieces"]
    assert [one["number"] for one in found] == [2]


def test_a_box_is_followed_line_by_line(client: httpx.Client) -> None:
    asked = {"frame": 30, "box": [200, 90, 240, 140], "direction": 1}
    with client.stream("POST", "/api/files/1/follow", json=asked) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert [one["frame"] for one in lines] == [*range(31, 40)]
    assert all(set(one) == {"frame", "box", "quality", "ended"} for one in lines)
    assert lines[-1]["ended"] == "end"


@pytest.mark.parametrize(
    "change", [{"frame": -1}, {"frame": True}, {"box": [1, 2, 3]}, {"box": [1, 2, 3, "4"]}, {"direction": 2}]
)
def test_what_cannot_be_followed_is_refused(client: httpx.Client, change: dict[str, object]) -> None:
    asked: dict[str, object] = {"frame": 30, "box": [200, 90, 240, 140], "direction": 1}
    assert client.post("/api/files/1/follow", json=asked | change).status_code == 400


def test_frames_of_both_files_are_jpegs_that_nobody_keeps(client: httpx.Client) -> None:
    for query, size in (("of=veiled", (320, 180)), ("of=original&w=160", (160, 90)), ("w=0", (16, 9))):
        answer = client.get(f"/api/files/1/frame/7.jpg?{query}")
        assert answer.headers["cache-control"] == "no-store"
        assert Image.open(io.BytesIO(answer.content)).size == size


def test_what_is_not_there_is_not_found(client: httpx.Client, tmp_path: Path) -> None:
    for path in ("/look/9", "/api/files/9/state", "/api/files/1/out/statement", "/api/files/1/frame/40.jpg"):
        assert client.get(path).status_code == 404, path
    answer = client.get("/api/files/1/out/veiled")
    assert answer.content == (tmp_path / "street_veiled.mp4").read_bytes()
    policy = answer.headers["content-security-policy"]
    assert "media-src 'self'" in policy, "or the browser shows an empty player"
    assert "sandbox" not in policy
    (tmp_path / "street_veiled.mp4.report.html").write_text("<script>x()</script>")
    assert client.get("/api/files/1/out/report").headers["content-security-policy"].endswith("sandbox")


def test_a_file_that_is_not_veiled_yet_is_said_so(tmp_path: Path) -> None:
    waiting = DeskFile("1", tmp_path / "street.mp4", tmp_path / "street_veiled.mp4", JobState())
    with (
        OpenedFiles(lambda _: waiting) as edited,
        pytest.raises(UsageError, match="must be veiled before it is looked"),
    ):
        edited("1")


def test_a_desk_that_exports_is_busy_also_when_nobody_looks(tmp_path: Path) -> None:
    source = veiled_clip(tmp_path)
    done = DeskFile("1", source, tmp_path / "street_veiled.mp4", JobState(JobPhase.DONE))
    with OpenedFiles(lambda _: done) as edited:
        seen = []

        def enough(_: float) -> None:
            seen.append(edited.busy)
            raise UsageError("enough")

        with pytest.raises(UsageError, match="enough"):
            edited("1").export(enough, "en")
        assert (seen, edited.busy) == ([True], False)
