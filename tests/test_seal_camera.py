"""Sealing as a camera runs: real sealing processes, killed, stopped, starved, over hours and clock jumps. Veiling never waits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway_tools import wait_for
from tests.seal_camera_tools import CAMERA, HEIGHT, QUICK, WIDTH, FedClient, MovedWall, SealSite, site, uncovered

from passerby.errors import OutputError
from passerby.sealing import SealTally
from passerby.veil import UncoveredFaces
from passerby_seal.camera.child import COMMAND
from passerby_seal.camera.client import SealClient
from passerby_seal.camera.crossing import pack_patches, packed_bytes, unpack_patches
from passerby_seal.camera.hours import HOUR_NS, HourTimes, hour_of
from passerby_seal.camera.opened_hour import OpenedHour
from passerby_seal.camera.process import HourLoop, Pipes
from passerby_seal.camera.ring import PatchRing, RingReader
from passerby_seal.camera.spool import SpoolFile, packed_hour
from passerby_seal.camera.talk import (
    PLACE,
    ExitCode,
    HourCounts,
    HourOrder,
    HourReport,
    Lines,
    RingContent,
    order_bytes,
)
from passerby_seal.patches import CutFaces, Patch, cut_patches
from passerby_seal.refusals import BucketFullError, SealFormatError, StorageFullError

ROOT = Path(__file__).parent.parent


@pytest.fixture
def wall() -> MovedWall:
    return MovedWall()


@pytest.fixture
def one(tmp_path: Path, wall: MovedWall) -> SealSite:
    return site(tmp_path, wall)


def processes_of(parent: int) -> list[int]:
    """Return the sealing processes below a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            command = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"seal" in command and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


# the ring


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=60))
def test_what_lies_in_the_ring_is_never_written_over_before_it_was_read(steps: list[tuple[int, bool]]) -> None:
    ring = PatchRing(1024)
    reader = RingReader(os.dup(ring.fd))
    lying: list[tuple[int, int, int]] = []
    try:
        for number, (size, reads) in enumerate(steps):
            place = ring.reserve(size)
            if place is not None:
                position, view = place
                with view:
                    view[:] = bytes([number % 256]) * size
                ring.commit(position, size)
                lying.append((position, size, number % 256))
            if (reads or place is None) and lying:
                position, size, mark = lying.pop(0)
                with reader.view(position, size) as view:
                    assert bytes(view) == bytes([mark]) * size
                ring.free(position + size)
            assert ring.used_bytes <= 1024
        for position, size, mark in lying:
            with reader.view(position, size) as view:
                assert bytes(view) == bytes([mark]) * size
    finally:
        reader.close()
        ring.close()


def test_the_ring_has_no_name_and_a_place_outside_it_is_refused() -> None:
    ring = PatchRing(4096)
    reader = RingReader(os.dup(ring.fd))
    assert "memfd:" in str(Path(f"/proc/self/fd/{ring.fd}").readlink())
    assert ring.reserve(5000) is None
    for position, size in ((0, 4097), (4090, 10), (-1, 4), (0, 0)):
        with pytest.raises(ValueError, match="must lie inside"):
            reader.view(position, size)
    reader.close()
    ring.close()
    ring.close()


def test_patches_cross_unchanged_and_anything_else_is_refused() -> None:
    patches = cut_patches(uncovered(3, 12345, stretch=7)).patches
    assert len(patches) == 2
    data = bytearray(packed_bytes(patches))
    with memoryview(data) as view:
        pack_patches(view, patches)
        back = unpack_patches(view)
        for sent, got in zip(patches, back, strict=True):
            assert all(np.array_equal(mine, other) for mine, other in zip(sent.planes, got.planes, strict=True))
            assert [getattr(sent, name) for name in ("captured_ns", "track", "stretch", "box", "frame", "colour")] == [
                getattr(got, name) for name in ("captured_ns", "track", "stretch", "box", "frame", "colour")
            ]
        for cut in (2, 20, len(data) - 1):
            with pytest.raises(SealFormatError, match="ring must hold"):
                unpack_patches(view[:cut])


# times and words


