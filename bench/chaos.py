"""Chaos: a camera of people who cross, everything that can go wrong, and every output looked at for faces. See bench/README.md.

    python bench/chaos.py [--minutes 30] [--seed 1] [--json FILE]

One gateway with one camera (640x360, 12.5 pictures a second, four heads that cross each other and a post) is read over RTSP and
as a browser does, and recorded. Every ten seconds or so its process is stopped or killed, the camera vanishes, freezes or loses a
stretch, the clock jumps, or the machine is loaded. Each picture carries its number: what came out is held against what went in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from exposure import PARTLY, incidents, is_whole, open_shares, upper_share
from figures import Table
from gateway_clients import CROSSING, walking_process
from passerby.gateway.config import CameraConfig, InputConfig, RecordConfig
from passerby.gateway.picture.scene import Scene, read_number
from passerby.gateway.service import Gateway
from passerby.gateway.states import Event, EventKind
from passerby.gateway.stream.recording_files import recorded
from served import gateway, served

PORT = 18754
RECOVERY_S = 3.0
"""So long after a stall has ended full covers still count as its own."""
LOOKAHEAD_S = 0.8
LOADED_S = (6.0, 12.0)
CLOCK = """
import time
_real, _last = time.time_ns, [0]
def jumped():
    try:
        with open({path!r}) as file:
            return _real() + int(file.read() or 0)
    except (OSError, ValueError):
        return _real()
time.time_ns = jumped
"""
"""Stands before Python's own modules in the camera's process: its wall clock is the machine's and what the file says."""


