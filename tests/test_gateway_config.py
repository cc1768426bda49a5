from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from passerby.errors import ConfigError
from passerby.gateway.config.camera import CameraConfig
from passerby.gateway.config.city import CityConfig
from passerby.gateway.config.document import parse_document
from passerby.gateway.config.key import Key, Secret, hints_of, marks_of
from passerby.gateway.config.load import load_city, parse_city
from passerby.gateway.config.reference import reference, schema, sections_of
from passerby.gateway.config.words import polygon, seconds, size_bytes
from passerby.values import is_loopback
from passerby.veil.settings import CoverStyle

ROOT = Path(__file__).parent.parent
BAD = sorted((Path(__file__).parent / "bad" / "gateway").glob("*.yml"))
REGISTER = """\
register:
  origin: cameras.example.org/log
  operator: {name: Example CityConfig, contact: "mailto:cameras@example.org"}
  purpose: {en: Safety on the platforms, de: Sicherheit am Bahnsteig}
  legal_basis: Transport Act, section 5
  position: act-2024
"""
WHOLE = (
    REGISTER
    + """\
record: {enabled: true, retain: {days: 3, max_size: 2GB}}
privacy: {fill: "#102030", margin: 0.5}
cameras:
  hall:
    friendly_name: Station hall, north
    ffmpeg:
      inputs:
        - path: rtsp://viewer:{PASSERBY_PW}@192.0.2.7:554/h264?x=1
          roles: [detect, record]
          transport: udp
    zones:
      door: {coordinates: "0.1,0.2,0.3,0.2,0.3,0.9"}
    privacy:
      lookahead_frames: 12
      heads: true
      on_overload: cover
      cover_times: [{start: 22:00, end: 06:00, days: [mon, sun]}]
    record: {retain: {days: 5}}
    push: [{path: "rtsp://nvr:{PASSERBY_PW}@192.0.2.9/in"}]
    onvif: {host: 192.0.2.7, port: 8000}
    register: {place: {latitude: 52.52, longitude: 13.405}, label: North hall}
  quay: test://portrait?size=640x360
  yard: {source: clips/yard.mp4, enabled: false, record: {enabled: false}}
mqtt: {host: broker.example.org, user: u, password: "{PASSERBY_PW}", topic_prefix: cams/}
metrics: {token: "{PASSERBY_TOKEN}"}
"""
)
KEYS = ["cameras", "privacy", "hall", "source", "record", "enabled", "zones"]
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
DATA = st.recursive(
    PLAIN,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(KEYS), one, max_size=4),
    max_leaves=12,
)
SECRETS = {"PASSERBY_PW": "p@ss:w/rd", "PASSERBY_TOKEN": "t" * 32}


def city(text: str = WHOLE, secrets: dict[str, str] | None = None) -> CityConfig:
    return parse_city(text, Path("/etc/passerby/city.yml"), SECRETS if secrets is None else secrets)


@pytest.mark.parametrize("path", BAD, ids=lambda path: str(path.stem))
def test_each_mistake_is_told_with_its_line(path: Path) -> None:
    wanted = path.read_text().splitlines()[0].removeprefix("# must say: ")
    with pytest.raises(ConfigError) as caught:
        load_city(path, {})
    assert wanted in caught.value.message
    assert re.match(rf"{re.escape(str(path))}:\d+: ", caught.value.message)
    assert len(caught.value.message.splitlines()) == 1, "one mistake is told once"
    assert caught.value.exit_code == 2


def test_every_broken_file_differs_from_a_sound_one_by_its_mistake_only() -> None:
    assert len(BAD) > 45
    assert city(REGISTER + "cameras:\n  hall: test://portrait\n").cameras["hall"].name == "hall"


def test_whole_file_becomes_values() -> None:
    made = city()
    hall, quay, yard = made.cameras.values()
    assert (hall.input.url, hall.input.username, hall.input.password) == (
        "rtsp://192.0.2.7:554/h264?x=1",
        "viewer",
        "p@ss:w/rd",
    ) or "%" in hall.input.url
    assert hall.input.transport == "udp"
    assert hall.shown == "Station hall, north"
    assert hall.veil.cover.zones[0].points == ((0.1, 0.2), (0.3, 0.2), (0.3, 0.9))
    assert (hall.privacy.lookahead_frames, quay.privacy.lookahead_frames) == (12, 10)
    assert hall.privacy.on_overload == "cover"
    assert (hall.veil.cover.heads, quay.veil.cover.heads) == (True, False)
    assert hall.privacy.cover_times[0].days == ("mon", "sun")
    assert hall.veil.cover.style is CoverStyle.SOLID
    assert hall.record.enabled
    assert (hall.record.retain.days, hall.record.retain.max_size_bytes) == (5.0, 2_000_000_000)
    assert hall.record.folder == Path("/etc/passerby/recordings")
    assert hall.push[0].username == "nvr"
    assert not yard.enabled
    assert not yard.record.enabled
    assert yard.input.url == "/etc/passerby/clips/yard.mp4"
    assert made.mqtt is not None
    assert made.mqtt.topic_prefix == "cams"
    assert made.metrics.token == "t" * 32


