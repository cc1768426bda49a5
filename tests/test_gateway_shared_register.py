"""A gateway whose register is a log that others write too: what waits, what goes on, and what no kill loses or doubles."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import uvicorn
from tests.gateway_site import TEXT, city_in
from tests.gateway_tools import HandClock, wait_for

from passerby import register
from passerby.errors import ConfigError, StorageError, UsageError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config.load import parse_city
from passerby.gateway.publish.register_link import RegisterLink
from passerby.gateway.publish.shared_log import KEY
from passerby.gateway.publish.statements import StatedNow
from passerby.gateway.publish.submission_queue import SubmissionQueue
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase
from passerby.values import utc_now
from passerby.web import bind_path

ORIGIN = "cameras.example.org/log"


class Writer:
    """The writer of a log, in this process, behind a real Unix socket; it can go away and come back."""

    def __init__(self, folder: Path) -> None:
        self.log, self.address = folder / "log", f"unix:{folder}/s"
        self._socket = folder / "s"
        with register.Log.create(self.log, origin=ORIGIN) as log:
            self.vkey = str(log.key)
        self._server: uvicorn.Server | None = None

    def start(self) -> None:
        self.intake = register.Intake(self.log)
        config = uvicorn.Config(register.submission_app(self.intake), log_level="error", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        listener = bind_path(self._socket)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join()
            self.intake.close()
            self._socket.unlink(missing_ok=True)
            self._server = None

    def admit(self, vkey: str) -> None:
        book = register.SubmissionBook(self.log)
        book.admit(register.GatewayRights(register.VerifierKey.parse(vkey), operator=False))
        book.close()

    def entries(self) -> list[register.Entry]:
        with closing(register.LogReader.open(self.log)) as reader:
            return list(reader.entries())

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries()]


@pytest.fixture
def writer() -> Iterator[Writer]:
    with tempfile.TemporaryDirectory(prefix="ps-", dir="/tmp") as folder:
        made = Writer(Path(folder))
        yield made
        made.stop()


def shared_text(writer: Writer, name: str = "north", more: str = "") -> str:
    lines = f"  address: {writer.address}\n  vkey: {writer.vkey}\n  gateway: {name}\n{more}"
    return TEXT.replace("register:\n", f"register:\n{lines}")


class Linked:
    """A gateway's link to the shared log."""

    def __init__(self, folder: Path, text: str, clock: Clock = MACHINE) -> None:
        folder.mkdir(exist_ok=True)
        self.city = city_in(folder, text)
        self.held: list[str] = []
        self.link = RegisterLink(
            self.city, lambda name, _reason, _why: self.held.append(name), lambda name, _: self.held.remove(name),
            clock=clock, permit_s=2.0,
        )  # fmt: skip

    @property
    def key(self) -> str:
        return str(register.FileSigner.load(self.city.register.path / "private" / KEY).key)

    def permit(self) -> str | None:
        return asyncio.run(self.link.permit(self.city.cameras["hall"]))


@contextmanager
def linked(folder: Path, text: str, clock: Clock = MACHINE) -> Iterator[Linked]:
    made = Linked(folder, text, clock)
    try:
        yield made
    finally:
        made.link.close()


def status() -> CameraStatus:
    return CameraStatus("hall", Phase.VEILED, ())


def test_two_gateways_write_one_log_and_it_verifies(writer: Writer, tmp_path: Path) -> None:
    writer.start()
    with (
        linked(tmp_path / "a", shared_text(writer)) as north,
        linked(tmp_path / "b", shared_text(writer, "south")) as south,
    ):
        writer.admit(north.key)
        writer.admit(south.key)
        assert north.permit() is None
        assert south.permit() is None
        assert len({north.link.identifier("hall"), south.link.identifier("hall")}) == 2
    assert writer.kinds() == ["operator.stated", "camera.registered", "running.started"] * 2
    with closing(register.LogReader.open(writer.log)) as reader:
        assert register.verify(reader).sound


def test_a_gateway_that_is_not_admitted_starts_no_camera_and_is_told_what_to_do(writer: Writer, tmp_path: Path) -> None:
    writer.start()
    with linked(tmp_path / "a", shared_text(writer)) as north:
        why = north.permit()
        assert why is not None
        assert "does not know this gateway" in why
        assert f"passerby register gateway add LOG '{north.key}'" in why
        writer.admit(north.key)
        wait_for(lambda: north.link.writer.failing_since_s is None, 15)
        assert north.permit() is None
    assert writer.kinds() == ["operator.stated", "camera.registered", "running.started"], "stated once"


