"""The register's figures, side by side: appends, proofs, verification, restart, and how they grow.

Usage: python bench/register.py [--entries 10000000] [--seconds 10] [--dir DIR]

The large logs are made by a bulk builder (the same tiles, without a signature for each batch and without fsync); everything
that is timed runs on them through the public interface. 10 million entries of 257 bytes take 3.3 GB under --dir, and the whole
run takes 2 to 4 minutes on two cores that are otherwise idle.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from passerby import register
from passerby.register.log.committer import HEAD
from passerby.register.log.directory import LogDirectory
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.storage.directory_store import DirectoryStore, Disk
from passerby.register.tiles.growth import Edge, grow

ORIGIN = "bench.example.org/log"
START = datetime(2026, 1, 1, tzinfo=UTC)
AT = register.format_instant(START)
CAMERAS = 10_000
VERIFY_BYTES = 400
WRITERS = 64


class Lazy(Disk):
    """Leaves it to the system when to write."""

    def fsync_all(self, fds: Sequence[int]) -> None:
        """Do nothing."""
        del fds

    def sync_directories(self, paths: Sequence[Path]) -> None:
        """Do nothing."""
        del paths


def camera(number: int) -> str:
    return f"{number % CAMERAS:032x}"


def heartbeat(number: int) -> bytes:
    """An hour's heartbeat of one camera of 10,000, spelled without the slow way through the model."""
    begin = START + timedelta(hours=number // CAMERAS)
    one, two = (register.format_instant(begin + timedelta(hours=h)) for h in (0, 1))
    return (
        f'{{"at":"{two}","begin":"{one}","camera":"{camera(number)}","covered_whole_s":0,"down_s":0,"end":"{two}",'
        f'"faces_covered":{number % 997},"frames":{45_000 + number % 13},"kind":"heartbeat","stalled_s":0,'
        f'"tracks_sealed":0,"v":1}}'
    ).encode()


def started(number: int) -> bytes:
    """A valid entry of exactly 400 bytes."""
    digest = "sha256:" + f"{number:064x}"

    def make(padding: int) -> bytes:
        software = "passerby" + "x" * padding
        state = {"mode": "veil", "software": software, "configuration": digest, "weights": digest}
        return register.encode_entry(
            register.entry_from_fields({"kind": "running.started", "v": 1, "at": AT, "camera": camera(0), **state})
        )

    return make(VERIFY_BYTES - len(make(0)))


def registered() -> bytes:
    words = {"en": "bench"}
    return register.encode_entry(
        register.CameraRegistered(
            at=START,
            camera=camera(0),
            label="bench",
            purpose=words,
            legal_basis=words,
            position="act-2024",
            retention_h=0,
        )
    )


class Builder:
    """Makes a log larger by many entries at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layout, _ = LogDirectory.create(path, origin=ORIGIN, signer=None, policy=None, public=None)
        self.edge = Edge.load(0, self.layout.public.get)

    def extend(self, size: int, entry: Callable[[int], bytes]) -> None:
        """Add entries up to a size."""
        store = DirectoryStore(self.path / "public", disk=Lazy())
        self.edge = Edge.load(self.size(), store.get)
        while self.edge.size < size:
            stop = min(size, self.edge.size + 16_384)
            growth = grow(self.edge, [entry(number) for number in range(self.edge.size, stop)])
            store.put_all(growth.files)
            store.drop_partials(growth.filled)
            store.tidy()
            self.edge = growth.edge
        head = Checkpoint(ORIGIN, self.edge.size, self.edge.frontier.root()).to_text().encode()
        DirectoryStore(self.path / "private", mode=0o600).put_all({HEAD: head})
        register.Log.open(self.path).close()

    def size(self) -> int:
        """Return the entries that were promised so far."""
        return Checkpoint.parse((self.path / "private" / HEAD).read_text()).size


def at(sorted_ms: list[float], share: float) -> float:
    return sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))]


def beat() -> register.Heartbeat:
    now = datetime.now(UTC)
    return register.Heartbeat(at=now, begin=now, end=now, camera=camera(0), frames=45_000, faces_covered=7)


def sustained(path: Path, seconds: float) -> tuple[float, float]:
    """Entries a second, 64 threads, each waiting for its receipt; and milliseconds of processor time for each."""
    with register.Log.open(path) as log:
        end = time.perf_counter() + seconds
        counts = [0] * WRITERS

        def work(number: int) -> None:
            while time.perf_counter() < end:
                log.append(beat())
                counts[number] += 1

        start, before = time.perf_counter(), time.process_time()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - start), 1000 * (time.process_time() - before) / sum(counts)


def fsync_ms(folder: Path) -> float:
    def once() -> None:
        fd = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"x" * 4096)
        os.fsync(fd)
        os.close(fd)

    return at(timed(once, 50).clock, 0.5)


def verify_in_process(path: Path) -> tuple[float, float]:
    """Entries a second and peak memory in MB, in a process of its own."""
    command = [sys.executable, __file__, "--verify", str(path)]
    rate, memory = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(rate), float(memory)


def verify_here(path: Path) -> None:
    reader = register.LogReader.open(path)
    start = time.process_time()
    report = register.verify(reader, now=START)
    rate = reader.size / (time.process_time() - start)
    if any(problem.kind != "time" for problem in report.problems):
        sys.exit(str(report.problems[:3]))
    print(rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


@dataclass(frozen=True)
class Times:
    """Milliseconds of each run on the clock, sorted, and of processor time on average."""

    clock: list[float]
    processor: float

    def __str__(self) -> str:
        return f"{at(self.clock, 0.5):.2f}; {at(self.clock, 0.99):.2f} ({self.processor:.2f}) ms"


def timed(work: Callable[[], object], times: int) -> Times:
    """Time something."""
    out = []
    before = time.process_time()
    for _ in range(times):
        start = time.perf_counter()
        work()
        out.append(1000 * (time.perf_counter() - start))
    return Times(sorted(out), 1000 * (time.process_time() - before) / times)


@dataclass(frozen=True)
class Row:
    """Figures at one size."""

    size: int
    proof_bytes: int
    hashes: int
    restart_s: float
    appends: Times
    made: Times
    checked: Times
    built_s: float


def one_size(path: Path, built_s: float) -> Row:
    """Restart, append, and proofs of entries anywhere in the log."""
    start = time.perf_counter()
    log = register.Log.open(path)
    restart_s = time.perf_counter() - start
    appends = timed(lambda: log.append(beat()), 200)
    log.close()
    reader = register.LogReader.open(path)
    places = iter(range(0, reader.size, max(1, reader.size // 201)))
    proofs: list[register.Proof] = []
    made = timed(lambda: proofs.append(reader.prove(next(places))), 200)
    each = iter(proofs)

    def check() -> register.ProvenEntry:
        proof = next(each)
        return register.require(proof, proof.extra or b"", reader.snapshot.policy)

    checked = timed(check, 200)
    longest = max(proofs, key=lambda proof: len(proof.path))
    return Row(reader.size, len(longest.to_text()), len(longest.path), restart_s, appends, made, checked, built_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--verify", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.verify:
        verify_here(options.verify)
        return
    folder = Path(tempfile.mkdtemp(prefix="register-bench-", dir=options.dir))
    try:
        run(folder, options.entries, options.seconds)
    finally:
        shutil.rmtree(folder)


def run(folder: Path, entries: int, seconds: float) -> None:
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, one fsync {fsync_ms(folder):.2f} ms; p50; p99 (processor time)\n")
    small = Builder(folder / "small")
    rate, cost = sustained(small.path, seconds)
    with register.Log.open(small.path) as log:
        alone = timed(lambda: log.append(beat()), 500)
    check = Builder(folder / "check")
    rates = []
    for size in (50_000, 200_000):
        check.extend(size, lambda number: started(number) if number else registered())
        rates.append(verify_in_process(check.path))
    large = Builder(folder / "large")
    rows = []
    size = 1000
    while size <= entries:
        start = time.perf_counter()
        large.extend(size, heartbeat)
        rows.append(one_size(large.path, time.perf_counter() - start))
        size *= 10
    print_figures(rate, cost, alone, rates, rows)
    print_shared()
    print("| entries | longest proof | restart | append | proof made | proof checked | built in |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.size:,} | {row.proof_bytes:,} bytes, {row.hashes} hashes | {row.restart_s:.3f} s | {row.appends} "
            f"| {row.made} | {row.checked} | {row.built_s:.0f} s |"
        )


def print_shared() -> None:
    command = [sys.executable, str(Path(__file__).with_name("register_gateways.py")), "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(
        f"| one register, {found['gateways']} gateways, kill -9 {found['kills']} times | of {found['proven']:,} acknowledged "
        f"entries {found['lost']} lost, {found['doubled']} doubled | 0 |\n"
    )


def print_figures(rate: float, cost: float, alone: Times, rates: list[tuple[float, float]], rows: list[Row]) -> None:
    first, last = rows[0], rows[-1]
    (slow, small), (fast, large) = rates
    print("| figure | measured | must reach |\n|---|---|---|")
    print(f"| appends by {WRITERS} writers at once, each acknowledged | {rate:,.0f}/s ({cost:.2f} ms each) | 500/s |")
    print(f"| one append alone, acknowledged | {alone} | p99 50 ms |")
    print(f"| inclusion proof made at {last.size:,} | {last.made} | 5 ms |")
    print(f"| inclusion proof checked at {last.size:,} | {last.checked} | 5 ms |")
    print(f"| verify, {VERIFY_BYTES} bytes, one core, 50,000; 200,000 | {slow:,.0f}; {fast:,.0f}/s | 10,000/s |")
    print(f"| memory of verify, 50,000; 200,000 | {small:.0f}; {large:.0f} MB | flat |")
    print(f"| restart at {last.size:,} | {last.restart_s:.3f} s | 2 s |")
    span = f"{first.size:,} to {last.size:,}"
    bits = f"{(first.size - 1).bit_length()} to {(last.size - 1).bit_length()}"
    print(f"| growth of the longest proof, {span} | {first.hashes} to {last.hashes} hashes | log2 n: {bits} |")
    cheap, dear = first.appends.processor, last.appends.processor
    print(f"| growth of an append, {span} | {cheap:.2f} to {dear:.2f} ms of processor time | O(log n) |")


if __name__ == "__main__":
    main()
