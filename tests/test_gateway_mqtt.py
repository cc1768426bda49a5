from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from tests.gateway_chaos_tools import no_picture_in
from tests.mqtt_broker import SmallBroker

from passerby.gateway.config.city import MqttConfig
from passerby.gateway.publish.mqtt import MqttLink, camera_stats, own_number
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase, WorkerCounts
from passerby.gateway.values import CoverReason

P = ParamSpec("P")
VEILED = CameraStatus("hall", Phase.VEILED, counts=WorkerCounts(fps_out=12.5, fps_in=12.5, tracks=3, faces=70))
COVERED = CameraStatus("hall", Phase.COVERED, (CoverReason.NO_PICTURE,))


class Talk:
    """A link to a broker of the test's own."""

    def __init__(
        self,
        small: SmallBroker,
        *,
        waiting: int = 1000,
        number: str = "0123456789ab",
        **changes: Any,  # noqa: ANN401 - of the configuration
    ) -> None:
        self.statuses = [VEILED]
        self.titles = {"hall": "Hall, north"}
        self.covers: list[tuple[str, bool]] = []
        config = MqttConfig("127.0.0.1", small.port, "cams", user="u", **changes)
        self.broker = MqttLink(
            config,
            lambda: self.statuses,
            self._cover,
            number=number,
            titles=lambda: self.titles,
            waiting=waiting,
            retry_s=0.1,
        )

    def _cover(self, name: str, on: bool) -> bool:
        self.covers.append((name, on))
        return name == "hall"