def test_without_grace_no_camera_starts_and_none_goes_on_while_the_writer_is_away(
    writer: Writer, tmp_path: Path
) -> None:
    writer.start()
    with linked(tmp_path / "a", shared_text(writer)) as north:
        writer.admit(north.key)
        assert north.permit() is None
        writer.stop()
        north.link.take(Event(EventKind.SELFTEST, "hall", at_ns=1, ok=False))
        wait_for(lambda: north.link.writer.failing_since_s is not None)
        wait_for(lambda: north.link.writer.failing_s() > 0)
        north.link.tick([status()])
        assert north.held == ["hall"]
        assert "cannot be written" in (north.permit() or "")
        writer.start()
        wait_for(lambda: north.link.writer.failing_since_s is None, 15)
        north.link.tick([status()])
        assert not north.held
    assert Counter(writer.kinds())["selftest"] == 1


def test_the_grace_time_counts_from_the_oldest_entry_that_waits_over_a_restart(writer: Writer, tmp_path: Path) -> None:
    hand, text = HandClock(), shared_text(writer, more="  grace: 10m\n")
    with linked(tmp_path / "a", text, hand.clock) as north:
        assert north.permit() is None, "within the grace time it runs"
        wait_for(lambda: north.link.writer.failing_since_s is not None)
        hand.move(9 * 60)
        north.link.tick([status()])
        assert not north.held
    hand.move(2 * 60)
    with linked(tmp_path / "a", text, hand.clock) as north:
        wait_for(lambda: north.link.writer.failing_since_s is not None)
        assert north.link.writer.failing_s() >= 11 * 60
        north.link.tick([status()])
        assert north.permit() is not None, "a restart gives no new grace time"
        writer.admit(north.key)
        writer.start()
        wait_for(lambda: north.link.writer.failing_since_s is None, 15)
    kinds = Counter(writer.kinds())
    assert kinds["operator.stated"] == kinds["camera.registered"] == 1, "what waited is not stated again"


def test_what_is_refused_is_named_and_stated_again_when_it_is_mended(writer: Writer, tmp_path: Path) -> None:
    writer.start()
    with linked(tmp_path / "a", shared_text(writer)) as north:
        writer.admit(north.key)
        assert north.permit() is None
    other = shared_text(writer, "south", "  grace: 20m\n")
    with linked(tmp_path / "b", other) as south:
        writer.admit(south.key)
        assert "operator and grace time must be as the log states them already" in (south.permit() or "")
    with linked(tmp_path / "b", shared_text(writer, "south")) as south:
        assert south.permit() is None
    assert Counter(writer.kinds())["camera.registered"] == 2


def test_a_full_queue_counts_as_a_register_that_cannot_be_written(tmp_path: Path) -> None:
    with closing(SubmissionQueue(tmp_path / "queue.sqlite", most=2)) as queue:
        told = register.encode_entry(register.Remark(at=utc_now(), text="x"))
        queue.put([told, told], StatedNow(), 1.0)
        with pytest.raises(StorageError, match="must take entries, 2 are waiting"):
            queue.put([told], StatedNow(), 2.0)
        assert queue.oldest_s() == 1.0
        queue.remove([1])
        assert queue.put([told], StatedNow(), 3.0) == 3, "numbers are never used again"
        assert [number for number, _ in queue.head(10, 1)] == [2], "one at least, whatever its size"
        stream = queue.stream
    with closing(SubmissionQueue(tmp_path / "queue.sqlite")) as queue:
        assert queue.stream == stream
        assert [number for number, _ in queue.head(10, 10**6)] == [2, 3]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("  address: unix:/s\n", "address and vkey, or neither"),
        ("  vkey: other.example/log+00000000+AAAA\n", "address and vkey, or neither"),
        ("  gateway: north\n", "with an address only"),
        ("  address: http://plain.example\n  vkey: cameras.example.org/log+00000000+AAAA\n", "address"),
        ("  address: https://u:p@h\n  vkey: cameras.example.org/log+00000000+AAAA\n", "address"),
        ("  address: unix:/s\n  vkey: other.example/log+00000000+AAAA\n", "vkey of cameras.example.org/log"),
    ],
)
def test_a_wrong_address_is_named(tmp_path: Path, lines: str, wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        parse_city(TEXT.replace("register:\n", f"register:\n{lines}"), tmp_path / "city.yml")


def test_a_gateway_that_was_renamed_is_told(writer: Writer, tmp_path: Path) -> None:
    Linked(tmp_path / "a", shared_text(writer)).link.close()
    with pytest.raises(UsageError, match="must be called north"):
        Linked(tmp_path / "a", shared_text(writer, "west"))


def test_kill_9_of_writer_and_gateways_loses_and_doubles_nothing() -> None:
    bench = Path(__file__).parent.parent / "bench" / "register_gateways.py"
    command = [sys.executable, str(bench), "--gateways", "3", "--seconds", "10", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    assert found["kills"] >= 3
    assert found["proven"] > 0
    assert (found["lost"], found["doubled"], found["out_of_order"], found["problems"]) == (0, 0, 0, 0)
