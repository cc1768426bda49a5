from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media_clips import decoded, make_clip, number_in, read_all, scene, write

from passerby.errors import UnreadableError, UsageError
from passerby.media import ClipReader, frame_planes, predict_record, probe_clip, read_ahead


def damaged(source: Path, target: Path, *numbers: int) -> Path:
    """Copy a clip with bits flipped in some of its packets."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for number in numbers:
        start, size = places[number]
        assert start is not None
        for at in range(start + size // 2, start + min(size - 1, size // 2 + 40)):
            data[at] ^= 0x5A
    target.write_bytes(data)
    return target


def test_frames_come_in_order_of_showing_with_rising_times(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=20, options={"preset": "veryfast", "bf": "3", "g": "10"})
    with ClipReader(path) as clip:
        frames = [(frame.index, round(frame.time_s * 25, 6), number_in(frame.picture)) for frame in clip.frames()]
    assert frames == [(k, k, k) for k in range(20)]


def test_every_pass_gives_the_same_indices_and_times(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=20)
    with ClipReader(path) as clip, ClipReader(path, skip_loop_filter=True) as fast:
        passes = [[(f.index, f.pts) for f in reader.frames()] for reader in (clip, clip, fast)]
    assert passes[0] == passes[1] == passes[2]


def test_a_pass_may_be_left_early(tmp_path: Path) -> None:
    with ClipReader(make_clip(tmp_path / "a.mp4")) as clip:
        assert next(clip.frames()).index == 0
        with pytest.raises(UsageError, match="must be read to its end"):
            _ = clip.record
        assert sum(1 for _ in clip.frames()) == 24
        assert len(clip.record.pts) == 24


def test_record_holds_times_and_copyable_groups(tmp_path: Path) -> None:
    record = read_all(make_clip(tmp_path / "a.mp4", options={"preset": "veryfast", "g": "8"}))
    assert record.pts.dtype == np.int64
    assert (np.diff(record.pts) > 0).all()
    assert (record.corrupt, record.lost, record.truncated) == (frozenset(), 0, False)
    assert [(group.start, group.stop) for group in record.copyable.groups] == [(0, 8), (8, 16), (16, 24)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_damaged_frames_are_flagged_covered_whole_and_never_copied(tmp_path: Path, suffix: str) -> None:
    whole = make_clip(
        tmp_path / f"a{suffix}", frames=48, size=(320, 240), options={"preset": "veryfast", "g": "12", "bf": "0"}
    )
    path = damaged(whole, tmp_path / f"b{suffix}", 15, 30)
    record = read_all(path)
    assert record.corrupt
    assert record.copyable.reason == "it is damaged"
    report = write(path, tmp_path / "out.mp4", 1)
    assert (report.copied_frames, report.covered_frames, report.lost_frames) == (0, len(record.corrupt), record.lost)
    assert report.frames == len(record.pts)
    shown = decoded(tmp_path / "out.mp4")
    for index in record.corrupt:
        assert np.ptp(np.frombuffer(shown[index][1][: 320 * 240], np.uint8)) <= 12


def test_damage_gives_the_same_frames_in_every_pass(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "a.mp4", frames=48, size=(320, 240), options={"preset": "veryfast", "g": "12"})
    path = damaged(whole, tmp_path / "b.mp4", 7, 15, 16, 30)
    first = read_all(path)
    for _ in range(3):
        again = read_all(path)
        assert (again.pts == first.pts).all()
        assert again.corrupt == first.corrupt


def test_clip_that_never_decodes_is_refused(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "a.mp4", frames=12, size=(320, 240), options={"preset": "veryfast", "g": "1"})
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        for packet in container.demux(video=0):
            if packet.size and packet.pos is not None:
                data[packet.pos + 4 : packet.pos + packet.size] = b"\xff" * (packet.size - 4)
    (tmp_path / "b.mp4").write_bytes(data)
    with pytest.raises(UnreadableError, match=r"no frame of b\.mp4 decodes"):
        ClipReader(tmp_path / "b.mp4")


def test_clip_that_stops_decoding_is_refused_with_its_place(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "a.mp4", frames=320, options={"preset": "ultrafast", "g": "1"})
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        for number, packet in enumerate(container.demux(video=0)):
            if number >= 25 and packet.size and packet.pos is not None:
                data[packet.pos + 4 : packet.pos + packet.size] = b"\xff" * (packet.size - 4)
    (tmp_path / "b.mp4").write_bytes(data)
    with pytest.raises(UnreadableError, match=r"does not decode after [01]\.\d\d s \(frame 2\d\): 250 packets"):
        write(tmp_path / "b.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_picture_that_changes_its_size_is_fitted_into_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        track = None
        for part, size in enumerate([(96, 64), (128, 80)]):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = *size, "yuvj420p"
            encoder.time_base = Fraction(1, 25)
            track = track or container.add_mux_stream("mjpeg", rate=25, width=96, height=64)
            for index in range(4):
                frame = scene(index, *size, "yuvj420p")
                frame.pts = part * 4 + index
                for packet in encoder.encode(frame):
                    packet.stream = track
                    container.mux(packet)
    record = read_all(path)
    assert (len(record.pts), record.resized) == (8, ("128x80 from 0.16 s (frame 4)",))
    with ClipReader(path) as clip:
        assert [number_in(frame.picture) for frame in clip.frames()] == [*range(4), *range(4)]


def test_read_ahead_keeps_order_and_raises_where_it_happened() -> None:
    def items() -> Iterator[int]:
        yield from range(20)
        raise UnreadableError("here")

    got: list[int] = []
    with pytest.raises(UnreadableError, match="here"):
        got.extend(read_ahead(items(), depth=3))
    assert got == list(range(20))


def test_read_ahead_ends_its_thread_when_left() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            k = 0
            while True:
                yield k
                k += 1
        finally:
            closed.set()

    ahead = read_ahead(items(), depth=2)
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()
    assert closed.wait(2)
    assert not [t for t in threading.enumerate() if t.name == "read-ahead"]


def test_pictures_of_two_readers_do_not_share_pixels(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=3)
    one, two = (next(ClipReader(path).frames()).picture for _ in range(2))
    one.make_writable()
    frame_planes(one)[0][:] = 0
    assert frame_planes(two)[0].max() > 0


def test_packets_predict_what_decoding_shows(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=30, options={"preset": "veryfast", "g": "8", "bf": "3"})
    record, predicted = read_all(path), predict_record(path, probe_clip(path))
    assert predicted is not None
    assert predicted.pts.tolist() == record.pts.tolist()
    assert predicted.copyable == record.copyable


@pytest.mark.parametrize(("codec", "suffix"), [("libx265", ".mp4"), ("libx264", ".avi"), ("mpeg4", ".mp4")])
def test_nothing_is_predicted_of_what_is_not_copied(tmp_path: Path, codec: str, suffix: str) -> None:
    path = make_clip(tmp_path / f"a{suffix}", codec=codec, frames=8)
    assert predict_record(path, probe_clip(path)) is None
