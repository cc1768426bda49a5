"""RTSP 1.0 requests, responses and interleaved frames as bytes: RFC 2326, sections 6, 7 and 10.12. No input or output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from passerby.errors import ServiceError
from passerby.values import whole_number

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
TRACK = "trackID=0"
"""Of the one track, below the camera's address."""
_TCP_OF = {"RTP/AVP/TCP": True, "RTP/AVP": False, "RTP/AVP/UDP": False}
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    503: "Service Unavailable",
    505: "RTSP Version Not Supported",
}


@dataclass(frozen=True, slots=True)
class RtspRequest:
    """One request. Header names are lower case; of a header that came twice the last counts."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = "RTSP/1.0"


@dataclass(frozen=True, slots=True)
class Interleaved:
    """One binary frame that a client sent on its connection, such as a receiver report."""

    channel: int
    data: bytes


class RequestReader:
    """Cuts what a client sends into requests and interleaved frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[RtspRequest | Interleaved]:
        """Take bytes and return what is now whole.

        Raises:
            ServiceError: the bytes are no RTSP, or are longer than any request may be.
        """
        self._buffer += data
        while self._buffer:
            found = self._frame() if self._buffer[0] == 0x24 else self._request()
            if found is None:
                return
            yield found

    def _frame(self) -> Interleaved | None:
        if len(self._buffer) < 4:
            return None
        length = int.from_bytes(self._buffer[2:4], "big")
        if len(self._buffer) < 4 + length:
            return None
        frame = Interleaved(self._buffer[1], bytes(self._buffer[4 : 4 + length]))
        del self._buffer[: 4 + length]
        return frame

    def _request(self) -> RtspRequest | None:
        # some clients send an empty line between requests
        while self._buffer[:2] == b"\r\n":
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise ServiceError(f"request head must be at most {MAX_HEAD_BYTES} bytes, got more")
            return None
        if end > MAX_HEAD_BYTES:
            raise ServiceError(f"request head must be at most {MAX_HEAD_BYTES} bytes, got {end}")
        head = parse_head(bytes(self._buffer[:end]))
        text = head.headers.get("content-length", "0")
        length = whole_number(text, MAX_BODY_BYTES)
        if length is None:
            raise ServiceError(f"content-length must be 0 to {MAX_BODY_BYTES}, got {text[:20]!r}")
        total = end + 4 + length
        if len(self._buffer) < total:
            return None
        body = bytes(self._buffer[end + 4 : total])
        del self._buffer[:total]
        return RtspRequest(head.method, head.url, head.headers, body, head.version)


def parse_head(data: bytes) -> RtspRequest:
    r"""Read the request line and the headers.

    Raises:
        ServiceError: they are no RTSP.

    >>> parse_head(b"OPTIONS rtsp://h/c RTSP/1.0\r\nCSeq: 1").headers
    {'cseq': '1'}
    """
    try:
        lines = data.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as exc:
        raise ServiceError("request must be UTF-8, got other bytes") from exc
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("RTSP/") or not parts[0].replace("_", "").isalpha():
        raise ServiceError(f"request line must be METHOD URL RTSP/1.0, got {lines[0][:60]!r}")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ServiceError(f"header must be NAME: VALUE, got {line[:40]!r}")
        headers[name.strip().lower()] = value.strip()
    return RtspRequest(parts[0], parts[1], headers, version=parts[2])


def encode_response(status: int, headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
    """Return a response as bytes. Line ends in values are dropped, so that no value can add a header."""
    lines = [f"RTSP/1.0 {status} {REASONS[status]}"]
    lines += [f"{name}: {value}".replace("\r", "").replace("\n", "") for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@dataclass(frozen=True, slots=True)
class Transport:
    """What a client asks for in SETUP.

    Attributes:
        tcp: Interleaved on the RTSP connection; otherwise UDP.
        channels: RTP and RTCP channel, or RTP and RTCP port of the client.
    """

    tcp: bool
    channels: tuple[int, int]


def transports(header: str) -> Iterator[Transport]:
    """Return the unicast transports that a client offers and that make sense, in its order.

    >>> list(transports("RTP/AVP;unicast;client_port=4588-4589,RTP/AVP/TCP;interleaved=0-1"))[1].tcp
    True
    """
    return filter(None, map(_transport, header.split(",")))


def _transport(offer: str) -> Transport | None:
    protocol, *parts = (part.strip() for part in offer.split(";"))
    tcp = _TCP_OF.get(protocol.upper())
    fields = {name.lower(): value for name, _, value in (part.partition("=") for part in parts)}
    if tcp is None or "multicast" in fields:
        return None
    pair = _pair(fields.get("interleaved", "0-1") if tcp else fields.get("client_port", ""))
    least, most = (0, 255) if tcp else (1024, 65_535)
    return Transport(tcp, pair) if pair is not None and least <= min(pair) and max(pair) <= most else None


def _pair(text: str) -> tuple[int, int] | None:
    low, _, high = text.partition("-")
    first, second = whole_number(low, 65_535), whole_number(high, 65_535)
    if first is None or (high and second is None):
        return None
    return first, second if second is not None else first + 1


def camera_of(url: str) -> str:
    """Return the camera that the address of a request names; ``*`` where it names none.

    Raises:
        ServiceError: it is no address.

    >>> camera_of("rtsp://host:18554/hall/trackID=0"), camera_of("/hall/"), camera_of("*")
    ('hall', 'hall', '*')
    """
    try:
        path = urlsplit(url).path.strip("/")
    except ValueError as exc:
        raise ServiceError("request must be for an address such as rtsp://host/camera, is for something else") from exc
    return path.removesuffix("/" + TRACK)
