"""A camera's process that seals, without a gateway: drawn pictures with faces in them, and everybody who holds a key.

``python -m tests.seal_camera_tools`` is a sealing process that tells a test its secrets, for the search of memories;
``python -m tests.seal_camera_tools host FOLDER`` is a camera's process whose memory may be read.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import yaml
from tests.seal_tools import ENTRY, Holders, holders

from passerby.sealing import SealedCamera
from passerby.veil import UncoveredFaces
from passerby_seal.camera.client import ClientLimits, SealClient, TwoClocks
from passerby_seal.camera.hours import HOUR_NS, hour_of, hour_text
from passerby_seal.camera.opened_hour import OpenedHour
from passerby_seal.camera.process import main
from passerby_seal.camera.talk import HourOrder
from passerby_seal.keys import AuthorityKey, CustodyKey, RequesterKey
from passerby_seal.patches import Patch, SealedPicture, decode_piece
from passerby_seal.pieces import Pack, PackFiles, SealBucket, combine, open_piece
from passerby_seal.pieces.opening import authority_shares, custody_boxes, lock_shares

ORIGIN = "register.example/city"
CAMERA = "0123456789abcdef" * 2
WIDTH, HEIGHT, FPS = 320, 192, 12.5
QUICK = ClientLimits(early_s=3.0, late_s=1.0, leave_s=40.0, close_s=40.0, again_s=0.2, look_s=0.05, tree_s=0.5)


class MovedWall:
    """The machine's even clock, and a wall clock that a test sets; it goes on from there."""

    def __init__(self) -> None:
        self.offset_ns = 0
        self.begin(1800.0)

    def begin(self, to_next_hour_s: float) -> None:
        """Set it so long before the next hour."""
        self.offset_ns = (hour_of(time.time_ns()) + 1) * HOUR_NS - round(to_next_hour_s * 1e9) - time.monotonic_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.monotonic_ns() + self.offset_ns

    def jump(self, seconds: float) -> None:
        self.offset_ns += round(seconds * 1e9)


