"""Asks a camera for its stream without taking a picture: RTSP ``DESCRIBE`` or HTTP ``HEAD``, with or without a login.

Used by the test of exclusive access. No stream is set up and no picture comes: the serving process must never
hold one, which is why a camera that knows no ``HEAD`` stays untested.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from passerby.gateway.config import InputConfig, InputKind
from passerby.gateway.rtsp import DigestClient
from passerby.values import whole_number

_MOST = 64 * 1024


class DescribeAnswer(StrEnum):
    """What a camera says to somebody who wants its stream."""

    OPEN = "open"
    REFUSED = "refused"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True, slots=True)
class CameraLogin:
    """A user and password.

    Attributes:
        user: Name.
        password: Never printed.
    """

    user: str
    password: str = field(repr=False)


async def describe(config: InputConfig, login: CameraLogin | None) -> DescribeAnswer:
    """Ask for a stream.

    Args:
        config: Its address; the login in it is not used.
        login: To show, or None for nobody.
    """
    if config.kind not in {InputKind.RTSP, InputKind.HTTP}:
        raise ValueError("only a camera on the network can be asked")
    try:
        async with asyncio.timeout(config.open_timeout_s * 2):
            status, challenges = await _ask(config, None)
            if status == 401 and login is not None:
                client = DigestClient(login.user, login.password)
                if client.challenged(challenges):
                    status, _ = await _ask(config, client.authorization(_method(config), _uri(config)))
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
        return DescribeAnswer.NO_ANSWER
    if status == 200:
        return DescribeAnswer.OPEN
    return DescribeAnswer.REFUSED if status in {401, 403, 407} else DescribeAnswer.NO_ANSWER


def _method(config: InputConfig) -> str:
    return "DESCRIBE" if config.kind is InputKind.RTSP else "HEAD"


def _uri(config: InputConfig) -> str:
    parts = urlsplit(config.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return config.url if config.kind is InputKind.RTSP else path


async def _ask(config: InputConfig, header: str | None) -> tuple[int, list[str]]:
    parts = urlsplit(config.url)
    secure = parts.scheme in {"rtsps", "https"}
    port = parts.port or {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}[parts.scheme]
    context = _context(config) if secure else None
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=_MOST)
    try:
        rtsp = config.kind is InputKind.RTSP
        lines = [f"{_method(config)} {_uri(config)} {'RTSP/1.0' if rtsp else 'HTTP/1.1'}"]
        lines += (
            ["CSeq: 1", "Accept: application/sdp"] if rtsp else [f"Host: {parts.hostname}:{port}", "Connection: close"]
        )
        lines += ["User-Agent: Passerby"]
        lines += [f"Authorization: {header}"] if header is not None else []
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    version, _, rest = head[0].partition(" ")
    status = whole_number(rest[:3], 999)
    if status is None or not version.startswith(("RTSP/", "HTTP/")):
        raise ValueError("no answer of RTSP or HTTP")
    found = [line.partition(":")[2].strip() for line in head[1:] if line.lower().startswith("www-authenticate:")]
    return status, found


def _context(config: InputConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(config.tls_ca) if config.tls_ca else None)
    if not config.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
