"""A gateway announces that faces are kept locked, and may keep none before the log's own entry has come to its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.gateway_site import city_in
from tests.gateway_tools import HandClock, wait_for
from tests.seal_tools import holders, read, sealed

from passerby import register
from passerby.gateway.config.camera import SealConfig
from passerby.gateway.config.statement import SealTerms, seal_terms
from passerby.gateway.publish.register_link import RegisterLink
from passerby.gateway.publish.sealed_cameras import keep_packs, sealed_camera
from passerby.gateway.states import CameraStatus, Phase, WorkerCounts
from passerby.register import SEAL_NOTICE, RunningStarted, SealAnnounced, SealHeld, verify
from passerby.values import Digest

DAY_S = 86_400.0
DIGEST = Digest("sha256:" + "d1" * 32)
TERMS = SealTerms(
    72,
    2,
    (("Court", "court", "sha256:" + "a1" * 32), ("Authority", "data-protection", "sha256:" + "a2" * 32)),
    ("Authority", "authority"),
    DIGEST,
)


class Sealing:
    """A register link whose clock began three weeks ago, so that weeks can pass without being ahead of the log's own clock."""

    def __init__(self, folder: Path, hand: HandClock | None = None) -> None:
        if hand is None:
            hand = HandClock()
            hand.wall_ns -= round(21 * DAY_S * 1e9)
        self.hand, self.city = hand, city_in(folder)
        self.link = RegisterLink(self.city, lambda *_: None, lambda *_: None, clock=self.hand.clock, permit_s=5.0)

    def wants(self, terms: SealTerms | None) -> None:
        self.city.statements["hall"] = replace(self.city.statements["hall"], seal=terms)

    def start(self) -> None:
        assert asyncio.run(self.link.permit(self.city.cameras["hall"])) is None

    def tick(self, seconds: float = 1.0) -> None:
        """Let time pass, and what is put reach the log."""
        self.hand.move(seconds)
        self.link.tick([CameraStatus("hall", Phase.VEILED, (), counts=WorkerCounts())])
        done = self.link.writer.put([])
        wait_for(done.done)
        self.link.tick([CameraStatus("hall", Phase.VEILED, (), counts=WorkerCounts())])

    def kept_h(self) -> int | None:
        found = self.link.sealing("hall")
        return found.retention_h if found else None

    def entries(self) -> list[register.Entry]:
        wait_for(self.link.writer.put([]).done)
        with closing(register.LogReader.open(self.city.register.path)) as reader:
            return list(reader.entries())

    def announced(self) -> list[SealAnnounced]:
        return [entry for entry in self.entries() if isinstance(entry, SealAnnounced)]

    def problems(self) -> list[str]:
        with closing(register.LogReader.open(self.city.register.path)) as reader:
            return [str(one) for one in verify(reader).problems if one.kind == "sealing"]


@pytest.fixture
def sealing(tmp_path: Path) -> Iterator[Sealing]:
    made = Sealing(tmp_path)
    yield made
    made.link.close()


def test_nothing_is_announced_where_nothing_is_sealed(sealing: Sealing) -> None:
    sealing.start()
    sealing.tick()
    assert sealing.announced() == []
    assert sealing.kept_h() is None


def test_sealing_is_announced_by_itself_and_begins_a_week_later(sealing: Sealing) -> None:
    sealing.wants(TERMS)
    sealing.start()
    assert sealing.kept_h() is None, "before it is in the log"
    sealing.tick()
    (entry,) = sealing.announced()
    assert SEAL_NOTICE < entry.begins - entry.at < SEAL_NOTICE + 2 * (SEAL_NOTICE / 100)
    assert (entry.retention_h, entry.needed) == (72, 2)
    assert sealing.link.seals.coming("hall") == entry
    sealing.tick(6.9 * DAY_S)
    assert sealing.kept_h() is None
    sealing.tick(0.2 * DAY_S)
    assert sealing.kept_h() == 72
    modes = [one.mode for one in sealing.entries() if isinstance(one, RunningStarted)]
    assert modes == ["veil", "veil-and-seal"]
    assert len(sealing.announced()) == 1, "it is announced once"
    assert sealing.problems() == []


def test_shorter_and_off_hold_at_once_and_longer_waits_unsealed(sealing: Sealing) -> None:
    sealing.wants(TERMS)
    sealing.start()
    sealing.tick()
    sealing.tick(8 * DAY_S)
    sealing.wants(replace(TERMS, retention_h=24))
    sealing.tick()
    assert sealing.kept_h() == 24
    sealing.wants(TERMS)
    sealing.tick()
    assert sealing.kept_h() is None, "what was never announced so must not be kept so"
    sealing.tick(7.2 * DAY_S)
    assert sealing.kept_h() == 72
    sealing.wants(None)
    sealing.tick()
    assert sealing.kept_h() is None
    assert [entry.retention_h for entry in sealing.announced()] == [72, 24, 72, 0]
    assert [one.mode for one in sealing.entries() if isinstance(one, RunningStarted)][-1] == "veil"
    assert sealing.problems() == []


