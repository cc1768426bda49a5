"""What a project believes when it is opened again: of its output, of what others did to it, of doubts that moved meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.desk_project import FRAMES, covers_at, opened, track, veiled_file

from passerby.desk import (
    JoinEdit,
    KeepEdit,
    Project,
    SettleEdit,
    UncoverEdit,
    UnzoneEdit,
    ZoneEdit,
    boxes_to_json,
    state_to_json,
)
from passerby.errors import OutputError
from passerby.media import build_manifest, digest_named, write_manifest
from passerby.values import Zone, digest_file
from passerby.veil import CoverSettings, CoverStyle, VeilSettings

CORNER = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.25))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    veiled_file(tmp_path)
    with opened(tmp_path) as found:
        yield found


def test_not_a_face_takes_away_what_was_in_doubt_and_nothing_that_was_joined_to_it(project: Project) -> None:
    (doubt,) = project.state().doubts
    project.apply(JoinEdit((4, 3)))
    state = project.apply(SettleEdit(doubt.id, "not a face"))
    assert [(one.number, one.first, one.last) for one in state.tracks] == [(1, 10, 90), (2, 20, 60), (4, 49, 150)]
    assert state.tracks[-1].box_at(150) == (170, 10, 190, 30)


def test_what_is_settled_as_covered_is_covered_in_all_its_frames(project: Project) -> None:
    (doubt,) = project.state().doubts
    project.apply(UncoverEdit((4,), 43, 48))
    state = project.apply(SettleEdit(doubt.id, "covered"))
    assert {
        frame for frame in range(40, 49) if any(one.number > 3 and one.last == 48 for one in covers_at(state, frame))
    } == {*range(40, 49)}
    state = project.apply(SettleEdit(doubt.id, "not a face"))
    assert [one.number for one in state.tracks] == [1, 2, 3], "both that are about it"


def _exported_with(project: Project, zones: tuple[Zone, ...], content: bytes) -> None:
    """Let a project be exported: the output, and the manifest that says with which zones."""
    state = project.state()
    project.veiled.write_bytes(content)
    told = build_manifest(
        inputs=[digest_named(project.source)], outputs=[digest_named(project.veiled)],
        settings=VeilSettings(cover=CoverSettings(zones=zones)), weights=None,
    )  # fmt: skip
    write_manifest(told, project.veiled, overwrite=True)
    project.note_exporting(digest_file(project.veiled), state)
    project.note_exported(state)


def test_a_project_opens_again_after_zones_were_exported(tmp_path: Path) -> None:
    _, veiled = veiled_file(tmp_path)
    gate, door = Zone(CORNER, "gate"), Zone(((0.5, 0.5), (1.0, 0.5), (1.0, 1.0)), "door")
    told = build_manifest(
        inputs=[],
        outputs=[digest_named(veiled)],
        settings=VeilSettings(cover=CoverSettings(zones=(gate,))),
        weights=None,
    )
    write_manifest(told, veiled, overwrite=True)
    with opened(tmp_path) as project:
        project.apply(ZoneEdit(door.points, "door"))
        _exported_with(project, (gate, door), b"with both")
    with opened(tmp_path) as project:
        assert (project.state().zones, project.state().changed_frames) == ((gate, door), ())
        project.apply(UnzoneEdit("gate"))
        _exported_with(project, (door,), b"with one")
    with opened(tmp_path) as project:
        assert (project.state().zones, project.state().changed_frames) == ((door,), ())
        assert project.undo().zones == (gate, door)


@pytest.mark.parametrize("cover", [CoverSettings(keep=frozenset({1})), CoverSettings(soft=((1, CoverStyle.BLUR),))])
def test_an_output_in_which_somebody_was_left_clear_does_not_pass_for_one_that_covers_all(
    tmp_path: Path, cover: CoverSettings
) -> None:
    veiled_file(tmp_path, cover=cover)
    with opened(tmp_path) as project:
        assert (project.state().kept, project.state().changed_frames) == (None, ((0, FRAMES - 1),))


def test_nothing_is_added_to_a_project_that_is_closed(tmp_path: Path) -> None:
    veiled_file(tmp_path)
    project = opened(tmp_path)
    project.close()
    with (tmp_path / "other").open("wb") as other, pytest.raises(OutputError):
        project.apply(UncoverEdit((1,)))
    assert (other.closed, (tmp_path / "other").read_bytes()) == (True, b"")


def test_what_an_output_covers_that_the_project_does_not_know_stays_covered(tmp_path: Path) -> None:
    veiled_file(tmp_path)
    with opened(tmp_path) as project:
        project.apply(UncoverEdit((2,)))
        project.apply(KeepEdit((1,), "consent"))
    one, two, other = track(2, 10, 90, 30.0), track(1, 20, 60, 200.0), track(3, 5, 25, 500.0)
    veiled_file(tmp_path, (two, one, other, track(4, 110, 160, 130.0)), content=b"veiled anew")
    with opened(tmp_path) as project:
        assert any(
            "2 covers of the output that the project did not know were taken in" in note for note in project.notes
        )
        state = project.state()
        assert [one.box_at(22) for one in covers_at(state, 22)] == [(517, 10, 537, 30)], (
            "as was decided, and the new one"
        )
        assert [one.box_at(155) for one in covers_at(state, 155)] == [(175, 10, 195, 30)], "a longer track is longer"
    with opened(tmp_path) as project:
        now = project.state()
        assert (state_to_json(now), boxes_to_json(now, 0, FRAMES)) == (
            state_to_json(state),
            boxes_to_json(state, 0, FRAMES),
        ), "once"
