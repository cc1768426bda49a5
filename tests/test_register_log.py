"""The writer: receipts, tile edges, many threads, one writer only, crash leftovers, change of key, object stores."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from obstore.store import MemoryStore

from passerby import register
from passerby.errors import EntryError, FormatError, LockedError, StorageError, UsageError, VerificationError
from passerby.register import FileSigner, Log, LogReader, Policy, Proof, Remark, WriterSettings, require, verify
from passerby.register.log.committer import HEAD, Committer
from passerby.register.log.directory import LogDirectory
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.notes.note import sign_note
from passerby.register.storage.directory_store import Disk
from passerby.register.storage.exchange import Exchanges
from passerby.register.storage.lease import LEASE, LEASE_S, Lease
from passerby.register.storage.object_store import ObjectStore
from passerby.register.storage.places import HttpSource, open_source, open_store
from passerby.register.tiles.growth import Edge, grow
from passerby.register.tiles.merkle import Frontier, leaf_hash
from passerby.register.tiles.tiles import Tiles, tile_path

ORIGIN = "cameras.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)


def remark(text: object = "x") -> Remark:
    return Remark(at=NOW, text=f"remark {text}")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    # the clock of the tests' own entries: what the log writes in between must not make them backdated, however slow the suite
    with Log.create(tmp_path / "log", origin=ORIGIN, settings=WriterSettings(clock=lambda: NOW)) as made:
        yield made


def test_receipt_proves_the_entry_under_a_signed_checkpoint(log: Log) -> None:
    for count in range(5):
        receipt = log.append(remark(count))
        assert receipt.index == count
        assert receipt.checkpoint.size == log.size == count + 1
        assert require(receipt.proof, remark(count), log.policy).index == count
        assert (log.path / "public" / "checkpoint").read_bytes() == receipt.proof.checkpoint
    assert log.entry(2) == remark(2)
    assert list(log.entries(1, 4)) == [remark(1), remark(2), remark(3)]


def test_sizes_around_a_tile_s_edge_all_verify(log: Log) -> None:
    total = 0
    for count in (1, 254, 1, 1, 255, 1, 512, 2, 30):
        receipts = log.append_many([remark(total + i) for i in range(count)])
        total += count
        reader = LogReader.open(log.path)
        assert reader.size == total == receipts[-1].checkpoint.size
        for receipt in (receipts[0], receipts[-1]):
            require(receipt.proof, remark(receipt.index), log.policy)
        for index in {0, total // 2, total - 1}:
            assert reader.entry(index) == remark(index)
            require(Proof.parse(log.prove(index).to_text().encode()), remark(index), log.policy)
        assert verify(reader).problems == ()
    assert list(LogReader.open(log.path).entries()) == [remark(i) for i in range(total)]


def test_partial_tiles_go_when_the_full_one_is_there(log: Log) -> None:
    old = LogReader.open(log.path)
    log.append_many([remark(i) for i in range(200)])
    old.refresh()
    log.append_many([remark(i) for i in range(200, 300)])
    assert old.entry(7) == remark(7), "partial or full, it is there"
    log.close()
    assert not (log.path / "public" / "tile" / "0" / "000.p").exists()
    assert not (log.path / "public" / "tile" / "entries" / "000.p").exists()
    assert old.entry(150) == remark(150), "a reader of the older checkpoint falls back to the full tile"


def test_sixty_four_threads_append_at_once(log: Log) -> None:
    receipts: list[register.Receipt] = []
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for count in range(6):
                entry = remark(f"{number}-{count}")
                receipt = log.append(entry)
                require(receipt.proof, entry, log.policy)
                assert log.entry(receipt.index) == entry
                receipts.append(receipt)
        except BaseException as exc:
            failures.append(exc)
            raise

    threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(receipt.index for receipt in receipts) == list(range(64 * 6))
    assert verify(LogReader.open(log.path)).problems == ()


def test_second_writer_is_refused_until_the_first_is_gone(log: Log) -> None:
    with pytest.raises(LockedError, match="another writer holds"):
        Log.open(log.path)
    log.append(remark())
    log.close()
    with Log.open(log.path) as again:
        assert again.append(remark()).index == 1


def test_closed_log_takes_nothing(log: Log) -> None:
    log.close()
    with pytest.raises(StorageError, match="log is closed"):
        log.append(remark())


def test_entry_that_does_not_fit_never_reaches_the_log(log: Log) -> None:
    with pytest.raises(EntryError):
        log.append(Remark.model_construct(at=NOW, text=""))
    with pytest.raises(EntryError, match="from 0 to 0, got 0 to 1"):
        log.entry(0)
    with pytest.raises(EntryError, match="index must be from 0"):
        log.prove(0)
    assert log.size == 0


def test_log_is_made_once_and_only_where_there_is_none(log: Log, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must not hold a log yet"):
        Log.create(log.path, origin=ORIGIN)
    with pytest.raises(FormatError, match="key name"):
        Log.create(tmp_path / "other", origin="with space")
    with pytest.raises(FormatError, match="name of the log's key must be"):
        Log.create(tmp_path / "other", origin=ORIGIN, signer=FileSigner.fresh("example.org/other"))
    with pytest.raises(StorageError, match="holds no log"):
        Log.open(tmp_path / "none")
    assert (log.path / "private").stat().st_mode & 0o077 == 0


def test_key_from_elsewhere_signs_and_stays_out_of_the_directory(tmp_path: Path) -> None:
    signer = FileSigner.fresh(ORIGIN)
    with Log.create(tmp_path / "log", origin=ORIGIN, signer=signer) as made:
        made.append(remark())
    assert list((tmp_path / "log" / "private" / "keys").iterdir()) == []
    with pytest.raises(StorageError, match="not in a file"):
        Log.open(tmp_path / "log")
    with Log.open(tmp_path / "log", signer=signer) as again:
        assert again.append(remark()).index == 1


class Moody(FileSigner):
    """A key service that fails now and then."""

    mood: Exception | None = None

    def sign(self, message: bytes) -> bytes:
        if self.mood:
            raise self.mood
        return super().sign(message)


def test_key_service_that_fails_acknowledges_nothing_and_loses_nothing(tmp_path: Path) -> None:
    signer = Moody(ORIGIN, 1, b"m" * 32)
    with Log.create(tmp_path / "log", origin=ORIGIN, signer=signer) as log:
        log.append(remark(0))
        signer.mood = StorageError("key service is down")
        for _ in range(2):
            with pytest.raises(StorageError, match="key service is down"):
                log.append(remark("not acknowledged"))
        signer.mood = None
        receipt = log.append(remark(1))
        require(receipt.proof, remark(1), log.policy)
        assert verify(LogReader.open(log.path)).problems == ()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_writer_that_dies_leaves_no_one_waiting(tmp_path: Path) -> None:
    signer = Moody(ORIGIN, 1, b"m" * 32)
    with Log.create(tmp_path / "log", origin=ORIGIN, signer=signer) as log:
        signer.mood = RuntimeError("a bug of the key service's own")
        with pytest.raises(StorageError, match="writer stopped"):
            log.append(remark())
        with pytest.raises(StorageError, match="log is closed"):
            log.append(remark())
    signer.mood = None
    with Log.open(tmp_path / "log", signer=signer) as again:
        again.append(remark())
        assert verify(LogReader.open(again.path)).problems == ()


class FullDisk(Disk):
    """A disk without room, for one kind of call."""

    full: str | None = None

    def __getattribute__(self, name: str) -> object:
        if name == super().__getattribute__("full"):
            raise OSError(28, "No space left on device")
        return super().__getattribute__(name)


def test_full_disk_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = FullDisk()
    with Log.create(tmp_path / "log", origin=ORIGIN, settings=WriterSettings(disk=disk)) as log:
        log.append(remark(0))
        for call in ("create", "write", "fsync_all", "rename", "sync_directories"):
            disk.full = call
            with pytest.raises(StorageError, match="No space left on device"):
                log.append(remark("refused"))
            disk.full = None
            log.append(remark(call))
    assert verify(LogReader.open(tmp_path / "log")).problems == ()


def test_key_readable_by_others_stops_the_log(log: Log) -> None:
    log.close()
    next((log.path / "private" / "keys").iterdir()).chmod(0o644)
    with pytest.raises(StorageError, match="by its owner only"):
        Log.open(log.path)


def test_head_older_than_the_published_checkpoint_stops_the_log(log: Log) -> None:
    head = log.path / "private" / HEAD
    log.append(remark(0))
    old = head.read_bytes()
    log.append(remark(1))
    log.close()
    head.write_bytes(old)
    with pytest.raises(VerificationError, match="must not be ahead of the head"):
        Log.open(log.path)


def test_changed_tiles_stop_the_log_before_it_signs(log: Log) -> None:
    log.append_many([remark(i) for i in range(3)])
    log.close()
    for path in (tile_path(0, 0, 3), tile_path(None, 0, 3)):
        file = log.path / "public" / path
        good = file.read_bytes()
        file.write_bytes(bytes([*good[:-1], good[-1] ^ 1]))
        with pytest.raises((VerificationError, FormatError)):
            Log.open(log.path)
        file.write_bytes(good)
    Log.open(log.path).close()


def test_leftovers_of_a_batch_that_was_never_promised_are_overwritten(log: Log, tmp_path: Path) -> None:
    log.append_many([remark(i) for i in range(250)])
    log.close()
    copy = tmp_path / "copy"
    shutil.copytree(log.path, copy)
    with Log.open(copy) as other:
        other.append_many([remark("other")] * 20)
    for path in (tile_path(0, 0), tile_path(None, 0), tile_path(0, 1, 14), tile_path(None, 1, 14), tile_path(1, 0, 1)):
        target = log.path / "public" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(copy / "public" / path, target)
    with Log.open(log.path) as again:
        again.append_many([remark(i) for i in range(250, 270)])
    reader = LogReader.open(log.path)
    assert list(reader.entries()) == [remark(i) for i in range(270)]
    assert verify(reader).problems == ()


def test_key_changes_and_old_readers_follow(log: Log) -> None:
    first = log.key
    reader = LogReader.open(log.path, vkey=first)
    log.append(remark(0))
    for _ in range(3):
        before = log.key
        receipt = log.rotate()
        assert log.key != before
        entry = log.entry(receipt.index)
        assert isinstance(entry, register.KeyAdded)
        assert (entry.key, entry.replaces) == (str(log.key), str(before))
        require(log.append(remark()).proof, remark(), log.policy)
    assert reader.refresh()
    assert reader.snapshot.trust.key == log.key
    assert len(reader.snapshot.trust.rotations) == 3
    assert verify(LogReader.open(log.path, vkey=str(first))).problems == ()
    assert LogReader.open(log.path, vkey=log.key).size == log.size, (
        "a reader who starts from the newest key needs no step"
    )
    key = log.key
    log.close()
    with Log.open(log.path) as again:
        assert again.key == key
        assert again.policy.logs == (key,)


class NoProofs(Disk):
    """A disk that fails when the proof of a change of key is to be written."""

    def create(self, path: Path, mode: int) -> int:
        if path.parent.name == "rotation":
            raise OSError(5, "cut off")
        return super().create(path, mode)


def test_key_change_cut_off_in_the_middle_is_finished_at_the_next_start(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log", origin=ORIGIN, settings=WriterSettings(disk=NoProofs())) as log:
        first = log.key
        log.append(remark())
        with pytest.raises(StorageError, match="cut off"):
            log.rotate()
    with Log.open(log.path) as again:
        assert again.key != first
        again.append(remark())
        assert LogReader.open(log.path, vkey=first).snapshot.trust.key == again.key


def test_key_change_by_anyone_but_the_old_key_is_not_followed(log: Log) -> None:
    log.append(remark())
    thief = FileSigner.fresh(ORIGIN)
    entry = register.KeyAdded(
        at=NOW, holder="operator", name=ORIGIN, use="log", key=str(thief.key), replaces=str(log.key)
    )
    made = register.encode_entry(entry)

    note = sign_note(Checkpoint(ORIGIN, 1, leaf_hash(made)).to_text(), [thief])
    (log.path / "public" / "rotation").mkdir()
    (log.path / "public" / "rotation" / "0.tlog-proof").write_text(Proof(0, (), note, made).to_text())
    with pytest.raises(VerificationError, match="no known key signed"):
        LogReader.open(log.path, vkey=log.key)


def test_reader_refuses_to_go_back_or_sideways(log: Log, tmp_path: Path) -> None:
    log.append_many([remark(i) for i in range(5)])
    shutil.copytree(log.path / "public", tmp_path / "old")
    log.append(remark(5))
    reader = LogReader.open(log.path)
    size = reader.size
    shutil.rmtree(log.path / "public")
    shutil.copytree(tmp_path / "old", log.path / "public")
    with pytest.raises(VerificationError, match="rolled back: size was 6, is 5"):
        reader.refresh()
    assert reader.size == size


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


def settings_of(memory: MemoryStore) -> WriterSettings:
    return WriterSettings(connect=lambda _url, _retry: memory)


def test_log_on_an_object_store(memory: MemoryStore, tmp_path: Path) -> None:
    settings = replace(settings_of(memory), clock=lambda: NOW)
    public = ObjectStore(memory, "memory://bucket")
    with Log.create(tmp_path / "log", origin=ORIGIN, public="memory://bucket", settings=settings) as log:
        with pytest.raises(LockedError, match="another writer holds"):
            Log.open(tmp_path / "log", settings=settings)
        log.append_many([remark(i) for i in range(200)])
        assert public.get(tile_path(0, 0, 200)) is not None
        log.append_many([remark(i) for i in range(200, 300)])
        receipt = log.append(remark(300))
        require(receipt.proof, remark(300), log.policy)
        log.rotate()
    with Log.open(tmp_path / "log", settings=settings) as again:
        again.append(remark(301))
        reader = LogReader(public)
        assert reader.size == 303
        assert reader.entry(256) == remark(256)
        assert verify(reader).problems == ()
    assert public.get(tile_path(0, 0, 200)) is None
    assert not (tmp_path / "log" / "public").exists()
    assert not (tmp_path / "log" / "private" / HEAD).exists()
    with pytest.raises(UsageError, match="must not hold a log yet"):
        Log.create(tmp_path / "second", origin=ORIGIN, public="memory://bucket", settings=settings)


def test_writer_that_lost_its_lease_signs_nothing(memory: MemoryStore) -> None:
    state = ObjectStore(memory, "memory://bucket", ".writer/")
    now = NOW
    first = Lease(state, clock=lambda: now)  # it renews every 15 s; by this clock no time passes until it is set
    with pytest.raises(LockedError, match="another writer holds"):
        Lease(state, clock=lambda: now)
    now += timedelta(seconds=LEASE_S + 1)
    second = Lease(state, clock=lambda: now)
    with pytest.raises(LockedError, match="changed by another writer"):
        first.check()
    second.check()
    second.release()
    first.release()
    Lease(state, clock=lambda: now).release()
    state.swap(LEASE, state.get(LEASE), b"rubbish")
    with pytest.raises(LockedError, match="does not parse"):
        Lease(state)


class Deaf:
    """A writer that does not notice that it lost its lease."""

    def check(self) -> None: ...

    def confirm(self) -> None: ...

    def release(self) -> None: ...


class Frozen:
    """A writer that was stopped between looking at its lease and writing, and wakes up when the lease is another's."""

    def __init__(self) -> None:
        self.looks = 0

    def check(self) -> None:
        self.looks += 1
        if self.looks > 2:
            raise LockedError("lease is another's")

    def confirm(self) -> None:
        self.check()

    def release(self) -> None: ...


