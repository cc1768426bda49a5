"""Recordings go when their time is up, whatever became of the camera that made them; and what a full disk makes of them."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway_site import TEXT, city_in
from tests.gateway_tools import HandClock, camera, free_port, veiled_unit, wait_for

from passerby.gateway.config import EncodeConfig, RecordConfig, RetainConfig
from passerby.gateway.picture.encoder import LiveEncoder, ticks_of
from passerby.gateway.picture.scene import Scene, SceneSettings
from passerby.gateway.picture.slate import Slates
from passerby.gateway.runtime import Runtime
from passerby.gateway.stream.recorder import Recorder, RecorderLimits
from passerby.gateway.stream.recording_files import file_name, open_unbuffered, recorded
from passerby.gateway.stream.relay import Relay
from passerby.gateway.stream.retention import MARKER, RetentionSweeper, expired, note_retention, noted_retention

DAY_NS = 86_400 * 10**9
WEEK = RetainConfig(days=7)


def made(folder: Path, *ages_days: float, now_ns: int, size: int = 100) -> list[Path]:
    """Write recordings of some ages, oldest first."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for age in sorted(ages_days, reverse=True):
        at_ns = now_ns - round(age * DAY_NS)
        path = folder / file_name(at_ns)
        path.write_bytes(bytes(size))
        os.utime(path, ns=(at_ns, at_ns))
        paths.append(path)
    return paths


def sweep(sweeper: RetentionSweeper, *roots: Path, retain: RetainConfig = WEEK, busy: tuple[Path, ...] = ()) -> None:
    sweeper.sweep(roots, retain, lambda: busy)


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
def sweeper(tmp_path: Path, hand: HandClock) -> RetentionSweeper:
    return RetentionSweeper(tmp_path / "recordings.json", clock=hand.clock)


def test_retention_by_days_and_size(tmp_path: Path) -> None:
    paths = []
    for index in range(5):
        path = tmp_path / file_name(index * 10**9)
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + index, 1000 + index))
        paths.append(path)
    now_ns = int((1003.5 + 86_400) * 1e9)
    assert expired(paths, RetainConfig(days=1.0), now_ns) == paths[:4]
    assert expired(paths, RetainConfig(days=0.0, max_size_bytes=250), now_ns) == paths[:3]
    assert expired(paths, RetainConfig(days=0.0), now_ns) == []


def test_a_copy_that_was_put_back_is_as_old_as_its_name(tmp_path: Path, hand: HandClock) -> None:
    old, new = made(tmp_path, 9, 0.5, now_ns=hand.wall_ns)
    os.utime(old, ns=(hand.wall_ns, hand.wall_ns))
    assert expired([old, new], WEEK, hand.wall_ns) == [old]


@pytest.mark.parametrize("folder_is_named_still", [True, False], ids=["camera removed", "and its folder moved"])
def test_recordings_of_a_camera_that_is_no_more_go_when_their_time_is_up(
    tmp_path: Path, hand: HandClock, sweeper: RetentionSweeper, *, folder_is_named_still: bool
) -> None:
    root = tmp_path / "recordings"
    note_retention_of(root / "gone", RetainConfig(days=2))
    old, new = made(root / "gone", 2.5, 1, now_ns=hand.wall_ns)
    sweep(sweeper, root)
    assert not old.exists()
    assert new.exists()
    hand.move(1.5 * 86_400)
    again = RetentionSweeper(tmp_path / "recordings.json", clock=hand.clock)
    sweep(again, root if folder_is_named_still else tmp_path / "elsewhere")
    assert not new.exists()
    assert not (root / "gone").exists(), "an empty folder of no camera goes too"


def note_retention_of(folder: Path, retain: RetainConfig) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    note_retention(folder, retain)


@pytest.mark.parametrize(
    "marker", [None, b"", b"[]", b'{"days": 0, "max_size_bytes": 0}', b'{"days": "x"}', b'{"days": 1e999}', b"[" * 9999]
)
def test_a_folder_that_does_not_say_keeps_what_the_defaults_say(
    tmp_path: Path, hand: HandClock, sweeper: RetentionSweeper, marker: bytes | None
) -> None:
    root = tmp_path / "recordings"
    old, new = made(root / "hall", 7.5, 6, now_ns=hand.wall_ns)
    if marker is not None:
        (root / "hall" / MARKER).write_bytes(marker)
    sweep(sweeper, root, retain=RetainConfig(days=0, max_size_bytes=0))
    assert (old.exists(), new.exists()) == (False, True), "what never ends is no word at all: seven days"


def test_nothing_else_is_touched(tmp_path: Path, hand: HandClock, sweeper: RetentionSweeper) -> None:
    root = tmp_path / "recordings"
    (busy,) = made(root / "busy", 99, now_ns=hand.wall_ns)
    others = [*made(root / "Not a camera", 99, now_ns=hand.wall_ns), *made(root, 99, now_ns=hand.wall_ns)]
    note_retention_of(root / "hall", WEEK)
    own = root / "hall" / "notes.txt"
    own.write_text("mine")
    sweep(sweeper, root, busy=(root / "busy",))
    assert all(path.exists() for path in (busy, own, *others))