@dataclass(slots=True)
class Chaos:
    """Everything that runs, and what was done to it.

    Attributes:
        running: The gateway.
        camera: The process of the simulated camera.
        jump: Holds by how many ns the clock is off.
        began_s: When picture 0 was.
        done: Names of what was done, with begin and end, seconds of the machine's clock.
    """

    running: Gateway
    camera: subprocess.Popen[str]
    jump: Path
    began_s: float
    done: list[tuple[str, float, float]] = field(default_factory=list)

    def tell(self, number: int) -> None:
        pid = self.running.statuses()[0].worker_pid
        if pid:
            os.kill(pid, number)

    async def stop(self, dice: random.Random) -> None:
        self.tell(signal.SIGSTOP)
        await asyncio.sleep(dice.uniform(0.3, 2.6))
        self.tell(signal.SIGCONT)

    async def kill(self, _: random.Random) -> None:
        self.tell(signal.SIGKILL)

    async def vanish(self, dice: random.Random) -> None:
        self.camera.kill()
        self.camera.wait()
        await asyncio.sleep(dice.uniform(0.2, 3.0))
        self.camera = await asyncio.to_thread(walking_process, PORT, self.began_s)

    async def freeze(self, dice: random.Random) -> None:
        self.camera.send_signal(signal.SIGSTOP)
        await asyncio.sleep(dice.uniform(0.5, 4.0))
        self.camera.send_signal(signal.SIGCONT)

    async def lose(self, dice: random.Random) -> None:
        self.camera.send_signal(dice.choice((signal.SIGUSR1, signal.SIGUSR2)))
        await asyncio.sleep(2.5)

    async def jump_clock(self, dice: random.Random) -> None:
        self.jump.write_text(str(dice.choice((-3600, -5, 5, 7200)) * 10**9))

    async def load(self, dice: random.Random) -> None:
        for_ever = [sys.executable, "-c", "while True: pass"]
        busy = [await asyncio.create_subprocess_exec(*for_ever) for _ in range(2 * (os.cpu_count() or 1))]
        await asyncio.sleep(dice.uniform(*LOADED_S))
        for process in busy:
            process.kill()
            await process.wait()

    async def go_on(self, minutes: float, seed: int) -> None:
        """Do one thing after the other."""
        dice, end_s = random.Random(seed), time.monotonic() + 60 * minutes  # noqa: S311 - no secret
        blows: list[Callable[[random.Random], Awaitable[None]]] = [
            *[self.stop] * 3, *[self.kill] * 2, self.vanish, self.freeze, self.lose, self.jump_clock, self.load
        ]  # fmt: skip
        while time.monotonic() < end_s:
            await asyncio.sleep(dice.uniform(6, 12))
            blow, at_s = dice.choice(blows), time.monotonic()
            await blow(dice)
            self.done.append((getattr(blow, "__name__", ""), at_s, time.monotonic()))
            sys.stderr.write(f"{at_s - self.began_s:.0f} s: {self.done[-1][0]}\n")
        await asyncio.sleep(8.0)

    def stalled(self, at_s: float) -> bool:
        """Whether something other than load was wrong at a time, or had just been."""
        return any(begin <= at_s < end + RECOVERY_S for name, begin, end in self.done if name != "load")

    def stretch(self, at_s: float) -> int:
        """Return how many things had been done up to a time."""
        return sum(begin <= at_s for _, begin, _ in self.done)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in one picture that came out.

    Attributes:
        output: Which one.
        at_s: When it came, by the machine's clock; 0 for recordings.
        number: Of the picture; None where it cannot be read.
        whole: It is a full cover.
        shares: Of each face that can be seen, how much of it is bare.
    """

    output: str
    at_s: float
    number: int | None
    whole: bool
    shares: dict[str, float]


class Judge:
    """Looks at pictures and notes what it saw, a line each, in a file."""

    def __init__(self, path: Path) -> None:
        self._scene, self._file, self._lock = Scene(CROSSING), path.open("a", encoding="utf-8"), threading.Lock()

    def look(self, output: str, frame: av.VideoFrame, *, live: bool = True) -> None:
        luma = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)[: frame.height]
        number, whole = read_number(luma), is_whole(luma)
        shares = {} if number is None or whole else open_shares(self._scene, number, luma)
        at_s = time.monotonic() if live else 0.0
        line = json.dumps([output, at_s, number, whole, {k: round(v, 3) for k, v in shares.items()}])
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()


class Pieces:
    """A stream of bytes that comes in pieces, to be read like a file."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[bytes] = queue.Queue()
        self._rest = b""

    def put(self, data: bytes) -> None:
        """Add a piece; an empty one is the end."""
        self._waiting.put(data)

    def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = self._waiting.get()
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def watch_rtsp(judge: Judge, port: int) -> None:
    options = {"rtsp_transport": "tcp", "fflags": "nobuffer", "analyzeduration": "100000", "probesize": "50000"}
    while True:
        try:
            with av.open(f"rtsp://bench:bench@127.0.0.1:{port}/hall", options=options, timeout=(5, 5)) as container:
                for frame in container.decode(video=0):
                    judge.look("rtsp", frame)
        except (FFmpegError, OSError):
            time.sleep(0.2)


def watch_browser(judge: Judge, port: int) -> None:
    def decode(pieces: Pieces) -> None:
        try:
            with av.open(pieces, "r", format="mp4") as container:
                for frame in container.decode(video=0):
                    judge.look("browser", frame)
        except FFmpegError as error:
            sys.stderr.write(f"browser: {error}\n")

    while True:
        pieces = Pieces()
        try:
            with connect(f"ws://127.0.0.1:{port}/live/hall", compression=None, max_size=None) as socket:
                for item in socket:
                    if isinstance(item, str):
                        pieces.put(b"")
                        pieces = Pieces()
                        threading.Thread(target=decode, args=(pieces,), daemon=True).start()
                    else:
                        pieces.put(item)
        except (OSError, WebSocketException):
            time.sleep(0.2)
        pieces.put(b"")


def looked(path: Path) -> Iterator[Looked]:
    for line in path.read_text("utf-8").splitlines():
        try:
            yield Looked(*json.loads(line))
        except ValueError:
            continue  # the watcher was ended in the middle of its last line