@pytest.mark.parametrize("hold", [Deaf, Frozen])
def test_writer_whose_log_went_on_without_it_signs_nothing(
    memory: MemoryStore, tmp_path: Path, hold: type[Deaf | Frozen]
) -> None:
    public = ObjectStore(memory, "memory://bucket")
    Log.create(tmp_path / "log", origin=ORIGIN, public="memory://bucket", settings=settings_of(memory)).close()
    signer = LogDirectory.open(tmp_path / "log", settings_of(memory)).signer()
    zombie = Committer(ORIGIN, signer, public, public.beside(".writer"), hold(), publish=True)
    with Log.open(tmp_path / "log", settings=settings_of(memory)) as log:
        log.append(remark("of the present writer"))
        published = public.get("checkpoint")
        with pytest.raises(LockedError, match=r"changed by another writer|lease is another's"):
            zombie.commit([register.encode_entry(remark("zombie"))])
        assert public.get("checkpoint") == published
        if hold is Frozen:
            assert LogReader(public).entry(0) == remark("of the present writer"), (
                "nothing of the present writer was replaced"
            )


def test_swap_needs_what_was_there(memory: MemoryStore, tmp_path: Path) -> None:
    public = ObjectStore(memory, "memory://bucket", "city/")
    public.swap("a", None, b"1")
    with pytest.raises(LockedError):
        public.swap("a", None, b"2")
    with pytest.raises(LockedError):
        public.swap("a", b"0", b"2")
    public.swap("a", b"1", b"2")
    assert public.get("a") == b"2"
    directory = open_store(str(tmp_path))
    directory.swap("a", None, b"1")
    with pytest.raises(LockedError):
        directory.swap("a", None, b"2")
    directory.swap("a", b"1", b"2")