def test_what_cannot_be_deleted_is_told_and_the_rest_goes(
    tmp_path: Path, hand: HandClock, sweeper: RetentionSweeper
) -> None:
    root = tmp_path / "recordings"
    # a folder of that name cannot be unlinked, whoever runs the test
    (root / "hall" / file_name(10**9)).mkdir(parents=True)
    (old,) = made(root / "yard", 9, now_ns=hand.wall_ns)
    os.utime(root / "hall" / file_name(10**9), (0, 0))
    sweep(sweeper, root)
    assert not old.exists()
    assert [str(root / "hall") in text for text in sweeper.failed] == [True]


@given(days=st.floats(0.01, 3650), most=st.integers(0, 2**50), before=st.one_of(st.none(), st.floats(0.01, 3650)))
def test_a_folder_says_again_what_it_was_told(
    tmp_path_factory: pytest.TempPathFactory, days: float, most: int, before: float | None
) -> None:
    folder = tmp_path_factory.mktemp("f")
    if before is not None:
        note_retention(folder, RetainConfig(days=before))
    note_retention(folder, RetainConfig(days, most))
    assert noted_retention(folder) == RetainConfig(days, most)


def test_a_gateway_deletes_what_a_camera_left_that_its_file_no_longer_names(tmp_path: Path) -> None:
    root = tmp_path / "recordings"
    hand = HandClock()
    note_retention_of(root / "before", RetainConfig(days=1))
    (old,) = made(root / "before", 1.5, now_ns=hand.wall_ns)
    text = TEXT.replace("cameras:\n", f"server: {{port: {free_port()}}}\nrtsp: {{port: {free_port()}}}\ncameras:\n", 1)
    text = text.replace("server: {max_viewers: 3}\n", "").replace(
        "register:\n", "selftest: {interval: 10m}\nregister:\n"
    )

    async def inside() -> None:
        runtime = Runtime(city_in(tmp_path, text))
        await runtime.start()
        async with asyncio.timeout(30):
            while old.exists():  # noqa: ASYNC110 - waits for what another thread does
                await asyncio.sleep(0.05)
        await runtime.stop()

    asyncio.run(inside())
    assert json.loads((tmp_path / "state" / "recordings.json").read_text()) == [str(root.resolve())]


# a full disk


class Fed:
    """A relay with one picture a second, each a key frame, by hand."""

    def __init__(self) -> None:
        self.hand = HandClock()
        self.relay = Relay(camera(), Slates(), clock=self.hand.clock)
        self._scene = Scene(SceneSettings(320, 192, 12.5, 0))
        self._encoder = LiveEncoder(320, 192, 12.5, EncodeConfig())
        self._number = 0

    def feed(self, seconds: int) -> None:
        for _ in range(seconds):
            self.hand.move(1.0)
            self._encoder.want_key()
            for data, key, _ in self._encoder.encode(self._scene.frame(self._number), ticks_of(self.hand.ns)):
                self.relay.accept(veiled_unit(data, self.hand.ns, key=key))
            self._number += 1


@pytest.mark.parametrize(("policy", "goes_on"), [("delete_oldest", True), ("cover", False)])
@pytest.mark.parametrize("shows", ["free space", "a write"])
def test_a_full_disk_costs_the_oldest_recordings_only_where_that_is_wanted(
    tmp_path: Path, policy: str, shows: str, *, goes_on: bool
) -> None:
    fed = Fed()
    old = made(tmp_path / "hall", 3, 2, 1, now_ns=fed.hand.wall_ns)
    other = made(tmp_path / "yard", 3, now_ns=fed.hand.wall_ns)

    def is_full() -> bool:
        return len([path for path in old if path.exists()]) > 1

    def opened(path: Path) -> BinaryIO:
        if shows == "a write" and is_full():
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return open_unbuffered(path)

    said: list[tuple[bool, str]] = []
    recorder = Recorder(
        "hall",
        RecordConfig(folder=tmp_path, min_free_bytes=10**6, when_full=policy, retain=WEEK),  # type: ignore[arg-type]
        lambda full, why: said.append((full, why)),
        limits=RecorderLimits(0.02, free_bytes=lambda _: 0 if shows == "free space" and is_full() else 10**9),
        open_file=opened,
    )
    recorder.start(fed.relay)
    fed.feed(4)
    if goes_on:
        wait_for(lambda: len(recorded(tmp_path / "hall")) == 2)
    else:
        wait_for(lambda: bool(said))
    recorder.stop()
    assert [path.exists() for path in old] == ([False, False, True] if goes_on else [True] * 3)
    assert [full for full, _ in said] == ([] if goes_on else [True])
    assert all(path.exists() for path in other), "never those of another camera"