@given(st.integers(0, 10**6), st.integers(-(10**12), 10**12))
def test_times_of_a_bucket_lie_in_its_hour_and_never_run_back(hour: int, offset_ns: int) -> None:
    times = HourTimes(hour, offset_ns)
    begin_ns = hour * HOUR_NS
    steps = [begin_ns - offset_ns + step for step in range(-(10**9), HOUR_NS + 10**9, HOUR_NS // 7)]
    walls = [times.wall_ns(at) for at in steps]
    assert walls == sorted(walls)
    assert all(hour_of(at) == hour for at, taken in zip(walls, steps, strict=True) if times.holds(taken))


def test_what_the_processes_tell_each_other_is_read_strictly() -> None:
    order = HourOrder("log", CAMERA, 5, "p", "sha256:00", "c", "f", 7, True, 3.0)
    data = order.to_bytes()
    assert order_bytes(data[:4]) == len(data) - 4
    assert HourOrder.from_bytes(data[4:]) == order
    report = HourReport(9, HourCounts(sealed=3), ("ab",), (), "told")
    assert HourReport.from_line(report.to_line()) == report
    for bad in (b"", b"{}", b"[]", b"{" * 3, b'{"freed":"x"}'):
        with pytest.raises(SealFormatError):
            HourReport.from_line(bad)
        with pytest.raises(SealFormatError):
            HourOrder.from_bytes(bad)
    with pytest.raises(SealFormatError):
        order_bytes(b"\xff\xff\xff\xff")
    lines = Lines()
    assert list(lines.feed(b"a\nb")) == [b"a"]
    assert list(lines.feed(b"c\n")) == [b"bc"]


# sealing


def test_faces_are_kept_and_open_again_and_each_piece_holds_one(one: SealSite, wall: MovedWall) -> None:
    fed = FedClient(one, wall)
    fed.sealing()
    fed.feed(30)
    fed.feed(10, whole=True)
    fed.client.close()
    tally = fed.client.tally()
    (pack,) = one.packs
    assert packed_hour(pack) == hour_of(wall.wall_ns())
    pieces = one.opened(pack)
    pictures = [picture for found in pieces.values() for picture in found]
    assert len(pieces) == tally.pieces >= 2
    assert len(pictures) == tally.sealed >= 60
    assert tally.open == tally.storage == tally.ended == 0
    assert (fed.number - 10) * 2 == tally.sealed + tally.unsealed, "what left covered whole is not kept"
    assert one.shades(pack) == {frozenset({60}), frozenset({180})}, "a piece holds one of the two"
    roots, _ = fed.client.take_told()
    assert roots, "what was kept stands under roots for the heartbeat"
    now_ms = wall.wall_ns() / 1e6
    assert all(abs(picture.ms - now_ms) < 120_000 for picture in pictures)


def test_the_hour_is_replaced_without_a_gap(one: SealSite, wall: MovedWall) -> None:
    wall.begin(2.5)
    first = hour_of(wall.wall_ns())
    fed = FedClient(one, wall)
    fed.until(lambda: hour_of(wall.wall_ns()) > first)
    fed.feed(20)
    fed.client.close()
    assert [packed_hour(path) for path in one.packs] == [first, first + 1]
    for path in one.packs:
        hour_ms = (packed_hour(path) or 0) * 3_600_000
        times = [picture.ms for found in one.opened(path).values() for picture in found]
        assert times
        assert all(hour_ms <= at < hour_ms + 3_600_000 for at in times)
    tally = fed.client.tally()
    # those before the first process was started
    assert tally.behind <= 20
    assert tally.ended == tally.storage == 0
    assert fed.number * 2 == tally.sealed + tally.unsealed


# what goes wrong


def test_a_killed_process_is_replaced_and_its_open_pieces_are_a_stated_gap(one: SealSite, wall: MovedWall) -> None:
    fed = FedClient(one, wall)
    fed.until(lambda: len(one.packs) == 1)
    (pid,) = processes_of(os.getpid())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: fed.client.tally().ended > 0)
    fed.until(lambda: len(one.packs) == 2)
    fed.client.close()
    assert processes_of(os.getpid()) == []
    (finished,) = [path for path in one.packs if path.suffix == ".seal"]
    assert one.opened(finished)
    tally = fed.client.tally()
    assert fed.number * 2 == tally.sealed + tally.unsealed


def test_a_process_that_stands_still_costs_its_faces_and_no_time(one: SealSite, wall: MovedWall) -> None:
    fed = FedClient(one, wall, limits=replace(QUICK, ring_bytes=1 << 20))
    fed.sealing()
    (pid,) = processes_of(os.getpid())
    os.kill(pid, signal.SIGSTOP)
    took_s = []
    for _ in range(300):
        began_s = time.monotonic()
        fed.frame()
        took_s.append(time.monotonic() - began_s)
    os.kill(pid, signal.SIGCONT)
    assert fed.client.tally().behind > 0
    assert sorted(took_s)[150] < 0.05, "a picture is not held up"
    fed.client.close()


def test_what_leaves_covered_whole_takes_no_room_from_what_comes_after(one: SealSite, wall: MovedWall) -> None:
    """A sealing process that reads nothing: the ring would be full long before, if whole pictures took any of it."""
    limits = replace(QUICK, ring_bytes=1 << 18, close_s=0.1)
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    fed = FedClient(one, wall, limits=limits, command=command, cut=lambda faces, _: cut_patches(faces))
    fed.until(lambda: fed.client.tally().open > 0)
    before = fed.client.tally()
    for _ in range(200):
        fed.frame(whole=True)
    assert fed.client.tally() == before
    for _ in range(3):
        fed.frame()
    after = fed.client.tally()
    assert after.open - before.open == 6
    assert after.unsealed == before.unsealed
    fed.client.close()


def test_nothing_is_sealed_to_a_policy_that_the_register_does_not_announce(one: SealSite, wall: MovedWall) -> None:
    """Somebody writes another file of authorities while the gateway runs."""
    text = one.camera.policy.read_text()
    one.camera.policy.write_text(text.replace("retention: 72h", "retention: 720h"))
    fed = FedClient(one, wall)
    fed.until(lambda: "what the register announces" in fed.client.sentence and fed.client.tally().ended > 0)
    assert one.packs == []
    assert fed.client.tally().sealed == 0
    one.camera.policy.write_text(text)
    fed.sealing()
    fed.client.close()


def test_a_lost_store_stops_sealing_and_says_so(one: SealSite, wall: MovedWall) -> None:
    one.camera.folder.write_text("no folder")
    fed = FedClient(one, wall)
    fed.until(lambda: "cannot be kept" in fed.client.sentence and fed.client.tally().storage > 0)
    assert fed.client.tally().sealed == 0
    one.camera.folder.unlink()
    fed.sealing()
    fed.feed(10)
    fed.client.close()
    assert fed.client.tally().sealed > 0


def test_a_disk_that_fills_up_costs_what_is_open_and_leaves_whole_records(tmp_path: Path) -> None:
    spool = SpoolFile(tmp_path / "a", "2026-11-30T10-00.seal")
    spool.append(b"whole")
    os.close(spool._fd)
    spool._fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(StorageFullError, match="no space left"):
        spool.append(b"half")
    assert spool.path.read_bytes() == b"whole"
    spool.abandon()
    spool.abandon()
    with pytest.raises(StorageFullError, match="64 MiB must be free"):
        SpoolFile(tmp_path / "b", "2026-11-30T10-00.seal", free_bytes=lambda _: 0)


def test_without_the_custodians_key_nothing_is_kept_and_it_says_so(tmp_path: Path, wall: MovedWall) -> None:
    one = site(tmp_path, wall, hours=0)
    fed = FedClient(one, wall)
    fed.until(lambda: "custodian must have made a key" in fed.client.sentence)
    fed.feed(3)
    fed.client.close()
    assert one.packs == []
    assert fed.client.tally().sealed == 0
    assert fed.client.tally().ended > 0


@pytest.mark.parametrize("jump_s", [7200.0, -3605.0])
def test_a_clock_that_jumps_begins_a_new_bucket_and_no_time_lies_outside_its_hour(
    one: SealSite, wall: MovedWall, jump_s: float
) -> None:
    fed = FedClient(one, wall)
    fed.until(lambda: len(one.packs) == 1)
    wall.jump(jump_s)
    fed.until(lambda: len(one.packs) == 2)
    fed.client.close()
    assert len(one.packs) == 2
    for path in one.packs:
        hour_ms = (packed_hour(path) or 0) * 3_600_000
        for found in one.opened(path).values():
            assert all(hour_ms <= picture.ms < hour_ms + 3_600_000 for picture in found)


def test_a_small_jump_begins_a_new_bucket_too() -> None:
    times = HourTimes(5, 7)
    assert not times.jumped(7 + 10**9)
    assert times.jumped(8 + 10**9)
    assert times.jumped(6 - 10**9)


def test_faces_that_take_too_long_to_cut_are_a_gap(one: SealSite, wall: MovedWall) -> None:
    fed = FedClient(one, wall, cut=lambda faces, _: cut_patches(faces, -1.0))
    fed.feed(5)
    fed.client.close()
    assert fed.client.tally().sealed == 0
    assert fed.client.tally().behind == fed.number * 2


# what lies where


def test_a_picture_that_cannot_be_cut_is_a_gap_and_the_next_one_is_kept(one: SealSite, wall: MovedWall) -> None:
    wrong = [False]

    def cut(faces: UncoveredFaces, within_s: float) -> CutFaces:
        if wrong[0]:
            raise ValueError("what nobody thought of")
        return cut_patches(faces, within_s)

    fed = FedClient(one, wall, cut=cut)
    fed.sealing()
    before = fed.client.tally().unsealed
    wrong[0] = True
    fed.feed(10)
    assert fed.client.tally().unsealed == before + 20
    assert "what nobody thought of" in fed.client.sentence
    wrong[0] = False
    fed.feed(1)
    assert fed.client.sentence == "faces are kept, locked"
    fed.client.close()


def test_nothing_bare_is_on_the_disk_or_in_a_pipe(tmp_path: Path, wall: MovedWall) -> None:
    """Pictures of a noise that is known: no run of it is in any file that was written."""
    one = site(tmp_path, wall)
    random = np.random.default_rng(5)
    noise = random.integers(0, 256, (HEIGHT * 3 // 2, WIDTH), np.uint8)

    fed = FedClient(one, wall)
    fed.sealing()
    rows = []
    for number in range(25):
        captured_ns = time.monotonic_ns()
        faces = uncovered(number, captured_ns, 1)
        for index, plane in enumerate(faces.picture.planes):
            values = noise[:HEIGHT, :WIDTH] if index == 0 else noise[HEIGHT : HEIGHT + HEIGHT // 2, : WIDTH // 2]
            target = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            target[:, : plane.width] = values[: plane.height, : plane.width]
        x0, y0 = (int(value) for value in faces.xyxy[0, :2])
        rows.append(bytes(noise[y0 + 10, x0 + 5 : x0 + 25]))
        fed.client.stage(faces)
        fed.client.settle(captured_ns, whole=False)
        time.sleep(0.04)
    fed.client.close()
    assert fed.client.tally().sealed >= 20
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".seal" for path in written)
    assert {path.suffix for path in written} <= {".seal", ".pub", ".key", ".yaml"}
    for path in written:
        data = path.read_bytes()
        assert not any(row in data for row in rows), path


def memory_of(pid: int) -> list[bytes]:
    """Return the memory of a process that it can write to, region by region."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            (
                span,
                rights,
                *_,
            ) = line.split()
            if not rights.startswith("rw"):
                continue
            begin, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(begin)
                found.append(memory.read(end - begin))
            except (OSError, ValueError, OverflowError):
                continue
    return found


def test_no_process_that_outlives_the_hour_holds_a_key_or_a_seed_of_it(tmp_path: Path) -> None:
    host = subprocess.Popen(
        [sys.executable, "-m", "tests.seal_camera_tools", "host", str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert host.stdout is not None
        told = json.loads(host.stdout.readline())
        assert told["sealed"] > 50
        files = sorted((tmp_path / "store").glob("secrets-*.json"))
        assert len(files) == 2, "of the hour that is over, and of the one that goes on"
        secrets = [bytes.fromhex(one) for path in files for one in json.loads(path.read_text())]
        assert len(secrets) >= 12
        held = memory_of(host.pid)
        assert sum(map(len, held)) > 10**7, "its memory was read"
        assert any(CAMERA.encode() in region for region in held)
        for secret in secrets:
            assert not any(secret in region for region in held)
    finally:
        host.kill()
        host.communicate()


def test_a_process_that_seals_can_be_read_by_nobody_and_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tests.seal_camera_tools import *\n"
        "wall = MovedWall(); one = site(Path(sys.argv[1]), wall); fed = FedClient(one, wall); fed.sealing()\n"
        "print('sealing', flush=True); fed.feed(9999)"
    )
    host = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert host.stdout is not None
        assert host.stdout.readline() == "sealing\n"
        (pid,) = processes_of(host.pid)
        # the kernel gives what belongs to a process that is not dumpable to root
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "1000\n", "where memory is short it ends first"
        limits = Path(f"/proc/{pid}/limits").read_text() if os.geteuid() == 0 else "Max core file size        0"
        assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core file")] in (["0"], [])
    finally:
        host.kill()
        host.communicate()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 10)
    (pack,) = (tmp_path / "store" / CAMERA).glob("*.part")
    assert pack.stat().st_size > 0


def test_a_process_without_its_parent_does_not_begin(tmp_path: Path) -> None:
    read, write = os.pipe()
    done = subprocess.run(
        [sys.executable, "-m", "passerby_seal.camera", "1", "0", str(read), str(write)],
        pass_fds=[read, write],
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 78
    assert b"must have its parent 1" in os.read(read, 4096)
    os.close(write)
    os.close(read)


def test_what_lies_in_the_gateways_folder_is_not_run_as_the_sealing_process(tmp_path: Path) -> None:
    planted = tmp_path / "passerby_seal" / "camera"
    planted.mkdir(parents=True)
    for folder in (planted, planted.parent):
        (folder / "__init__.py").touch()
    (planted / "__main__.py").write_text("import pathlib; pathlib.Path('ran').touch()")
    read, write = os.pipe()
    command = [*COMMAND, "1", "0", str(read), str(write)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, pass_fds=[read, write], check=False, cwd=tmp_path, env=environment)
    os.close(write)
    os.close(read)
    assert not (tmp_path / "ran").exists()
    assert done.returncode == 78


class EndingHour(OpenedHour):
    """Takes one frame, and then raises what it is told to."""

    def __init__(self, order: HourOrder, taking: Exception, ending: Exception | None) -> None:
        super().__init__(order)
        self._taking, self._ending = taking, ending

    def take(self, patches: Sequence[Patch]) -> None:
        super().take(patches)
        raise self._taking

    def close(self) -> None:
        if self._ending is not None:
            raise self._ending
        super().close()


@pytest.mark.parametrize(
    ("taking", "ending", "code"),
    [
        (BucketFullError("bucket must hold at most 262144 pieces"), None, ExitCode.DONE),
        (OutputError("encoder for a face must take a picture"), None, ExitCode.DONE),
        (OutputError("encoder"), OutputError("encoder for a face must end"), ExitCode.FAILED),
        (StorageFullError("faces cannot be kept"), None, ExitCode.STORAGE),
    ],
)
def test_a_bucket_that_takes_no_more_is_ended_and_its_pieces_are_kept(
    one: SealSite, wall: MovedWall, taking: Exception, ending: Exception | None, code: ExitCode
) -> None:
    camera = one.camera
    order = HourOrder(
        camera.origin,
        CAMERA,
        hour_of(wall.wall_ns()),
        str(camera.policy),
        camera.policy_digest,
        str(camera.custody),
        str(camera.folder),
        wall.offset_ns,
        False,
        60.0,
    )
    ring, (orders, give), (hear, reports) = PatchRing(), os.pipe(), os.pipe()
    patches = cut_patches(uncovered(3, time.monotonic_ns())).patches
    position, view = ring.reserve(packed_bytes(patches)) or (0, memoryview(b""))
    with view:
        pack_patches(view, patches)
    os.write(give, PLACE.pack(position, packed_bytes(patches), RingContent.FRAME))
    reader = RingReader(os.dup(ring.fd))
    loop = HourLoop(EndingHour(order, taking, ending), reader, Pipes(orders, reports), order)
    assert loop.run() == code
    last = [HourReport.from_line(line) for line in Lines().feed(os.read(hear, 1 << 16))][-1]
    (pack,) = one.packs
    kept = code == ExitCode.DONE
    assert (pack.suffix == ".seal") is kept
    assert len(one.opened(pack, unfinished=not kept)) == last.counts.pieces == (2 if kept else 0)
    assert last.counts.storage == (2 if code == ExitCode.STORAGE else 0)
    assert last.told == (ending or taking).args[0]
    reader.close()
    ring.close()
    for end in (orders, give, hear, reports):
        os.close(end)


def test_a_picture_that_cannot_be_handed_over_is_a_gap_and_said(one: SealSite, wall: MovedWall) -> None:
    wrong = False

    def cut(faces: UncoveredFaces, _: float) -> CutFaces:
        found = cut_patches(faces)
        # a time that does not fit into the ring
        patches = [replace(patch, captured_ns=1 << 70) for patch in found.patches] if wrong else found.patches
        return replace(found, patches=patches)

    fed = FedClient(one, wall, cut=cut)
    fed.sealing()
    wrong, before = True, fed.client.tally()
    fed.feed(3)
    assert fed.client.sentence.startswith("no face is kept: a picture could not be handed over")
    assert fed.client.tally().unsealed - before.unsealed == 6
    wrong = False
    fed.feed(3)
    assert fed.client.sentence.startswith("faces are kept")
    fed.client.close()
    tally = fed.client.tally()
    assert fed.number * 2 == tally.sealed + tally.unsealed


def test_a_process_that_cannot_be_started_is_tried_again(one: SealSite, wall: MovedWall) -> None:
    client = SealClient(one.camera, QUICK, command=("/no/such/program",), clocks=wall)
    client.start()
    wait_for(lambda: "cannot start" in client.sentence)
    client.close()
    assert client.tally() == SealTally()