def test_defaults_lie_under_every_camera() -> None:
    for camera in city().cameras.values():
        assert camera.veil.cover.fill == (16, 32, 48)
        assert camera.veil.cover.mask_scale == 1.5


def test_statement_holds_what_the_register_wants() -> None:
    hall = city().statements["hall"]
    assert hall.label == "North hall"
    assert dict(hall.purpose) == {"en": "Safety on the platforms", "de": "Sicherheit am Bahnsteig"}
    assert hall.retention_h == 120
    assert hall.place_e6 == (52_520_000, 13_405_000)


def test_digest_of_the_configuration_follows_what_is_covered_and_no_secret() -> None:
    before = city().statements["hall"].configuration
    assert city(secrets=SECRETS | {"PASSERBY_PW": "other"}).statements["hall"].configuration == before
    assert (
        city(WHOLE.replace("0.1,0.2,0.3,0.2,0.3,0.9", "0.1,0.2,0.3,0.2,0.3,0.8")).statements["hall"].configuration
        != before
    )
    assert city(WHOLE.replace("days: 5", "days: 6")).statements["hall"].configuration != before


def test_no_secret_is_shown() -> None:
    assert "p@ss" not in repr(city())
    assert "tttt" not in repr(city())
    with pytest.raises(ConfigError) as caught:
        city(WHOLE.replace("port: 8000", 'port: "{PASSERBY_PW}"'))
    assert "p@ss" not in caught.value.message


def test_secret_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "PASSERBY_PW").write_text("from file\n")
    (tmp_path / "PASSERBY_TOKEN").write_text("t" * 16)
    path = tmp_path / "city.yml"
    path.write_text(WHOLE)
    assert load_city(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).cameras["hall"].input.password == "from file"


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.replace("Station hall, north", '"{PASSERBY_PW}"'),
        WHOLE.replace("label: North hall", 'label: "{PASSERBY_PW}"'),
        WHOLE.replace("192.0.2.7:554", "{PASSERBY_PW}.example"),
        WHOLE.replace("/h264?x=1", "/h264?x={PASSERBY_PW}"),
        WHOLE.replace("user: u,", 'user: "{PASSERBY_PW}",'),
        WHOLE.replace("host: 192.0.2.7,", 'host: "{PASSERBY_PW}",'),
        WHOLE.replace("de: Sicherheit am Bahnsteig", 'password: "{PASSERBY_PW}"'),
        WHOLE.replace("mailto:cameras@example.org", "https://{PASSERBY_PW}@example.org"),
        WHOLE.replace('password: "{PASSERBY_PW}"', "password: x") + 'logger: {default: "{PASSERBY_PW}"}\n',
        WHOLE.replace("quay: test", 'quay: {source: "test://x", friendly_name: "{PASSERBY_NONE}"}\n  dam: test'),
    ],
)
def test_a_secret_stands_in_passwords_tokens_and_logins_only(text: str) -> None:
    with pytest.raises(ConfigError, match=r"secret PASSERBY_\w+ must stand in a password") as caught:
        city(text)
    assert len(caught.value.message.splitlines()) == 1
    assert "p@ss" not in caught.value.message


def test_every_password_and_token_of_the_file_takes_a_secret() -> None:
    for section in sections_of(CityConfig):
        for key, hint in hints_of(section).items():
            if key in {"password", "token"} or key.endswith("_secret"):
                assert any(isinstance(mark, Secret) for mark in marks_of(hint)), (section, key)


def test_only_our_own_variables_are_put_in() -> None:
    made = city(WHOLE.replace("Station hall, north", '"{HOME} {passerby}"'))
    assert made.cameras["hall"].friendly_name == "{HOME} {passerby}"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        city(REGISTER + "cameras:\n  a: {source: x, color: red}\n  b: {source: y, colour: red}\nserver: {port: 0}\n")
    assert len(caught.value.message.splitlines()) == 3


def test_a_missing_secret_and_a_key_that_stands_twice_hide_no_other_mistake() -> None:
    text = REGISTER + (
        'cameras:\n  a: {source: "rtsp://u:{PASSERBY_NONE}@h/x", color: red}\n  a: {source: y}\n'
        '  b: "rtmp://h/x"\nmetrics: {token: "{PASSERBY_OTHER}"}\n'
    )
    with pytest.raises(ConfigError) as caught:
        city(text)
    told = [line.partition(": ")[2] for line in caught.value.message.splitlines()]
    assert told == [
        "color must be a key that cameras.a knows, is not; did you mean record?",
        "secret PASSERBY_NONE must be set, is not",
        "a must stand once, stands in line 8 too",
        "input must start with rtsp://, rtsps://, http://, https://, test://, /dev/video or be a file, got rtmp://",
        "secret PASSERBY_OTHER must be set, is not",
    ]