def test_places_that_hold_no_log_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be a directory or a URL"):
        open_source(tmp_path / "none")
    with pytest.raises(UsageError, match="written to a directory or an object store, got ftp"):
        open_store("ftp://example.org/log")
    with pytest.raises(StorageError, match="holds no log"):
        LogReader.open(tmp_path)


def test_http_source_reads_files_and_refuses_the_rest() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/log/checkpoint":
            return httpx.Response(200, stream=httpx.ByteStream(b"note"))
        if path == "/log/moved":
            return httpx.Response(302, headers={"location": "http://elsewhere.example/"}, stream=httpx.ByteStream(b""))
        if path == "/log/huge":
            return httpx.Response(200, stream=httpx.ByteStream(b"x" * 17_000_000))
        if path == "/log/down":
            raise httpx.ConnectError("refused")
        return httpx.Response(404, stream=httpx.ByteStream(b""))

    source = HttpSource("http://example.org/log/", exchanges=Exchanges(transport=httpx.MockTransport(answer)))
    assert source.get("checkpoint") == b"note"
    assert source.get("none") is None
    for path, words in (
        ("moved", "must answer 200, got 302"),
        ("huge", "at most"),
        ("down", "cannot be read: refused"),
    ):
        with pytest.raises(StorageError, match=words):
            source.get(path)


