"""Labels of footage: four formats say the same, and what cannot be used is refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.audit_footage import FRAMES, RATE, SIZE, Row, encode, rows_of, scene, write_coco, write_mot, write_rows

from passerby.audit.labels import IGNORED, AnnotatedData, FootageKind, formats_text, read_annotated
from passerby.audit.labels.dimensions import COLUMNS, labels_of
from passerby.errors import AuditError, UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one clip."""
    path = tmp_path_factory.mktemp("footage")
    encode(path / "one.mp4", [scene(n) for n in range(FRAMES)])
    return path


def truth_of(data: AnnotatedData) -> list[tuple[int, str, float, float, float, float]]:
    (one,) = data.footage
    assert one.kind is FootageKind.CLIP
    assert one.tracked
    return sorted(
        (frame, face.person.removeprefix("p"), face.x, face.y, face.w, face.h)
        for frame, faces in one.faces.items()
        for face in faces
    )


def test_four_formats_say_the_same(folder: Path, tmp_path: Path) -> None:
    rows = rows_of("one.mp4")
    wanted = truth_of(read_annotated(write_rows(tmp_path / "l.csv", rows), folder))
    assert len(wanted) == 2 * FRAMES
    found = read_annotated(write_coco(tmp_path / "l.json", rows, "one.mp4"), folder)
    assert truth_of(found) == wanted
    assert (found.footage[0].size, found.footage[0].rate_hz) == (SIZE, RATE)
    assert truth_of(read_annotated(write_mot(tmp_path / "one.txt", rows), folder)) == wanted


def test_pictures_in_wider_text_and_csv(tmp_path: Path) -> None:
    (tmp_path / "0--Parade").mkdir()
    for name in ("a", "b", "c"):
        Image.fromarray(scene(0)).save(tmp_path / "0--Parade" / f"{name}.jpg")
    text = (
        "0--Parade/a.jpg\n2\n8 10 24 28 0 0 1 0 2 1\n110 6 16 16 2 0 0 1 0 0\n"
        "0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n0--Parade/c.jpg\n1\n1 1 0 9\n"
    )
    (tmp_path / "wider_bbx_gt.txt").write_text(text, encoding="utf-8")
    one, two, three = read_annotated(tmp_path).footage
    first, second = one.faces[0]
    assert dict(first.labels) == {"blur": "clear", "illumination": "extreme", "occlusion": "heavy", "pose": "atypical"}
    assert (first.person != second.person, second.kind, one.kind) == (True, IGNORED, FootageKind.PICTURE)
    assert (two.faces, three.faces) == ({}, {})
    assert two.frames == frozenset({0})
    rows = [{"file": "0--Parade/a.jpg", "x": 8, "y": 10, "w": 24, "h": 28, "skin": "VI", "age": "Not Sure"}]
    (only,) = read_annotated(write_rows(tmp_path / "l.csv", rows)).footage
    assert only.faces[0][0].labels == (("skin tone", "VI"),)


def test_a_sequence_of_pictures_as_mot_has_it(tmp_path: Path) -> None:
    home = tmp_path / "SEQ"
    for name in ("gt", "img1"):
        (home / name).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(scene(number)).save(home / "img1" / f"{number + 1:06d}.jpg")
    write_mot(home / "gt" / "gt.txt", rows_of("SEQ", frames=3))
    (home / "seqinfo.ini").write_text(
        "[Sequence]\nimDir=img1\nframeRate=5\nimWidth=160\nimHeight=96\n", encoding="utf-8"
    )
    for data in (tmp_path, home / "gt" / "gt.txt"):
        (one,) = read_annotated(data).footage
        assert (one.kind, one.rate_hz, one.size, sorted(one.paths)) == (FootageKind.SEQUENCE, 5.0, SIZE, [0, 1, 2])


