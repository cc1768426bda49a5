"""What leaves the serving process: slates, fragments, HLS, snapshots, recordings, pushes."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest
from PIL import Image
from tests.gateway_tools import (
    Fed,
    frames_of,
    numbers,
    program,
    run,
    times_of,
    veiled_unit,
    wait_for,
)

from passerby.errors import ServiceError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import EncodeConfig, RecordConfig
from passerby.gateway.picture.drawn_cover import TONE
from passerby.gateway.picture.scene import SceneSettings, read_number
from passerby.gateway.picture.slate import Slates
from passerby.gateway.stream.fragments import fragments, header_bytes
from passerby.gateway.stream.gops import Gop, GopCutter
from passerby.gateway.stream.mse import WAITING, LiveFeed
from passerby.gateway.stream.playback import clip_between, recordings_between
from passerby.gateway.stream.readers import AccessUnit
from passerby.gateway.stream.recorder import Recorder, RecorderLimits
from passerby.gateway.stream.recording_files import began_ns, file_name, open_unbuffered, recorded
from passerby.gateway.stream.snapshot import Snapshots
from passerby.gateway.values import CoverReason

SLATES = Slates()


def is_slate(data: bytes) -> bool:
    decoder = av.CodecContext.create("h264", "r")
    frame = [*decoder.decode(av.Packet(data)), *decoder.decode(None)][0]
    assert isinstance(frame, av.VideoFrame)
    luma = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)[: frame.height]
    return bool(abs(float(np.median(luma)) - TONE) < 4 and (luma > 150).mean() > 0.001)


# relay and slates


def test_first_thing_a_reader_sees_is_the_slate_and_then_the_stream() -> None:
    fed = Fed()
    got: list[AccessUnit] = []
    fed.relay.subscribe(got.append)
    fed.relay.tick()
    assert got[0].key
    assert got[0].whole is CoverReason.START
    assert is_slate(got[0].data)
    fed.feed(3)
    assert [unit.whole for unit in got[1:]] == [None] * 3
    assert fed.relay.slate is None


def test_after_a_slate_only_a_key_frame_ends_it() -> None:
    fed = Fed()
    asked: list[int] = []
    fed.relay.want_key = lambda: asked.append(1)
    fed.feed(4)
    fed.relay.lost(CoverReason.WORKER)
    got: list[AccessUnit] = []
    fed.relay.subscribe(got.append, from_key=False)
    fed.feed(1)
    assert got == []
    assert asked
    fed.encoder.want_key()
    fed.feed(2)
    assert [unit.key for unit in got] == [True, False]


@pytest.mark.parametrize(
    "data", [b"\0\0\1\x67\x64\0\0\1\x68\xeb", b"\0\0\1\xe7\x64\0\x0b\0\0\1\x68\xeb"], ids=["cut off", "broken head"]
)
def test_worker_whose_parameter_sets_do_not_parse_must_go_and_the_slate_stays(data: bytes) -> None:
    fed = Fed()
    fed.relay.tick()
    with pytest.raises(ServiceError, match="worker must send sound"):
        fed.relay.accept(veiled_unit(data, fed.hand.ns, key=True))
    assert fed.relay.slate is CoverReason.START


def test_silent_worker_is_covered_by_the_slate() -> None:
    fed = Fed()
    fed.feed(2)
    got: list[AccessUnit] = []
    fed.relay.subscribe(got.append, from_key=False)
    fed.relay.tick()
    assert got == []
    fed.hand.move(1.1)
    fed.relay.tick()
    fed.relay.tick()
    assert [unit.whole for unit in got] == [CoverReason.STALLED]
    assert is_slate(got[0].data)


def test_alarm_covers_whatever_the_worker_sends() -> None:
    fed = Fed()
    fed.feed(2)
    fed.relay.raise_alarm(CoverReason.ALARM)
    got: list[AccessUnit] = []
    fed.relay.subscribe(got.append)
    fed.encoder.want_key()
    fed.feed(20)
    assert {unit.whole for unit in got} == {CoverReason.ALARM}
    fed.relay.end_alarm()
    fed.encoder.want_key()
    fed.feed(1)
    assert got[-1].whole is None


def test_stream_time_grows_over_slates() -> None:
    fed = Fed()
    got: list[AccessUnit] = []
    fed.relay.subscribe(got.append)
    for _ in range(3):
        fed.feed(5)
        fed.relay.lost(CoverReason.WORKER)
        fed.encoder.want_key()
    times = [unit.ticks for unit in got]
    assert all(np.diff(times) > 0)


def test_units_without_parameter_sets_go_nowhere() -> None:
    fed = Fed()
    got: list[AccessUnit] = []
    fed.relay.subscribe(got.append)
    fed.relay.accept(veiled_unit(b"\x00\x00\x01\x65abc", 1, key=True))
    assert got == []


def test_two_slates_in_a_row_differ_in_their_identifier() -> None:
    first, second = SLATES.pair(320, 192, "c", CoverReason.WORKER, EncodeConfig())
    assert first != second
    assert is_slate(first)
    assert is_slate(second)
    assert SLATES.pair(320, 192, "c", CoverReason.WORKER, EncodeConfig()) == (first, second)


# fragments, MSE


async def collect(feed: LiveFeed, fed: Fed, count: int) -> list[str | bytes]:
    viewer = feed.join()
    fed.feed(count)
    viewer.end()
    return [item async for item in viewer.messages()]


def test_viewer_gets_codec_header_and_fragments_that_decode() -> None:
    fed = Fed()
    fed.feed(5)
    got = asyncio.run(collect(LiveFeed(fed.relay), fed, 20))
    assert isinstance(got[0], str)
    assert json.loads(got[0]) == {
        "codec": fed.relay.parameters.codec if fed.relay.parameters else "",
        "width": 320,
        "height": 192,
    }
    data = b"".join(item for item in got if isinstance(item, bytes))
    assert numbers(data) == list(range(25)), "from the last key frame on, nothing lost"


@pytest.mark.tool
def test_ffprobe_reads_fragments(tmp_path: Path) -> None:
    fed = Fed()
    got = asyncio.run(collect(LiveFeed(fed.relay), fed, 26))
    path = tmp_path / "a.mp4"
    path.write_bytes(b"".join(item for item in got if isinstance(item, bytes)))
    fields = "stream=codec_name,profile,width,height,nb_read_packets"
    done = run(
        [program("ffprobe"), "-v", "error", "-count_packets", "-show_entries", fields, "-of", "default=nw=1", str(path)]
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {"codec_name=h264", "width=320", "height=192", "nb_read_packets=26"} <= set(done.stdout.split())


def test_slow_viewer_is_skipped_to_a_key_frame_and_holds_up_nobody() -> None:
    async def inside() -> tuple[list[str | bytes], int]:
        fed = Fed()
        feed = LiveFeed(fed.relay)
        slow = feed.join()
        fed.feed(3 * WAITING)
        assert feed.viewers == 1
        slow.end()
        got = [item async for item in slow.messages()]
        assert feed.viewers == 0
        return got, slow.skipped

    got, skipped = asyncio.run(inside())
    assert len(got) <= WAITING + 2
    assert skipped > WAITING


def test_viewer_is_told_of_another_size() -> None:
    async def inside() -> list[str | bytes]:
        fed = Fed()
        feed = LiveFeed(fed.relay)
        viewer = feed.join()
        fed.feed(2)
        other = Fed(SceneSettings(640, 352, 12.5, 0))
        other.relay = fed.relay
        other.feed(2)
        viewer.end()
        return [item async for item in viewer.messages()]

    texts = [json.loads(item)["width"] for item in asyncio.run(inside()) if isinstance(item, str)]
    assert texts == [320, 640]


# snapshots


def test_snapshot_is_the_newest_key_frame() -> None:
    fed = Fed()
    fed.feed(14)
    unit = fed.relay.last_key
    assert unit is not None
    with Image.open(io.BytesIO(Snapshots().jpeg("hall", unit))) as picture:
        assert picture.size == (320, 192)
        assert not picture.getexif()
        assert read_number(np.asarray(picture.convert("L"), np.uint8)) == 13
    with Image.open(io.BytesIO(Snapshots().jpeg("hall", unit, height_px=96))) as small:
        assert small.size == (160, 96)


def test_snapshot_of_what_does_not_decode_is_refused() -> None:
    fed = Fed()
    fed.feed(1)
    unit = fed.relay.last_key
    assert unit is not None
    broken = AccessUnit(b"\x00\x00\x01\x65abc", (), 0, 0, True, None, unit.parameters)
    with pytest.raises(ServiceError, match="must"):
        Snapshots().jpeg("hall", broken)


# recording


def recording(
    folder: Path,
    seconds: int = 6,
    *,
    open_file: Callable[[Path], BinaryIO] = open_unbuffered,
    limits: RecorderLimits | None = None,
    clock: Clock = MACHINE,
    segment_s: float = 600.0,
) -> tuple[Recorder, Fed, list[tuple[bool, str]]]:
    fed = Fed()
    said: list[tuple[bool, str]] = []
    config = RecordConfig(folder=folder, min_free_bytes=0, segment_s=segment_s)
    recorder = Recorder(
        "hall", config, lambda full, why: said.append((full, why)), open_file=open_file, limits=limits, clock=clock
    )
    recorder.start(fed.relay)
    for _ in range(seconds):
        fed.feed(13)
    return recorder, fed, said


def test_recording_plays_and_begins_at_its_name(tmp_path: Path) -> None:
    begun = time.time_ns()
    recorder, _, said = recording(tmp_path)
    recorder.stop()
    (path,) = recorded(tmp_path / "hall")
    assert numbers(path.read_bytes()) == list(range(5 * 13))
    began = began_ns(path)
    assert began is not None
    assert begun - 20 * 10**9 < began < time.time_ns() + 20 * 10**9
    assert said == []


def test_recording_survives_a_cut_at_any_byte(tmp_path: Path) -> None:
    recorder, _, _ = recording(tmp_path)
    recorder.stop()
    (path,) = recorded(tmp_path / "hall")
    data = path.read_bytes()
    with path.open("rb") as file:
        whole = list(fragments(file))
        first = header_bytes(file)
    assert len(whole) == 5
    for cut in (first + 10, whole[1].offset + 9, whole[3].offset + whole[3].length - 1, len(data) - 1):
        torn = tmp_path / "hall" / file_name(10**18)
        torn.write_bytes(data[:cut])
        with torn.open("rb") as file:
            left = list(fragments(file))
        assert len(left) == sum(one.offset + one.length <= cut for one in whole)
        if left:
            end = left[-1].offset + left[-1].length
            assert numbers(data[:end]) == list(range(13 * len(left)))
            got = b"".join(clip_between(tmp_path / "hall", 10**18, 10**18 + 10**11))
            assert numbers(got) == list(range(13 * len(left)))
        torn.unlink()


def test_new_file_begins_by_time(tmp_path: Path) -> None:
    recorder, _, _ = recording(tmp_path, 8, segment_s=2.0)
    recorder.stop()
    files = recorded(tmp_path / "hall")
    assert len(files) == 4
    assert [n for path in files for n in numbers(path.read_bytes())] == list(range(7 * 13))


def test_clip_of_a_span_plays_from_zero(tmp_path: Path) -> None:
    recorder, _, _ = recording(tmp_path, 8, segment_s=2.0)
    recorder.stop()
    folder = tmp_path / "hall"
    listed = recordings_between(folder, 0, 2**62)
    assert len(listed) == 4
    assert all(one.ended_ns - one.began_ns > 10**9 for one in listed)
    start = listed[0].began_ns + 1_500_000_000
    data = b"".join(clip_between(folder, start, start + 2 * 10**9))
    seen = numbers(data)
    assert seen == list(range(13, 13 * 4)), "whole groups of pictures, over the file's end"
    times = times_of(frames_of(io.BytesIO(data)))
    assert times[0] == 0
    assert np.allclose(np.diff(times), 0.08, atol=0.002)
    assert b"".join(clip_between(folder, 0, 10)) == b""


@pytest.mark.tool
def test_a_recording_says_what_is_covered_whole_and_players_pass_over_it(tmp_path: Path) -> None:
    recorder, fed, _ = recording(tmp_path, 3)
    fed.relay.raise_alarm(CoverReason.ALARM)
    began = fed.hand.wall_ns
    for _ in range(6):
        fed.hand.move(0.5)
        fed.relay.tick()
    ended = fed.hand.wall_ns
    fed.relay.end_alarm()
    fed.began, fed.number = fed.hand.ns, 0
    fed.encoder.want_key()
    fed.feed(39)
    recorder.stop()
    listed = recordings_between(tmp_path / "hall", 0, 2**62)
    (span,) = [span for one in listed for span in one.whole]
    assert span.reason == CoverReason.ALARM
    assert abs(span.began_ns - began) < 10**9
    assert abs(span.ended_ns - ended) < 10**9
    data = b"".join(clip_between(tmp_path / "hall", 0, 2**62))
    for part in (*(one.path.read_bytes() for one in listed), data):
        (tmp_path / "x.mp4").write_bytes(part)
        done = run([program("ffmpeg"), "-nostdin", "-v", "error", "-i", str(tmp_path / "x.mp4"), "-f", "null", "-"])
        assert (done.returncode, done.stderr) == (0, "")


def test_names_that_are_no_recording_are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "x.mp4", "20260101T000000.mp4", "20261301T000000.000Z.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert recorded(tmp_path) == []


def test_full_disk_is_told_and_its_end_too(tmp_path: Path) -> None:
    broken = True

    def failing(path: Path) -> BinaryIO:
        if broken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return open_unbuffered(path)

    rounds = 0

    def counted() -> int:
        nonlocal rounds
        rounds += 1
        return time.monotonic_ns()

    recorder, fed, said = recording(
        tmp_path, 3, open_file=failing, limits=RecorderLimits(space_s=0.05), clock=Clock(counted)
    )
    wait_for(lambda: bool(said))
    assert said[0] == (True, "recording cannot be written: no space left")
    broken = False
    before = rounds
    wait_for(lambda: rounds > before + 12)
    assert said[-1][0] is True, "only what was written shows that there is space"

    def over() -> bool:
        fed.feed(26)
        return said[-1][0] is False

    wait_for(over)
    recorder.stop()
    assert recorded(tmp_path / "hall")


def test_a_recording_cut_by_a_full_disk_ends_at_its_last_whole_fragment(tmp_path: Path) -> None:
    recorder, _, _ = recording(tmp_path / "whole", 3)
    recorder.stop()
    (path,) = recorded(tmp_path / "whole" / "hall")
    with path.open("rb") as file:
        first, second = fragments(file)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # the same pictures again, on a system that takes no more than half of the second fragment
    resource.setrlimit(resource.RLIMIT_FSIZE, (second.offset + second.length // 2, hard))
    try:
        recorder, _, said = recording(tmp_path / "cut", 3)
        wait_for(lambda: bool(said))
        recorder.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said[0][0]
    (path,) = recorded(tmp_path / "cut" / "hall")
    assert len(frames_of(str(path))) == 13
    assert path.stat().st_size == first.offset + first.length


def test_too_little_space_counts_as_full(tmp_path: Path) -> None:
    said: list[tuple[bool, str]] = []
    recorder = Recorder(
        "hall", RecordConfig(folder=tmp_path, min_free_bytes=2**62), lambda full, why: said.append((full, why))
    )
    fed = Fed()
    recorder.start(fed.relay)
    fed.feed(40)
    wait_for(lambda: bool(said), 5)
    recorder.stop()
    assert said[0][0]
    assert "MiB wanted" in said[0][1]
    assert recorded(tmp_path / "hall") == []


def test_groups_have_exact_durations() -> None:
    fed = Fed()
    got: list[Gop] = []
    fed.relay.subscribe(GopCutter(got.append))
    fed.feed(40)
    assert len(got) == 3
    assert all(abs(gop.duration - 13 * 7200) <= 2 for gop in got)
    assert got[1].ticks == got[0].ticks + got[0].duration