class Shelf:
    """A log's files in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.get = files.get


def test_tiles_of_seventy_thousand_entries_stand_as_the_specification_says() -> None:
    """Source: C2SP tlog-tiles, its example of a tree of size 70,000."""
    entries = [b"%d" % i for i in range(70_000)]
    edge, files = Edge(Frontier()), dict[str, bytes]()
    for start in range(0, len(entries), 9_999):
        growth = grow(edge, entries[start : start + 9_999])
        edge = growth.edge
        files |= growth.files
    assert len([path for path in files if path.startswith("tile/0/") and ".p/" not in path]) == 273
    widest = (
        tile_path(0, 273, 112),
        tile_path(1, 0),
        tile_path(1, 1, 17),
        tile_path(2, 0, 1),
        tile_path(None, 273, 112),
    )
    assert all(path in files for path in widest)
    assert all(path.startswith(("tile/0/", "tile/1/", "tile/2/000.p/", "tile/entries/")) for path in files)
    signer = FileSigner.fresh(ORIGIN)
    files["checkpoint"] = sign_note(Checkpoint(ORIGIN, edge.size, edge.frontier.root()).to_text(), [signer])
    reader = LogReader(Shelf(files), vkey=signer.key)
    assert list(reader.raws()) == entries
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
        assert require(reader.prove(index), entries[index], Policy(logs=(signer.key,))).index == index
    loaded = Edge.load(edge.size, files.get)
    assert (loaded.levels, loaded.bundle, loaded.frontier.root()) == (edge.levels, edge.bundle, edge.frontier.root())
    with pytest.raises(StorageError, match="has no tile tile/3/000"):
        Tiles(70_000, files.get).hashes(3, 0)
