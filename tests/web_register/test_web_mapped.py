from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.cli.app import main
from passerby.errors import UsageError
from passerby.languages import LANGUAGES
from passerby.register import CameraRetired
from passerby.web.mapped.city_map import MappedCamera, one_line, osm_address, read_map
from passerby.web.mapped.comparison import MapStanding, compare_map
from passerby.web.mapped.letters import letter_about
from passerby.web.register.follow import LogFollower
from passerby.web.register.translation import words_in

if TYPE_CHECKING:
    from tests.web_register.conftest import City

METRE = 1 / 111_195  # of latitude, in degrees


def spot(number: int, *, north_m: float = 0.0, operator: str = "") -> MappedCamera:
    """A mapped camera beside the city's camera of that number."""
    latitude, longitude = (48_850_000 + number * 1000) / 1e6, (2_350_000 + number**2 * 700) / 1e6
    return MappedCamera(f"node/{number}", latitude + north_m * METRE, longitude, operator)


def feature(longitude: float, latitude: float, **tags: Any) -> dict[str, Any]:  # noqa: ANN401  # any tag
    point = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "geometry": point, "properties": {"man_made": "surveillance", **tags}}


def written(path: Path, *features: object) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


@pytest.fixture
def follower(city: City, tmp_path: Path) -> LogFollower:
    city.usual().add(CameraRetired(at=city.begin, camera=city.name(3), reason="removed"))
    city.write(tmp_path / "log")
    return LogFollower(tmp_path / "log")


def test_each_mapped_camera_is_on_record_silent_or_not_on_record(city: City, follower: LogFollower) -> None:
    mapped = [
        spot(0, north_m=12),
        spot(2),
        spot(3),
        MappedCamera("node/9", 48.9, 2.4, "Parking SA"),
    ]
    found = compare_map(mapped, [follower], city.now, 30)
    assert [each.standing for each in found.cameras] == [
        MapStanding.ON_RECORD, MapStanding.SILENT, MapStanding.NOT_ON_RECORD, MapStanding.NOT_ON_RECORD,
    ]  # fmt: skip
    assert found.cameras[0].distance_m == pytest.approx(12, abs=0.1)
    removed = found.cameras[2].stated
    assert removed is not None, "the one that was removed is named"
    assert removed.history.camera == city.name(3)
    assert [stated.history.camera for stated in found.not_mapped] == [city.name(1)]
    assert found.without_place == 0


def test_two_cameras_on_one_mast_need_two_entries(city: City, follower: LogFollower) -> None:
    twice = [spot(0, north_m=1), spot(0, north_m=2)]
    found = compare_map(twice, [follower], city.now, 30)
    assert [each.standing for each in found.cameras] == [MapStanding.ON_RECORD, MapStanding.NOT_ON_RECORD]


def test_a_camera_makes_room_for_its_neighbour(city: City, tmp_path: Path) -> None:
    city.register(0).register(1)
    between = MappedCamera(
        "node/1", 48.8504, 2.35028
    )  # nearer to the first, but the second mapped one reaches only that
    beyond = MappedCamera("node/2", 48.85 - 70 * METRE, 2.35)
    city.write(tmp_path / "log")
    found = compare_map([between, beyond], [LogFollower(tmp_path / "log")], city.now, 90)
    assert [each.standing for each in found.cameras] == [MapStanding.ON_RECORD] * 2
    assert [each.stated and each.stated.history.camera for each in found.cameras] == [city.name(1), city.name(0)]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=7), st.data())
def test_as_many_are_matched_as_can_be(spots: list[tuple[int, int]], data: st.DataObject) -> None:
    """Held against every way of pairing."""
    from passerby.web.mapped.comparison import StatedCamera, _pair, distance_between_m

    here = data.draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5))
    mapped = [MappedCamera(f"node/{i}", 10 + x * METRE, y * METRE) for i, (x, y) in enumerate(spots)]
    stated = [StatedCamera(None, None, 10 + x * METRE, y * METRE) for x, y in here]  # type: ignore[arg-type]
    within_m = 8.0

    def most(index: int, free: frozenset[int]) -> int:
        if index == len(mapped):
            return 0
        near = [p for p in free if distance_between_m(mapped[index], stated[p]) <= within_m]
        return max([most(index + 1, free), *(1 + most(index + 1, free - {p}) for p in near)])

    pairs = _pair(mapped, stated, within_m)
    assert len(pairs) == most(0, frozenset(range(len(stated))))
    assert len({id(s) for s, _ in pairs.values()}) == len(pairs)
    assert all(metres <= within_m for _, metres in pairs.values())


def test_the_date_line_is_no_wall(city: City, follower: LogFollower) -> None:
    from passerby.web.mapped.comparison import StatedCamera, distance_between_m

    history = follower.state.cameras[city.name(0)]
    west = StatedCamera(follower, history, 0.0, -180 + METRE)
    assert distance_between_m(MappedCamera("node/1", 0.0, 180 - METRE), west) == pytest.approx(2, abs=0.01)