def test_a_mistake_of_one_kind_hides_none_of_another() -> None:
    with pytest.raises(ConfigError) as caught:
        city(
            "register:\n  origin: cameras.example.org/log\n  operator: {name: Example city, contact: nowhere}\n"
            "server: {port: 0}\nmqtt: {hoost: broker}\ncameras:\n"
            "  a: {source: x, color: red}\n"
            "  b: {source: rtmp://h/x, privacy: {style: img}, push: [{path: 'rtsp://h:x/y'}],\n"
            "    onvif: {host: h, ptz: true}, zones: {z: {coordinates: '0,0,1,0,1,1'}},\n"
            "    register: {position: act-1999}}\n"
            "  'C!': rtsp://h/x\n"
        )
    told = caught.value.message.splitlines()
    for line, part in [
        (3, "register.operator.contact"), (4, "server.port"), (5, "hoost must be a key"), (5, "mqtt.host must be given"),
        (7, "color must be a key"), (8, "must start with rtsp://"), (8, "privacy.image"), (8, "must be an address"),
        (9, "onvif.home"), (10, "position must be one of"), (11, "camera name"),
    ]:  # fmt: skip
        assert [one for one in told if one.startswith(f"city.yml:{line}: ") and part in one], (line, part, told)
    assert len(told) == 11


def test_mistakes_of_the_register_hide_no_others_there() -> None:
    with pytest.raises(ConfigError) as caught:
        city(
            "register:\n  origin: cameras.example.org/log\n  heartbeat: 60s\n  position: utopia\n  colour: red\n"
            "  operator: {name: Example city, contact: nowhere}\ncameras:\n  a: rtsp://h/x\n"
        )
    told = caught.value.message.splitlines()
    for line, part in [
        (3, "15m to 24h"),
        (4, "position must be one of"),
        (5, "colour"),
        (6, "register.operator.contact"),
    ]:
        assert [one for one in told if one.startswith(f"city.yml:{line}: ") and part in one], (line, part, told)
    assert len(told) == 4, told


def test_everything_that_a_camera_does_not_state_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        city(
            "register:\n  origin: cameras.example.org/log\n  operator: {name: Example city, contact: 'mailto:x@example.org'}\n"
            "cameras:\n  a: rtsp://h/x\n"
        )
    assert [re.search(r"state its (\w+)", line)[1] for line in caught.value.message.splitlines()] == [  # type: ignore[index]
        "legal_basis",
        "position",
        "purpose",
    ]


def test_mistakes_of_several_cameras_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        city(
            REGISTER
            + 'cameras:\n  a: "rtmp://h/x"\n  b: {source: "rtsp://h/x", privacy: {style: img}}\n  "c!": "rtsp://h"\n'
        )
    assert [line.split(":")[1] for line in caught.value.message.splitlines()] == ["8", "9", "10"]


def test_mistake_in_the_defaults_is_told_once_and_where_it_stands() -> None:
    with pytest.raises(ConfigError) as caught:
        city(
            "privacy: {margin: 9, colour: red}\n"
            + REGISTER
            + "cameras:\n  a: test://portrait\n  b: {source: x, privacy: {margin: 8}}\n"
        )
    told = [line.partition(":")[2] for line in caught.value.message.splitlines()]
    assert told == [
        "1: colour must be a key that privacy knows, is not; did you mean on_failure?",
        "1: privacy.margin must be less than or equal to 2, got 9",
        "10: cameras.b.privacy.margin must be less than or equal to 2, got 8",
    ]


def test_defaults_and_a_cameras_own_words_are_judged_together() -> None:
    head = "record: {enabled: true, retain: {days: 2}}\nprivacy: {style: img, image: face.png}\n" + REGISTER
    made = city(head + "cameras:\n  a: {source: x, record: {retain: {days: 0, max_size: 1GB}}}\n").cameras["a"]
    assert (made.record.retain.days, made.record.retain.max_size_bytes) == (0, 10**9)
    assert made.veil.cover.image == Path("/etc/passerby/face.png")
    with pytest.raises(ConfigError, match=r"city\.yml:11: cameras\.a\.record must end some day"):
        city(head + "cameras:\n  a:\n    {source: x, record: {retain: {days: 0}}}\n")