def in_a_loop(test: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


async def until(done: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not done():  # noqa: ASYNC110 - waits for what another side does
            await asyncio.sleep(0.02)


@asynccontextmanager
async def linked(*, allow_cover: bool = False) -> AsyncIterator[tuple[SmallBroker, Talk]]:
    """A broker, and a link to it that is up."""
    small = SmallBroker()
    await small.start()
    talk = Talk(small, allow_cover=allow_cover)
    talk.broker.start()
    try:
        await until(lambda: talk.broker.connected and small.topics("cams/available"))
        yield small, talk
    finally:
        await talk.broker.stop()
        await small.stop()


@in_a_loop
async def test_a_broker_that_answers_no_more_keeps_nobody_from_stopping() -> None:
    """The farewell failed, its failure took the place of the order to stop, and the link began anew, for ever."""
    small = SmallBroker()
    await small.start()
    talk = Talk(small)
    talk.broker.start()
    await until(lambda: talk.broker.connected and small.topics("cams/available"))
    small.mute = True
    await asyncio.wait_for(talk.broker.stop(), 15)
    assert not talk.broker.connected
    await small.stop()


@in_a_loop
async def test_states_are_told_once_and_kept_by_the_broker() -> None:
    async with linked() as (small, talk):
        talk.broker.tick()
        talk.broker.tick()
        await until(lambda: small.topics("cams/hall/faces"))
        assert small.topics("cams/hall/state") == ["veiled"]
        assert small.retained["cams/available"] == b"online"
        talk.statuses = [COVERED]
        talk.broker.tick()
        await until(lambda: small.topics("cams/hall/reason")[-1:] == ["no_picture"])
        assert small.topics("cams/hall/state") == ["veiled", "covered"]
        await talk.broker.stop()
        assert small.topics("cams/available") == ["online", "stopped"]


@in_a_loop
async def test_stats_are_told_in_frigates_words() -> None:
    async with linked() as (small, _):
        await until(lambda: small.topics("cams/stats"))
        told = json.loads(small.topics("cams/stats")[0])
        assert told["cameras"]["hall"]["camera_fps"] == 12.5
        assert set(told["cameras"]["hall"]) >= {"camera_fps", "process_fps", "detection_fps", "pid"}


@in_a_loop
async def test_the_last_will_says_offline() -> None:
    async with linked() as (small, _):
        small.cut_off()
        await until(lambda: "offline" in small.topics("cams/available"))


@in_a_loop
async def test_a_broker_that_goes_is_found_again_and_told_everything() -> None:
    async with linked() as (small, talk):
        talk.broker.tick()
        await until(lambda: small.topics("cams/hall/state"))
        await small.stop()
        await until(lambda: not talk.broker.connected)
        talk.broker.tick()
        again = SmallBroker()
        await again.start(small.port)
        await until(lambda: talk.broker.connected and again.topics("cams/available"))
        talk.broker.tick()
        await until(lambda: again.topics("cams/hall/state") == ["veiled"])
        await talk.broker.stop()
        await again.stop()


COVERS = [("hall/cover/set", b"ON"), ("hall/cover/set", b"OFF"), ("none/cover/set", b"ON")]
OTHERS = [
    (f"{topic}/set", payload)
    for topic in ("hall/veil", "hall/detect", "hall/enabled", "hall/mask", "hall/privacy")
    for payload in (b"OFF", b"ON", b"false", b"0")
]
NONSENSE = [("hall/cover/set", payload) for payload in (b"", b"on", b"ONE", b"\xff\xfe", b"x" * 100_000)]


@pytest.mark.parametrize(
    ("allow_cover", "sent", "done"),
    [
        (True, COVERS, [("hall", True), ("hall", False), ("none", True)]),
        (False, COVERS, []),
        (True, [*OTHERS, ("restart", b"ON"), *NONSENSE], []),
    ],
    ids=["covers", "not allowed", "anything else"],
)
@in_a_loop
async def test_a_topic_can_add_a_cover_where_that_is_allowed_and_do_nothing_else(
    allow_cover: bool, sent: list[tuple[str, bytes]], done: list[tuple[str, bool]]
) -> None:
    async with linked(allow_cover=allow_cover) as (small, talk):
        for topic, payload in sent:
            small.publish(f"cams/{topic}", payload)
        await until(lambda: len(talk.covers) >= len(done))
        await asyncio.sleep(0.5)
        assert talk.covers == done
        assert talk.broker.connected


@in_a_loop
async def test_events_hold_no_user_address_or_picture() -> None:
    async with linked() as (small, talk):
        talk.broker.take(
            Event(EventKind.FAULT_BEGAN, "hall", 1_000_000_000, reason=CoverReason.CLOCK, user="u", address="a")
        )
        talk.broker.take(Event(EventKind.READER_CAME, "hall", 1, user="someone"))
        await until(lambda: small.topics("cams/events"))
        assert [set(json.loads(text)) for text in small.topics("cams/events")] == [
            {"type", "camera", "time", "reason", "ok"}
        ]
        assert not [payload for _, payload, _ in small.messages if no_picture_in(payload)]


@in_a_loop
async def test_a_wrong_password_is_tried_again_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    small = SmallBroker(password="right")
    await small.start()
    talk = Talk(small, password="wrong-secret")
    talk.broker.start()
    await until(lambda: caplog.records)
    assert not talk.broker.connected
    assert "wrong-secret" not in caplog.text
    await talk.broker.stop()
    await small.stop()


@in_a_loop
async def test_what_waits_is_bounded() -> None:
    talk = Talk(SmallBroker(), waiting=10)
    talk.broker.connected = True
    for number in range(50):
        talk.broker.take(Event(EventKind.FAULT_BEGAN, "hall", number, reason=CoverReason.CLOCK))
    assert talk.broker.dropped == 40


# Home Assistant

NODE = "passerby_0123456789ab"


def told_of(small: SmallBroker, camera: str) -> dict[str, dict[str, Any]]:
    """Return what a broker holds about a camera for Home Assistant, by key."""
    found = {}
    for topic, payload in small.retained.items():
        start, component, node, thing, *_ = [*topic.split("/"), "", "", ""]
        if (start, node) == ("homeassistant", NODE) and thing.rpartition("_")[0] == camera:
            told = json.loads(payload)
            found[thing.rpartition("_")[2]] = told | {"component": component}
    return found


@in_a_loop
async def test_home_assistant_finds_every_camera_with_states_and_counters() -> None:
    async with linked() as (small, talk):
        talk.broker.tick()
        await until(lambda: len(told_of(small, "hall")) == 5 and small.topics("cams/hall/faces"))
        told = told_of(small, "hall")
        assert set(told) == {"state", "reason", "fps", "faces", "cover"}
        for entity in told.values():
            assert small.retained[entity["state_topic"]] is not None
            assert entity["availability_topic"] in small.retained
            assert entity["device"]["name"] == "Hall, north"
            assert entity["device"]["identifiers"] == [f"{NODE}_hall"]
            assert "image" not in json.dumps(entity)
        assert len({entity["unique_id"] for entity in told.values()}) == 5
        assert small.retained["cams/hall/state"].decode() in told["state"]["options"]
        assert told["faces"]["state_class"] == "total_increasing"
        assert told["cover"]["component"] == "binary_sensor"
        assert "command_topic" not in told["cover"]
        (own,) = [topic for topic in small.retained if topic.endswith("/available/config")]
        assert told["state"]["device"]["via_device"] in json.loads(small.retained[own])["device"]["identifiers"]


@in_a_loop
async def test_only_where_it_is_allowed_home_assistant_gets_a_switch() -> None:
    async with linked(allow_cover=True) as (small, talk):
        talk.broker.tick()
        await until(lambda: len(told_of(small, "hall")) == 5)
        cover = told_of(small, "hall")["cover"]
        assert (cover["component"], cover["command_topic"]) == ("switch", "cams/hall/cover/set")
        small.publish(cover["command_topic"], b"ON")
        await until(lambda: talk.covers == [("hall", True)])


@in_a_loop
async def test_a_camera_that_is_removed_is_taken_back_whole() -> None:
    async with linked() as (small, talk):
        talk.statuses, talk.titles = [VEILED, replace(VEILED, name="yard")], {"hall": "Hall", "yard": "Yard"}
        talk.broker.tick()
        await until(lambda: len(told_of(small, "yard")) == 5 and "cams/yard/faces" in small.retained)
        talk.statuses, talk.titles = [VEILED], {"hall": "Hall"}
        talk.broker.tick()
        await until(lambda: not told_of(small, "yard"))
        await until(lambda: not [topic for topic in small.retained if topic.startswith("cams/yard/")])
        assert len(told_of(small, "hall")) == 5


@pytest.mark.parametrize("changes", [{}, {"discovery": False}], ids=["removed meanwhile", "switched off"])
@in_a_loop
async def test_what_an_earlier_run_left_is_taken_back(changes: dict[str, Any]) -> None:
    small = SmallBroker()
    await small.start()
    foreign = {
        "homeassistant/sensor/passerby_ffffffffffff/yard_state/config": b"{}",
        "homeassistant/light/lamp/config": b"{}",
        f"homeassistant/sensor/{NODE}/yard_strange/config": b"{}",
    }
    for topic, payload in foreign.items():
        small.publish(topic, payload, retain=True)
    before = Talk(small)
    before.statuses, before.titles = [replace(VEILED, name="yard")], {"yard": "Yard"}
    before.broker.start()
    await until(lambda: before.broker.connected)
    before.broker.tick()
    await until(lambda: len(told_of(small, "yard")) == 6 and "cams/yard/faces" in small.retained)
    await before.broker.stop()
    after = Talk(small, **changes)
    after.broker.start()
    await until(lambda: after.broker.connected)

    def gone() -> bool:
        after.broker.tick()
        return set(told_of(small, "yard")) == {"strange"} and "cams/yard/faces" not in small.retained

    await until(gone)
    await until(lambda: len(told_of(small, "hall")) == (5 if not changes else 0))
    assert {topic: small.retained[topic] for topic in foreign} == foreign, "what is not ours stays"
    await after.broker.stop()
    await small.stop()


@in_a_loop
async def test_a_camera_that_may_not_start_yet_stays_known() -> None:
    async with linked() as (small, talk):
        talk.broker.tick()
        await until(lambda: len(told_of(small, "hall")) == 5 and "cams/hall/faces" in small.retained)
        talk.statuses = []
        talk.broker.tick()
        await asyncio.sleep(0.3)
        assert len(told_of(small, "hall")) == 5
        assert "cams/hall/state" in small.retained


@in_a_loop
async def test_hundreds_of_cameras_are_told_of_in_turn() -> None:
    small = SmallBroker()
    await small.start()
    talk = Talk(small, waiting=100)
    talk.statuses = [replace(VEILED, name=f"c{number}") for number in range(60)]
    talk.titles = {status.name: status.name for status in talk.statuses}
    talk.broker.start()
    await until(lambda: talk.broker.connected)

    def all_told() -> bool:
        talk.broker.tick()
        return all(len(told_of(small, name)) == 5 and f"cams/{name}/faces" in small.retained for name in talk.titles)

    await until(all_told)
    assert talk.broker.dropped == 0
    await talk.broker.stop()
    await small.stop()


@in_a_loop
async def test_two_gateways_at_one_broker_do_not_end_each_other(tmp_path: Path) -> None:
    small = SmallBroker()
    await small.start()
    numbers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        numbers.append(own_number(tmp_path / name))
        assert own_number(tmp_path / name) == numbers[-1], "it is kept"
    links = [Talk(small, number=number).broker for number in numbers]
    for link in links:
        link.start()
    await until(lambda: all(link.connected for link in links) and len(small.names) == 2)
    await asyncio.sleep(0.5)
    assert small.names == {f"passerby-{number}" for number in numbers}
    assert small.topics("cams/available").count("online") == 2, "neither had to come again"
    for link in links:
        await link.stop()
    await small.stop()


@in_a_loop
async def test_gateways_that_write_the_same_topics_say_so(caplog: pytest.LogCaptureFixture) -> None:
    """They would call each other's cameras offline; whoever came first learns of it too."""
    small = SmallBroker()
    await small.start()
    first, second = "0" * 12, "1" * 12
    links = [Talk(small, number=number).broker for number in (first, second)]
    links[0].start()
    await until(lambda: small.retained.get("cams/gateway") == first.encode())
    assert "topic_prefix" not in caplog.text, "its own number is no other's"
    links[1].start()
    await until(lambda: f"gateway {first} uses topic_prefix cams at this broker" in caplog.text)
    await until(lambda: f"gateway {second} uses topic_prefix cams at this broker" in caplog.text)
    for link in links:
        await link.stop()
    await small.stop()


def test_stats_of_no_camera() -> None:
    assert camera_stats([]) == {"cameras": {}}
