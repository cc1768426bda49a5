"""A clip watched while the detector throws or sees nothing: when in doubt it is covered whole."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.veil_tools import FILL, SIZE, Scripted, broken, face, nothing

from passerby.errors import DetectorError, UsageError
from passerby.values import Detections, Track
from passerby.veil.detect.detector import Detector
from passerby.veil.run.file import veil_file
from passerby.veil.run.watch import watch
from passerby.veil.settings import CoverSettings, FindSettings, VeilSettings
from passerby.veil.tools.demo_clip import demo_clip
from passerby.veil.track.policy import TrackingPolicy


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    demo_clip(path, 2.0, SIZE)
    return path


def test_a_detector_that_always_fails_refuses_the_file(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="failed in every pass"):
        watch(clip, Scripted(broken), TrackingPolicy())
    assert list(tmp_path.iterdir()) == []


def test_frames_around_a_failed_pass_are_covered_whole(clip: Path) -> None:
    def answer(count: int) -> Detections:
        if 4 <= count <= 6:  # the second frame that is inferred
            raise DetectorError("detector failed")
        return Detections()

    watched = watch(clip, Scripted(answer), TrackingPolicy(still_s=0.1))
    good = [0]
    assert watched.unjudged
    assert 0 not in watched.unjudged
    assert min(watched.unjudged) == good[0] + 1
    assert sorted(watched.unjudged) == list(range(min(watched.unjudged), max(watched.unjudged) + 1))


class Failing(Detector):
    """The shipped detector, of which some passes fail."""

    def __init__(self) -> None:
        super().__init__(FindSettings())
        self.asked = 0

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        self.asked += 1
        if 4 <= self.asked <= 9:
            failed: Future[Detections] = Future()
            failed.set_exception(DetectorError("detector failed"))
            return failed
        return super().infer(rgb, threshold)


def test_frames_that_nothing_could_be_said_about_leave_covered(clip: Path, tmp_path: Path) -> None:
    detector = Failing()
    out = tmp_path / "out.mp4"
    done = veil_file(clip, out, VeilSettings(cover=CoverSettings(fill=FILL)), detector=detector)
    assert done.watched is not None
    assert done.report.whole[0].frames == len(done.watched.unjudged) > 0
    with av.open(str(out)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in done.watched.unjudged:
                assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - FILL).mean() < 12
    detector.close()


def test_every_run_makes_the_same_tracks(clip: Path) -> None:
    detector = Detector(FindSettings())
    runs = [watch(clip, detector, TrackingPolicy()).tracks for _ in range(2)]
    assert [(t.number, t.first, t.last) for t in runs[0]] == [(t.number, t.first, t.last) for t in runs[1]]
    assert all(np.allclose(a.xyxy, b.xyxy, atol=0.5) for a, b in zip(*runs, strict=True))
    detector.close()


def test_the_larger_pass_comes_by_time_also_where_a_still_picture_left_cycles_out(tmp_path: Path) -> None:
    """A small face that entered after 1.6 s of stillness was exposed for 1.5 s: the larger pass waited for its cycle."""
    detector, path = Scripted(nothing), tmp_path / "in.mp4"
    demo_clip(path, 6.0, SIZE)  # nothing moves at its beginning
    watch(path, detector, TrackingPolicy())
    larger, smaller = max(detector.widths), min(detector.widths)
    assert detector.widths[:5] == [larger, smaller, smaller, larger, smaller]


def test_cuts_are_told(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    noise = np.random.default_rng(1).integers(0, 256, (2, SIZE[1] // 4, SIZE[0] // 4), dtype=np.uint8)
    scenes = [np.asarray(Image.fromarray(one).resize(SIZE, Image.Resampling.BICUBIC).convert("RGB")) for one in noise]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
        for index in range(30):
            scene = scenes[index // 13 % 2]
            picture = av.VideoFrame.from_ndarray(scene if index // 13 == 0 else 255 - scene, format="rgb24")
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    assert watch(path, Scripted(nothing), TrackingPolicy()).cuts == (13, 26)


@pytest.mark.parametrize("count", range(20, 32))
def test_tracks_end_with_a_clip_in_which_nothing_moves(tmp_path: Path, count: int) -> None:
    path = tmp_path / "still.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
        still = av.VideoFrame.from_ndarray(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), format="rgb24")
        for index in range(count):
            still.pts = index
            container.mux(stream.encode(still))
        container.mux(stream.encode(None))
    middle = face(140, 80, 180, 120)
    watched = watch(path, Scripted(lambda _: middle), TrackingPolicy(interval_s=0.16))
    assert [(track.first, track.last) for track in watched.tracks] == [(0, count - 1)]
    assert watched.tracks[0].score[-1] > 0


def test_tracks_by_hand_are_covered_instead(clip: Path, tmp_path: Path) -> None:
    detector = Detector(FindSettings())
    hand = Track(1, 3, np.tile(np.array([100, 60, 140, 100], np.float32), (5, 1)), np.zeros(5, np.float32))
    out = tmp_path / "out.mp4"
    done = veil_file(clip, out, VeilSettings(cover=CoverSettings(fill=FILL)), detector=detector, tracks=(hand,))
    assert done.report.frames_with_cover == 5
    with av.open(str(out)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            middle = frame.to_ndarray(format="rgb24")[70:90, 110:130].astype(int)
            assert (np.abs(middle - FILL).mean() < 20) == (3 <= index <= 7)
    with pytest.raises(UsageError, match="--keep names tracks that this file has not: 9"):
        veil_file(clip, tmp_path / "b.mp4", VeilSettings(cover=CoverSettings(keep=frozenset({9}))), detector=detector)
    assert not (tmp_path / "b.mp4").exists()
    detector.close()