@pytest.mark.parametrize(
    "line",
    [
        "rtsp: {certificate: a.pem}",
        "rtsp: {session_timeout: 5s}",
        "rtsp: {session_timeout_s: 5}",
        "record: {sync_s: 1}",
        "selftest: {enabled_stream: false}",
        "selftest: {interval_s: 60}",
        "statements: {}",
        "path: x",
    ],
)
def test_what_only_code_can_say_is_no_key_of_the_file(line: str) -> None:
    with pytest.raises(ConfigError, match=r"must be a key that .* knows, is not"):
        city(REGISTER + f"cameras: {{a: test://portrait}}\n{line}\n")
    with pytest.raises(ConfigError, match=r"name must be a key that cameras\.a knows, is not"):
        city(REGISTER + "cameras: {a: {source: test://portrait, name: b}}\n")


def test_a_camera_is_touched_by_what_its_process_is_told_alone() -> None:
    before = city().cameras["hall"]
    for old, new in (("label: North hall", "label: Hall"), ("port: 8000", "port: 8001")):
        assert city(WHOLE.replace(old, new)).cameras["hall"] == before, new
    for old, new in (("margin: 0.5", "margin: 0.6"), ("north", "south"), ("days: 5", "days: 6")):
        assert city(WHOLE.replace(old, new)).cameras["hall"] != before, new


def test_every_section_is_told_once_and_frozen() -> None:
    for section in sections_of(CityConfig):
        assert section.__doc__
        for hint in hints_of(section).values():
            assert [mark for mark in marks_of(hint) if isinstance(mark, Key)], section


def test_a_cameras_process_needs_no_pydantic() -> None:
    code = "import sys, passerby.gateway.worker.worker; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_anchors_and_merge_keys_work() -> None:
    text = (
        REGISTER + "cameras:\n  a: &a {source: 'test://portrait', output: {crf: 20}}\n  b: {<<: *a, friendly_name: B}\n"
    )
    assert [camera.output.crf for camera in city(text).cameras.values()] == [20, 20]


def test_nothing_in_the_model_can_take_a_cover_away() -> None:
    made = json.dumps(TypeAdapter(CameraConfig).json_schema())
    for word in (
        "exclude",
        "keep",
        "reversible",
        "bypass",
        "blur",
        "mosaic",
        "disable",
        "unmask",
        "threshold",
        "score",
    ):
        assert word not in made.lower(), word


def test_reference_page_is_what_the_code_makes() -> None:
    assert (ROOT / "docs" / "city-yml.md").read_text() == reference(), "run python -m passerby.gateway.config"


def test_json_schema_takes_the_whole_file_and_refuses_an_unknown_key() -> None:
    checker = jsonschema.Draft202012Validator(schema())
    document = parse_document(WHOLE, "city.yml", SECRETS).data
    assert isinstance(document, dict)
    cameras = {name: {"source": one} if isinstance(one, str) else one for name, one in document["cameras"].items()}
    assert list(checker.iter_errors(document | {"cameras": cameras})) == []
    assert list(checker.iter_errors(document | {"cameras": cameras, "veil": False}))


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        city().cameras["hall"].name = "x"  # type: ignore[misc]


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=3, max_size=12))
def test_polygon_reads_what_it_would_write(points: list[tuple[int, int]]) -> None:
    shares = tuple((x / 1000, y / 1000) for x, y in points)
    assert polygon(",".join(f"{x},{y}" for x, y in shares)) == shares


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_ends_the_reader_in_another_way_than_its_own_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^city\.yml:\d+: "):
        parse_city(text, Path("city.yml"))


@settings(deadline=None)
@given(DATA)
def test_no_data_makes_a_city_without_a_veil(data: object) -> None:
    text = REGISTER + yaml.safe_dump({"cameras": data}, allow_unicode=True)
    try:
        made = parse_city(text, Path("city.yml"))
    except ConfigError:
        return
    for camera in made.cameras.values():
        cover = camera.veil.cover
        assert not cover.exclude_zones
        assert not cover.keep
        assert not cover.allow_reversible
        assert cover.style not in {CoverStyle.BLUR, CoverStyle.MOSAIC}


@pytest.mark.parametrize(("text", "wanted"), [("500ms", 0.5), ("90s", 90.0), ("7d", 604_800.0), ("1.5h", 5400.0)])
def test_durations(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 weeks", "s", 5, None])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        seconds(text)


def test_sizes() -> None:
    assert (size_bytes("1KB"), size_bytes("1MiB")) == (1000, 1_048_576)
    with pytest.raises(ValueError, match="must be a size"):
        size_bytes("12")


def test_listening_beyond_this_machine_brings_tls() -> None:
    made = city(WHOLE + "rtsp: {host: 0.0.0.0}\nserver: {host: 192.0.2.1}\n")
    assert (made.rtsp.beyond, made.rtsp.tls_port) == (True, 18322)
    assert is_loopback(made.rtsp.plain_host), "RTSP without TLS stays here"
    assert made.server.beyond
    assert not city().rtsp.beyond
