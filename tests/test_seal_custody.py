"""A custodian's keys: there before they are needed, gone when the time is over, and nothing destroyed that is not told."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.test_gateway_config import REGISTER

from passerby.cli import main
from passerby.errors import FormatError, StorageError, UsageError
from passerby.register import LogReader, RetentionShredded
from passerby_seal.custody import (
    destroy_due,
    destroy_key,
    hour_key,
    hour_of,
    hours_ahead,
    keys_due,
    make_ahead,
    stated,
)
from passerby_seal.keys import AuthorityKey, CustodyKey, FileCustodyKey
from passerby_seal.refusals import KeyFormatError

NOW = datetime(2026, 11, 30, 10, 40, tzinfo=UTC)
CAMERA, OTHER = "0f" * 16, "1e" * 16
HOUR_S = 3600


class Custodian:
    def __init__(self, folder: Path) -> None:
        self.keys, self.public = folder / "keys", folder / "public"

    def make(self, hours: int = 4, camera: str = CAMERA, begin: datetime = NOW, retention_h: int = 720) -> int:
        return make_ahead(self.keys, self.public, camera, begin, hours, retention_s=retention_h * HOUR_S)

    def private(self, hour: int, camera: str = CAMERA) -> Path:
        return self.keys / camera / f"{hour_of(NOW + timedelta(hours=hour))}.key"

    def destroy(self, hours_later: float, retention_h: int = 1) -> list[RetentionShredded]:
        return destroy_due(self.keys, self.public, retention_h * HOUR_S, NOW + timedelta(hours=hours_later))


@pytest.fixture
def custodian(tmp_path: Path) -> Custodian:
    return Custodian(tmp_path)


def test_each_hour_has_a_key_of_its_own_that_the_gateway_finds(custodian: Custodian) -> None:
    assert custodian.make() == 4
    assert hours_ahead(custodian.public, CAMERA, NOW) == 4
    found = {hour_key(custodian.public, CAMERA, hour_of(NOW + timedelta(hours=hour))) for hour in range(4)}
    assert len(found) == 4
    key = CustodyKey.load(custodian.private(0))
    assert (key.about["camera"], key.about["hour"]) == (CAMERA, "2026-11-30T10")
    assert key.public.raw in found
    assert custodian.private(0).stat().st_mode & 0o077 == 0


def test_what_is_there_stays_and_what_is_missing_comes(custodian: Custodian) -> None:
    custodian.make(2)
    before = hour_key(custodian.public, CAMERA, "2026-11-30T10")
    assert custodian.make(4) == 2
    assert hour_key(custodian.public, CAMERA, "2026-11-30T10") == before
    (custodian.public / CAMERA / "2026-11-30T11.pub").unlink()
    assert hours_ahead(custodian.public, CAMERA, NOW) == 1, "up to the first gap"
    assert custodian.make(4) == 1, "of a private key that is there the public one is written anew"
    custodian.private(3).unlink()
    assert custodian.make(4) == 1, "nothing is sealed to a key that nobody holds"
    assert CustodyKey.load(custodian.private(3)).public.raw == hour_key(custodian.public, CAMERA, "2026-11-30T13")


def test_an_hour_without_a_key_seals_nothing_and_a_damaged_one_is_named(custodian: Custodian) -> None:
    custodian.make(1)
    with pytest.raises(UsageError, match="must have made a key of camera 0f0f0f0f for the hour 2026-11-30T11"):
        hour_key(custodian.public, CAMERA, "2026-11-30T11")
    (custodian.public / CAMERA / "2026-11-30T10.pub").write_bytes(b"\xff")
    with pytest.raises(KeyFormatError):
        hour_key(custodian.public, CAMERA, "2026-11-30T10")


@pytest.mark.parametrize(("camera", "hours"), [("../x", 1), ("0F" * 16, 1), (CAMERA, 0), (CAMERA, 99_999)])
def test_wrong_cameras_and_hours_are_refused(custodian: Custodian, camera: str, hours: int) -> None:
    with pytest.raises(UsageError):
        custodian.make(hours, camera)
    assert not custodian.keys.exists()


def test_keys_go_when_their_retention_is_over_and_not_before(custodian: Custodian) -> None:
    custodian.make(4)
    assert custodian.destroy(1.3) == []
    (entry,) = custodian.destroy(1.34)  # 10:00 to 11:00 was kept for an hour, until 12:00
    assert (entry.begin, entry.end) == (NOW.replace(minute=0), NOW.replace(hour=11, minute=0))
    assert (entry.camera, entry.keys) == (CAMERA, 1)
    assert not custodian.private(0).exists()
    assert custodian.private(1).exists()
    with pytest.raises(UsageError):
        hour_key(custodian.public, CAMERA, "2026-11-30T10")


def test_a_longer_retention_that_comes_later_does_not_lengthen_what_was_sealed_before(custodian: Custodian) -> None:
    custodian.make(1, retention_h=24)
    custodian.make(2, retention_h=72)
    assert custodian.destroy(24.3, retention_h=72) == []
    (entry,) = custodian.destroy(24.34, retention_h=72)
    assert (entry.keys, custodian.private(0).exists(), custodian.private(1).exists()) == (1, False, True)
    (entry,) = custodian.destroy(30, retention_h=24)
    assert entry.keys == 2, "and a shorter one holds at once"


def test_keys_lie_where_only_their_owner_finds_them(custodian: Custodian) -> None:
    custodian.make(1)
    assert [path.stat().st_mode & 0o077 for path in (custodian.keys, custodian.keys / CAMERA)] == [0, 0]


def test_runs_of_hours_are_one_entry_and_cameras_apart(custodian: Custodian) -> None:
    custodian.make(4)
    custodian.make(2, OTHER)
    custodian.private(1).unlink()
    entries = custodian.destroy(20)
    assert [(entry.camera, entry.keys) for entry in entries] == [(CAMERA, 1), (CAMERA, 2), (OTHER, 2)]


def test_an_end_before_it_was_told_tells_it_the_next_time(custodian: Custodian) -> None:
    custodian.make(3)
    first = custodian.destroy(3)
    assert len(first) == 1
    again = custodian.destroy(3)  # the first one never reached the log
    assert [(one.begin, one.end, one.keys) for one in again] == [(one.begin, one.end, one.keys) for one in first]
    stated(custodian.keys)
    assert custodian.destroy(3) == []
    (custodian.keys / "destroying.json").write_text("no list")
    with pytest.raises(FormatError, match="must be what this program wrote"):
        custodian.destroy(3)


def test_a_key_s_bytes_are_overwritten_before_its_name_goes(custodian: Custodian) -> None:
    custodian.make(1)
    path, other = custodian.private(0), custodian.keys / "other name"
    text = path.read_bytes()
    other.hardlink_to(path)
    destroy_key(path)
    assert not path.exists()
    assert len(other.read_bytes()) == len(text)
    secret = text.splitlines()[1]
    assert secret not in other.read_bytes()
    destroy_key(path)  # once more is nothing


def test_a_link_is_not_followed(custodian: Custodian, tmp_path: Path) -> None:
    custodian.make(1)
    kept = tmp_path / "kept"
    kept.write_text("somebody's file")
    custodian.private(0).unlink()
    custodian.private(0).symlink_to(kept)
    with pytest.raises(StorageError, match="cannot be destroyed"):
        destroy_key(custodian.private(0))
    assert kept.read_text() == "somebody's file"


def test_files_that_are_no_keys_are_left_alone(custodian: Custodian) -> None:
    custodian.make(1)
    for name in ("notes.key", "2026-99-30T10.key"):
        (custodian.keys / CAMERA / name).write_text("mine")
    assert len(keys_due(custodian.keys, 0, NOW + timedelta(days=9))) == 1


def test_the_operator_s_own_custody_states_it_in_its_log(
    custodian: Custodian, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def do(*words: object) -> str:
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        assert not caught.value.code, capsys.readouterr().err
        return capsys.readouterr().out

    publics = [do("seal", "key", "authority", f"Court {n}", "-o", tmp_path / f"{n}.key").strip() for n in (1, 2)]
    lines = "".join(f'  - {{name: Court {n}, role: court, key: "{public}"}}\n' for n, public in enumerate(publics))
    policy = tmp_path / "authorities.yaml"
    policy.write_text(f"needed: 2\nretention: 1h\ncustodian: {{name: City, who: operator}}\nauthorities:\n{lines}")
    do("register", "init", tmp_path / "log", "--origin", "cameras.example.org/log")
    custodian.make(2, begin=datetime.now(UTC) - timedelta(days=3))
    told = json.loads(do("seal", "custody", "destroy", custodian.keys, "--policy", policy))
    assert [(entry["kind"], entry["keys"]) for entry in told] == [("retention.shredded", 2)]
    custodian.make(2, begin=datetime.now(UTC) - timedelta(days=3))
    do("seal", "custody", "destroy", custodian.keys, "--policy", policy, "--log", tmp_path / "log")
    assert list(custodian.keys.glob("*/*.key")) == []
    with closing(LogReader.open(tmp_path / "log")) as reader:
        (entry,) = reader.entries()
    assert isinstance(entry, RetentionShredded)
    assert entry.keys == 2


class Shell:
    """A custodian's shell.

    Attributes:
        out, err: Of the last command.
    """

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self.out, self.err = capsys, "", ""

    def __call__(self, *words: object) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["seal", "custody", "destroy", *[str(word) for word in words]])
        self.out, self.err = self._capsys.readouterr()
        return int(caught.value.code or 0)


@pytest.fixture
def destroying(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_only_a_custodian_s_key_is_destroyed_and_only_one_that_is_there(
    custodian: Custodian, destroying: Shell, tmp_path: Path
) -> None:
    policy, of_court = tmp_path / "authorities.yaml", tmp_path / "court.key"
    policy.write_text("needed: 2\n")
    AuthorityKey.make(name="Court").save(of_court)
    for path in (policy, of_court, tmp_path / "nothere.key", tmp_path):
        assert destroying("--key", path) in {1, 2}, "it is no key of a custodian"
    assert policy.read_text() == "needed: 2\n"
    assert AuthorityKey.load(of_court).about["name"] == "Court"
    of_files = tmp_path / "files.key"
    FileCustodyKey.make(name="Archive").save(of_files)
    assert destroying("--key", of_files) == 0
    assert not of_files.exists()
    assert json.loads(destroying.out) == [], "files are no matter of the register"
    custodian.make(1)
    assert destroying("--key", custodian.private(0)) == 0
    (entry,) = json.loads(destroying.out)
    assert (entry["kind"], entry["camera"], entry["keys"]) == ("retention.shredded", CAMERA, 1)
    assert (entry["begin"], entry["end"]) == ("2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z")


def test_a_folder_or_log_that_is_not_there_is_said_before_anything_goes(
    custodian: Custodian, destroying: Shell, tmp_path: Path
) -> None:
    keys = [AuthorityKey.make(name=f"Court {n}").public.text for n in (1, 2)]
    lines = "".join(f'  - {{name: Court {n}, role: court, key: "{key}"}}\n' for n, key in enumerate(keys))
    policy = tmp_path / "authorities.yaml"
    policy.write_text(f"needed: 2\ncustodian: {{name: City, who: operator}}\nauthorities:\n{lines}")
    assert destroying(tmp_path / "typo", "--policy", policy) == 2
    assert "must lie in a folder" in destroying.err
    custodian.make(1, begin=datetime.now(UTC) - timedelta(days=9))
    assert destroying(custodian.keys, "--policy", policy, "--log", tmp_path / "nolog") == 1
    assert len(list(custodian.keys.glob("*/*.key"))) == 1, "what cannot be told is not done"
    for path in custodian.keys.glob("*/*.key"):
        path.unlink()
    assert destroying(custodian.keys, "--policy", policy, "--log", tmp_path / "nolog") == 1, "where nothing is due, too"
    assert destroying() == 2
    assert destroying(custodian.keys) == 2


def test_keys_that_end_soon_are_told_before_nothing_is_sealed(
    custodian: Custodian, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [AuthorityKey.make(name=f"Court {n}").public.text for n in (1, 2)]
    lines = "".join(f'  - {{name: Court {n}, role: court, key: "{key}"}}\n' for n, key in enumerate(keys))
    (tmp_path / "authorities.yaml").write_text(
        f"needed: 2\ncustodian: {{name: City, who: operator}}\nauthorities:\n{lines}"
    )
    city = tmp_path / "city.yml"
    city.write_text(
        REGISTER + "cameras:\n  hall:\n    source: test://portrait\n"
        "    seal: {policy: authorities.yaml, custody: public}\n  quay: test://portrait\n"
    )

    def said(*words: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        return int(caught.value.code or 0), "".join(capsys.readouterr())

    code, told = said("run", "--check", city)
    assert (code, "camera hall: the custodian's keys last for 0 hours" in told) == (0, True)
    assert "quay" not in told
    (tmp_path / "register" / "private").mkdir(parents=True)
    (tmp_path / "register" / "private" / "gateway.json").write_text(json.dumps({"cameras": {"hall": {"id": CAMERA}}}))
    custodian.make(9, begin=datetime.now(UTC))
    code, told = said("doctor", "--config", city)
    assert code == 1
    assert "sealing keys" in told
    assert f"passerby seal custody make --camera {CAMERA}" in told
    custodian.make(60, begin=datetime.now(UTC))
    code, told = said("run", "--check", city)
    assert (code, "custodian" in told) == (0, False)
    assert "keys are there for two days and more" in said("doctor", "--config", city)[1]
