"""Doubts of the desk: from the report, from verifying and from low scores, one for each place, with ids that stay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.desk_project import FRAMES, opened, veiled_file

from passerby.desk import Project, SettleEdit, doubts_of_report, doubts_of_verify
from passerby.desk.project.doubts import doubt_to_json, join_doubts, parse_doubt
from passerby.desk.project.told import told_settings
from passerby.errors import UsageError
from passerby.media import build_manifest, digest_named, write_manifest
from passerby.values import Digest, Zone
from passerby.veil import CoverSettings, CoverStyle, ReviewPlace, TrackBox, VeilReport, VeilSettings, VerifyResult
from passerby.veil.review.places import ExposedPlace, VerifyDetection

BOX = (300.0, 100.0, 330.0, 140.0)
AWAY = (500.0, 200.0, 530.0, 240.0)


def place(frame: int, box: tuple[float, float, float, float], score: float) -> ExposedPlace:
    best = VerifyDetection(frame, frame / 25, box, score, 0.3, "a detector")
    return ExposedPlace(best, frame - 4, frame + 4, 0.0, 0.1, 5, ("a detector",))


def verified(*places: ExposedPlace) -> VerifyResult:
    sure = tuple(one for one in places if one.best.sureness >= 1)
    boxes = tuple(
        TrackBox(n, one.best.frame + off, one.best.box) for n, one in enumerate(sure, 1) for off in (-6, 0, 6)
    )
    faint = tuple(one for one in places if one.best.sureness < 1)
    return VerifyResult(FRAMES, 100, sure, faint, ("a detector",), 640, 360, boxes)


def reported(*places: ReviewPlace) -> VeilReport:
    digest = Digest("sha256:0")
    return VeilReport("a", digest, "b", digest, "", digest, 640, 360, FRAMES, 0, 0, 0.0, 0.0, places=places)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    veiled_file(tmp_path)
    return opened(tmp_path)


def test_what_is_doubtful_on_a_page_covers_nothing_of_the_next() -> None:
    seen = doubts_of_verify(verified(place(72, BOX, 0.2)), spread=0)
    told = doubts_of_report(reported(ReviewPlace("faint", 70, 2.8, BOX, 0.11, covered=False)), spread=0)
    assert [[one.frame for one in doubt.boxes] for doubt in told] == [[70]]
    assert [[one.frame for one in doubt.boxes] for doubt in seen] == [[68, 72, 76]], "on the pages where it was seen"


def test_the_same_place_from_report_and_verify_is_one_doubt_and_keeps_its_id(project: Project) -> None:
    first = project.add_doubts(doubts_of_report(reported(ReviewPlace("faint", 70, 2.8, BOX, 0.11, covered=False))))
    (one,) = [doubt for doubt in first.doubts if doubt.track is None]
    state = project.add_doubts(doubts_of_verify(verified(place(72, BOX, 0.6), place(90, AWAY, 0.15))))
    (joined,) = [doubt for doubt in state.doubts if doubt.id == one.id]
    assert joined.why == "report,verify"
    assert joined.boxes == one.boxes, "what is covered stays as it was: somebody may have settled it"
    assert [doubt.why for doubt in state.doubts] == ["report,verify", "verify", "score"], "best first"
    assert project.add_doubts(doubts_of_verify(verified(place(72, BOX, 0.6)))).doubts == state.doubts, "nothing new"
    project.close()


def test_a_place_that_seems_left_is_covered_by_one_edit(project: Project) -> None:
    state = project.add_doubts(doubts_of_verify(verified(place(72, BOX, 0.6))))
    doubt = state.doubts[0]
    assert (doubt.why, doubt.track, doubt.frame, doubt.box) == ("verify", None, 72, BOX)
    state = project.apply(SettleEdit(doubt.id, "covered"))
    made = state.tracks[-1]
    assert (made.origin, made.box_at(72)) == ("drawn", BOX)
    assert made.first <= 66
    assert made.last >= 78
    assert state.doubts[-1].settled == "covered"
    assert state.doubts[-1].track == made.number
    later = project.apply(SettleEdit(state.doubts[0].id, "later"))
    assert [one.settled for one in later.doubts] == ["later", "covered"]
    project.close()


def test_what_was_settled_stays_settled_when_more_is_found(tmp_path: Path) -> None:
    veiled_file(tmp_path)
    with opened(tmp_path) as project:
        doubt = project.add_doubts(doubts_of_verify(verified(place(72, BOX, 0.6)))).doubts[0]
        project.apply(SettleEdit(doubt.id, "covered"))
        was = project.add_doubts(doubts_of_verify(verified(place(74, BOX, 0.9)))).tracks[-1].track
    with opened(tmp_path) as again:
        now = again.state().tracks[-1].track
        assert (now.first, now.xyxy.tolist()) == (was.first, was.xyxy.tolist())


def test_doubts_are_read_as_they_were_written_and_mistakes_are_told() -> None:
    (doubt,) = doubts_of_verify(verified(place(72, BOX, 0.6)))
    row = json.loads(json.dumps(doubt_to_json(doubt)))
    assert parse_doubt(row) == doubt
    assert join_doubts([doubt], [replace(doubt)]) == ()
    with pytest.raises(UsageError, match="urgency of doubt must be a number, got 'x'"):
        parse_doubt(row | {"urgency": "x"})
    with pytest.raises(UsageError, match="boxes of doubt must be a list of one or more boxes"):
        parse_doubt(row | {"boxes": []})


def test_a_file_is_mended_as_it_was_made_and_faces_are_never_blurred(tmp_path: Path) -> None:
    source, veiled = veiled_file(tmp_path)
    assert told_settings(veiled) == (VeilSettings(), ("no manifest tells how it was made: it is covered as usual",))
    zone = Zone(((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)), "door")
    for cover, notes in (
        (CoverSettings(CoverStyle.AVATAR, heads=True, mask_scale=1.5, zones=(zone,)), ()),
        (CoverSettings(CoverStyle.BLUR, allow_reversible=True), ("faces are covered solid instead of by blur",)),
    ):
        made = VeilSettings(cover=cover)
        told = build_manifest(
            inputs=[digest_named(source)], outputs=[digest_named(veiled)], settings=made, weights=None
        )
        write_manifest(told, veiled, overwrite=True)
        expected = made if not notes else VeilSettings()
        assert told_settings(veiled) == (expected, notes)
    veiled.write_bytes(b"of an export that never took its name")
    assert told_settings(veiled) == (
        VeilSettings(), ("its manifest is of another output: it is covered as usual",)
    )  # fmt: skip
    (tmp_path / "clip_veiled.mp4.manifest.json").write_text("{}")
    assert told_settings(veiled)[1] == ("its manifest cannot be read: it is covered as usual",)
