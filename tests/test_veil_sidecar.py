"""Sidecars: what is written comes back, what is broken is refused by line, edits never bare a face by accident."""

from __future__ import annotations

import json
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import OutputError, PasserbyError, UnreadableError, UsageError
from passerby.values import Digest, Track
from passerby.veil.review import edits, labels, sidecar
from passerby.veil.review.sidecar import SidecarHeader, TrackBox

SOURCE = Digest("sha256:" + "a" * 64)
HEADER = SidecarHeader(
    SOURCE, 640, 360, 150, Fraction(1, 12800), "0.1.0", SOURCE, SOURCE, SOURCE, 16, ("0" * 16, "f" * 16), cuts=(40, 77)
)
SCHEMA = json.loads(sidecar.SCHEMA.read_text(encoding="utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA)
GOOD = '{"track":1,"frame":3,"box":[1,2,3,4]}'


def track(number: int, first: int, boxes: list[list[float]], scores: list[float] | None = None) -> Track:
    return Track(number, first, np.array(boxes, np.float32), np.array(scores or [0.5] * len(boxes), np.float32))


def header_line(**changes: object) -> str:
    with tempfile.TemporaryDirectory() as folder:
        sidecar.write_sidecar(Path(folder) / "t.json", HEADER, ())
        row = json.loads((Path(folder) / "t.json").read_text(encoding="utf-8"))
    return json.dumps({k: v for k, v in (row | changes).items() if v is not None})


def written(tmp_path: Path, *lines: str, header: str | None = None) -> Path:
    path = tmp_path / "tracks.json"
    path.write_text("\n".join([header or header_line(), *lines]) + "\n", encoding="utf-8")
    return path


edge = st.floats(-2000, 5000, width=32).map(lambda v: round(v, 1))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 100), st.lists(st.tuples(edge, edge, st.floats(0, 1, width=32)), min_size=1, max_size=9)
        ),
        max_size=5,
    )
)
def test_tracks_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, raw: list[tuple[int, list[tuple[float, float, float]]]]
) -> None:
    tracks = [
        track(number, first, [[x, y, x + 5, y + 7] for x, y, _ in rows], [s for *_, s in rows])
        for number, (first, rows) in enumerate(raw, 1)
    ]
    path = tmp_path_factory.mktemp("sidecar") / "t.json"
    sidecar.write_sidecar(path, HEADER, sidecar.track_boxes(tracks), [n / 25 for n in range(150)])
    for line in path.read_text(encoding="utf-8").splitlines():
        CHECK.validate(json.loads(line))
    header, boxes = sidecar.read_sidecar(path)
    assert header == HEADER
    back = edits.tracks_from_edited(boxes)
    assert len(back) == len(tracks)
    for one, two in zip(tracks, back, strict=True):
        assert (one.number, one.first) == (two.number, two.first)
        np.testing.assert_allclose(one.xyxy, two.xyxy, atol=0.006)
        np.testing.assert_allclose(one.score, two.score, atol=1e-4)
    assert edits.run_digests(tracks, 150) == edits.run_digests(back, 150)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", ":2: line must be one JSON object, got list"),
        ("{", ":2: line must be one JSON object"),
        ('{"track":1,"frame":3,"box":[1,2,NaN,4]}', "NaN is not a number"),
        ('{"track":1,"frame":3,"box":[1,2,1e999,4]}', ":2: box must be four numbers"),
        ('{"track":1,"frame":3,"box":[1,2,3]}', ":2: box must be four numbers"),
        ('{"track":1,"frame":3,"box":"1,2,3,4"}', ":2: box must be four numbers"),
        ('{"track":1,"frame":3,"box":[1,2,true,4]}', ":2: box must be four numbers"),
        ('{"track":1,"frame":3,"box":[3,2,1,4]}', ":2: box must have x0 < x1"),
        ('{"track":0,"frame":3,"box":[1,2,3,4]}', ":2: track must be a whole number from 1"),
        ('{"track":1.5,"frame":3,"box":[1,2,3,4]}', ":2: track must be a whole number"),
        ('{"frame":3,"box":[1,2,3,4]}', ":2: track must be a whole number from 1 on, got None"),
        ('{"track":1,"frame":-1,"box":[1,2,3,4]}', ":2: frame must be a whole number from 0"),
        ('{"track":1,"frame":150,"box":[1,2,3,4]}', ":2: frame must be below 150, got 150"),
        ('{"track":1,"frame":3,"box":[1,2,3,4],"confidence":2}', ":2: confidence must be 0 to 1"),
        ('{"track":1,"frame":3,"box":[1,2,3,4],"kind":"guess"}', ":2: kind must be one of"),
        ('{"track":1,"frame":3,"box":[1,2,3,4],"time_s":"now"}', ":2: time_s must be a number"),
        ('{"track":1,"frame":3,"box":[1,2,3,4],"name":"x"}', ":2: names must be among .* got name"),
    ],
)
def test_broken_line_is_refused_by_its_number(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        sidecar.read_sidecar(written(tmp_path, line))


def test_schema_refuses_what_the_reader_refuses_and_takes_what_it_takes(tmp_path: Path) -> None:
    lines = [
        GOOD,
        GOOD.replace("[1,2,3,4]", "[1,2,3]"),
        GOOD.replace('"frame":3', '"frame":-3'),
        GOOD.replace("track", "t"),
    ]
    for line in lines:
        try:
            sidecar.read_sidecar(written(tmp_path, line))
            taken = True
        except UsageError:
            taken = False
        assert CHECK.is_valid(json.loads(line)) is taken


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, ":1: header must say format"),
        ({"version": 2}, ":1: header must say format"),
        ({"source": "sha256:1"}, ":1: source must be text of the form"),
        ({"time_base": "0/1"}, ":1: time_base must be text of the form"),
        ({"width": 0}, ":1: width must be a whole number from 1"),
        ({"frames": "150"}, ":1: frames must be a whole number"),
        ({"runs": ["x"]}, ":1: runs must be"),
        ({"cuts": [3, -1]}, ":1: cuts must be a list of frames"),
        ({"cuts": 3}, ":1: cuts must be a list of frames"),
        ({"more": 1}, ":1: names must be among"),
        ({"passerby": None}, ":1: passerby must be text"),
    ],
)
def test_broken_header_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        sidecar.read_sidecar(written(tmp_path, header=header_line(**changes)))


