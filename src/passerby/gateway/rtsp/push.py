"""Pushes a camera's veiled stream to a server of the user's: ANNOUNCE and RECORD of RFC 2326, interleaved over TCP or TLS.

Written here and not with FFmpeg's muxer, because that one blocks inside its calls and holds the interpreter while a server does
not answer: one frozen server would hold up every camera.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import re
import secrets
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from passerby.errors import ServiceError
from passerby.gateway.config import PushConfig
from passerby.gateway.rtsp.broadcast import Broadcast, RtspSession, Stream
from passerby.gateway.rtsp.connection import TcpSink, session_description

_ANSWER_S = 5.0
_ALIVE_S = 20.0
_LONGEST_S = 10.0
_HEAD_BYTES = 64 * 1024
_PART = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


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
        self._count = 0
        self._session = ""
        self._challenge: dict[str, str] | None = None

    def start(self) -> None:
        """Begin to push."""
        self._task = asyncio.create_task(self._for_ever(), name="push")

    async def stop(self) -> None:
        """End the push."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

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
            await self._announce(reader, writer)
            await self._send(reader, writer)
        finally:
            writer.close()

    async def _announce(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._session, self._challenge, self._count = "", None, 0
        body = session_description(self._stream).encode()
        await self._ask(reader, writer, "ANNOUNCE", self._base, ["Content-Type: application/sdp"], body)
        transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
        head = await self._ask(reader, writer, "SETUP", self._base + "/trackID=0", [transport])
        self._session = head.get("session", "").partition(";")[0]
        await self._ask(reader, writer, "RECORD", self._base, ["Range: npt=0.000-"])

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        sink = TcpSink(writer, (0, 1), lambda _: ended.set())
        session, broadcast = RtspSession("", "", sink, live_only=False), Broadcast(self._stream)
        self.state.connected = True
        broadcast.join(session)
        try:
            while not ended.is_set():
                try:
                    async with asyncio.timeout(_ALIVE_S):
                        data = await reader.read(4096)
                except TimeoutError:
                    writer.write(self._request("OPTIONS", self._base, [], b""))
                    continue
                if not data:
                    raise PushError("the server must go on taking the stream, got its end")
            raise PushError("the server must take the stream as fast as it comes, got a queue")
        finally:
            broadcast.leave(session)

    def _request(self, method: str, url: str, headers: list[str], body: bytes) -> bytes:
        self._count += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._count}", "User-Agent: Passerby", *headers]
        if self._session:
            lines.append(f"Session: {self._session}")
        if self._challenge is not None:
            lines.append("Authorization: " + self._proof(method, url, self._challenge))
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        url: str,
        headers: list[str],
        body: bytes = b"",
    ) -> dict[str, str]:
        for attempt in range(2):
            writer.write(self._request(method, url, headers, body))
            async with asyncio.timeout(_ANSWER_S):
                status, found = await _answer(reader)
            if status == 200:
                return found
            if status != 401 or attempt or self._config.username is None:
                break
            self._challenge = _challenge(found.get("www-authenticate", ""))
        raise PushError(f"the server must accept {method}, got {status}")

    def _proof(self, method: str, url: str, challenge: dict[str, str]) -> str:
        user, password = self._config.username or "", self._config.password or ""
        if challenge["scheme"] == "basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        first, second = _md5(f"{user}:{realm}:{password}"), _md5(f"{method}:{url}")
        said = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}"'
        if "auth" in challenge.get("qop", "").split(","):
            salt = secrets.token_hex(8)
            response = _md5(f"{first}:{nonce}:00000001:{salt}:auth:{second}")
            return f'{said}, response="{response}", qop=auth, nc=00000001, cnonce="{salt}"'
        return f'{said}, response="{_md5(f"{first}:{nonce}:{second}")}"'


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read one response; return its status and headers, lower case, of WWW-Authenticate the first Digest or Basic."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
    except asyncio.LimitOverrunError as exc:
        raise PushError("the server's answer must be short, got more") from exc
    lines = head.split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) < 2 or not parts[0].startswith("RTSP/") or not parts[1].isdecimal():
        raise PushError("the server must answer in RTSP, got something else")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if name != "www-authenticate" or value.strip().lower().startswith("digest"):
            headers[name] = value.strip()
        else:
            headers.setdefault(name, value.strip())
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _HEAD_BYTES:
        raise PushError("the server's answer must be short, got more")
    await reader.readexactly(int(length))
    return int(parts[1]), headers


def _challenge(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() not in {"digest", "basic"}:
        raise PushError("the server must ask for Digest or Basic, got another way")
    return {"scheme": scheme.lower()} | {name.lower(): quoted or bare for name, quoted, bare in _PART.findall(rest)}


def _md5(text: str) -> str:
    # the protocol's own hash
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _without_secret(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
