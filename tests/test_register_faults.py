"""Every call to the system is broken in turn: refused, cut short, or the last thing before the power goes.

After each, the log is opened again and must hold every entry that was acknowledged, verify as a whole, and extend every
checkpoint that was ever signed: the signer remembers them all.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from obstore.store import MemoryStore
from tests.deadlines import killed_after

from passerby.errors import RegisterError, StorageError
from passerby.register import FileSigner, Log, LogReader, Remark, WriterSettings, encode_entry, verify
from passerby.register.log.committer import HEAD, Committer
from passerby.register.log.directory import LogDirectory
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.storage.directory_store import DirectoryStore, Disk
from passerby.register.storage.object_store import ObjectStore
from passerby.register.tiles.merkle import EMPTY_ROOT
from passerby.register.tiles.tiles import Tiles
from passerby.register.verification.reader import check_growth

ORIGIN = "cameras.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)
BATCHES = (3, 252, 4, 1)
"""Goes up to the first tile's edge, over it inside a batch, and on by one."""


class PowerCut(BaseException):
    """The machine stops here."""


class Recorder(FileSigner):
    """Signs, and remembers every text it signed."""

    def __init__(self) -> None:
        super().__init__(ORIGIN, 1, b"k" * 32)
        self.signed: list[Checkpoint] = []

    def sign(self, message: bytes) -> bytes:
        self.signed.append(Checkpoint.parse(message.decode()))
        return super().sign(message)