def test_two_boxes_of_one_track_in_one_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r":4: track 1 must have one box in frame 3, got another in line 2"):
        sidecar.read_sidecar(written(tmp_path, GOOD, "", GOOD))


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="must be readable"):
        sidecar.read_sidecar(tmp_path / "none.json")
    (tmp_path / "empty.json").write_bytes(b"")
    with pytest.raises(UsageError, match=":1: header must be the first line"):
        sidecar.read_sidecar(tmp_path / "empty.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="must be UTF-8"):
        sidecar.read_sidecar(tmp_path / "binary.json")


def test_sidecar_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder"):
        sidecar.write_sidecar(tmp_path / "no" / "t.json", HEADER, [])
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="folder"):
        sidecar.write_sidecar(tmp_path / "folder", HEADER, [])
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_boxes_of_another_file_are_refused() -> None:
    with pytest.raises(UsageError, match="must belong to the input"):
        sidecar.check_sidecar_source(HEADER, Digest("sha256:" + "b" * 64), Path("t.json"))
    sidecar.check_sidecar_source(HEADER, SOURCE, Path("t.json"))


def test_boxes_between_two_marks_lie_on_a_line() -> None:
    found = edits.tracks_from_edited([TrackBox(7, 10, (0, 0, 10, 10)), TrackBox(7, 14, (40, 8, 50, 30), 0.25, "seen")])
    assert [t.number for t in found] == [7]
    assert found[0].first == 10
    assert found[0].xyxy[1].tolist() == [10, 2, 20, 15]
    assert found[0].score.tolist() == [1, 0, 0, 0, 0.25]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 120), st.tuples(edge, edge), min_size=1, max_size=8))
def test_no_frame_between_first_and_last_box_is_bare(given_boxes: dict[int, tuple[float, float]]) -> None:
    boxes = [TrackBox(1, frame, (x, y, x + 9, y + 11)) for frame, (x, y) in given_boxes.items()]
    (found,) = edits.tracks_from_edited(boxes)
    assert (found.first, found.last) == (min(given_boxes), max(given_boxes))
    assert np.isfinite(found.xyxy).all()
    np.testing.assert_allclose(found.xyxy[:, 2:] - found.xyxy[:, :2], [[9, 11]] * len(found.xyxy), atol=0.01)
    for frame, (x, y) in given_boxes.items():
        np.testing.assert_allclose(found.xyxy[frame - found.first], [x, y, x + 9, y + 11], atol=0.01)
    low, high = (np.array([f(v[i] for v in given_boxes.values()) for i in (0, 1)]) for f in (min, max))
    assert (found.xyxy[:, :2] >= low - 0.01).all()
    assert (found.xyxy[:, :2] <= high + 0.01).all()


def test_box_deleted_inside_a_track_is_drawn_again() -> None:
    before = track(1, 0, [[float(n), 0, n + 10, 10] for n in range(9)])
    boxes = [one for one in sidecar.track_boxes([before]) if one.frame != 4]
    after = edits.tracks_from_edited(boxes)
    np.testing.assert_allclose(after[0].xyxy, before.xyxy, atol=0.01)
    ended = edits.tracks_from_edited([one for one in boxes if one.frame < 4])
    assert ended[0].last == 3


def test_an_edit_shows_where_it_changed_something() -> None:
    old = (track(1, 0, [[5, 5, 20, 20]] * 60), track(2, 100, [[50, 5, 70, 20]] * 10))
    moved = track(1, 0, [[5.0, 5, 20, 20]] * 30 + [[6.0, 5, 20, 20]] + [[5.0, 5, 20, 20]] * 29)
    new = (moved, *old[1:])
    digests = [edits.run_digests(tracks, 150) for tracks in (old, new, old[:1])]
    assert edits.changed_intervals(digests[0], digests[1], 150, edits.RUN_DIGEST_FRAMES) == ((16, 31),)
    assert edits.changed_intervals(digests[0], digests[2], 150, edits.RUN_DIGEST_FRAMES) == ((96, 111),)
    assert edits.changed_intervals(digests[0], digests[0], 150, edits.RUN_DIGEST_FRAMES) == ()
    assert edits.changed_intervals((), digests[0], 150, edits.RUN_DIGEST_FRAMES) == ((0, 149),), (
        "nothing known: everything"
    )