def test_a_map_is_read_as_people_export_it(tmp_path: Path) -> None:
    building = {
        "type": "Feature",
        "id": "way/7",
        "geometry": {"type": "Polygon", "coordinates": [[[2.0, 48.0], [2.2, 48.0], [2.2, 48.1], [2.0, 48.0]]]},
        "properties": {"tags": {"man_made": "surveillance", "operator": "Ville"}},
    }
    path = written(
        tmp_path / "city.geojson",
        feature(2.35, 48.85, **{"@id": "node/1", "surveillance:type": "camera"}),
        feature(2.36, 48.86, id=5),
        building,
        feature(2.35, 48.85, **{"surveillance:type": "guard"}),
        feature(2.35, 148.85),
        {"type": "Feature", "geometry": None, "properties": {"man_made": "surveillance"}},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [2, 48]}, "properties": {"man_made": "mast"}},
        "nonsense",
    )
    found = read_map(path)
    assert [camera.name for camera in found.cameras] == ["node/1", "#2", "way/7"]
    assert (found.cameras[2].latitude, found.cameras[2].longitude) == pytest.approx((48.05, 2.1))
    assert found.cameras[2].operator == "Ville"
    assert found.left_out == 5


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"features": 1}', "[" * 100_000, "\xff", '{"elements": []}'])
def test_what_is_no_map_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match="GeoJSON"):
        read_map(path)


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["type", "features", "geometry", "coordinates", "properties", "tags", "man_made", "operator", "@id", "id"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(_json, max_size=4))
def test_any_feature_is_a_camera_with_a_place_or_left_out(features: list[Any]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = read_map(written(Path(folder) / "x.geojson", *features))
    assert len(found.cameras) + found.left_out == len(features)
    for camera in found.cameras:
        assert math.isfinite(camera.latitude)
        assert abs(camera.longitude) <= 180


def test_foreign_text_stays_on_one_line_and_turns_nothing_round() -> None:
    assert one_line("Ville\r\nTo: \u202eevil\x1b[31m") == "Ville To:  evil [31m"
    assert len(one_line("x" * 1000)) == 200
    assert osm_address(MappedCamera("node/1;rm", 1.0, 2.0)).startswith("https://www.openstreetmap.org/?mlat=1.00000")


@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_say_what_is_asked_of_whom(language: str, city: City, follower: LogFollower) -> None:
    words = words_in(language)
    mapped = [spot(0), spot(2), spot(3), MappedCamera("node/9", 48.9, 2.4, "Parking SA")]
    found = compare_map(mapped, [follower], city.now, 30)
    on, silent, removed, missing = (letter_about(words, each, [follower], city.now) for each in found.cameras)
    assert on is None
    assert silent is not None
    assert "Ville de Beispiel, privacy@example.org" in silent
    assert f"https://cameras.example.org/log/c/{city.name(2)}/" in silent
    assert words.moment(city.begin + timedelta(hours=21)) in silent
    assert missing is not None
    assert "Parking SA" in missing
    assert "https://www.openstreetmap.org/node/9" in missing
    assert "- https://cameras.example.org/log/" in missing
    assert words.day(city.now) in missing
    assert removed is not None
    assert city.name(3) in removed
    assert city.name(3) not in missing


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_the_command_prints_who_stands_where_and_writes_the_letters(
    city_now: City, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    city_now.usual().write(tmp_path / "log")
    place = tmp_path / "city.geojson"
    written(
        place,
        feature(2.35, 48.85, **{"@id": "node/1"}),
        feature(2.3528, 48.852, **{"@id": "node/2"}),
        feature(2.4, 48.9, **{"@id": "node/3", "operator": "Parking SA"}),
    )
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    assert run("register", "compare", place, tmp_path / "log", "--letters", tmp_path / "letters") == 0
    out, err = capsys.readouterr()
    assert [line.split("  ")[0].strip() for line in out.splitlines()] == [
        "on record", "silent", "not on record", "not mapped", "not mapped",
    ]  # fmt: skip
    assert "3 mapped cameras: 1 on record, 1 silent, 1 not on record" in err
    assert sorted(path.name for path in (tmp_path / "letters").iterdir()) == ["node-2.txt", "node-3.txt"]
    assert "Parking SA" in (tmp_path / "letters" / "node-3.txt").read_text()
    assert list(home.iterdir()) == [], "nothing of the query is kept"
    assert run("register", "compare", place, tmp_path / "log", "--json", "--language", "fr") == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["standing"] for each in told["cameras"]] == ["on record", "silent", "not on record"]
    assert told["cameras"][0]["letter"] is None
    assert told["cameras"][2]["letter"].startswith("À")


def test_wrong_use_and_unreadable_registers_are_told_apart(
    city: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city.usual().write(tmp_path / "log")
    place = written(tmp_path / "city.geojson", feature(2.35, 48.85))
    assert run("register", "compare", tmp_path / "none.geojson", tmp_path / "log") == 2
    assert run("register", "compare", written(tmp_path / "empty.geojson"), tmp_path / "log") == 2
    assert "must hold cameras" in capsys.readouterr().err
    assert run("register", "compare", place, tmp_path / "log", "--language", "xx") == 2
    assert run("register", "compare", place) == 2
    assert run("register", "compare", place, tmp_path / "log", tmp_path / "nowhere") == 2
    checkpoint = tmp_path / "log" / "public" / "checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"\n", b"x\n", 1))
    assert run("register", "compare", place, tmp_path / "log") == 1
