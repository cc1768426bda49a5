"""Where pictures of a camera are missing, the next one says so: whatever lost them, and whatever its time says."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path

import av
import pytest
from tests.gateway_tools import PASSWORD, SMALL, USER, Served, veiled_unit, wait_for
from tests.test_gateway_source import number_of

from passerby.gateway.config import EncodeConfig, InputConfig
from passerby.gateway.picture.encoder import LiveEncoder, ticks_of
from passerby.gateway.picture.scene import Scene
from passerby.gateway.stream.relay import Relay
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


async def feed_with_losses(relay: Relay, keys: list[int]) -> None:
    """Feed a relay as a camera of which the tenth and the eleventh picture after each key frame get lost on their way."""
    scene, number = Scene(SMALL), 0
    encoder = LiveEncoder(320, 192, 25.0, EncodeConfig(gop_s=1.0))
    while True:
        await asyncio.sleep(0.02)
        stamp = time.monotonic_ns()
        for data, key, _ in encoder.encode(scene.frame(number), ticks_of(stamp)):
            keys += [number] * key
            if number - keys[-1] not in {10, 11}:
                relay.accept(veiled_unit(data, stamp, key=key))
        number += 1


def test_what_is_predicted_from_a_lost_picture_is_damaged() -> None:
    """Decoders say nothing of a picture that never came, and go on from an older one: faces stay where they were, as ghosts."""
    served, keys = Served(feeding=False), list[int]()
    asyncio.run_coroutine_threadsafe(feed_with_losses(served.relay, keys), served.thread.loop)
    try:
        source = InputConfig(f"rtsp://127.0.0.1:{served.server.port}/hall", USER, PASSWORD)
        got = list(islice(frames(source), 150))
    finally:
        served.close()
    numbers = [number_of(frame) for frame in got if not frame.corrupt]
    since = {number - max(key for key in keys if key <= number) for number in numbers}
    assert since == set(range(10)), "up to the lost picture, and from the next key frame on"


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