def test_frames_of_a_clip_beside_its_coco(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one.mp4").write_bytes((folder / "one.mp4").read_bytes())
    document = {
        "images": [{"id": n, "file_name": f"frame_{n:06d}.png"} for n in (2, 4)],
        "annotations": [{"id": 1, "image_id": 4, "bbox": [1, 2, 30, 40], "track_id": 7}],
    }
    (tmp_path / "one.json").write_text(json.dumps(document), encoding="utf-8")
    (one,) = read_annotated(tmp_path / "one.json").footage
    assert (one.frames, list(one.faces)) == (frozenset({2, 4}), [4])


def test_annotated_frames_that_lie_apart_are_all_that_is_judged(folder: Path, tmp_path: Path) -> None:
    rows = [row for row in rows_of("one.mp4") if int(str(row["frame"])) % 5 == 0]
    data = read_annotated(write_rows(tmp_path / "l.csv", rows), folder)
    assert data.footage[0].frames == frozenset({0, 5, 10})
    assert "only the annotated frames" in " ".join(data.notes)


def test_labels_that_follow_nobody_say_so(folder: Path, tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "track"} for row in rows_of("one.mp4")]
    data = read_annotated(write_rows(tmp_path / "l.csv", rows), folder)
    assert not data.footage[0].tracked
    assert "follow nobody" in " ".join(data.notes)


def changed(at: int, **values: object) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [row | values if number == at else row for number, row in enumerate(rows)]


def scaled(rows: list[Row], keep: int = 0) -> list[Row]:
    small = [
        row | {"x": 0.1, "y": int(str(row["y"])) / SIZE[1], "w": 0.05 + 0.001 * at, "h": 0.1}
        for at, row in enumerate(rows)
    ]
    return rows[:keep] + small[keep:]


BROKEN: dict[str, tuple[Callable[[list[Row]], list[Row]], str]] = {
    "no column": (lambda rows: [{k: v for k, v in r.items() if k != "w"} for r in rows], "l.csv must have the columns"),
    "nan": (changed(3, x="nan"), "l.csv:5: x must be a finite number"),
    "infinite": (changed(3, h="inf"), "l.csv:5: h must be a finite number"),
    "words": (changed(3, x="left"), "l.csv:5: x must be a finite number"),
    "empty cell": (changed(3, y=""), "l.csv:5: y must be a finite number"),
    "no file": (changed(3, video=""), "l.csv:5: file must be named"),
    "half a frame": (changed(3, frame=1.5), "l.csv:5: frame must be a whole number"),
    "frame before 0": (changed(3, frame=-1), "l.csv:5: frame must be a whole number"),
    "negative width": (changed(3, w=-4), "l.csv:5: width and height must not be negative"),
    "shares": (scaled, "boxes must be in pixels, got shares"),
    "two scales": (lambda rows: scaled(rows, 5), "boxes must be on one scale, got 19 of 24"),
    "the same twice": (lambda rows: [*rows, rows[4]], "each face must stand once, got the same box in l.csv:6"),
    "a track in two places": (lambda rows: [*rows, rows[4] | {"x": 90}], "a track must have one box in a frame"),
    "one person of two": (changed(3, skin="VI"), ""),
    "file that is not there": (changed(3, video="none.mp4"), "footage of the labels must lie below"),
    "ignore 7": (lambda rows: [row | {"ignore": 7} for row in rows], "l.csv:2: ignore must be 0 or 1"),
    "nobody counted": (lambda rows: [row | {"ignore": 1} for row in rows], "labels must hold faces"),
    "two skin tones": (
        lambda rows: [row | {"skin": "I" if at < 4 else "V"} for at, row in enumerate(rows)],
        "a track must be of one skin tone, got 'I' in l.csv:2 and 'V' in l.csv:6",
    ),
}


