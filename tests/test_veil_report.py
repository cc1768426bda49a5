"""Reports and contact sheets: honest, complete, after their schema, and cut from veiled pictures only."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import av
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.veil_tools import SIZE, Scripted

import passerby
from passerby.errors import OutputError, UnreadableError, UsageError
from passerby.values import Detections, Digest, Track
from passerby.veil.cover.painter import Painter
from passerby.veil.review import contact, report, report_page
from passerby.veil.review import measured as measured_module
from passerby.veil.run import veil_file, with_places
from passerby.veil.settings import CoverSettings, CoverStyle, VeilSettings
from passerby.veil.tools.demo_clip import demo_frames

DIGEST = Digest("sha256:" + "c" * 64)
GREEN = (0, 200, 0)


def boxes_track(number: int, first: int, count: int, box: tuple[float, ...], score: float = 0.8) -> Track:
    return Track(number, first, np.array([box] * count, np.float32), np.full(count, score, np.float32))


def a_report(**changes: object) -> report.VeilReport:
    made = report.VeilReport(
        "a.mp4", DIGEST, "a_veiled.mp4", DIGEST, "OpenVINO CPU, float32", DIGEST, 640, 360, 150, 60, 90, 0.125, 2.5
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def veiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Track, ...], list[float]]:
    """A veiled demo clip, its tracks and times."""
    path = tmp_path_factory.mktemp("veiled") / "v.mp4"
    painter = Painter(CoverSettings(fill=GREEN), 640, 360)
    rows: dict[int, dict[int, list[float]]] = {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.codec_context.gop_size = 10
        for number, (picture, truth) in enumerate(demo_frames(2, (640, 360))):
            pixels = np.array(picture)
            painter.paint_rgb(pixels, truth.xyxy)
            for person, box in zip(truth.person.tolist(), truth.xyxy.tolist(), strict=True):
                rows.setdefault(person + 1, {})[number] = box
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    tracks = tuple(
        Track(n, min(b), np.array([b[f] for f in sorted(b)], np.float32), np.full(len(b), 0.9, np.float32))
        for n, b in rows.items()
    )
    return path, tracks, [n / 25 for n in range(50)]


def is_green(image: Image.Image, x: float, y: float) -> bool:
    pixel = image.getpixel((int(x), int(y)))
    assert isinstance(pixel, tuple)
    return bool(np.abs(np.array(pixel[:3]) - GREEN).max() < 60)


def test_faces_are_counted_by_their_shorter_side() -> None:
    tracks = [
        boxes_track(1, 0, 10, (0, 0, 7, 90)),
        boxes_track(2, 0, 5, (0, 0, 90, 8)),
        boxes_track(3, 0, 4, (0, 0, 64, 70)),
        boxes_track(4, 0, 3, (0, 0, 19.9, 21)),
    ]
    rows = report.face_sizes(tracks)
    assert [(r.low_px, r.high_px) for r in rows] == [(0, 8), (8, 12), (12, 20), (20, 40), (40, 64), (64, None)]
    assert [r.faces for r in rows] == [10, 5, 3, 0, 0, 4]
    assert [r.tracks for r in rows] == [1, 1, 1, 0, 0, 1]


def test_faint_tracks_are_listed_most_doubtful_first_and_the_rest_counted() -> None:
    faint = [boxes_track(n, n, 2, (0, 0, 9, 9), 0.1 + n / 1000) for n in range(1, 61)]
    places, left = report.doubtful_places(
        [boxes_track(99, 0, 3, (0, 0, 9, 9), 0.9), *faint], [0.04 * n for n in range(200)]
    )
    assert (len(places), left) == (report.MOST_PLACES, 60 - report.MOST_PLACES)
    assert [p.track for p in places[:3]] == [1, 2, 3]
    assert 99 not in {p.track for p in places}
    assert places[0].time_s == pytest.approx(0.04)


def test_json_follows_the_published_schema(tmp_path: Path) -> None:
    places = (report.ReviewPlace("seen faintly", 3, math.nan, (1, 2, 3, 4), 0.1, track=2, picture=b"x"),)
    full = a_report(
        places=places, sizes=report.face_sizes([]), whole=(report.CoveredWhole("the detector failed", 2),), zones=("door",),
        exclude_zones=(("poster", 0.1),), kept_tracks=(4,), settings={"style": "solid"}, notes=("audio was dropped",),
    )  # fmt: skip
    page, data = report_page.write_report(tmp_path / "r.html", [full, a_report()], [("b.mp4", "file must decode")])
    found = json.loads(data.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json.loads(report_page.SCHEMA.read_text(encoding="utf-8"))).validate(found)
    assert found["files"][0]["copied_share"] == pytest.approx(0.6)
    assert "picture" not in found["files"][0]["places"][0], "no pixels in the JSON"
    assert page == tmp_path / "r.html"
    assert report_page.write_report(tmp_path / "s.json", [full])[0].name == "s.html"


def test_a_name_that_is_no_utf_8_is_written_in_both_with_a_sign_for_what_it_is_not(tmp_path: Path) -> None:
    """Old disks have names in Latin-1; Python holds such a byte as half a character that nothing can write."""
    broken = "caf\udce9.mp4"
    made = a_report(source=broken, output=broken)
    page, data = report_page.write_report(tmp_path / "r.html", [made], [(broken, "bad")], [(broken, "text")])
    found = json.loads(data.read_bytes().decode())
    assert found["files"][0]["source"] == found["failures"][0]["source"] == "caf\ufffd.mp4"
    assert page.read_bytes().decode().count("caf\ufffd.mp4") >= 3


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta", "img", "br", "link"}:
            self.open.append(tag)
        self.urls += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_says_what_matters_and_needs_nothing_else() -> None:
    places = (
        report.ReviewPlace("seen faintly", 3, 61.5, (1, 2, 31, 44), 0.1, covered=False, track=2, picture=b"\x89PNG"),
    )
    text = report_page.report_page(
        [
            a_report(
                source="<b>&.mp4", places=places, places_left_out=7, whole=(report.CoveredWhole("the detector failed", 2),),
                exclude_zones=(("poster", 0.125),), zones=("door",), kept_tracks=(4, 5), notes=("interlaced",),
            )
        ],
        [("b.mp4", "file must decode, got <nothing>")],
    )  # fmt: skip
    page = Page()
    page.feed(text)
    assert not page.open, "every tag is closed"
    assert all(url.startswith("data:image/png") for url in page.urls)
    assert page.urls
    assert "script" not in page.tags
    for words in (
        report.NOT_ANONYMOUS, "&lt;b&gt;&amp;.mp4", "2: the detector failed", "poster (12.5 % of the picture)", "door",
        "Tracks 4, 5", "0:01:01.50", "NOT covered", "7 more such places", "file must decode, got &lt;nothing&gt;",
        "60.0 %", "12.5 %", "interlaced",
    ):  # fmt: skip
        assert words in text


def test_miss_rates_are_shown_when_measured_and_said_to_be_absent_otherwise(tmp_path: Path) -> None:
    text = report_page.report_page([a_report()], measures=tmp_path / "none.json")
    assert "Not measured for this version." in text
    path = tmp_path / "measured.json"
    rows = [
        {"low_px": 8, "high_px": 12, "faces": 200, "missed": 9},
        {"low_px": 12, "high_px": None, "faces": 0, "missed": 0},
    ]
    for version, known in (("0.0.0-other", False), (passerby.__version__, True)):
        path.write_text(json.dumps({"version": version, "material": "ten clips", "rows": rows}), encoding="utf-8")
        found = measured_module.read_measured(path)
        assert (found is not None) is known
    assert measured_module.read_measured(tmp_path / "none.json") is None
    assert found is not None
    text = report_page.report_page([a_report()], measures=path)
    assert "ten clips" in text
    assert "<td>8 to 12 px</td><td>200</td><td>9</td><td>4.5 %</td><td>2.4 % to 8.3 %</td>" in text
    data = report_page.report_json([a_report()], measures=path)
    schema = json.loads(report_page.SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(data)))


@given(st.integers(1, 5000), st.data())
def test_interval_holds_the_rate(faces: int, data: st.DataObject) -> None:
    missed = data.draw(st.integers(0, faces))
    row = measured_module.MissRow(8, 12, faces, missed)
    low, high = row.interval
    assert 0 <= low <= row.rate + 1e-12
    assert row.rate - 1e-12 <= high <= 1


def test_measured_file_that_ships_reads_if_there_is_one() -> None:
    if measured_module.MEASURED.exists():
        rows = json.loads(measured_module.MEASURED.read_text(encoding="utf-8"))["rows"]
        assert all(0 <= measured_module.MissRow(**row).missed <= row["faces"] for row in rows)


@pytest.mark.parametrize(
    ("cover", "listed"),
    [
        (CoverSettings(), 0),
        (CoverSettings(keep=frozenset({1})), 1),
        (CoverSettings(soft=((1, CoverStyle.BLUR),)), 1),
    ],
)
def test_a_faint_face_where_somebody_is_left_clear_or_text_is_blurred_is_listed(
    tmp_path: Path, cover: CoverSettings, listed: int
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    box = np.array([[140, 70, 180, 120]], np.float32)
    faint = Scripted(lambda _: Detections(box, np.array([0.06], np.float32)))
    settings = VeilSettings(cover=cover)
    drawn = (Track(1, 0, box, np.ones(1, np.float32)),)
    done = veil_file(tmp_path / "a.png", tmp_path / "b.png", settings, detector=faint, tracks=drawn)
    told = with_places(done, tmp_path / "b.png", settings)
    assert sum(not one.covered for one in told.places) == listed


def test_every_track_stands_in_a_chosen_frame(veiled: tuple[Path, tuple[Track, ...], list[float]]) -> None:
    _, tracks, _ = veiled
    chosen = contact.chosen_frames(tracks)
    assert {n for _, numbers in chosen for n in numbers} == {t.number for t in tracks}
    assert len(chosen) < len(tracks)
    by_number = {t.number: t for t in tracks}
    for frame, numbers in chosen:
        assert all(by_number[n].first <= frame <= by_number[n].last for n in numbers)
    propagated = Track(1, 5, np.array([[0, 0, 90, 90], [0, 0, 20, 20]], np.float32), np.array([0, 0.5], np.float32))
    assert contact.chosen_frames([propagated]) == [(6, [1])], "a frame in which it was detected"
    apart = [boxes_track(n, 10 * n, 5, (0, 0, 9, 9)) for n in range(1, 31)]
    assert len(contact.chosen_frames(apart)) == 30


def test_sheet_shows_veiled_frames_with_a_number_beside_each_cover(
    veiled: tuple[Path, tuple[Track, ...], list[float]], tmp_path: Path
) -> None:
    path, tracks, times = veiled
    sheets = contact.contact_sheets(path, tracks, times, (640, 360))
    assert len(sheets) == 1
    (frame, numbers), *_ = contact.chosen_frames(tracks)
    zoom, top = contact.SHEET_WIDTH_PX / 640, contact.LABEL_PX + 8
    for number in numbers:
        track = next(t for t in tracks if t.number == number)
        x0, y0, x1, y1 = track.xyxy[frame - track.first].tolist()
        assert is_green(sheets[0], (x0 + x1) / 2 * zoom, (y0 + y1) / 2 * zoom + top)
    files = contact.save_sheets(tmp_path / "t.json", [sheets[0], sheets[0]], overwrite=False)
    assert [f.name for f in files] == ["t.sheet.png", "t.sheet-2.png"]
    with Image.open(files[1]) as second:
        assert second.size == sheets[0].size
    with pytest.raises(UsageError, match="exists"):
        contact.save_sheets(tmp_path / "t.json", sheets, overwrite=False)
    with pytest.raises(OutputError):
        contact.save_sheets(tmp_path / "no" / "t.json", sheets, overwrite=True)


def test_veiled_frames_are_those_shown_at_the_time(veiled: tuple[Path, tuple[Track, ...], list[float]]) -> None:
    path, tracks, times = veiled
    asked = [times[40], 0.0, times[11], times[12], times[49] + 5]
    with av.open(str(path)) as container:
        every = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for jump_s in (0.1, 10.0):
        found = list(contact.veiled_frames(path, asked, jump_s=jump_s))
        assert [time_s for time_s, _ in found] == sorted(asked)
        for (_, image), number in zip(found, (0, 11, 12, 40, 49), strict=True):
            assert np.array_equal(np.asarray(image), every[number])
    assert tracks


def test_details_are_cut_from_the_veiled_output(veiled: tuple[Path, tuple[Track, ...], list[float]]) -> None:
    path, tracks, times = veiled
    places = tuple(
        report.ReviewPlace("x", t.first + 3, times[t.first + 3], tuple(t.xyxy[3].tolist()), 0.1, track=t.number)
        for t in tracks
    )
    for place in contact.add_place_pictures(places, path, (640, 360)):
        assert place.picture is not None
        image = Image.open(io.BytesIO(place.picture))
        assert image.size == (contact.DETAIL_PX, contact.DETAIL_PX)
        assert (np.abs(np.asarray(image.convert("RGB")).astype(int) - GREEN).max(axis=2) < 60).mean() > 0.02


def test_details_of_a_picture(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80), GREEN).save(tmp_path / "p.png")
    place = report.ReviewPlace("x", 0, 0.0, (10, 10, 30, 30), 0.1)
    found = contact.add_place_pictures([place], tmp_path / "p.png", (100, 80))
    assert found[0].picture is not None
    (tmp_path / "bad.png").write_bytes(b"nothing")
    with pytest.raises(UnreadableError, match="must decode"):
        contact.add_place_pictures([place], tmp_path / "bad.png", (100, 80))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270, -90])
def test_box_turns_with_the_picture(rotation: int) -> None:
    coded = Image.new("L", (60, 40), 0)
    coded.paste(255, (5, 8, 25, 14))
    shown = coded.rotate(rotation, expand=True)
    x0, y0, x1, y1 = contact.upright_box((5, 8, 25, 14), 60, 40, rotation)
    assert shown.getbbox() == (x0, y0, x1, y1)
