from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import sqlite3
import ssl
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.gateway_tools import HandClock

from passerby.errors import AccessError, ServiceError, UsageError
from passerby.gateway.access.access_log import AccessLog, access_log_csv
from passerby.gateway.access.accounts import ROLE_RIGHTS, Accounts, Right, Role, new_password, require
from passerby.gateway.access.certificate import own_certificate
from passerby.gateway.access.gate import AccountGate
from passerby.gateway.access.proofs import PasswordProofs
from passerby.gateway.access.sessions import LoginSessions, same_token
from passerby.gateway.entrance.limits import RateLimit
from passerby.gateway.journal import EventJournal
from passerby.gateway.logs import PER_S, JsonLines, OnceASecond, log_as_json
from passerby.gateway.publish.metrics import MetricsSource, metrics_exposition
from passerby.gateway.rtsp.message import RtspRequest
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase, WorkerCounts
from passerby.gateway.values import CoverReason


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    made = Accounts(tmp_path / "state" / "accounts.sqlite")
    yield made
    made.close()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def asked(proof: str) -> RtspRequest:
    return RtspRequest("DESCRIBE", "rtsp://h/hall", {"authorization": proof})


# accounts


def test_first_start_makes_one_admin_once(accounts: Accounts) -> None:
    password = accounts.first_start()
    assert password
    assert accounts.first_start() is None
    account = accounts.check("admin", password)
    assert account is not None
    assert account.role is Role.ADMIN


def test_passwords_are_not_in_the_file_and_the_file_is_ours_alone(accounts: Accounts, tmp_path: Path) -> None:
    accounts.add("a", Role.VIEWER, "correct horse battery")
    key = accounts.new_stream_key("a")
    raw = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"correct horse" not in raw
    assert key.encode() not in raw
    assert (tmp_path / "state" / "accounts.sqlite").stat().st_mode & 0o077 == 0


def test_same_password_is_kept_as_different_hashes(accounts: Accounts, tmp_path: Path) -> None:
    for name in ("a", "b"):
        accounts.add(name, Role.VIEWER, "the same password")
    with sqlite3.connect(tmp_path / "state" / "accounts.sqlite") as base:
        hashes = [row[0] for row in base.execute("select hash from accounts")]
    base.close()
    assert len(set(hashes)) == 2


@pytest.mark.parametrize(
    ("name", "password"), [("a", "wrong password"), ("nobody", "correct horse battery"), ("", ""), ("a", "x" * 10_000)]
)
def test_what_is_wrong_proves_nothing(accounts: Accounts, name: str, password: str) -> None:
    accounts.add("a", Role.VIEWER, "correct horse battery")
    assert accounts.check(name, password) is None


def test_a_proven_password_stops_counting_when_it_changes(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.add("a", Role.VIEWER, "correct horse battery")
    assert accounts.check("a", "correct horse battery")
    with monkeypatch.context() as patch:
        # scrapers repeat it: it is not hashed anew each time
        patch.setattr("passerby.gateway.access.accounts.hashlib.scrypt", None)
        assert accounts.check("a", "correct horse battery")
    accounts.change("a", password="another password")
    assert accounts.check("a", "correct horse battery") is None
    accounts.remove("a")
    assert accounts.check("a", "another password") is None


def test_rights_of_roles() -> None:
    assert Right.WATCH not in ROLE_RIGHTS[Role.AUDITOR]
    assert Right.ACCESS_LOG not in ROLE_RIGHTS[Role.OPERATOR]
    assert Right.ACCOUNTS not in ROLE_RIGHTS[Role.OPERATOR]
    assert ROLE_RIGHTS[Role.VIEWER] < ROLE_RIGHTS[Role.OPERATOR] < ROLE_RIGHTS[Role.ADMIN]
    assert not [right for right in Right if "bare" in right or "unveil" in right]
    with pytest.raises(AccessError, match="log in first"):
        require(None, Right.STATE)


def test_file_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ServiceError, match="accounts must be readable"):
        Accounts(tmp_path / "accounts.sqlite")


def test_fresh_passwords_differ() -> None:
    assert len({new_password() for _ in range(100)}) == 100


