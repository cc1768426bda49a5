"""Where pictures of a camera are missing, the next one says so: whatever lost them, and whatever its time says."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path

import av
import pytest
from tests.gateway_tools import SMALL, wait_for
from tests.test_gateway_source import number_of

from passerby.gateway.config import InputConfig
from passerby.gateway.picture.scene import Scene
from passerby.gateway.worker.load import Load
from passerby.gateway.worker.reader import CameraReader
from passerby.gateway.worker.source import CameraFrame, frames

STEP = 40
LOST = [*range(10), *range(30, 40)]


def clip(path: Path, numbers: Sequence[int]) -> Path:
    """Write some pictures of a scene, each at its own time, 40 ms from one to the next."""
    scene = Scene(SMALL)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for number in numbers:
            frame = scene.frame(number)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_stretch_that_the_camera_did_not_send_is_a_gap_and_so_is_a_new_opening(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", LOST)
    got = list(islice(frames(InputConfig(str(path))), 25))
    assert [number_of(frame) for frame in got] == [*LOST, *range(5)]
    assert [number_of(frame) for frame in got if frame.after_gap] == [0, 30, 0]


@pytest.mark.parametrize("rest", [0, 3])
def test_pictures_that_found_no_place_are_a_gap(tmp_path: Path, rest: int) -> None:
    """The worker was stopped; what came meanwhile comes at once and does not fit: stamps do not show it."""
    path = clip(tmp_path / "a.mp4", range(60))
    reader, stopping = CameraReader(InputConfig(str(path)), Load("rate")), threading.Event()
    thread = threading.Thread(target=reader.run, args=(stopping,))
    thread.start()
    got: list[CameraFrame] = []
    for _ in range(2):
        before = reader.left_out
        wait_for(lambda before=before: reader.left_out > before + 2)  # type: ignore[misc]
        while reader.waiting.qsize() > rest:
            got += [item for item in [reader.waiting.get_nowait()] if isinstance(item, CameraFrame)]
    stopping.set()
    with_room = threading.Event()
    while thread.is_alive():
        try:
            reader.waiting.get_nowait()
        except queue.Empty:
            with_room.wait(0.02)
    gaps = [one for one, after in pairwise(got) if number_of(after) != number_of(one) + 1]
    assert len(got) > 20
    assert gaps, "some found no place"
    assert [one for one, after in pairwise(got) if after.after_gap] == gaps