class FaultyDisk(Disk):
    """Fails at the n-th call, and can forget what was not made durable, as a disk does when the power goes."""

    def __init__(self, fail_at: int, how: str) -> None:
        self.calls = 0
        self.fail_at = fail_at
        self.how = how
        self._paths: dict[int, Path] = {}
        self._unsynced: set[Path] = set()
        self._renames: list[tuple[Path, Path | None, bytes | None]] = []

    def _step(self, after: Callable[[], None] | None = None) -> None:
        self.calls += 1
        if self.calls != self.fail_at:
            return
        if self.how == "error":
            raise OSError(errno.EIO, "broken on purpose")
        if after:
            after()
        self._lose()
        raise PowerCut

    def _lose(self) -> None:
        """What was not synced is gone: renames are undone, newest first, and contents become empty."""
        if self.how != "power":
            return
        for target, _, before in reversed(self._renames):
            if before is None:
                target.unlink(missing_ok=True)
            else:
                target.write_bytes(before)
        for path in self._unsynced:
            if path.exists():
                path.write_bytes(b"")

    def mkdir(self, path: Path) -> None:
        self._step()
        super().mkdir(path)

    def create(self, path: Path, mode: int) -> int:
        self._step()
        fd = super().create(path, mode)
        self._paths[fd] = path
        self._unsynced.add(path)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        self._step(lambda: super(FaultyDisk, self).write(fd, data[: len(data) // 2]))
        super().write(fd, data)

    def fsync_all(self, fds: Sequence[int]) -> None:
        for fd in fds:
            self._step()  # what is durable is kept in mind here; the real disk need not turn
            self._unsynced.discard(self._paths[fd])

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        self._renames.append((new, old, new.read_bytes() if new.exists() else None))
        super().rename(old, new)

    def sync_directories(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._step()
            self._renames = [rename for rename in self._renames if rename[0].parent != path]


def fresh(root: Path, signer: Recorder) -> None:
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    state = DirectoryStore(root / "private")
    state.put_all({HEAD: Checkpoint(ORIGIN, 0, EMPTY_ROOT).to_text().encode()})
    DirectoryStore(root / "public").put_all({"vkey": f"{signer.key}\n".encode()})


def run(
    root: Path, disk: Disk, signer: Recorder, batches: tuple[int, ...], store: type[DirectoryStore] = DirectoryStore
) -> tuple[list[bytes], bool]:
    """Write batches until one of them fails for good; returns what was acknowledged, and whether the power went."""
    acknowledged: list[bytes] = []
    public, state = store(root / "public", disk=disk), store(root / "private", disk=disk)
    hold = SimpleNamespace(check=lambda: None, confirm=lambda: None, release=lambda: None)
    try:
        writer = Committer(ORIGIN, signer, public, state, hold, publish=True)
        for number, count in enumerate(batches):
            entries = [encode_entry(Remark(at=NOW, text=f"{len(acknowledged)} {number} {i}")) for i in range(count)]
            try:
                batch = writer.commit(entries)
            except RegisterError:
                continue  # the caller is told, and goes on with what comes next
            assert batch.first + count == writer.size
            writer.tidy()
            acknowledged += entries
    except PowerCut:
        return acknowledged, True
    except RegisterError:
        return acknowledged, False
    return acknowledged, False


def check(root: Path, signer: Recorder, acknowledged: list[bytes]) -> None:
    """Start anew, write a little more, and hold the result against all that was acknowledged and signed."""
    more, _ = run(root, FaultyDisk(-1, "none"), signer, (2, 1))
    reader = LogReader.open(root / "public", vkey=signer.key)
    assert verify(reader).problems == ()
    held = list(reader.raws())
    places = iter(held)
    assert all(entry in places for entry in [*acknowledged, *more]), "an acknowledged entry is missing, or out of order"
    tiles = Tiles(reader.size, reader.source.get)
    for checkpoint in signer.signed:
        check_growth(checkpoint, reader.checkpoint(), tiles)


def count_calls(root: Path) -> int:
    signer = Recorder()
    fresh(root, signer)
    disk = FaultyDisk(-1, "error")
    assert len(run(root, disk, signer, BATCHES)[0]) == sum(BATCHES)
    return disk.calls


@pytest.mark.parametrize("how", ["error", "kill", "power"])
def test_log_survives_a_fault_at_every_call(tmp_path: Path, how: str) -> None:
    calls = count_calls(tmp_path / "log")
    assert calls > 50, "the faults reach every write, rename and fsync of the batches"
    for fail_at in range(1, calls + 1):
        signer = Recorder()
        fresh(tmp_path / "log", signer)
        disk = FaultyDisk(fail_at, how)
        acknowledged, cut = run(tmp_path / "log", disk, signer, BATCHES)
        assert cut == (how != "error")
        check(tmp_path / "log", signer, acknowledged)


def test_log_survives_a_second_power_cut_while_it_recovers(tmp_path: Path) -> None:
    calls = count_calls(tmp_path / "log")
    for first in range(1, calls, 7):
        signer = Recorder()
        fresh(tmp_path / "log", signer)
        acknowledged, _ = run(tmp_path / "log", FaultyDisk(first, "power"), signer, BATCHES)
        for second in range(1, 12, 2):
            more, _ = run(tmp_path / "log", FaultyDisk(second, "power"), signer, (1,))
            acknowledged += more
        check(tmp_path / "log", signer, acknowledged)


class TooEarly(DirectoryStore):
    """Says that the head is written, and does not write it."""

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        del path, old, new


def test_the_faults_would_find_a_writer_that_signs_too_early(tmp_path: Path) -> None:
    """The check itself is checked: a writer that publishes before its head is durable forks, and is caught."""
    signer = Recorder()
    fresh(tmp_path / "log", signer)
    run(tmp_path / "log", FaultyDisk(-1, "power"), signer, (3,), store=TooEarly)
    with pytest.raises((AssertionError, RegisterError)):
        check(tmp_path / "log", signer, [encode_entry(Remark(at=NOW, text="never there"))])


class CutDisk(Disk):
    """The power goes at the n-th rename."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def rename(self, old: Path, new: Path) -> None:
        self.left -= 1
        if self.left == 0:
            raise PowerCut
        super().rename(old, new)


def test_making_a_log_cut_off_anywhere_leaves_a_log_or_none(tmp_path: Path) -> None:
    for limit in range(1, 60):
        path = tmp_path / str(limit)
        try:
            LogDirectory.create(path, origin=ORIGIN, settings=WriterSettings(disk=CutDisk(limit)))
        except PowerCut:
            with pytest.raises(RegisterError, match="holds no log"):
                Log.open(path)
            continue
        return
    pytest.fail("making a log takes more writes than were tried")


class FlakyStore(ObjectStore):
    """An object store whose n-th write is lost, or is done though the answer is lost."""

    calls = 0
    fail_at = -1
    done = False

    def _step(self, work: Callable[[], None]) -> None:
        FlakyStore.calls += 1
        broken = FlakyStore.calls == FlakyStore.fail_at
        if not broken or FlakyStore.done:
            work()
        if broken:
            raise StorageError("connection lost")

    def put_all(self, files: Mapping[str, bytes], *, guard: Callable[[], None] | None = None) -> None:
        """One step a file; where one is lost the others are written all the same, because they are on their way together."""
        lost = None
        for path, data in files.items():
            try:
                self._step(partial(super().put_all, {path: data}, guard=guard))
            except StorageError as exc:
                lost = exc
        if lost:
            raise lost

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        self._step(partial(super().swap, path, old, new))

    def beside(self, prefix: str) -> FlakyStore:
        return FlakyStore(self._backend, self._name, f"{self._prefix}{prefix}/")


@pytest.mark.parametrize("done", [False, True])
def test_log_on_an_object_store_survives_a_lost_write_or_answer(done: bool) -> None:  # a parameter
    hold = SimpleNamespace(check=lambda: None, confirm=lambda: None, release=lambda: None)
    fail_at = 0
    while True:
        fail_at += 1
        signer, public = Recorder(), FlakyStore(MemoryStore(), "memory://bucket")
        FlakyStore.calls, FlakyStore.fail_at = 0, -1
        state = public.beside(".writer")
        state.swap(HEAD, None, Checkpoint(ORIGIN, 0, EMPTY_ROOT).to_text().encode())
        writer = Committer(ORIGIN, signer, public, state, hold, publish=True)
        FlakyStore.calls, FlakyStore.fail_at, FlakyStore.done = 0, fail_at, done
        acknowledged: list[bytes] = []
        for number, count in enumerate(BATCHES):
            entries = [encode_entry(Remark(at=NOW, text=f"{number} {i}")) for i in range(count)]
            try:
                writer.commit(entries)
            except StorageError:
                continue
            acknowledged += entries
        reached = FlakyStore.calls >= fail_at
        FlakyStore.fail_at = -1
        again = Committer(ORIGIN, signer, public, state, hold, publish=True)
        again.commit([encode_entry(Remark(at=NOW, text="more"))])
        reader = LogReader(public, vkey=signer.key)
        assert verify(reader).problems == ()
        places = iter(list(reader.raws()))
        assert all(entry in places for entry in acknowledged)
        for checkpoint in signer.signed:
            check_growth(checkpoint, reader.checkpoint(), Tiles(reader.size, public.get))
        if not reached:
            assert fail_at > 15
            return


WRITER = """
import sys, threading
from datetime import UTC, datetime
from passerby.register import Log, Remark

log = Log.open(sys.argv[1])
lock = threading.Lock()

def work(number):
    count = 0
    while True:
        text = f"{sys.argv[2]}-{number}-{count}"
        index = log.append(Remark(at=datetime.now(UTC), text=text)).index
        with lock:
            sys.stdout.write(f"{index} {text}\\n")
            sys.stdout.flush()
        count += 1

for number in range(8):
    threading.Thread(target=work, args=(number,)).start()
"""


def test_kill_9_in_a_loop_under_load_loses_nothing(tmp_path: Path) -> None:
    rounds = int(os.environ.get("PASSERBY_KILL_ROUNDS", "4"))
    LogDirectory.create(tmp_path / "log", origin=ORIGIN)
    acknowledged: dict[int, str] = {}
    seen: list[Checkpoint] = []
    for number in range(rounds):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "log"), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            with killed_after(process, 30):
                lines = [process.stdout.readline().removesuffix("\n") for _ in range(150)]
            time.sleep(0.013 * number)  # another moment in the life of a batch each time
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.read().split("\n")[:-1]
        assert all(lines), "the writer got going before it was killed"
        for line in lines:
            index, text = line.split(" ")
            assert int(index) not in acknowledged, "an index is given once"
            acknowledged[int(index)] = text
        reader = LogReader.open(tmp_path / "log")
        seen.append(reader.checkpoint())
    layout = LogDirectory.open(tmp_path / "log")
    hold = layout.state.hold()
    Committer(ORIGIN, layout.signer(), layout.public, layout.state, hold, publish=True)
    hold.release()
    reader = LogReader.open(tmp_path / "log")
    assert verify(reader).problems == ()
    texts = [entry.text for entry in reader.entries() if isinstance(entry, Remark)]
    assert all(texts[index] == text for index, text in acknowledged.items())
    tiles = Tiles(reader.size, reader.source.get)
    for checkpoint in seen:
        check_growth(checkpoint, reader.checkpoint(), tiles)