@dataclass(frozen=True, eq=False)
class SealSite:
    """A folder with policy, the custodian's keys of some hours, and the store.

    Attributes:
        folder: Of it all.
        who: Holds the authorities' keys.
        camera: What a camera's process is told.
    """

    folder: Path
    who: Holders
    camera: SealedCamera

    @property
    def packs(self) -> list[Path]:
        """Every pack, finished or not."""
        return sorted((self.camera.folder / CAMERA).glob("*.seal*"))

    def key(self, hour: str) -> CustodyKey:
        return CustodyKey.load(self.folder / "private" / f"{hour}.key")

    def opened(self, path: Path, *, unfinished: bool = False) -> dict[int, list[SealedPicture]]:
        """Open every piece of a pack, as two authorities and the custodian together can."""
        with PackFiles(path) as source:
            pack = Pack.read(source, unfinished=unfinished)
            pack.check()
            if not pack.pieces:
                return {}
            boxes = custody_boxes(pack, self.key(pack.context.hour))
            requester = RequesterKey.make(name="tests")
            pieces = tuple(pack.pieces)
            keys: tuple[AuthorityKey, ...] = self.who.authorities[:2]
            parcels = [
                lock_shares("release", pack, authority_shares(pack, key, boxes, pieces), (key, requester.public), ENTRY)
                for key in keys
            ]
            found = combine(parcels, requester, pack)
            return {number: list(decode_piece(open_piece(pack, number, key))) for number, key in found.items()}

    def shades(self, path: Path) -> set[frozenset[int]]:
        """Return, piece by piece, which of the two faces its pictures show, by the brightness of their middle."""
        found = set()
        for pictures in self.opened(path).values():
            middles = [
                float(one.planes[0][one.planes[0].shape[0] // 2, one.planes[0].shape[1] // 2]) for one in pictures
            ]
            found.add(frozenset(min((60, 180), key=lambda shade, at=middle: abs(shade - at)) for middle in middles))  # type: ignore[misc]
        return found


def site(folder: Path, wall: TwoClocks, *, hours: int = 3, index: bool = False) -> SealSite:
    """Make one, with keys for the hour before, the present one and those after."""
    who = holders()
    policy = {
        "needed": who.policy.needed,
        "retention": "72h",
        "custodian": {"name": "archive", "who": "authority"},
        "authorities": [{"name": one.name, "role": one.role, "key": one.key.text} for one in who.policy.authorities],
    }
    (folder / "authorities.yaml").write_text(yaml.safe_dump(policy))
    public, private = folder / "custody" / CAMERA, folder / "private"
    public.mkdir(parents=True)
    private.mkdir()
    now = hour_of(wall.wall_ns())
    for hour in map(hour_text, range(now - 1, now + hours)):
        key = CustodyKey.make(camera=CAMERA, hour=hour)
        key.save(private / f"{hour}.key")
        (public / f"{hour}.pub").write_text(key.public.text + "\n")
    camera = SealedCamera(
        ORIGIN,
        CAMERA,
        folder / "authorities.yaml",
        who.policy.digest,
        folder / "custody",
        folder / "store",
        index=index,
    )
    return SealSite(folder, who, camera)


def faces_at(number: int, count: int = 2) -> np.ndarray:
    """Return boxes of faces that walk from left to right, far from each other."""
    rows = [[20 + number % 100 * 2, 20 + 80 * row, 60 + number % 100 * 2, 70 + 80 * row] for row in range(count)]
    return np.array(rows, np.float32).reshape(-1, 4)


def uncovered(number: int, captured_ns: int, count: int = 2, stretch: int = 0) -> UncoveredFaces:
    """Return a drawn picture with faces that are stripes of one brightness each: 60 the first, 180 the second."""
    luma = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    boxes = faces_at(number, count)
    for row, (x0, y0, x1, y1) in enumerate(boxes.astype(int)):
        luma[y0:y1, x0:x1] = (60, 180)[row % 2]
    picture = av.VideoFrame.from_ndarray(luma, format="yuv420p")
    return UncoveredFaces(picture, captured_ns, boxes, tuple(range(1, count + 1)), np.full(count, stretch, np.intp))


class FedClient:
    """A client that is given pictures as a camera's process would give them."""

    def __init__(self, one: SealSite, wall: MovedWall, **options: object) -> None:
        self.wall, self.number, self.slowest_s = wall, 0, 0.0
        self.client = SealClient(one.camera, clocks=wall, **({"limits": QUICK} | options))  # type: ignore[arg-type]
        self.client.start()

    def frame(self, *, whole: bool = False, count: int = 2) -> None:
        captured_ns = time.monotonic_ns()
        faces = uncovered(self.number, captured_ns, count)
        began_s = time.monotonic()
        self.client.stage(faces)
        self.client.settle(captured_ns, whole=whole)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
        self.number += 1

    def feed(self, frames: int, *, whole: bool = False, count: int = 2) -> None:
        """Give pictures, faster than a camera does."""
        for _ in range(frames):
            self.frame(whole=whole, count=count)
            time.sleep(0.01)

    def until(self, condition: Callable[[], bool], within_s: float = 40.0) -> None:
        """Give pictures until something holds."""
        until_s = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < until_s, self.client.sentence
            self.feed(5)

    def sealing(self) -> None:
        """Give pictures until it says that faces are kept."""
        self.until(lambda: self.client.sentence.startswith("faces are kept"))


class TellingHour(OpenedHour):
    """Writes the secrets of its bucket where the test looks for them."""

    def __init__(self, order: HourOrder) -> None:
        super().__init__(order)
        self._secrets: list[str] = []
        self._file = Path(order.folder) / f"secrets-{os.getpid()}.json"
        self._tell(self._bucket)

    def take(self, patches: Sequence[Patch]) -> None:
        super().take(patches)
        self._tell(self._bucket)

    def _tell(self, bucket: SealBucket) -> None:
        found = [bytes(seed).hex() for seed in bucket._chain._seeds.values()]
        found += [bytes(writer._key.stream).hex() for writer in bucket._open.values()]
        fresh = [one for one in found if one not in self._secrets]
        if fresh:
            self._secrets += fresh
            beside = self._file.with_suffix(".new")
            beside.write_text(json.dumps(self._secrets))
            beside.replace(self._file)


def host(folder: Path) -> None:
    """Be a camera's process that seals over a change of the hour, and stay until standard input ends."""
    wall = MovedWall()
    one = site(folder, wall)
    wall.begin(2.5)
    fed = FedClient(one, wall, command=(sys.executable, "-m", "tests.seal_camera_tools"))
    fed.until(lambda: any(path.suffix == ".seal" for path in one.packs) and len(list(folder.glob("store/*.json"))) == 2)
    sys.stdout.write(json.dumps({"sealed": fed.client.tally().sealed}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    fed.client.close()


if __name__ == "__main__":
    if sys.argv[1] == "host":
        host(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:], open_hour=TellingHour))