@pytest.mark.parametrize(
    "laxer",
    [
        replace(TERMS, custodian=("City", "operator")),
        replace(TERMS, authorities=(*TERMS.authorities[:1], ("Other", "court", "sha256:" + "a3" * 32))),
        replace(TERMS, authorities=(*TERMS.authorities, ("Third", "court", "sha256:" + "a3" * 32))),
    ],
)
def test_other_hands_wait_a_week_too(sealing: Sealing, laxer: SealTerms) -> None:
    sealing.wants(TERMS)
    sealing.start()
    sealing.tick()
    sealing.tick(8 * DAY_S)
    sealing.wants(laxer)
    sealing.tick()
    assert sealing.kept_h() is None
    assert sealing.problems() == []


def test_a_restart_remembers_and_announces_nothing_anew(tmp_path: Path) -> None:
    first = Sealing(tmp_path)
    first.wants(TERMS)
    first.start()
    first.tick()
    first.link.close()
    second = Sealing(tmp_path, first.hand)
    second.wants(TERMS)
    second.start()
    second.tick()
    assert len(second.announced()) == 1
    second.tick(8 * DAY_S)
    assert second.kept_h() == 72
    second.link.close()


def test_an_announcement_that_reached_the_log_late_is_made_anew(sealing: Sealing) -> None:
    """A log that could not be written for an hour dates it an hour back, which verifiers would name."""
    sealing.wants(TERMS)
    sealing.start()
    sealing.link.tick([CameraStatus("hall", Phase.VEILED, (), counts=WorkerCounts())])
    wait_for(sealing.link.writer.put([]).done)
    sealing.tick(3600)
    sealing.tick()
    first, second = sealing.announced()
    assert second.begins > first.begins
    sealing.tick((first.begins - first.at).total_seconds() - 3600)
    assert sealing.kept_h() is None, "the first one does not count"
    sealing.tick(2 * 3600)
    assert sealing.kept_h() == 72


def test_a_camera_seals_under_the_policy_in_force_and_is_told_anew_when_that_changes(
    sealing: Sealing, tmp_path: Path
) -> None:
    hall = replace(sealing.city.cameras["hall"], seal=SealConfig(policy=tmp_path / "authorities.yaml"))
    sealing.wants(TERMS)
    sealing.start()
    sealing.tick()
    assert sealed_camera(sealing.city, hall, sealing.link) is None
    sealing.tick(8 * DAY_S)
    first = sealed_camera(sealing.city, hall, sealing.link)
    assert first is not None
    assert first.policy_digest == DIGEST
    shorter = Digest("sha256:" + "d2" * 32)
    sealing.wants(replace(TERMS, retention_h=24, policy=shorter))
    sealing.tick()
    sealing.tick()
    second = sealed_camera(sealing.city, hall, sealing.link)
    assert second == replace(first, policy_digest=shorter)
    assert second != first, "its process is renewed"


def test_terms_are_those_of_the_file_of_authorities() -> None:
    key = SimpleNamespace(digest="sha256:" + "a1" * 32)
    people = (SimpleNamespace(name="Court", role="court", key=key), SimpleNamespace(name="B", role="b", key=key))
    custodian = SimpleNamespace(name="City", who="operator")
    policy = SimpleNamespace(needed=2, authorities=people, custodian=custodian, retention_s=3601, digest=DIGEST)
    terms = seal_terms(policy)
    assert terms.policy == DIGEST
    assert terms == SealTerms(2, 2, (("Court", "court", key.digest), ("B", "b", key.digest)), ("City", "operator"))


def test_packs_of_a_camera_that_seals_no_more_go_when_their_time_is_over(sealing: Sealing, tmp_path: Path) -> None:
    """Also where nothing in the file names their store any more; what the log holds stays."""
    sealing.wants(TERMS)
    sealing.start()
    sealing.tick()
    hall, identifier = sealing.city.cameras["hall"], sealing.link.identifier("hall")
    assert identifier is not None
    seal = SealConfig(policy=tmp_path / "authorities.yaml", store=str(tmp_path / "sealed"))
    sealing.city.cameras["hall"] = replace(hall, seal=seal)
    first = sealing.hand.clock.wall_ns()
    hour = f"{datetime.fromtimestamp(first / 1e9, UTC):%Y-%m-%dT%H}"
    packs = [tmp_path / "sealed" / identifier / f"{hour}-{number * 32}.seal" for number in "ab"]
    packs[0].parent.mkdir(parents=True)
    sealing.city.state.mkdir(exist_ok=True)
    for path in packs:
        path.write_bytes(sealed(holders(), path.name.encode()))
    keep_packs(sealing.city, sealing.link, first)
    sealing.city.cameras["hall"] = hall
    sealing.wants(None)
    sealing.tick()
    digest = read(packs[0].read_bytes()).pieces[0].digest
    until = datetime.now(UTC) + timedelta(days=9)
    now = datetime.now(UTC)
    held = SealHeld(at=now, case="c5" * 16, camera=identifier, pieces=(digest,), until=until)
    sealing.link.writer.put([held])
    wait_for(sealing.link.writer.put([]).done)
    keep_packs(sealing.city, sealing.link, first + 71 * 3600 * 10**9)
    assert all(path.exists() for path in packs)
    keep_packs(sealing.city, sealing.link, first + 74 * 3600 * 10**9)
    assert [path.exists() for path in packs] == [True, False]
