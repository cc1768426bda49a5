"""Pushes a camera's veiled stream to a server of the user's: ANNOUNCE and RECORD of RFC 2326, interleaved over TCP or TLS.

Written here and not with FFmpeg's muxer, because that one blocks inside its calls and holds the interpreter while a server does
not answer: one frozen server would hold up every camera.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from passerby.errors import ServiceError
from passerby.gateway.config import PushConfig
from passerby.gateway.rtsp.broadcast import Broadcast, RtspSession, Stream
from passerby.gateway.rtsp.connection import TcpSink, session_description
from passerby.gateway.rtsp.digest import DigestClient
from passerby.gateway.stopping import end_tasks
from passerby.values import whole_number

_ANSWER_S = 5.0
_ALIVE_S = 20.0
_LONGEST_S = 10.0
_HEAD_BYTES = 64 * 1024


class PushError(ServiceError):
    """The other server refuses, or does not answer."""


@dataclass(slots=True)
class PushState:
    """How a push stands.

    Attributes:
        connected: The server takes the stream.
        failures: Attempts that ended.
        last_failure: Why the last one did; never holds the password.
    """

    connected: bool = False
    failures: int = 0
    last_failure: str = ""


class RtspPusher:
    """Keeps one stream pushed, for ever.

    Args:
        config: Where to.
        stream: Of the camera.
    """

    def __init__(self, config: PushConfig, stream: Stream) -> None:
        self.state = PushState()
        self._config, self._stream = config, stream
        self._task: asyncio.Task[None] | None = None
        self._base = _without_secret(config.url)

    def start(self) -> None:
        """Begin to push."""
        self._task = asyncio.create_task(self._for_ever(), name="push")

    async def stop(self) -> None:
        """End the push."""
        task, self._task = self._task, None
        if task is not None:
            await end_tasks([task])

    async def _for_ever(self) -> None:
        wait_s = 0.5
        while True:
            began_s = time.monotonic()
            try:
                await self._push()
            except (OSError, TimeoutError, PushError, asyncio.IncompleteReadError, ssl.SSLError) as exc:
                self.state.last_failure = exc.message if isinstance(exc, PushError) else type(exc).__name__
            self.state.connected = False
            self.state.failures += 1
            wait_s = 0.5 if time.monotonic() - began_s > 30 else min(wait_s * 2, _LONGEST_S)
            await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret

    async def _push(self) -> None:
        if self._stream.parameters is None:
            raise PushError("the camera must have sent something, got nothing yet")
        parts = urlsplit(self._base)
        secure = parts.scheme == "rtsps"
        port = parts.port or (322 if secure else 554)
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(
                parts.hostname, port, ssl=ssl.create_default_context() if secure else None
            )
        try:
            connection = _PushConnection(reader, writer, self._config)
            await self._announce(connection)
            await self._send(connection)
        finally:
            writer.close()

    async def _announce(self, connection: _PushConnection) -> None:
        body = session_description(self._stream).encode()
        await connection.ask("ANNOUNCE", self._base, ["Content-Type: application/sdp"], body)
        transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
        head = await connection.ask("SETUP", self._base + "/trackID=0", [transport])
        connection.session = head.get("session", "").partition(";")[0]
        await connection.ask("RECORD", self._base, ["Range: npt=0.000-"])

    async def _send(self, connection: _PushConnection) -> None:
        ended = asyncio.Event()
        sink = TcpSink(connection.writer, (0, 1), lambda _: ended.set())
        session, broadcast = RtspSession("", "", sink, live_only=False), Broadcast(self._stream)
        self.state.connected = True
        broadcast.join(session)
        try:
            while not ended.is_set():
                try:
                    async with asyncio.timeout(_ALIVE_S):
                        data = await connection.reader.read(4096)
                except TimeoutError:
                    connection.send("OPTIONS", self._base)
                    continue
                if not data:
                    raise PushError("the server must go on taking the stream, got its end")
            raise PushError("the server must take the stream as fast as it comes, got a queue")
        finally:
            broadcast.leave(session)


class _PushConnection:
    """One connection to the other server, on which requests are answered in their order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, config: PushConfig) -> None:
        self.reader, self.writer, self.session = reader, writer, ""
        self._login = DigestClient(config.username, config.password or "") if config.username is not None else None
        self._count = 0

    def send(self, method: str, url: str, headers: Sequence[str] = (), body: bytes = b"") -> None:
        """Send a request, with the login as it was last asked for."""
        self._count += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._count}", "User-Agent: Passerby", *headers]
        if self.session:
            lines.append(f"Session: {self.session}")
        proof = self._login.authorization(method, url) if self._login is not None else None
        if proof is not None:
            lines.append(f"Authorization: {proof}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    async def ask(self, method: str, url: str, headers: Sequence[str] = (), body: bytes = b"") -> dict[str, str]:
        """Send a request until it is accepted, at most twice; return the answer's headers, names in lower case.

        Raises:
            PushError: it is refused.
        """
        for attempt in range(2):
            self.send(method, url, headers, body)
            async with asyncio.timeout(_ANSWER_S):
                status, found, challenges = await _answer(self.reader)
            if status == 200:
                return found
            if status != 401 or attempt or self._login is None:
                break
            if not self._login.challenged(challenges):
                raise PushError("the server must ask for Digest or Basic, got another way")
        raise PushError(f"the server must accept {method}, got {status}")


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], list[str]]:
    """Read one response; return its status, its headers with names in lower case, and all values of WWW-Authenticate."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
    except asyncio.LimitOverrunError as exc:
        raise PushError("the server's answer must be short, got more") from exc
    lines = head.split("\r\n")
    parts = lines[0].split(" ")
    status = whole_number(parts[1], 999) if len(parts) > 1 and parts[0].startswith("RTSP/") else None
    if status is None:
        raise PushError("the server must answer in RTSP, got something else")
    rows = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    headers = dict(rows)
    length = whole_number(headers.get("content-length", "0"), _HEAD_BYTES)
    if length is None:
        raise PushError("the server's answer must be short, got more")
    await reader.readexactly(length)
    return status, headers, [value for name, value in rows if name == "www-authenticate"]


def _without_secret(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
