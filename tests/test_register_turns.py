"""A command of the operator writes a log that a running process writes: that one lets go of it, and takes it again."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest

from passerby import register
from passerby.cli import main
from passerby.errors import LockedError, StorageError
from passerby.gateway.publish.log_writer import LogWriter
from passerby.register.log.turns import is_wanted, open_in_turn

ORIGIN = "cameras.example.org/log"
WORDS = {"en": "Safety on the platforms"}
CAMERA = "1" * 32


def now() -> datetime:
    """Return this second: commands that run between two entries write their own."""
    return datetime.now(UTC).replace(microsecond=0)


def registered(camera: str) -> register.CameraRegistered:
    return register.CameraRegistered(
        at=now(), camera=camera, label="hall", purpose=WORDS, legal_basis=WORDS, position="act-2024", retention_h=0
    )


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["register", *map(str, words)])
    return int(ended.value.code or 0)


def texts(path: Path) -> list[str]:
    with closing(register.LogReader.open(path)) as reader:
        assert register.verify(reader).sound
        return [entry.text for entry in reader.entries() if isinstance(entry, register.Remark)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with register.Log.create(tmp_path / "log", origin=ORIGIN) as log:
        log.append(register.Remark(at=now(), text="before"))
    return tmp_path / "log"


@pytest.fixture
def remark(tmp_path: Path) -> Path:
    file = tmp_path / "remark.json"
    file.write_text(json.dumps({"kind": "remark", "text": "by a command"}))
    return file


@pytest.fixture
def intake(path: Path) -> Iterator[register.Intake]:
    made = register.Intake(path)
    yield made
    made.close()


def test_every_writing_command_works_while_a_writer_runs(
    path: Path, remark: Path, intake: register.Intake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = register.FileSigner.fresh("north")
    intake.book.admit(register.GatewayRights(key.key, operator=False))

    def submitted(number: int, entry: register.Entry) -> int:
        note = register.Submission("north", ORIGIN, "a" * 32, ((number, register.encode_entry(entry)),)).to_note(key)
        answer = intake.take(note)
        assert answer.status == HTTPStatus.OK, answer.error
        return register.Proof.parse(answer.proofs[0].encode()).index

    assert submitted(0, registered(CAMERA)) == 1
    assert run("append", path, remark) == 0
    assert submitted(1, register.SelfTest(at=now(), camera=CAMERA, passed=True)) == 3
    moment = now()
    early = register.Heartbeat(at=moment, begin=moment, end=moment, camera=CAMERA, frames=1, faces_covered=0)
    assert submitted(2, early) == 4
    assert run("acknowledge", path, "order", 4, "--reason", "the gateway was restarted") == 0
    assert run("withdraw", path, 1, "--reason", "its label named somebody") == 0
    policy = tmp_path / "policy"
    policy.write_text("quorum none\n")
    assert run("policy", path, policy) == 0
    assert run("rotate", path) == 0
    newest = capsys.readouterr().out.splitlines()[-1]
    assert submitted(3, register.SelfTest(at=now(), camera=CAMERA, passed=True, runs=2)) > 256
    with closing(register.LogReader.open(path)) as reader:
        report = register.verify(reader)
        assert report.sound, report.problems
        assert str(reader.snapshot.trust.key) == newest
    assert not is_wanted(path)


def test_a_gateway_goes_on_with_its_own_log(path: Path, remark: Path) -> None:
    writer = LogWriter(path, ORIGIN)
    writer.put([register.Remark(at=now(), text="gateway 1")]).result(30)
    assert run("append", path, remark) == 0
    writer.put([register.Remark(at=now(), text="gateway 2")]).result(30)
    assert (writer.failing_since_s, writer.dropped) == (None, 0)
    writer.close()
    assert texts(path) == ["before", "gateway 1", "by a command", "gateway 2"]


def test_nothing_is_lost_or_doubled_while_commands_come_and_go(path: Path, remark: Path) -> None:
    writer = LogWriter(path, ORIGIN)
    over = threading.Event()
    put: list[str] = []

    def write() -> None:
        while not over.is_set():
            put.append(f"gateway {len(put)}")
            writer.put([register.Remark(at=now(), text=put[-1])]).result(60)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert [run("append", path, remark) for _ in range(5)] == [0] * 5
    finally:
        over.set()
        thread.join()
        writer.close()
    found = texts(path)
    assert [text for text in found if text.startswith("gateway")] == put
    assert found.count("by a command") == 5


def test_a_writer_that_does_not_let_go_is_named(path: Path) -> None:
    with register.Log.open(path):
        with pytest.raises(LockedError, match=r"did not let go of it within 0\.2 s") as told:
            open_in_turn(path, wait_s=0.2)
        assert "gateways keep what they have to say meanwhile" in str(told.value.hint)
        assert not is_wanted(path), "who asked has gone"


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can give a folder away")
def test_another_user_writes_nothing_that_the_log_s_own_process_could_not_read(
    path: Path, remark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.chown(path / "private", 12_345, -1)
    assert run("append", path, remark) == 2
    assert "sudo -u '#12345' passerby" in capsys.readouterr().err
    os.chown(path / "private", os.geteuid(), -1)
    assert run("append", path, remark) == 0


def test_a_link_in_the_place_of_the_lock_is_not_followed(path: Path, tmp_path: Path) -> None:
    (path / "private" / "wanted").symlink_to(tmp_path / "elsewhere")
    with register.Log.open(path):
        assert not is_wanted(path)
        with pytest.raises(StorageError, match="cannot be made"):
            open_in_turn(path, wait_s=0.1)
    assert not (tmp_path / "elsewhere").exists()
