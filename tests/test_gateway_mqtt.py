from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import ParamSpec

import pytest
from tests.gateway_chaos_tools import no_picture_in
from tests.mqtt_broker import SmallBroker

from passerby.gateway.config.city import MqttConfig
from passerby.gateway.publish.mqtt import MqttLink, camera_stats
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase, WorkerCounts
from passerby.gateway.values import CoverReason

P = ParamSpec("P")
VEILED = CameraStatus("hall", Phase.VEILED, counts=WorkerCounts(fps_out=12.5, fps_in=12.5, tracks=3, faces=70))
COVERED = CameraStatus("hall", Phase.COVERED, (CoverReason.NO_PICTURE,))


class Talk:
    """A link to a broker of the test's own."""

    def __init__(
        self, small: SmallBroker, *, allow_cover: bool = False, password: str | None = None, waiting: int = 1000
    ) -> None:
        self.statuses = [VEILED]
        self.covers: list[tuple[str, bool]] = []
        config = MqttConfig("127.0.0.1", small.port, "cams", "test", "u", password, allow_cover=allow_cover)
        self.broker = MqttLink(config, lambda: self.statuses, self._cover, waiting=waiting, retry_s=0.1)

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


def test_stats_of_no_camera() -> None:
    assert camera_stats([]) == {"cameras": {}}
