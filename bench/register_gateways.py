"""One register, many gateways, kill -9 of any of them and of the writer: is an entry lost or doubled?

Usage: python bench/register_gateways.py [--gateways 10] [--seconds 60] [--json]

Each gateway is a process that puts entries into its queue, a hundred a second at most, and writes down what it put and what was
proven. The writer is ``passerby register run``. Every two seconds one of them is killed and started again. In the end all queues
are let run empty, and the log is read whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from passerby import register
from passerby.gateway.config.load import parse_city
from passerby.gateway.publish.shared_log import SharedLogWriter, own_key
from passerby.gateway.publish.statements import Statements
from passerby.gateway.publish.submission_queue import QUEUE, SubmissionQueue

ORIGIN = "bench.example.org/log"
PAUSE_S = 0.01
KILL_EVERY_S = 2.0
DRAINED_S = 300.0
CITY = """
register:
  path: register
  address: {address}
  vkey: {vkey}
  gateway: {name}
  origin: {origin}
  operator: {{name: Bench, contact: "mailto:bench@example.org"}}
  purpose: bench
  legal_basis: bench
  position: act-2024
cameras: {{hall: {{source: "test://portrait"}}}}
"""


def gateway(folder: Path, camera: str) -> None:
    """Put entries until told to end, then wait until the queue is empty."""
    path = folder / "city.yml"
    city = parse_city(path.read_text(), path)
    writer = SharedLogWriter(city.register, Statements(city.register.path))
    put, proven = (os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for name in ("put", "proven"))

    def note(file: int, number: int) -> None:
        os.write(file, b"%d\n" % number)

    if not (folder / "put").read_text():
        words = {"en": "bench"}
        entry = register.CameraRegistered(
            at=datetime.now(UTC), camera=camera, label="bench", purpose=words, legal_basis=words, position="act-2024",
            retention_h=0,
        )  # fmt: skip
        note(put, 0)
        writer.put([entry]).result()
    while not (folder / "end").exists():
        number = time.time_ns() // 1000
        done = writer.put([register.SelfTest(at=datetime.now(UTC), camera=camera, passed=True, runs=number)])
        note(put, number)
        done.add_done_callback(lambda _, number=number: note(proven, number))  # type: ignore[misc]
        time.sleep(PAUSE_S)
    queue = SubmissionQueue(city.register.path / "private" / QUEUE)
    while queue.head(1, 1):
        time.sleep(PAUSE_S)
    writer.close()


class City:
    """A writer and its gateways, each a process."""

    def __init__(self, home: Path, gateways: int) -> None:
        self.home, self.log, self.address = home, home / "log", f"unix:{home}/s"
        with register.Log.create(self.log, origin=ORIGIN) as log:
            vkey = str(log.key)
        book = register.SubmissionBook(self.log)
        self.cameras: dict[str, Path] = {}
        for number in range(gateways):
            folder = home / f"g{number}"
            (folder / "register" / "private").mkdir(parents=True)
            text = CITY.format(address=self.address, vkey=vkey, name=folder.name, origin=ORIGIN)
            (folder / "city.yml").write_text(text)
            (folder / "put").touch()
            key = own_key(folder / "register" / "private", folder.name)
            book.admit(register.GatewayRights(key.key, operator=False))
            self.cameras[f"{number:032x}"] = folder
        book.close()
        self.processes = {name: self.start(name) for name in ["writer", *self.cameras]}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a process of the city."""
        if name == "writer":
            command = ["-m", "passerby", "register", "run", str(self.log), "--listen", self.address]
        else:
            command = [__file__, "--gateway", str(self.cameras[name]), name]
        return subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        """Kill a process and start it anew."""
        self.processes[name].kill()
        self.processes[name].wait()
        self.processes[name] = self.start(name)

    def end(self) -> None:
        """Let the queues run empty, and end the writer."""
        for folder in self.cameras.values():
            (folder / "end").touch()
        for camera in self.cameras:
            self.processes[camera].wait(DRAINED_S)
        self.processes["writer"].terminate()
        self.processes["writer"].wait(60)


def killed(city: City, seconds: float) -> int:
    """Kill this and that for a while; returns how often."""
    chance = random.Random(7)  # noqa: S311 - which is killed is no secret
    end, kills = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        time.sleep(KILL_EVERY_S)
        if all((folder / "proven").exists() for folder in city.cameras.values()):
            city.kill("writer" if kills % 3 == 0 else chance.choice(list(city.cameras)))
            kills += 1
        elif not kills:
            end += KILL_EVERY_S  # the time counts from when all are there
    return kills


def judged(city: City) -> dict[str, int]:
    """Hold the log against what the gateways wrote down."""
    reader = register.LogReader.open(city.log)
    stands: dict[str, list[int]] = {camera: [] for camera in city.cameras}
    for entry in reader.entries():
        if isinstance(entry, register.SelfTest):
            stands[entry.camera].append(entry.runs)
    found = Counter(entries=reader.size, put=0, proven=0, lost=0, doubled=0, out_of_order=0)
    for camera, folder in city.cameras.items():
        put, proven = ({int(line) for line in (folder / name).read_text().split()} for name in ("put", "proven"))
        found["put"] += len(put)
        found["proven"] += len(proven)
        found["lost"] += len((put | proven) - {0} - set(stands[camera]))
        found["doubled"] += len(stands[camera]) - len(set(stands[camera]))
        found["out_of_order"] += sum(one > other for one, other in pairwise(stands[camera]))
    report = register.verify(reader)
    return dict(found) | {"problems": sum(problem.kind != "silence" for problem in report.problems)}


def measured(gateways: int, seconds: float) -> dict[str, float]:
    """Return the figures of one run."""
    with tempfile.TemporaryDirectory(prefix="rg-") as home:
        city = City(Path(home), gateways)
        try:
            begin = time.monotonic()
            kills = killed(city, seconds)
            city.end()
            took = time.monotonic() - begin
            return {"gateways": gateways, "kills": kills, "seconds": round(took, 1), **judged(city)}
        finally:
            for process in city.processes.values():
                process.kill()
                process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--gateway", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.gateway:
        gateway(Path(options.gateway[0]), options.gateway[1])
        return
    found = measured(options.gateways, options.seconds)
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