def test_rtsp_takes_the_stream_key_everywhere_and_the_password_under_tls_only(accounts: Accounts) -> None:
    accounts.add("a", Role.VIEWER, "correct horse battery")
    accounts.add("auditor", Role.AUDITOR, "correct horse battery")
    key = accounts.new_stream_key("a")
    gate = AccountGate(accounts, PasswordProofs(accounts))
    ask = {"address": "192.0.2.1"}
    assert asyncio.run(gate.user_of(asked(basic("a", "correct horse battery")), secure=True, **ask)) == "a"
    assert asyncio.run(gate.user_of(asked(basic("a", key)), secure=True, **ask)) == "a"
    assert asyncio.run(gate.user_of(asked(basic("a", "correct horse battery")), secure=False, **ask)) is None
    assert asyncio.run(gate.user_of(asked(basic("a", "wrong")), secure=True, **ask)) is None
    assert [text.partition(" ")[0] for text in gate.challenges(secure=True)] == ["Basic"]
    assert [text.partition(" ")[0] for text in gate.challenges(secure=False)] == ["Digest"]
    assert gate.may_read("a", "hall")
    assert not gate.may_read("auditor", "hall")
    assert not gate.may_read("nobody", "hall")


def test_standing_is_the_same_as_long_as_the_account_is(accounts: Accounts) -> None:
    accounts.add("chief", Role.ADMIN, "correct horse battery")
    accounts.add("a", Role.VIEWER, "correct horse battery")
    gate = AccountGate(accounts, PasswordProofs(accounts))
    seen = [gate.standing("a", "hall")]
    assert seen[0] is not None
    assert gate.standing("a", "hall") == seen[0]
    accounts.new_stream_key("a")
    seen.append(gate.standing("a", "hall"))
    accounts.change("a", password="another long password")
    seen.append(gate.standing("a", "hall"))
    accounts.change("a", role=Role.OPERATOR)
    seen.append(gate.standing("a", "hall"))
    accounts.change("a", role=Role.AUDITOR)
    seen.append(gate.standing("a", "hall"))
    assert len(set(seen)) == 5
    assert seen[-1] is None, "an auditor watches nothing"
    accounts.remove("a")
    assert gate.standing("a", "hall") is None
    accounts.close()
    assert gate.standing("chief", "hall") is None, "what cannot be read allows nothing"


# sessions and limits


def test_sessions_end_with_time_and_with_their_account() -> None:
    clock = Clock()
    sessions = LoginSessions(60.0, clock)
    token, session = sessions.begin("a")
    assert sessions.find(token) is session
    assert sessions.find(token + "x") is None
    assert sessions.find(None) is None
    clock.now += 61
    assert sessions.find(token) is None
    token, _ = sessions.begin("a")
    sessions.end_all_of("a")
    assert sessions.find(token) is None
    assert not same_token(None, "x")
    assert same_token("x", "x")


def test_sessions_are_bounded() -> None:
    sessions = LoginSessions(60.0, most=10)
    tokens = [sessions.begin("a")[0] for _ in range(25)]
    assert sum(sessions.find(token) is not None for token in tokens) == 10


def test_limit_lets_a_burst_through_and_then_a_rate() -> None:
    clock = Clock()
    limit = RateLimit(3, 0.5, keys=2, clock=clock)
    assert [limit.allow("a") for _ in range(4)] == [True, True, True, False]
    assert limit.allow("b"), "others are not slowed"
    assert limit.wait_s("a") == 2
    clock.now += 2
    assert limit.allow("a")
    limit.give_back("a")
    assert limit.allow("a")
    assert not limit.allow("a")


# access log


def test_access_log_keeps_its_days_and_its_own_mode(tmp_path: Path) -> None:
    hand = HandClock()
    log = AccessLog(tmp_path / "access.sqlite", 30, hand.clock)
    log.add("watch", user="a", address="192.0.2.1", camera="hall", detail="x" * 500)
    assert len(log.lines()[0].detail) == 200
    hand.move(29 * 86_400)
    log.add("login", user="a")
    assert [line.what for line in log.lines()] == ["login", "watch"]
    hand.move(2 * 86_400)
    log.add("login", user="b")
    assert [(line.what, line.user) for line in log.lines()] == [("login", "b"), ("login", "a")]
    assert (tmp_path / "access.sqlite").stat().st_mode & 0o077 == 0
    log.close()


def test_whoever_is_refused_for_ever_fills_no_access_log(tmp_path: Path) -> None:
    hand = HandClock()
    log = AccessLog(tmp_path / "access.sqlite", 30, hand.clock)
    journal = EventJournal(log, hand.clock)
    for address in ["192.0.2.66"] * 1000 + ["192.0.2.7"]:
        journal.take(Event(EventKind.ACCESS_REFUSED, "hall", 0, detail="wrong user or password", address=address))
    journal.take(Event(EventKind.READER_CAME, "hall", 0, detail="rtsp", user="a", address="192.0.2.66"))
    assert journal.refused_requests == 1001
    assert Counter(line.address for line in log.lines(most=10_000)) == {"192.0.2.66": 61, "192.0.2.7": 1}
    log.close()