async def run(asked: argparse.Namespace, folder: Path) -> None:
    jump, seen, rec = folder / "jump", folder / "seen.jsonl", folder / "rec"
    (folder / "sitecustomize.py").write_text(CLOCK.format(path=str(jump)))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    began_s = time.monotonic()
    camera = await asyncio.to_thread(walking_process, PORT, began_s)
    record = RecordConfig(enabled=True, folder=rec, segment_s=60.0, min_free_bytes=0)
    source = InputConfig(f"rtsp://127.0.0.1:{PORT}/cam0", "bench", "bench", read_timeout_s=1.0)
    running = gateway([CameraConfig("hall", source, record=record)])
    events: list[Event] = []
    running.subscribe(events.append)
    chaos = Chaos(running, camera, jump, began_s)
    async with served(running) as http_port:
        told = [sys.executable, __file__, "--watch", f"{seen},{running.rtsp.port},{http_port}"]
        watcher = await asyncio.create_subprocess_exec(*told)
        await chaos.go_on(asked.minutes, asked.seed)
        watcher.kill()
        await watcher.wait()
    chaos.camera.kill()
    chaos.camera.wait()
    judge = Judge(seen)
    for path in recorded(rec / "hall"):
        with av.open(str(path), "r") as container:
            for frame in container.decode(video=0):
                judge.look("recording", frame, live=False)
    table = Table(asked.json)
    table.begin(f"a camera of {CROSSING.width}x{CROSSING.height} at {CROSSING.fps:g}, seed {asked.seed}")
    lowered = sum(event.kind is EventKind.PHASE and event.detail.startswith("rate lowered") for event in events)
    table.row("times that the rate was lowered", lowered)
    count(table, chaos, list(looked(seen)))


def count(table: Table, chaos: Chaos, pictures: list[Looked]) -> None:
    """Print what was seen."""
    for name, times in sorted(Counter(name for name, _, _ in chaos.done).items()):
        table.row(f"done to it: {name}", times)
    faces = partly = mostly = 0
    bare: list[tuple[int, int]] = []
    tracks: set[tuple[str, int]] = set()
    for one in pictures:
        if one.number is None or one.whole:
            continue
        stretch = chaos.stretch(chaos.began_s + one.number / CROSSING.fps)
        tracks |= {(face, stretch) for face in one.shares}
        faces += len(one.shares)
        found = {face: share for face, share in one.shares.items() if share > PARTLY}
        partly, mostly = partly + len(found), mostly + sum(share > 0.5 for share in found.values())
        bare += [(one.number, int(face)) for face in found]
        for face, share in found.items():
            sys.stderr.write(f"bare: {one.output}, picture {one.number}, face {face}: {share:.2f}\n")
    for output in ("rtsp", "browser", "recording"):
        own = [one for one in pictures if one.output == output]
        covered = sum(one.whole for one in own)
        table.row(f"{output}: pictures", len(own), ours=f"{covered} covered whole")
    live = [one for one in pictures if one.output == "rtsp" and not chaos.stalled(one.at_s - LOOKAHEAD_S)]
    table.row("share of pictures covered whole outside stalls", sum(one.whole for one in live) / max(1, len(live)), 0.2)
    table.row("face-frames in pictures not covered whole, below 20,000", max(0, 20_000 - faces), 0, ours=str(faces))
    table.row(f"... more than {PARTLY:.0%} bare", partly, 0, other=f"95 %: at most {upper_share(partly, faces):.2e}")
    table.row("... more than half bare", mostly, 0, other=f"95 %: at most {upper_share(mostly, faces):.2e}")
    happened = incidents(bare, round(CROSSING.fps))
    table.row("incidents: one face bare for a while", happened, 0)
    hit = {(str(face), chaos.stretch(chaos.began_s + number / CROSSING.fps)) for number, face in bare}
    bound = f"of {len(tracks)}; 95 %: at most {upper_share(len(hit), len(tracks)):.2e}"
    table.row("tracks with one", len(hit), 0, other=bound)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--watch", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.watch:
        path, rtsp_port, http_port = asked.watch.split(",")
        judge = Judge(Path(path))
        threading.Thread(target=watch_browser, args=(judge, int(http_port)), daemon=True).start()
        watch_rtsp(judge, int(rtsp_port))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(asked, Path(folder)))


if __name__ == "__main__":
    main()
