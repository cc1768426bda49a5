"""Wire, H.264 bytes, faults, load, clock, schedules: the pure parts of the gateway."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from datetime import time as clock
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import BitstreamError, ConfigError, ServiceError
from passerby.gateway import wire
from passerby.gateway.config import (
    CameraConfig,
    CoverTimeConfig,
    EncodeConfig,
    InputConfig,
    InputKind,
    OnvifConfig,
    OverloadPolicy,
    PrivacyConfig,
    PushConfig,
    ZoneConfig,
)
from passerby.gateway.config.reference import sections_of
from passerby.gateway.messages import (
    CoverOrder,
    FaultReport,
    KeyOrder,
    Order,
    RateReport,
    Report,
    SealedReport,
    SelfTestReport,
    StartOrder,
    StatusReport,
    StopOrder,
    UncoverOrder,
    VeiledUnit,
    encode_message,
    parse_order,
    parse_report,
)
from passerby.gateway.picture.drawn_cover import TONE, cover_frame
from passerby.gateway.picture.encoder import LiveEncoder, ticks_of
from passerby.gateway.picture.scene import Scene, SceneSettings, read_number, settings_of, write_number
from passerby.gateway.picture.synthetic_face import covers, is_bare, probe
from passerby.gateway.states import WorkerCounts
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.binding import cover_reason
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.load import Load
from passerby.gateway.worker.watchdog import ClockWatch, covered_now
from passerby.media import ParameterSets, find_parameter_sets, nal_units
from passerby.sealing import IndexPart
from passerby.veil.run.veiled import WholeReason

messages = st.builds(
    wire.Message,
    st.sampled_from(wire.MessageKind),
    st.binary(max_size=200),
    st.integers(0, 2**32 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
)


@given(st.lists(messages, max_size=5), st.integers(1, 64))
@settings(max_examples=80, deadline=None)
def test_messages_come_back_however_they_are_cut(sent: list[wire.Message], step: int) -> None:
    data = b"".join(wire.encode(message) for message in sent)
    decoder = wire.Decoder()
    got = [message for at in range(0, len(data), step) for message in decoder.feed(data[at : at + step])]
    assert got == sent


@given(st.binary(min_size=28, max_size=400))
@settings(max_examples=80, deadline=None)
def test_other_bytes_are_one_error(data: bytes) -> None:
    if data[:2] != b"PV":
        with pytest.raises(ServiceError, match="must begin with PV"):
            list(wire.Decoder().feed(data))


def test_length_of_a_message_is_bounded() -> None:
    head = bytearray(wire.encode(wire.Message(wire.MessageKind.UNIT)))
    head[8:12] = b"\xff\xff\xff\xff"
    with pytest.raises(ServiceError, match="bounded"):
        list(wire.Decoder().feed(bytes(head)))
    with pytest.raises(ServiceError, match="at most"):
        wire.encode(wire.Message(wire.MessageKind.UNIT, bytes(wire.MAX_PAYLOAD_BYTES + 1)))


COUNTS = WorkerCounts(frames_in=3, fps_in=12.5, rss_bytes=7)
CAMERA = CameraConfig(
    "hall",
    InputConfig("rtsp://c/1", "u", "geheim"),
    privacy=PrivacyConfig(cover_times=(CoverTimeConfig(clock(1), clock(2), ("sun",)),), image=Path("/a.png")),
    zones={"door": ZoneConfig(((0, 0), (1, 0), (1, 1)))},
    output=EncodeConfig(max_fps=5),
)
REPORTS: list[Report] = [
    *(VeiledUnit(b"x", key, whole, 5, 6) for key in (True, False) for whole in (None, *CoverReason)),
    StatusReport(COUNTS, (CoverReason.PTZ, CoverReason.CORRUPT), 800.0, 3),
    FaultReport(CoverReason.WEIGHTS, True, "other weights"),
    FaultReport(CoverReason.WEIGHTS, False),
    RateReport(4),
    SelfTestReport(True, "the detector found the synthetic face"),
    SealedReport(),
    SealedReport(("ab" * 32,), (IndexPart(60_000_000_000, "cGFydA=="),)),
]
ORDERS: list[Order] = [
    StartOrder(CAMERA, 60.0, 0.25, 4, 3),
    CoverOrder(CoverReason.DISK_FULL, "no space left"),
    UncoverOrder(CoverReason.DISK_FULL),
    KeyOrder(),
    StopOrder(),
]


def message_of(said: Report | Order) -> wire.Message:
    (message,) = wire.Decoder().feed(encode_message(said))
    return message


@pytest.mark.parametrize("report", REPORTS)
def test_reports_come_back_and_are_no_orders(report: Report) -> None:
    assert parse_report(message_of(report)) == report
    with pytest.raises(ServiceError, match="must be an order"):
        parse_order(message_of(report))


@pytest.mark.parametrize("order", ORDERS)
def test_orders_come_back_and_are_no_reports(order: Order) -> None:
    assert parse_order(message_of(order)) == order
    with pytest.raises(ServiceError, match="must be a report"):
        parse_report(message_of(order))


def test_every_kind_of_message_has_its_record() -> None:
    assert {message_of(said).kind for said in (*REPORTS, *ORDERS)} == set(wire.MessageKind)


@pytest.mark.parametrize("reason", WholeReason)
def test_every_reason_of_the_veil_has_this_rooms_word(reason: WholeReason) -> None:
    assert cover_reason(reason) in CoverReason


@pytest.mark.parametrize("flags", [0xFF00, 0x10000, 2])
def test_a_unit_with_unknown_flags_is_refused(flags: int) -> None:
    with pytest.raises(ServiceError, match="flags of a unit must"):
        parse_report(wire.Message(wire.MessageKind.UNIT, flags=flags))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (wire.MessageKind.STATUS, b"{"),
        (wire.MessageKind.STATUS, b"[]"),
        (wire.MessageKind.STATUS, b"\xff"),
        (wire.MessageKind.STATUS, b'{"counts": {"frames_in": "3"}, "reasons": [], "lookahead_ms": 0}'),
        (wire.MessageKind.STATUS, b'{"counts": {"frames": 3}, "reasons": [], "lookahead_ms": 0}'),
        (wire.MessageKind.STATUS, b'{"counts": {}, "reasons": ["bored"], "lookahead_ms": 0}'),
        (wire.MessageKind.FAULT, b'{"reason": "corrupt_stream", "began": 1}'),
        (wire.MessageKind.FAULT, b'{"reason": "corrupt_stream"}'),
        (wire.MessageKind.RATE, b'{"step": 2, "more": 1}'),
        (wire.MessageKind.SELFTEST, b""),
        (wire.MessageKind.START, b'{"camera": {"name": "hall", "password": "geheim"}}'),
        (wire.MessageKind.COVER, b'{"reason": "geheim"}'),
    ],
)
def test_what_does_not_fit_is_refused_without_its_text(kind: wire.MessageKind, payload: bytes) -> None:
    parse: Callable[[wire.Message], object] = parse_order if kind.is_order else parse_report
    with pytest.raises(ServiceError, match=f"{kind.name} must fit this version") as refused:
        parse(wire.Message(kind, payload))
    assert "geheim" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_every_reason_has_words() -> None:
    assert len({reason.words for reason in CoverReason} - {""}) == len(CoverReason)


@pytest.mark.parametrize("size", [(320, 192), (642, 362), (1280, 720), (1920, 1080), (16, 16)])
def test_size_is_read_from_the_parameter_set(size: tuple[int, int]) -> None:
    encoder = LiveEncoder(*size, 12.5, EncodeConfig())
    data, key, _ = encoder.encode(cover_frame(*size, "c", CoverReason.START), 0)[0]
    found = find_parameter_sets(nal_units(data))
    assert key
    assert found is not None
    assert found.size == size
    assert found.codec.startswith("avc1.")


def test_truncated_parameter_set_is_refused() -> None:
    with pytest.raises(BitstreamError, match="whole"):
        _ = ParameterSets(bytes.fromhex("6764"), b"h").size


def test_key_frames_come_by_time_and_on_demand() -> None:
    encoder = LiveEncoder(320, 192, 12.5, EncodeConfig(gop_s=1.0))
    scene = Scene(SceneSettings(320, 192, 12.5, 0))
    keys = []
    for number in range(30):
        if number == 20:
            encoder.want_key()
        units = encoder.encode(scene.frame(number), ticks_of(number * 80_000_000))
        assert len(units) == 1, "no picture is held back"
        keys.append(units[0][1])
    assert [i for i, key in enumerate(keys) if key] == [0, 13, 20]


def test_time_never_goes_back_in_the_encoder() -> None:
    encoder = LiveEncoder(320, 192, 12.5, EncodeConfig())
    times = [encoder.encode(cover_frame(320, 192, "c", CoverReason.START), ticks)[0][2] for ticks in (100, 50, 50, 900)]
    assert times == [100, 101, 102, 900]


def now(faults: Faults) -> list[CoverReason]:
    return list(faults.reasons)


def told() -> tuple[Faults, list[tuple[CoverReason, bool]]]:
    seen: list[tuple[CoverReason, bool]] = []
    return Faults(lambda reason, began, _ns, _text: seen.append((reason, began))), seen


def test_fault_ends_when_not_seen_for_its_time() -> None:
    faults, seen = told()
    faults.strike(CoverReason.CORRUPT, 10.0, 0, hold_s=2.0)
    faults.strike(CoverReason.CORRUPT, 11.0, 0)
    faults.expire(12.9)
    assert now(faults) == [CoverReason.CORRUPT]
    faults.expire(13.0)
    assert now(faults) == []
    assert seen == [(CoverReason.CORRUPT, True), (CoverReason.CORRUPT, False)]


def test_what_is_held_ends_only_when_lifted() -> None:
    faults, _ = told()
    faults.hold(CoverReason.WEIGHTS, 0.0, 0)
    faults.expire(1e9)
    assert now(faults) == [CoverReason.WEIGHTS]
    faults.lift(CoverReason.WEIGHTS, 1e9)
    faults.expire(1e9)
    assert now(faults) == []


def test_faults_come_before_what_is_meant() -> None:
    faults, _ = told()
    faults.hold(CoverReason.SCHEDULE, 0.0, 1)
    faults.strike(CoverReason.OVERLOAD, 0.0, 3)
    faults.strike(CoverReason.CORRUPT, 0.0, 2)
    assert now(faults) == [CoverReason.CORRUPT, CoverReason.OVERLOAD, CoverReason.SCHEDULE]


def run_load(
    policy: OverloadPolicy, waited_s: float, seconds: float, load: Load | None = None, start: float = 0.0
) -> Load:
    made = load or Load(policy)
    for tick in range(int(seconds / 0.08)):
        made.note(waited_s, start + tick * 0.08)
    return made


def test_overload_lowers_the_rate_first_and_covers_after() -> None:
    load = run_load("rate", 0.5, 1.0)
    assert (load.step, load.overloaded) == (2, False)
    run_load("rate", 0.5, 2.0, load, 1.0)
    assert (load.step, load.overloaded) == (4, True)
    run_load("rate", 0.01, 4.5, load, 3.0)
    assert not load.overloaded
    run_load("rate", 0.01, 9.0, load, 8.0)
    assert load.step == 1


def test_overload_that_comes_back_ends_later_each_time() -> None:
    load = run_load("rate", 0.5, 1.0)
    run_load("rate", 0.01, 4.5, load, 1.0)
    assert load.step == 1
    run_load("rate", 0.5, 1.0, load, 6.0)
    assert load.step == 2
    run_load("rate", 0.01, 7.0, load, 7.0)
    assert load.step == 2, "eight seconds now"
    run_load("rate", 0.01, 2.0, load, 14.0)
    assert load.step == 1


def test_at_the_lowest_rate_overload_is_tried_again_soon_and_later_each_time() -> None:
    load = run_load("rate", 0.5, 3.0)
    assert (load.step, load.overloaded) == (4, True)
    run_load("rate", 0.01, 1.3, load, 3.0)
    assert (load.step, load.overloaded) == (4, False), "one second covered, and the rate stays low"
    run_load("rate", 0.5, 1.0, load, 4.3)
    assert load.overloaded
    run_load("rate", 0.01, 1.7, load, 5.3)
    assert load.overloaded, "two seconds now"
    run_load("rate", 0.01, 0.7, load, 7.0)
    assert not load.overloaded


@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_new_process_begins_at_the_rate_at_which_the_one_before_it_ended(step: int) -> None:
    load = Load("rate", step=step)
    assert load.step == step
    run_load("rate", 0.01, 9.0, load)
    assert load.step == 1, "and rises where it keeps up"


def test_overload_may_cover_at_once() -> None:
    load = run_load("cover", 0.5, 1.0)
    assert (load.step, load.overloaded) == (1, True)


def test_overload_that_comes_and_goes_lowers_the_rate_too() -> None:
    """Every third picture was covered whole for good: between two late ones there was always one in time."""
    load = Load("rate")
    for tick in range(300):
        load.note(0.5 if tick % 3 == 0 else 0.05, tick * 0.08)
    assert load.step > 1
    slowest = Load("rate")
    for tick in range(3000):
        slowest.note(0.5 if tick % 3 == 0 else 0.05, tick * 0.08, strain=5.0 if tick < 100 else 0.5)
    assert (slowest.step, slowest.overloaded) == (4, False), "covering all would not help a third that is late"
    rare = Load("rate")
    for tick in range(3000):
        rare.note(0.5 if tick % 20 == 0 else 0.05, tick * 0.08)
    assert rare.step == 1


def test_passes_that_are_nearly_too_slow_lower_the_rate_before_a_picture_is_late() -> None:
    load = Load("rate")
    for tick in range(12):
        load.note(0.01, tick * 0.08, strain=1.1)
    assert (load.step, load.overloaded) == (2, False)
    for tick in range(12, 220):
        load.note(0.01, tick * 0.08, strain=0.6)
    assert load.step == 2, "twice as many pictures would strain it again"
    for tick in range(220, 300):
        load.note(0.01, tick * 0.08, strain=0.3)
    assert load.step == 1


@pytest.mark.parametrize(("fps", "slowest"), [(5.0, 2), (12.5, 4), (25.0, 8), (60.0, 16)])
def test_the_rate_is_lowered_as_far_as_faces_can_be_followed(fps: float, slowest: int) -> None:
    load, steps = Load("rate"), set()
    for number in range(round(fps * 30)):
        load.wants(round((number + 1) / fps * 1e9))
        load.note(0.5, number / fps)
        steps.add(load.step)
    assert max(steps) == slowest
    assert load.overloaded


def test_short_delay_is_no_overload() -> None:
    load = run_load("rate", 0.5, 0.5)
    assert (load.step, load.overloaded) == (1, False)


def test_what_comes_at_once_after_a_silence_is_no_overload() -> None:
    load = Load("cover")
    load.expect_burst(100.0)
    run_load("cover", 0.8, 2.9, load, 100.0)
    assert not load.overloaded
    load.expect_burst(103.5)
    run_load("cover", 0.8, 1.0, load, 103.5)
    assert load.overloaded, "a burst that does not end is overload"


@pytest.mark.parametrize("gap_s", [1.1, 2.0, 4.0])
def test_a_machine_that_stumbles_again_and_again_is_overloaded(gap_s: float) -> None:
    load, now_s = Load("cover"), 50.0
    for _ in range(int(30 / gap_s)):
        load.expect_burst(now_s)
        run_load("cover", 0.8, gap_s, load, now_s)
        now_s += gap_s
    assert load.overloaded


def test_rate_is_limited() -> None:
    load = Load("rate", max_fps=5.0)
    assert sum(load.wants(number * 80_000_000 + 10**12) for number in range(125)) in range(41, 52)


def test_clock_jumps_are_seen_and_drift_is_not() -> None:
    watch = ClockWatch()
    assert watch.jumped_ns(10**18, 10**9) == 0
    assert watch.jumped_ns(10**18 + 10**9 + 9 * 10**8, 2 * 10**9) == 0
    assert watch.jumped_ns(10**18 - 5 * 10**9, 2 * 10**9) < -(10**9)
    assert watch.jumped_ns(10**18 - 5 * 10**9, 2 * 10**9) == 0


@pytest.mark.parametrize(
    ("now", "covered"),
    [
        ("2026-11-23T21:59", False),
        ("2026-11-23T22:00", True),
        ("2026-11-24T05:59", True),
        ("2026-11-24T06:00", False),
        ("2026-11-24T23:00", False),
    ],
)
def test_schedules_go_over_midnight(now: str, covered: bool) -> None:
    assert covered_now((CoverTimeConfig(clock(22), clock(6), ("mon",)),), datetime.fromisoformat(now)) is covered


@given(st.integers(0, 2**22 - 1), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_number_of_a_picture_is_read_back(number: int, ground: int) -> None:
    luma = np.full((96, 192), ground, np.uint8)
    write_number(luma, number)
    assert read_number(luma) == number


def test_covered_picture_has_no_number() -> None:
    assert read_number(np.full((192, 320), TONE, np.uint8)) is None


@pytest.mark.parametrize(
    "url",
    [
        "test://other",
        "test://portrait?size=1x1",
        "test://portrait?what=1",
        "test://portrait?fps=x",
        "test://portrait?size=321x200",
    ],
)
def test_wrong_test_camera_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="test camera"):
        settings_of(url)


def test_scene_says_where_its_faces_are() -> None:
    scene = Scene(SceneSettings(640, 360, 12.5, 2))
    for number in (0, 50, 400):
        luma, faces = scene.luma(number), scene.faces(number)
        assert faces.shape == (2, 4)
        # the last one stands in front of all others
        assert is_bare(luma, luma, scene.shown(number, 1))
        x0, y0, x1, y1 = (int(v) for v in faces[-1])
        covered = luma.copy()
        covered[y0:y1, x0:x1] = 100
        assert not is_bare(covered, luma, scene.shown(number, 1))


def test_a_face_behind_another_head_is_judged_by_what_can_be_seen_of_it() -> None:
    scene = Scene(SceneSettings(640, 360, 12.5, 5))
    whole = max(scene.shown(number, 0).sum() for number in range(0, 400, 20))
    hidden = [number for number in range(0, 400, 3) if 0 < scene.shown(number, 0).sum() < 0.7 * whole]
    assert hidden
    for number in hidden[:20]:
        luma, shown = scene.luma(number), scene.shown(number, 0)
        covered = np.where(shown, np.uint8(100), luma)
        assert not is_bare(covered, luma, shown), "what stands before it stays, and is another face"


def test_noise_over_a_face_is_not_bare_and_a_shifted_encode_is() -> None:
    scene = Scene(SceneSettings(640, 360, 12.5, 1))
    luma, face, shown = scene.luma(3), scene.faces(3)[0], scene.shown(3, 0)
    random = np.random.default_rng(0)
    noisy = luma.copy()
    x0, y0, x1, y1 = (int(v) for v in face)
    noisy[y0:y1, x0:x1] = random.integers(0, 255, (y1 - y0, x1 - x0))
    assert not is_bare(noisy, luma, shown)
    worse = np.clip(luma.astype(int) + random.integers(-15, 15, luma.shape), 0, 255).astype(np.uint8)
    assert is_bare(worse, luma, shown)


def test_probe_holds_its_face() -> None:
    random = np.random.default_rng(1)
    for _ in range(5):
        asked = probe(random)
        x0, y0, x1, y1 = asked.xyxy
        assert 0 <= x0 < x1 <= 640
        assert 0 <= y0 < y1 <= 360
        assert covers(asked.xyxy[None], asked.xyxy)
        assert not covers(asked.xyxy[None] + 2 * (x1 - x0), asked.xyxy)
        assert not covers(np.array([[0, 0, 640, 360]], np.float32), asked.xyxy), "the whole picture is no finding"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rtsp://c/1", InputKind.RTSP),
        ("rtsps://c/1", InputKind.RTSP),
        ("http://c/mjpg", InputKind.HTTP),
        ("/dev/video0", InputKind.V4L2),
        ("/tmp/a.mp4", InputKind.FILE),
        ("file:///tmp/a.mp4", InputKind.FILE),
        ("test://portrait", InputKind.TEST),
    ],
)
def test_kind_of_input(url: str, kind: InputKind) -> None:
    assert InputConfig(url).kind is kind


def test_other_schemes_and_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="input must start with"):
        _ = InputConfig("gopher://c").kind
    for name in ("", "Hall", "a/b", "_selftes", "x" * 65, "../etc"):
        with pytest.raises(ConfigError, match="camera name"):
            CameraConfig(name, InputConfig("test://portrait"))


def test_live_camera_has_no_exception_from_veiling() -> None:
    told = {field.name for section in sections_of(CameraConfig) for field in dataclasses.fields(section)}  # type: ignore[arg-type]
    assert told.isdisjoint({"exclude_zones", "keep", "allow_reversible"})
    cover = CAMERA.veil.cover
    assert (cover.exclude_zones, cover.keep, cover.allow_reversible) == ((), frozenset(), False)


def test_camera_process_is_told_no_login_but_that_of_its_pictures() -> None:
    push, onvif = PushConfig("rtsp://x", "u", "of push"), OnvifConfig("c", 80, "u", "of onvif")
    told = dataclasses.replace(CAMERA, push=(push,), onvif=onvif).for_process()
    payload = message_of(StartOrder(told, 60.0, 0.0)).payload
    assert b"geheim" in payload
    assert b"of push" not in payload
    assert b"of onvif" not in payload


def test_a_password_is_not_printed() -> None:
    assert "geheim" not in repr(CAMERA)
