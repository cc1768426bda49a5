"""Parts ``fragments`` and ``rtsp`` of the probe of ``bench/same.py``: a drawn stream, encoded, cut and packed."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from same_names import Digests, Told, digest, fix_chance, take

FPS, PICTURES = 12.5, 60
TICKS = round(90_000 / FPS)
FIRST_TICKS, BASE_TICKS = 2**33 + 7, 2**32 + 1
"""Time of the first picture, and what is taken off it for a file: more than 32 bits, as after a day of running."""
WALL_NS, FRAME_NS = 1_767_225_600_000_000_000, 80_000_000
"""1 January 2026, and the time from picture to picture."""
SSRC, SEQUENCE, OFFSET = 0x5EED5EED, 65_500, 0xFFFF0000 - 7
"""Sequence and time both run over within the stream."""


class Stream:
    """Stands in for a relay: hands units to whoever subscribed, at once."""

    def __init__(self) -> None:
        self.readers: list[Callable[[Any], None]] = []
        self.title = "drawn"

    def subscribe(self, reader: Callable[[Any], None], *, from_key: bool = True) -> Callable[[], None]:
        """Add a reader; there is nothing before it to hand over."""
        del from_key
        self.readers.append(reader)
        return lambda: self.readers.remove(reader)

    def send(self) -> None:
        """Hand over every unit."""
        for unit in units():
            for reader in list(self.readers):
                reader(unit)


class Sink:
    """Takes what a reader of RTP would get."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.reports: list[bytes] = []

    def waiting_bytes(self) -> int:
        """Return that all was sent."""
        return 0

    def send(self, burst: Any) -> None:  # noqa: ANN401 - a Burst of either tree
        """Take the packets of one picture, as they go out on an RTSP connection."""
        self.sent.append(burst.on_channel(0))

    def report(self, packet: bytes) -> None:
        """Take a sender report."""
        self.reports.append(packet)

    def drop(self, why: str) -> None:
        """Refuse to be dropped.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"a reader that takes all must not be dropped, got {why}")


@cache
def scene() -> Any:  # noqa: ANN401 - a Scene of either tree
    """Return the drawn scene."""
    return take("Scene")(take("SceneSettings")(width=320, height=240, fps=FPS, faces=3, seed=7))


@cache
def units() -> tuple[Any, ...]:
    """Return the drawn stream as the gateway's access units: encoded as a camera's is, at fixed times."""
    encoder = take("LiveEncoder")(320, 240, FPS, take("EncodeConfig")())
    made, known = [], None
    for number in range(PICTURES):
        for data, key, ticks in encoder.encode(scene().frame(number), FIRST_TICKS + number * TICKS):
            nals = tuple(take("nal_units")(data))
            known = take("parameters_of")(list(nals)) if key else known
            made.append(take("AccessUnit")(data, nals, ticks, WALL_NS + number * FRAME_NS, key, None, known))
    return tuple(made)


def fragments(told: Told) -> Digests:
    """Digest the drawn pictures, the encoded units, movie fragments, the live view's messages, segments and slates."""
    del told
    pictures = [np.ascontiguousarray(scene().frame(number).to_ndarray()).tobytes() for number in range(PICTURES)]
    faces = [scene().faces(number).tobytes() for number in range(PICTURES)]
    groups: list[Any] = []
    cutter = take("GopCutter")(groups.append)
    for unit in units():
        cutter(unit)
    cut = [group.fragment(number, BASE_TICKS) for number, group in enumerate(groups, 1)]
    head = take("init_segment")(units()[0].parameters)
    return {
        "drawn pictures": digest(*pictures),
        "drawn faces": digest(*faces),
        "encoded units": digest(*(unit.data for unit in units())),
        "times and keys": digest(*(f"{unit.ticks} {unit.key}" for unit in units())),
        "initialisation segment": digest(head),
        "fragments": digest(*cut),
        **read_back(head + b"".join(cut)),
        "live view": digest(*asyncio.run(viewed())),
        **segments(),
        **slates(),
    }


def read_back(movie: bytes) -> Digests:
    """Digest where the gateway finds fragments in a file, and one of them with another time."""
    found = list(take("read_fragments")(io.BytesIO(movie)))
    last = found[-1]
    moved = take("retimed")(movie[last.offset : last.offset + last.length], last, 77)
    return {"fragments read back": digest(*(repr(dataclasses.astuple(one)) for one in found), moved)}


async def viewed() -> list[bytes | str]:
    """Return the messages of one viewer of the live view."""
    stream = Stream()
    feed = take("LiveFeed")(stream)
    viewer = feed.join()
    stream.send()
    feed.close()
    return [message async for message in viewer.messages()]


def segments() -> Digests:
    """Digest the HLS playlist and every file that it names."""
    stream = Stream()
    feed = take("HlsFeed")(stream)
    feed.playlist()
    stream.send()
    playlist = feed.playlist()
    names = list(dict.fromkeys(re.findall(r"\w+\.(?:mp4|m4s)", playlist)))
    return {"hls playlist": digest(playlist), **{f"hls {name}": digest(feed.file(name)) for name in names}}


def slates() -> Digests:
    """Digest the slate of every reason."""
    makes, settings = take("Slates")(), take("EncodeConfig")()
    return {f"slate {why.value}": digest(*makes.pair(320, 240, "drawn", why, settings)) for why in take("Reason")}


def rtsp(told: Told) -> Digests:
    """Digest RTP packets made by hand with fixed numbers, reports, and what a reader of a broadcast gets."""
    del told
    sequence, packed = SEQUENCE, []
    for unit in units():
        bodies = take("payloads")(unit.nals)
        packed += take("packets")(bodies, sequence=sequence, ticks=OFFSET + unit.ticks, ssrc=SSRC)
        sequence += len(bodies)
    short = [body for unit in units() for body in take("payloads")(unit.nals, 200)]
    told_of = take("sender_report")(ssrc=SSRC, wall_ns=WALL_NS, ticks=OFFSET, packets_sent=123, bytes_sent=2**32 + 5)
    fix_chance()
    stream, sink = Stream(), Sink()
    broadcast = take("Broadcast")(stream)
    broadcast.join(take("Session")("drawn", "reader", sink, live_only=False))
    stream.send()
    # a second report comes after four seconds of the machine's own time, so only the first is the same in every run
    return {
        "packets": digest(*packed),
        "payloads of 200 bytes": digest(*short),
        "sender report": digest(told_of),
        "goodbye": digest(take("goodbye")(SSRC)),
        "broadcast": digest(*sink.sent),
        "broadcast's first report": digest(sink.reports[0]),
    }
