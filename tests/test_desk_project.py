"""Edits of the desk: strictly read, durably written, and none bares a face that it does not name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.desk_project import FRAMES, TRACKS, opened, veiled_file

from passerby.desk import (
    CorrectEdit,
    CoverEdit,
    DeskEdit,
    DeskState,
    DrawnBox,
    JoinEdit,
    KeepEdit,
    Project,
    SettleEdit,
    SplitEdit,
    UncoverEdit,
    UnkeepEdit,
    UnzoneEdit,
    ZoneEdit,
    boxes_to_json,
    edit_to_json,
    next_pieces,
    parse_edit,
    state_to_json,
)
from passerby.errors import DeskError, OutputError, UsageError
from passerby.files import FileSystem

frames = st.integers(0, FRAMES - 1)
numbers = st.integers(1, 9)
boxes = st.tuples(st.integers(0, 500), st.integers(0, 300), st.integers(1, 90), st.integers(1, 50)).map(
    lambda r: (float(r[0]), float(r[1]), float(r[0] + r[2]), float(r[1] + r[3]))
)
spans = st.tuples(frames, frames).map(sorted)
drawn = st.dictionaries(frames, boxes, min_size=1, max_size=3).map(
    lambda found: tuple(DrawnBox(frame, box) for frame, box in sorted(found.items()))
)
zone = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.25))
some_tracks = st.lists(numbers, min_size=1, max_size=3, unique=True).map(tuple)
edits: st.SearchStrategy[DeskEdit] = st.one_of(
    st.builds(CoverEdit, drawn),
    st.builds(CoverEdit, drawn, st.sampled_from(["blur", "mosaic"]), st.sampled_from(["text", "plate"])),
    st.builds(CorrectEdit, numbers, frames, boxes),
    st.builds(lambda tracks, span: UncoverEdit(tracks, *span), some_tracks, spans),
    st.builds(UncoverEdit, some_tracks),
    st.builds(SplitEdit, numbers, frames),
    st.builds(JoinEdit, st.lists(numbers, min_size=2, max_size=2, unique=True).map(lambda two: (two[0], two[1]))),
    st.builds(ZoneEdit, st.just(zone), st.sampled_from(["door", "window"])),
    st.builds(UnzoneEdit, st.sampled_from(["door", "window"])),
    st.builds(KeepEdit, some_tracks, st.just("consent")),
    st.just(UnkeepEdit()),
    st.builds(SettleEdit, st.sampled_from(["covered", "x"]), st.sampled_from(["covered", "not a face", "later"])),
)
steps = st.lists(st.one_of(edits, edits, st.just("undo"), st.just("redo")), max_size=12)


def told(state: DeskState) -> dict[str, Any]:
    """Return all that a state says, to compare."""
    found = state_to_json(state)
    return found | {"boxes": boxes_to_json(state, 0, FRAMES), "line": None}


def do(project: Project, step: DeskEdit | str) -> bool:
    """Take a step, where it fits."""
    try:
        _ = project.undo() if step == "undo" else project.redo() if step == "redo" else project.apply(step)  # type: ignore[arg-type]
    except UsageError:
        return False
    return True


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    veiled_file(tmp_path)
    with opened(tmp_path) as found:
        yield found


def covers(state: DeskState, *, leaving: set[int]) -> Counter[tuple[int, Any]]:
    """Return each covered box with its frame, of all tracks but some."""
    return Counter(
        (frame, one.box_at(frame))
        for one in state.tracks
        if not one.kept and one.number not in leaving
        for frame in range(one.first, one.last + 1)
    )


def named(edit: DeskEdit, state: DeskState) -> set[int]:
    """Return the tracks that an edit names."""
    match edit:
        case UncoverEdit(tracks) | KeepEdit(tracks):
            return set(tracks)
        case CorrectEdit(track):
            return {track}
        case SettleEdit(doubt):
            return {one.track for one in state.doubts if one.id == doubt and one.track is not None}
        case _:
            return set()


@settings(max_examples=40, deadline=None)
@given(st.lists(edits, max_size=8))
def test_no_edit_bares_a_face_that_it_does_not_name(given_edits: list[DeskEdit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        veiled_file(Path(folder))
        with opened(Path(folder)) as project:
            for edit in given_edits:
                was = project.state()
                if do(project, edit):
                    now = project.state()
                    before = covers(was, leaving=named(edit, was))
                    assert not before - covers(now, leaving=set()), edit
                    zones = {zone.name for zone in was.zones} - {zone.name for zone in now.zones}
                    assert zones <= ({edit.name} if isinstance(edit, UnzoneEdit) else set())


@settings(max_examples=40, deadline=None)
@given(st.lists(edits, max_size=8))
def test_undo_is_the_inverse_of_every_edit_and_redo_of_undo(given_edits: list[DeskEdit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        veiled_file(Path(folder))
        with opened(Path(folder)) as project:
            states = [told(project.state())]
            states += [told(project.state()) for edit in given_edits if do(project, edit)]
            for state in reversed(states[:-1]):
                back = told(project.undo())
                assert back | {"undo_depth": 0, "redo_depth": 0} == state | {"undo_depth": 0, "redo_depth": 0}
            for _ in states:
                project.redo()
            assert told(project.state()) == states[-1]


@settings(max_examples=40, deadline=None)
@given(steps, st.floats(0, 1))
def test_what_was_acknowledged_is_there_again_whatever_byte_a_kill_came_at(
    given_steps: list[DeskEdit | str], share: float
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        veiled_file(folder)
        journal = folder / "clip.mp4.desk.jsonl"
        with opened(folder) as project:
            known = {journal.stat().st_size: told(project.state())}
            for step in given_steps:
                do(project, step)
                known[journal.stat().st_size] = told(project.state())
        least, most = min(known), max(known)
        at = least + round(share * (most - least))
        os.truncate(journal, at)
        with opened(folder) as again:
            acknowledged = max(size for size in known if size <= at)
            assert told(again.state()) == known[acknowledged]
            assert any("half a last line" in note for note in again.notes) == (at not in known)
            do(again, ZoneEdit(zone, "after"))
        with opened(folder) as last:
            assert [one.name for one in last.state().zones][-1:] == ["after"], "it goes on behind the last whole line"


@settings(deadline=None)
@given(edits)
def test_an_edit_is_read_as_it_was_written(edit: DeskEdit) -> None:
    assert parse_edit(json.loads(json.dumps(edit_to_json(edit)))) == edit


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([], r"edit must be a JSON object, got \[\]"),
        ({"do": "blur"}, "do must be one of cover, correct, uncover, .*got 'blur'"),
        ({"do": []}, "do must be one of"),
        ({"do": "split", "track": 1, "frame": 2, "x": 1}, "split may have frame, track, got 'x'"),
        ({"do": "split", "track": 0, "frame": 2}, "track of split must be a whole number from 1 on, got 0"),
        ({"do": "split", "track": True, "frame": 2}, "track of split must be a whole number from 1 on, got True"),
        ({"do": "split", "track": 1}, "frame of split must be a whole number from 0 on, got nothing"),
        ({"do": "split", "track": 1, "frame": 1 << 40}, "frame of split must be a whole number"),
        ({"do": "cover", "boxes": []}, "boxes of cover must be a list of one or more boxes, got"),
        ({"do": "cover", "boxes": [{"frame": 1, "box": [1, 2, 3]}]}, "box of box must be four numbers"),
        ({"do": "cover", "boxes": [{"frame": 1, "box": [1, 2, 3, float("nan")]}]}, "four numbers"),
        ({"do": "cover", "boxes": [{"frame": 1, "box": [9, 2, 3, 9]}]}, "must have x0 < x1 and y0 < y1"),
        ({"do": "cover", "boxes": [{"frame": 1, "box": [1, 2, 3, 4]}] * 2}, "one box in a frame, got two in frame 1"),
        ({"do": "cover", "boxes": [{"frame": 1, "box": [1, 2, 3, 4]}], "style": "blur"}, "style of a face must be solid"),
        ({"do": "cover", "boxes": [{"frame": 1, "box": [1, 2, 3, 4]}], "what": "hat"}, "what of cover must be one of face"),
        ({"do": "uncover", "tracks": []}, "tracks of uncover must be a list of 1 or more track numbers"),
        ({"do": "uncover", "tracks": [1, 1]}, "must name each track once"),
        ({"do": "uncover", "tracks": [1], "first": 9, "last": 3}, "first of uncover must not lie after last, got 9 and 3"),
        ({"do": "join", "tracks": [1, 2, 3]}, "tracks of join must be two, got 3"),
        ({"do": "zone", "points": [[0, 0], [1, 1]], "name": "a"}, "points of zone must be 3 to 200 corners"),
        ({"do": "zone", "points": [[0, 0], [1, 1], [0, 2]], "name": "a"}, "corner of a zone must be two numbers from 0 to 1"),
        ({"do": "zone", "points": [[0, 0], [1, 1], [0, 1]], "name": "a\nb"}, "name of zone must be 1 to 60 letters"),
        ({"do": "keep", "tracks": [1], "why": ""}, "why of keep must be 1 to 200 letters on one line, got ''"),
        ({"do": "settle", "doubt": "a", "as": "gone"}, "as of settle must be one of covered, not a face, later"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_own_words(row: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_edit(row)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (CoverEdit((DrawnBox(FRAMES, (0, 0, 9, 9)),)), "frame must be below 200, got 200"),
        (CorrectEdit(77, 3, (0, 0, 9, 9)), "track must be one of the 4 there are, got 77"),
        (UncoverEdit((1,), 100, 120), "track 1 must have boxes in the frames named, got 100 to 120"),
        (SplitEdit(1, 10), "frame of split must lie behind the first of track 1, got 10"),
        (JoinEdit((1, 2)), "second track of join must begin after the first ends in frame 90, got 20"),
        (UnzoneEdit("door"), "name must be that of a zone, got 'door'"),
        (UnkeepEdit(), "somebody must be left clear to be covered again, got nobody"),
        (KeepEdit((1, 2), "consent"), "tracks of keep must be of one person, got tracks 1 and 2 both in frame 20"),
        (SettleEdit("none", "later"), "doubt must be the id of one, got 'none'"),
    ],
)
def test_an_edit_that_does_not_fit_changes_nothing(project: Project, edit: DeskEdit, words: str) -> None:
    was = told(project.state())
    with pytest.raises(UsageError, match=words):
        project.apply(edit)
    assert told(project.state()) == was


def test_a_correction_fades_towards_the_next_known_boxes_and_makes_a_track_longer_outside(project: Project) -> None:
    state = project.apply(CorrectEdit(1, 14, (40.0, 10.0, 60.0, 30.0)))  # 6 pixels to the right of where it was
    one = state.tracks[0]
    assert [one.box_at(frame) for frame in (10, 12, 14, 16, 18)] == [
        (30, 10, 50, 30), (35, 10, 55, 30), (40, 10, 60, 30), (39, 10, 59, 30), (38, 10, 58, 30),
    ]  # fmt: skip
    assert state.moved == 1
    longer = project.apply(CorrectEdit(1, 94, (118.0, 10.0, 138.0, 30.0))).tracks[0]
    assert (longer.first, longer.last) == (10, 94)
    assert longer.box_at(92) == (114, 10, 134, 30)


def test_a_brush_over_a_span_leaves_both_ends_and_is_counted(project: Project) -> None:
    state = project.apply(UncoverEdit((1, 2), 30, 40))
    assert [(one.number, one.first, one.last) for one in state.tracks] == [
        (1, 10, 29), (2, 20, 29), (3, 110, 150), (4, 40, 48), (5, 41, 90), (6, 41, 60),
    ]  # fmt: skip
    assert [(one.track, one.first, one.last) for one in state.taken_away] == [(1, 30, 40), (2, 30, 40)]
    assert state.changed_frames == ((30, 40),)


def test_tracks_that_are_joined_are_covered_in_between(project: Project) -> None:
    state = project.apply(JoinEdit((1, 3)))
    one = state.tracks[0]
    assert (one.first, one.last, one.box_at(100)) == (10, 150, (120, 10, 140, 30))
    assert state.changed_frames == ((91, 109),)


def test_a_kept_person_stays_kept_through_cuts_and_is_one_person(project: Project) -> None:
    project.apply(KeepEdit((1,), "subject access"))
    state = project.apply(SplitEdit(1, 50))
    assert state.kept is not None
    assert state.kept.tracks == (1, 5)
    assert [one.number for one in state.tracks if one.kept] == [1, 5]
    assert [one.number for one in next_pieces(state, (1, 5), 90)] == [3], (
        "by place and time; who was there at once is not it"
    )
    state = project.apply(KeepEdit((1, 5, 3), "subject access"))
    assert [one.number for one in state.tracks if one.kept] == [1, 3, 5], "everybody else stays covered"
    assert project.apply(UnkeepEdit()).kept is None


def test_doubts_come_faintest_first_and_are_settled_by_one_edit_each(project: Project) -> None:
    (doubt,) = project.state().doubts
    assert (doubt.why, doubt.track, doubt.frame) == ("score", 4, 40)
    state = project.apply(SettleEdit(doubt.id, "not a face"))
    assert [one.number for one in state.tracks] == [1, 2, 3]
    assert state.doubts[0].settled == "not a face"
    state = project.apply(SettleEdit(doubt.id, "covered"))
    assert [one.number for one in state.tracks] == [1, 2, 3, 5], "a cover is made where none is left"
    assert state.doubts[0].track == 5


def test_a_project_is_open_in_one_place_and_of_one_file(tmp_path: Path) -> None:
    source, veiled = veiled_file(tmp_path)
    with opened(tmp_path) as project:
        project.apply(ZoneEdit(zone, "door"))
        with pytest.raises(DeskError, match="project must be open in one place"):
            opened(tmp_path)
    source.write_bytes(b"another")
    with pytest.raises(DeskError, match="must be the project of this very file"):
        opened(tmp_path)
    source.write_bytes(b"bare")
    base = tmp_path / "clip.mp4.desk.tracks.json"
    was = base.read_bytes()
    base.write_bytes(was + b"\n")
    with pytest.raises(DeskError, match="must be as it was when the project began"):
        opened(tmp_path)
    base.write_bytes(was)
    journal = tmp_path / "clip.mp4.desk.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"do": "split", "track": 99, "frame": 3}\n')
    with pytest.raises(DeskError, match="an edit must fit the clip: track must be one of"):
        opened(tmp_path)
    journal.write_bytes(b'{"format": "passerby-desk", "version": 9}\n')
    with pytest.raises(
        DeskError, match="header must say format 'passerby-desk' and version 1, got 'passerby-desk' and 9"
    ):
        opened(tmp_path)
    for none_of_ours in (b"a note without an end", b'{"of": "another program"}\n{"half'):
        journal.write_bytes(none_of_ours)
        with pytest.raises(DeskError, match="header must say format"):
            opened(tmp_path)
        assert journal.read_bytes() == none_of_ours
    veiled.write_bytes(b"other")
    journal.unlink()
    with opened(tmp_path) as again:
        assert again.state().changed_frames == ((0, FRAMES - 1),), "nobody knows what it shows"


class _FullDisk(FileSystem):
    """Fails to flush once it is told to."""

    full = False

    def flush(self, path: Path) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().flush(path)


def test_an_edit_that_cannot_be_written_was_never_made(tmp_path: Path) -> None:
    source, veiled = veiled_file(tmp_path)
    disk = _FullDisk()
    with Project.open(source, veiled, system=disk) as project:
        project.apply(ZoneEdit(zone, "door"))
        was = told(project.state())
        disk.full = True
        with pytest.raises(OutputError, match="No space left"):
            project.apply(ZoneEdit(zone, "window"))
        disk.full = False
        assert told(project.state()) == was
        project.apply(SplitEdit(1, 40))
        was = told(project.state())
    with opened(tmp_path) as again:
        assert told(again.state()) == was


_EDITOR = """
import sys
from pathlib import Path
from passerby.desk import Project, ZoneEdit
source, veiled = map(Path, sys.argv[1:])
with Project.open(source, veiled) as project:
    begin = len(project.state().zones)
    for n in range(begin, 10_000):
        state = project.apply(ZoneEdit(((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)), f"zone {n}"))
        print(len(state.zones), flush=True)
"""


def test_nothing_that_was_acknowledged_is_lost_by_kill_9_at_random_while_editing(tmp_path: Path) -> None:
    source, veiled = veiled_file(tmp_path)
    random = np.random.default_rng(5)
    acknowledged = 0
    for _ in range(4):
        command = [sys.executable, "-c", _EDITOR, str(source), str(veiled)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as editor:
            assert editor.stdout is not None
            for _ in range(int(random.integers(1, 40))):
                acknowledged = int(editor.stdout.readline())
            editor.send_signal(signal.SIGKILL)
            rest = editor.stdout.read().split("\n")
            acknowledged = max([acknowledged, *(int(line) for line in rest[:-1])])
        with opened(tmp_path) as project:
            zones = [one.name for one in project.state().zones]
            assert len(zones) in {acknowledged, acknowledged + 1}, "one more may have been on disk and not told"
            assert zones == [f"zone {n}" for n in range(len(zones))]


def test_tracks_of_the_first_veil_are_what_edits_are_applied_to(project: Project) -> None:
    state = project.state()
    assert [one.number for one in state.tracks] == [one.number for one in TRACKS]
    assert state.changed_frames == ()
    assert (state.undo_depth, state.redo_depth) == (0, 0)