@pytest.mark.parametrize("name", [name for name, (_, message) in BROKEN.items() if message])
def test_what_cannot_be_used_is_refused_with_its_reason(name: str, folder: Path, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    with pytest.raises(AuditError) as caught:
        read_annotated(write_rows(tmp_path / "l.csv", change(rows_of("one.mp4"))), folder)
    assert str(caught.value).startswith(message)


TEXTS = {
    "empty": ("l.csv", "", "labels must hold faces, got an empty file"),
    "prose": ("l.txt", "these are no labels\n", "labels must be COCO, WIDER text, MOT or CSV"),
    "column twice": ("l.csv", "video,x,y,w,h,x\none.mp4,1,1,9,9,2\n", "l.csv: each column must stand once"),
    "short row": ("l.csv", "video,x,y,w,h\none.mp4,1,1,9\n", "l.csv:2: row must have 5 columns"),
    "mot from 0": ("one.txt", "0,1,5,5,9,9\n", "one.txt:1: frame (from 1) must be a whole number from 1 on"),
    "mot short": ("one.txt", "1,1,5,5,9,9\n2,1,5\n", "one.txt:2: line must be frame,id,x,y,w,h"),
    "wider cut": ("w.txt", "a.jpg\n2\n1 1 9 9\n", "w.txt:4: 2 faces must follow 'a.jpg', got fewer"),
    "wider count": ("w.txt", "a.jpg\n1\n1 1 9 9\nb.jpg\nx\n", "w.txt:5: number of faces must follow the picture"),
    "json": ("l.json", "{", "labels must be COCO JSON"),
    "json lists": ("l.json", "{}", "l.json must have the COCO lists"),
    "json ids": ("l.json", '{"images": [{}], "annotations": []}', "l.json: images[0] must be an object with an id"),
    "json image": (
        "l.json",
        '{"images": [], "annotations": [{"id": 1, "image_id": 3, "bbox": [1, 1, 9, 9]}]}',
        "l.json: annotations[0]: image_id must be one of images",
    ),
    "json box": (
        "l.json",
        '{"images": [{"id": 3, "file_name": "a.jpg"}], "annotations": [{"id": 1, "image_id": 3, "bbox": [1, 9, 9]}]}',
        "l.json: annotations[0]: bbox must be x, y, width, height",
    ),
    "no faces": (
        "l.json",
        '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]}',
        "l.json must have a category face, got car, dog",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_that_is_no_labels_is_refused(name: str, tmp_path: Path) -> None:
    file, text, message = TEXTS[name]
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(AuditError) as caught:
        read_annotated(tmp_path / file)
    assert str(caught.value).startswith(message)


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    with pytest.raises(AuditError, match="labels must be text in UTF-8"):
        read_annotated(folder / "one.mp4")


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVEfmt "])
def test_footage_without_a_picture_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "one.mp4").write_bytes(content)
    with pytest.raises(AuditError, match=r"one\.mp4 must be a picture or a clip"):
        read_annotated(write_rows(tmp_path / "l.csv", rows_of("one.mp4")))


def test_wrong_use_is_told_apart_from_wrong_labels(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="labels must exist"):
        read_annotated(tmp_path / "none.csv")
    labels = write_rows(tmp_path / "l.csv", rows_of("one.mp4"))
    with pytest.raises(UsageError, match="--media must be a folder"):
        read_annotated(labels, labels)
    write_rows(tmp_path / "m.csv", rows_of("one.mp4"))
    with pytest.raises(UsageError, match=r"folder must hold one file of labels, got l\.csv, m\.csv"):
        read_annotated(tmp_path, folder)
    with pytest.raises(AuditError, match="folder must hold labels"):
        read_annotated(folder)


def test_a_name_that_two_files_have_is_no_guess(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.mp4").write_bytes((folder / "one.mp4").read_bytes())
    with pytest.raises(AuditError, match=r"one\.mp4 must be one file below"):
        read_annotated(write_rows(tmp_path / "l.csv", rows_of("one.mp4")))
    (found,) = read_annotated(write_rows(tmp_path / "l.csv", rows_of("b/one.mp4"))).footage
    assert found.path == tmp_path / "b" / "one.mp4"


def test_names_in_labels_lead_nowhere_outside_the_folder(folder: Path, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "two.mp4").write_bytes((folder / "one.mp4").read_bytes())
    with pytest.raises(AuditError, match="must lie below"):
        read_annotated(write_rows(inside / "l.csv", rows_of("../two.mp4")))


@given(st.lists(st.tuples(st.sampled_from([*COLUMNS, "colour"]), st.text("aVI0 1-", max_size=8)), max_size=9))
@settings(max_examples=60, deadline=None)
def test_labels_are_words_that_came_with_the_data(told: list[tuple[str, str]]) -> None:
    found = labels_of(told)
    assert list(found) == sorted(found)
    assert {dimension for dimension, _ in found} <= {COLUMNS[name] for name, _ in told if name in COLUMNS}
    assert all(value.strip() for _, value in found)


def test_formats_are_told() -> None:
    text = formats_text()
    for word in ("CSV", "COCO", "MOT", "WIDER", "track", "ignore", "skin", "frame_index", "visibility"):
        assert word in text
    assert np.max([len(line) for line in text.splitlines()]) <= 132