@pytest.mark.parametrize("kind", ["mot", "coco"])
def test_labels_come_back_from_another_tool(tmp_path: Path, kind: str) -> None:
    tracks = [track(2, 0, [[5, 6, 20, 30], [6, 6, 21, 30]]), track(5, 140, [[100, 90, 140, 150]])]
    boxes = tuple(sidecar.track_boxes(tracks))
    path = tmp_path / ("boxes.csv" if kind == "mot" else "boxes.json")
    if kind == "mot":
        labels.write_mot(path, boxes)
    else:
        labels.write_coco(path, boxes, HEADER.width, HEADER.height)
    assert not labels.is_sidecar(path)
    back = edits.tracks_from_edited(labels.read_labels(path, 640, 360, 150))
    slack = 1 if kind == "mot" else 0  # pixels counted from 0 or from 1: both are covered
    assert [(t.number, t.first, len(t.xyxy)) for t in back] == [(2, 0, 2), (5, 140, 1)]
    for one, two in zip(tracks, back, strict=True):
        np.testing.assert_allclose(two.xyxy, one.xyxy - [slack, slack, 0, 0], atol=0.01)


def test_labels_of_the_motchallenge_and_of_cvat_are_read(tmp_path: Path) -> None:
    mot = tmp_path / "gt.txt"
    mot.write_text("1,-1,10,20,30,40,0.9,-1,-1,-1\n1,-1,50,20,30,40,0.8,-1,-1,-1\n\n3,0,5,5,8,8\n", encoding="utf-8")
    found = labels.read_labels(mot, 640, 360, 150)
    assert len({one.track for one in found}) == 3, "boxes without a track get one each"
    assert (found[0].frame, found[0].box) == (0, (9, 19, 40, 60))
    assert min(one.track for one in found) == 1
    coco = tmp_path / "instances.json"
    coco.write_text(
        json.dumps(
            {
                "images": [{"id": 1, "width": 640, "height": 360, "file_name": "clip1/frame_000012.PNG"}],
                "annotations": [
                    {"id": 1, "image_id": 1, "bbox": [1, 2, 3, 4], "attributes": {"track_id": 0}, "score": 0.5}
                ],
                "categories": [],
            }
        ),
        encoding="utf-8",
    )
    assert labels.read_labels(coco, 640, 360, 150) == (TrackBox(1, 12, (1, 2, 4, 6), 0.5, "edited", 0),)


def test_sidecar_is_told_from_labels(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert labels.is_sidecar(path)
    assert len(labels.read_labels(path, 640, 360, 150)) == 1


IMAGE = {"id": 1, "file_name": "frame_000001.png"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello\n", "gt.txt:1: line must be MOT numbers"),
        ("1,2,3\n", "gt.txt:1: line must be MOT numbers"),
        ("1.5,2,3,4,5,6\n", "gt.txt:1: line must be MOT numbers"),
        ("nan,2,3,4,5,6\n", "gt.txt:1: line must be MOT numbers"),
        ("0,2,3,4,5,6\n", r"gt.txt:1: frame must lie within the clip's 150 frames, got -1"),
        ("151,2,3,4,5,6\n", "frame must lie within"),
        ("1,2,3,4,5,-2\n", "box must be x, y, width, height"),
        ("1,2,3,4,5,6\n1,2,3,4,5,6\n", "track 2 must have one box in frame 0, got two"),
        ("{", "must be COCO JSON, MOT lines or a Passerby sidecar"),
        ("{}", "must have the COCO lists"),
        (json.dumps({"images": [1], "annotations": []}), r"images\[0\] must be an object with an id"),
        (
            json.dumps({"images": [IMAGE | {"width": 99}], "annotations": []}),
            "width must be 640 as in the clip, got 99",
        ),
        (json.dumps({"images": [{"id": 1, "file_name": "a.png"}], "annotations": []}), "must end in the number"),
        (json.dumps({"images": [IMAGE | {"frame": "x"}], "annotations": []}), "frame must lie within"),
        (json.dumps({"images": [IMAGE], "annotations": [{"image_id": 9}]}), "image_id must be one of the images"),
        (json.dumps({"images": [IMAGE], "annotations": [{"image_id": [1]}]}), "image_id must be one of the images"),
        (json.dumps({"images": [IMAGE], "annotations": [{"image_id": 1, "bbox": [1, 2, 3]}]}), "box must be"),
        (
            json.dumps({"images": [IMAGE], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4], "track_id": "a"}]}),
            "track_id must be a whole number",
        ),
    ],
)
def test_broken_labels_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PasserbyError, match=words):
        labels.read_labels(path, 640, 360, 150)
