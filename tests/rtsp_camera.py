"""A camera that sends what it is told, over RTSP in its TCP connection: for what no sound server would send."""

from __future__ import annotations

import base64
import io
import re
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from av.video.codeccontext import VideoCodecContext

from passerby.gateway.picture.scene import Scene, SceneSettings

_START = re.compile(b"\x00\x00\x00?\x01")
_MOST = 1300


class EncodedPictures(NamedTuple):
    """Pictures as NAL units, for ever in a loop."""

    codec: str
    units: tuple[tuple[bytes, ...], ...]

    def kind(self, nal: bytes) -> int:
        return nal[0] & 31 if self.codec == "H264" else nal[0] >> 1 & 63

    def without(self, *kinds: int) -> EncodedPictures:
        """Leave out units of some types."""
        return self.changed(lambda nal: None if self.kind(nal) in kinds else nal)

    def changed(self, change: Callable[[bytes], bytes | None]) -> EncodedPictures:
        """Change or leave out each unit."""
        kept = (tuple(new for nal in picture if (new := change(nal))) for picture in self.units)
        return EncodedPictures(self.codec, tuple(picture for picture in kept if picture))


def encoded(codec: str, count: int = 25, *, pix_fmt: str = "yuv420p", **options: str) -> EncodedPictures:
    """Encode drawn pictures with x264 or x265, a key frame every ten."""
    scene = Scene(SceneSettings(320, 192, 12.5, 1))
    context = VideoCodecContext.create({"H264": "libx264", "H265": "libx265"}[codec], "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = 320, 192, pix_fmt
    context.time_base, context.framerate, context.gop_size, context.max_b_frames = (
        Fraction(2, 25),
        Fraction(25, 2),
        10,
        0,
    )
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none:repeat-headers=1"}
    context.options |= options
    packets = []
    for number in range(count):
        frame = scene.frame(number).reformat(format=pix_fmt)
        frame.pts, frame.time_base = number, Fraction(2, 25)
        packets += context.encode(frame)
    packets += context.encode(None)
    return EncodedPictures(codec, tuple(tuple(filter(None, _START.split(bytes(one)))) for one in packets))


def payloads(codec: str, nal: bytes) -> list[bytes]:
    """Cut a NAL unit into RTP payloads: RFC 6184, section 5.8, and RFC 7798, section 4.4.3."""
    if len(nal) <= _MOST:
        return [nal]
    head = 1 if codec == "H264" else 2
    body, made = nal[head:], []
    for at in range(0, len(body), _MOST):
        ends = (0x80 if at == 0 else 0) | (0x40 if at + _MOST >= len(body) else 0)
        if codec == "H264":
            front = bytes([nal[0] & 0xE0 | 28, ends | nal[0] & 31])
        else:
            front = bytes([nal[0] & 0x81 | 49 << 1, nal[1], ends | nal[0] >> 1 & 63])
        made.append(front + body[at : at + _MOST])
    return made


class OddCamera(socketserver.ThreadingTCPServer):
    """Serves pictures at 12.5 a second.

    Args:
        pictures: What is sent.
        described: The codec's name in the description; left out: the true one.
        sets: Parameter sets in the description.
    """

    allow_reuse_address = daemon_threads = True

    def __init__(self, pictures: EncodedPictures, *, described: str = "", sets: tuple[bytes, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.pictures, self.described, self.sets = pictures, described or pictures.codec, sets
        self.sessions = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.server_address[1]}/x"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def description(self) -> bytes:
        """Return the session's description: RFC 8866."""
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=x", "c=IN IP4 0.0.0.0", "t=0 0", "m=video 0 RTP/AVP 96"]
        lines += [f"a=rtpmap:96 {self.described}/90000", "a=control:trackID=0"]
        coded = ",".join(base64.b64encode(one).decode() for one in self.sets)
        if self.described == "H264":
            lines.append("a=fmtp:96 packetization-mode=1" + (f";sprop-parameter-sets={coded}" if coded else ""))
        elif self.sets:
            names = {32: "vps", 33: "sps", 34: "pps"}
            told = [f"sprop-{names[one[0] >> 1]}={base64.b64encode(one).decode()}" for one in self.sets]
            lines.append("a=fmtp:96 " + ";".join(told))
        return "".join(line + "\r\n" for line in lines).encode()


class _Session(socketserver.StreamRequestHandler):
    server: OddCamera

    def handle(self) -> None:
        self.server.sessions += 1
        try:
            while self._answer():
                pass
        except OSError:
            pass

    def _answer(self) -> bool:
        head = self.rfile.readline()
        if not head:
            return False
        fields = dict(line.split(": ", 1) for line in iter(lambda: self.rfile.readline().decode().strip(), ""))
        verb, url = head.decode().split()[:2]
        more, body = "", b""
        if verb == "DESCRIBE":
            body = self.server.description()
            more = f"Content-Type: application/sdp\r\nContent-Base: {url}/\r\nContent-Length: {len(body)}\r\n"
        elif verb == "SETUP":
            more = f"Transport: {fields['Transport']}\r\nSession: 1\r\n"
        elif verb == "PLAY":
            more = "Session: 1\r\n"
        self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {fields['CSeq']}\r\n{more}\r\n".encode() + body)
        if verb == "PLAY":
            self._play()
        return verb not in {"PLAY", "TEARDOWN"}

    def _play(self) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pictures, sequence, began = self.server.pictures, 0, time.monotonic()
        for number in range(10**6):
            time.sleep(max(0.0, began + number * 0.08 - time.monotonic()))
            picture = pictures.units[number % len(pictures.units)]
            parts = [part for nal in picture for part in payloads(pictures.codec, nal)]
            out = io.BytesIO()
            for place, part in enumerate(parts):
                mark = 0x80 if place == len(parts) - 1 else 0
                packet = struct.pack("!BBHII", 0x80, mark | 96, sequence % 65536, number * 7200, 7) + part
                out.write(struct.pack("!cBH", b"$", 0, len(packet)) + packet)
                sequence += 1
            self.wfile.write(out.getvalue())