def test_access_log_finds_by_camera_and_user_and_pages_back(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.sqlite", 30)
    for number in range(10):
        log.add("watch", user="ab"[number % 2], camera=f"c{number % 3}")
    assert {line.user for line in log.lines(user="a")} == {"a"}
    assert {line.camera for line in log.lines(camera="c1")} == {"c1"}
    first = log.lines(most=4)
    assert [line.number for line in first] == [10, 9, 8, 7]
    assert [line.number for line in log.lines(before=7, most=2)] == [6, 5]
    log.add("watch", user="z", camera="c", once_s=60)
    log.add("watch", user="z", camera="c", once_s=60)
    assert len(log.lines(user="z")) == 1
    log.close()


def test_csv_runs_nothing_in_a_spreadsheet(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.sqlite", 30)
    log.add("login-refused", user="=cmd|' /C calc'!A0", detail="@SUM(1)")
    text = access_log_csv(log.lines())
    assert "'=cmd" in text
    assert "'@SUM" in text
    log.close()


def test_nobody_watches_what_cannot_be_written_down(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.sqlite", 30)
    log.close()
    with pytest.raises(ServiceError, match="access log must be writable"):
        log.add("watch", user="a")


# certificate


def test_own_certificate_is_made_once_and_serves_tls(tmp_path: Path) -> None:
    certificate, key, print_ = own_certificate(tmp_path / "state", "192.0.2.1")
    assert own_certificate(tmp_path / "state", "192.0.2.1")[2] == print_
    assert key.stat().st_mode & 0o077 == 0
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    certificate.write_text("broken")
    assert own_certificate(tmp_path / "state", "192.0.2.1")[2] != print_


# logs


def test_log_lines_are_json_and_hold_no_values_of_exceptions() -> None:
    stream = io.StringIO()
    log_as_json("info", stream)
    log = logging.getLogger("passerby.test")
    try:
        raise ValueError("rtsp://user:secret@camera")  # noqa: TRY301 - what the line below must not show
    except ValueError:
        log.exception("it failed")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["part"], line["text"], line["error"]) == (
        "error",
        "passerby.test",
        "it failed",
        "ValueError",
    )
    assert "secret" not in stream.getvalue()
    logging.getLogger().handlers.clear()


def test_what_repeats_is_counted() -> None:
    clock = Clock()
    keeper, written = OnceASecond(clock), []
    for number in range(5000):
        clock.now += 0.001
        record = logging.LogRecord("passerby", logging.WARNING, "a.py", 1, "again", None, None)
        if keeper.filter(record):
            written.append((number, getattr(record, "repeated", 0)))
            json.loads(JsonLines().format(record))
    assert len(written) <= 6
    assert written[1][1] > 900


def test_what_happens_to_another_camera_in_the_same_second_is_told() -> None:
    keeper = OnceASecond(Clock())

    def told(camera: str, event: str) -> bool:
        record = logging.LogRecord("passerby", logging.WARNING, "a.py", 1, "text", None, None)
        record.camera, record.event = camera, event
        return keeper.filter(record)

    assert [told(*one) for one in (("hall", "phase"), ("hall", "fault_began"), ("quay", "phase"))] == [True] * 3
    assert not told("hall", "phase")
    assert sum(told(f"camera{number}", "phase") for number in range(1000)) < PER_S, "over all it is bounded"


# metrics


def test_metrics_parse_and_count_what_they_say() -> None:
    counts = WorkerCounts(frames_in=100, frames_out=90, fps_in=12.5, detect_ms=40, faces=300, tracks=4)
    hall = CameraStatus(
        "hall", Phase.COVERED, (CoverReason.CLOCK,), counts=counts, whole_by_reason=((CoverReason.CLOCK, 7),)
    )
    text = metrics_exposition(lambda: MetricsSource([hall], refused=1, alarm=True, config_sound=False))().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    one = (("camera_name", "hall"),)
    assert found["passerby_camera_fps", one] == 12.5
    assert found["passerby_frames_out_total", one] == 90
    assert found["passerby_detector_inference_speed_seconds", one] == 0.04
    assert found["passerby_detection_enabled", one] == 1
    assert found["passerby_veiled", one] == 0
    assert found["passerby_frames_covered_total", (*one, ("reason", "clock_jump"))] == 7
    assert found["passerby_camera_state", (*one, ("state", "covered"))] == 1
    assert found["passerby_alarm", ()] == 1
    assert found["passerby_selftest_ok", ()] == 0
    assert found["passerby_config_last_reload_successful", ()] == 0


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("Bad Name", "long enough", "account name must be"),
        ("ok", "short", "password must have 10"),
        ("x" * 40, "long enough", "account name"),
    ],
)
def test_accounts_that_do_not_do(accounts: Accounts, name: str, password: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        accounts.add(name, Role.VIEWER, password)
