"""A log on an S3 server over HTTP: from init to proof, two writers, and writes broken in turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import S3Store
from tests import s3_server

from passerby.cli import main
from passerby.errors import LockedError, RegisterError, StorageError, UsageError
from passerby.register import FileSigner, Log, LogReader, Remark, WriterSettings, encode_entry, verify
from passerby.register.log.committer import HEAD, Committer
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.storage.lease import LEASE, Lease
from passerby.register.storage.object_store import ObjectStore
from passerby.register.storage.places import open_store
from passerby.register.tiles.merkle import EMPTY_ROOT
from passerby.register.tiles.tiles import Tiles
from passerby.register.verification.reader import check_growth

ORIGIN = "cameras.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with s3_server.running() as port:
        yield port


@pytest.fixture
def relay(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3_server.Relay]:
    relay = s3_server.Relay(port)
    monkeypatch.setenv("AWS_ENDPOINT", relay.url)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    yield relay
    relay.close()


def remark(text: str) -> Remark:
    return Remark(at=NOW, text=text)


def impatient(retries: int) -> WriterSettings:
    return WriterSettings(retry={"max_retries": retries, "backoff": {"init_backoff": timedelta(milliseconds=5)}})


def passerby(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.mark.usefixtures("relay")
def test_a_log_on_s3_from_its_making_to_its_proof(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, log, proof = f"s3://{s3_server.BUCKET}/whole", tmp_path / "log", tmp_path / "proof"
    assert passerby("register", "init", log, "--origin", ORIGIN, "--public", place) == 0
    key = capsys.readouterr().out.strip()
    for batch in (300, 2):
        entries = tmp_path / "entries.json"
        entries.write_text(json.dumps([{"kind": "remark", "v": 1, "text": str(number)} for number in range(batch)]))
        assert passerby("register", "append", log, entries) == 0
    assert passerby("register", "check", place, "--vkey", key) == 0
    assert passerby("register", "watch", place, "--state", tmp_path / "state", "--vkey", key) == 0
    assert passerby("register", "prove", place, 256, "-o", proof) == 0
    capsys.readouterr()
    assert passerby("register", "check", proof, "--vkey", key, "--offline") == 0
    assert json.loads(capsys.readouterr().out)["text"] == "256"
    assert not (log / "public").exists(), "nothing of the log lies here"
    store = open_store(place)
    assert store.get("tile/0/000") is not None
    assert store.get("tile/0/000.p/255") is None, "partial tiles that a full one replaced are deleted"
    assert passerby("register", "init", tmp_path / "other", "--origin", ORIGIN, "--public", place) == 2
    assert "must not hold a log yet" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_what_is_withdrawn_on_s3_is_nowhere_any_more(relay: s3_server.Relay, tmp_path: Path) -> None:
    """Also where partial tiles of the bundle lay about; where nothing may be deleted that is said, and asking again mends it."""
    place = f"s3://{s3_server.BUCKET}/withdrawn"
    store = open_store(place)
    with Log.create(tmp_path / "log", origin=ORIGIN, public=place, settings=impatient(0)) as log:
        log.append_many([remark(f"secret {number}") for number in range(300)])
        store.put_all({"tile/entries/000.p/200": store.get("tile/entries/000") or b""})
        relay.keeps = True
        with pytest.raises(StorageError, match="cannot be deleted") as told:
            log.withdraw([7], "it named somebody")
        assert "delete its objects" in str(told.value.hint)
        assert store.get("tile/entries/000") is not None
        assert verify(LogReader.open(place)).sound, "what is still there is what was logged"
        relay.keeps = False
        log.withdraw([7], "it named somebody")
        assert [store.get(f"tile/entries/000{rest}") for rest in ("", ".p/200")] == [None, None]
        assert store.get("tile/entries/001.p/46") is not None
        assert b'secret 7"' not in (store.get("withdrawn/000.entries") or b"")
        assert b'secret 8"' in (store.get("withdrawn/000.entries") or b"")
    report = verify(LogReader.open(place))
    assert report.sound, report.problems
    assert report.withdrawn == ("withdrawn: 7 (announced by entry 301: it named somebody)",)


@pytest.mark.parametrize("place", ["memory:///a", f"s3://{s3_server.BUCKET}/removed"])
@pytest.mark.usefixtures("relay")
def test_removing_what_is_not_there_is_no_failure(place: str) -> None:
    store = open_store(place)
    store.put_all({"tile/entries/000": b"x", "tile/entries/000.p/3": b"y", "tile/entries/0001": b"z"})
    for _ in range(2):
        store.remove("tile/entries/000")
        assert [store.get(f"tile/entries/{name}") for name in ("000", "000.p/3", "0001")] == [None, None, b"z"]
    store.put_all({"tile/entries/000.p/3": b"y"})
    store.remove("tile/entries/000")
    assert store.get("tile/entries/000.p/3") is None, "partial tiles without a whole one"


@pytest.mark.usefixtures("relay")
def test_second_writer_on_s3_is_refused_and_told_until_when(tmp_path: Path) -> None:
    command = "import sys; from passerby.register import Log; Log.open(sys.argv[1]).close()"
    with Log.create(tmp_path / "log", origin=ORIGIN, public=f"s3://{s3_server.BUCKET}/two") as log:
        log.append(remark("first"))
        begun = datetime.now(UTC)
        other = subprocess.run([sys.executable, "-c", command, tmp_path / "log"], capture_output=True, text=True)
        assert "LockedError: another writer holds s3://logs/two" in other.stderr
        years = {begun.year, (datetime.now(UTC) + timedelta(hours=1)).year}
        assert any(f" until {year}-" in other.stderr for year in years)
        assert log.append(remark("second")).index == 1
    subprocess.run([sys.executable, "-c", command, tmp_path / "log"], check=True)


@pytest.mark.usefixtures("relay")
def test_two_writers_on_s3_that_both_believe_in_their_lease_make_no_fork(tmp_path: Path) -> None:
    signer = Recorder()
    with Log.create(tmp_path / "log", origin=ORIGIN, public=f"s3://{s3_server.BUCKET}/skew", signer=signer) as first:
        first.append(remark("of the first"))
        ahead = WriterSettings(clock=lambda: datetime.now(UTC) + timedelta(seconds=120))
        second = Log.open(tmp_path / "log", signer=signer, settings=ahead)
        second.append(remark("of the second"))
        with pytest.raises(LockedError):
            first.append(remark("of the first, whose clock is behind"))
        second.append(remark("of the second again"))
        second.close()
    reader = LogReader.open(f"s3://{s3_server.BUCKET}/skew", vkey=signer.key)
    assert verify(reader).problems == ()
    texts = [entry.text for entry in reader.entries() if isinstance(entry, Remark)]
    assert texts == ["of the first", "of the second", "of the second again"]
    check_signed(signer, reader)


class Recorder(FileSigner):
    """Signs, and remembers every checkpoint it signed."""

    def __init__(self) -> None:
        super().__init__(ORIGIN, 1, b"k" * 32)
        self.signed: list[Checkpoint] = []

    def sign(self, message: bytes) -> bytes:
        self.signed.append(Checkpoint.parse(message.decode()))
        return super().sign(message)


def check_signed(signer: Recorder, reader: LogReader) -> None:
    tiles = Tiles(reader.size, reader.source.get)
    for checkpoint in signer.signed:
        check_growth(checkpoint, reader.checkpoint(), tiles)


@pytest.mark.parametrize(
    ("how", "retries", "step"),
    [("lost", 0, 2), ("cut-after", 0, 3), ("throttled", 3, 4), ("failed-after", 3, 3), ("cut-after", 3, 4)],
)
def test_log_on_s3_survives_writes_broken_in_turn(
    relay: s3_server.Relay, how: s3_server.How, retries: int, step: int
) -> None:
    backend = S3Store(
        s3_server.BUCKET,
        client_options={"allow_http": True},
        retry_config={"max_retries": retries, "backoff": {"init_backoff": timedelta(milliseconds=1)}},
    )
    number, reached, told = 0, True, 0
    while reached:
        number += step
        public = ObjectStore(backend, "s3", f"every/{how}/{retries}/{number}/")
        state = public.beside(".writer")
        state.swap(HEAD, None, Checkpoint(ORIGIN, 0, EMPTY_ROOT).to_text().encode())
        signer = Recorder()
        acknowledged: list[bytes] = []
        lease = Lease(state)
        relay.arm(number, how)
        try:
            writer = Committer(ORIGIN, signer, public, state, lease, publish=True)
            for count in (1, 255):
                entries = [encode_entry(remark(f"{count} {place}")) for place in range(count)]
                lease.confirm()
                writer.commit(entries)
                acknowledged += entries
        except StorageError:
            told += 1
        reached = relay.puts >= number
        relay.arm(0, how)
        again = Committer(ORIGIN, signer, public, state, lease, publish=True)
        again.commit([encode_entry(remark("after"))])
        lease.release()
        reader = LogReader(public, vkey=signer.key)
        assert verify(reader).problems == ()
        places = iter(list(reader.raws()))
        assert all(entry in places for entry in acknowledged), "an acknowledged entry is missing, or out of order"
        check_signed(signer, reader)
    assert number > 10
    if retries:
        assert told == 0, "the client tries again, and takes its own first try for nobody else's"
    else:
        assert told > 3


def test_throttling_that_passes_is_waited_out_and_one_that_stays_is_said(
    relay: s3_server.Relay, tmp_path: Path
) -> None:
    place = f"s3://{s3_server.BUCKET}/busy"
    with Log.create(tmp_path / "log", origin=ORIGIN, public=place, settings=impatient(3)) as log:
        relay.arm(1, "throttled", times=3)
        assert log.append(remark("through")).index == 0
        relay.arm(1, "throttled", times=1000)
        with pytest.raises(StorageError, match=r"cannot be written.*503.*Reduce your request rate") as refused:
            log.append(remark("not through"))
        assert refused.value.hint
        relay.arm(0, "throttled")
        assert log.append(remark("later")).index >= 1, "the same writer goes on"
    assert verify(LogReader.open(f"s3://{s3_server.BUCKET}/busy")).problems == ()


def test_server_that_is_killed_acknowledges_nothing_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ALLOW_HTTP"):
        monkeypatch.setenv(name, "true")
    with s3_server.running() as own:
        monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{own}")
        place = f"s3://{s3_server.BUCKET}/killed"
        log = Log.create(tmp_path / "log", origin=ORIGIN, public=place, settings=impatient(2))
        log.append(remark("before"))
    with pytest.raises(StorageError, match=r"killed/.* cannot be (read|written)") as refused:
        log.append(remark("after"))
    assert refused.value.hint == "see that the store answers, and that the endpoint in the environment is right"
    log.close()
    with pytest.raises(StorageError):
        Log.open(tmp_path / "log", settings=impatient(2))


@pytest.mark.usefixtures("relay")
@pytest.mark.parametrize(
    ("name", "value", "place", "error", "words", "hint"),
    [
        ("X", "x", "s3://nosuch/log", StorageError, "specified bucket does not exist", "make the bucket first"),
        ("AWS_ALLOW_HTTP", "false", "s3://logs/x", StorageError, "cannot be read", "AWS_ALLOW_HTTP=true"),
        ("AWS_ENDPOINT", "http://127.0.0.1:1", "s3://logs/x", StorageError, "cannot be read", "the store answers"),
        ("AWS_ENDPOINT", "nonsense:9000", "s3://logs/x", UsageError, "AWS_ENDPOINT must be", None),
        ("X", "x", "s3://", UsageError, "must be the URL of an object store", None),
    ],
)
def test_what_s3_refuses_is_said_with_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    place: str,
    error: type[RegisterError],
    words: str,
    hint: str | None,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(error, match=words) as refused:
        Log.create(tmp_path / "log", origin=ORIGIN, public=place, settings=impatient(0))
    assert (hint or "") in (refused.value.hint or "")
    assert "\n" not in refused.value.message
    assert not list(tmp_path.rglob("*.key")), "no key is left of a log that was never made"


def test_lease_whose_renewal_was_done_though_the_answer_was_lost_is_kept(relay: s3_server.Relay) -> None:
    backend = S3Store(s3_server.BUCKET, client_options={"allow_http": True}, retry_config={"max_retries": 0})
    state = ObjectStore(backend, "s3", "lease/")
    lease = Lease(state)
    relay.arm(1, "cut-after")
    with pytest.raises(StorageError):
        lease.confirm()
    lease.confirm()
    state.swap(LEASE, state.get(LEASE), b'{"owner": "another", "until": 1}')
    with pytest.raises(LockedError):
        lease.confirm()
    lease.release()
    assert state.get(LEASE) == b'{"owner": "another", "until": 1}'
