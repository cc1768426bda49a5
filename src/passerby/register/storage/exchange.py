"""Exchanges over HTTP that end: each is bounded in bytes, and by a deadline as a whole, whatever the other side does.

A time limit on each read is none on the exchange: a byte now and then keeps it alive for ever. The exchanges run on one event
loop in a thread of its own, where a deadline cancels whatever is being waited for, a name, a handshake or a header.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import threading
import time
import weakref
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from passerby.errors import StorageError
from passerby.values import whole_number

DEADLINE_S = 20.0
"""Source: the largest file of a log, 17 MB, at 7 Mbit/s."""
PATIENCE_S = 30.0
"""How long a server may keep its reader waiting, all exchanges together, beyond what a slow line explains."""
PATIENCE_BACK_S = 600.0
"""In how long a patience that was used up is whole again, for who reads a log for weeks."""
WITHIN_S = 50.0
"""How long a check or a visit asks a server, all in all. Source: whoever waits gets an answer within a minute."""
_LINE_S = 0.5
_LINE_BYTES_S = 64_000
"""What a slow line explains: half a second for each exchange, and its bytes at 0.5 Mbit/s."""
_LONGEST_AGAIN_S = 60
_GZIP = 31
"""Tells zlib to want the header of gzip."""


@dataclass(frozen=True, slots=True)
class ExchangeAnswer:
    """A server's answer.

    Attributes:
        status: HTTP's.
        body: Decoded.
        again_s: After how many seconds it asks to be asked again; None where it does not.
    """

    status: int
    body: bytes
    again_s: int | None = None


class Exchanges:
    """Asks servers; safe to use from several threads. Follows no redirect."""

    def __init__(self, *, deadline_s: float = DEADLINE_S, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Make ready; nothing is asked yet.

        Args:
            deadline_s: For one exchange, from the first step to the last byte.
            transport: Another one answers in tests; None takes the network, and proxies from the environment.
        """
        self.deadline_s = deadline_s
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._lock = threading.Lock()

    def ask(
        self, method: str, url: str, *, most_bytes: int, content: bytes | None = None, deadline_s: float | None = None
    ) -> ExchangeAnswer:
        """Make one exchange.

        Args:
            method: Of HTTP.
            url: Whole.
            most_bytes: Of the body, as sent and as decoded.
            content: To be sent.
            deadline_s: Where less than the usual time is left.

        Raises:
            StorageError: no answer in time, a body that is too large, or an encoding other than one layer of gzip.
        """
        limit_s = deadline_s or self.deadline_s
        _check_address(url)
        loop = _loop(os.getpid())
        work = asyncio.run_coroutine_threadsafe(self._exchange(method, url, most_bytes, content, limit_s), loop)
        try:
            status, headers, raw = work.result()
        except TimeoutError as exc:
            raise StorageError(f"{url} must answer within {limit_s:.3g} s, as a whole") from exc
        except (httpx.HTTPError, UnicodeError) as exc:
            raise StorageError(f"{url} cannot be read: {_reason(exc)}", hint=_HINT) from exc
        finally:
            work.cancel()
        encoding = headers.get("content-encoding", "identity").strip().lower()
        again_s = whole_number(headers.get("retry-after", ""), _LONGEST_AGAIN_S)
        return ExchangeAnswer(status, _decode(raw, encoding, most_bytes, url), again_s)

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            _hang_up(_loop(os.getpid()), client)

    async def _exchange(
        self, method: str, url: str, most_bytes: int, content: bytes | None, limit_s: float
    ) -> tuple[int, httpx.Headers, bytes]:
        async with (
            asyncio.timeout(limit_s),
            self._connected().stream(method, url, content=content, headers={"accept-encoding": "gzip"}) as answer,
        ):
            raw = bytearray()
            async for piece in answer.aiter_raw():
                raw += piece
                if len(raw) > most_bytes:
                    raise _too_large(url, most_bytes)
            return answer.status_code, answer.headers, bytes(raw)

    def _connected(self) -> httpx.AsyncClient:
        with self._lock:
            if self._client is None:
                self._client = httpx.AsyncClient(timeout=self.deadline_s, transport=self._transport)
                weakref.finalize(self, _hang_up, _loop(os.getpid()), self._client)
            return self._client


class Patience:
    """How much longer a server may keep its reader waiting: what its lines explain is free, the rest is counted."""

    def __init__(self, most_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_s = most_s
        self.clock = clock
        self._left_s, self._at = most_s, clock()

    @property
    def left_s(self) -> float:
        """What is left now."""
        now = self.clock()
        self._left_s = min(self._most_s, self._left_s + (now - self._at) * self._most_s / PATIENCE_BACK_S)
        self._at = now
        return max(0.0, self._left_s)

    def spend(self, took_s: float, size: int) -> None:
        """Count an exchange that took so long for so many bytes."""
        self._left_s = self.left_s - max(0.0, took_s - _LINE_S - size / _LINE_BYTES_S)


_HINT = "is the address right, and does the server answer?"


@functools.cache
def _loop(process: int) -> asyncio.AbstractEventLoop:  # noqa: ARG001 - a child of a fork has none of its parent's threads
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="register-exchanges", daemon=True).start()
    return loop


def _hang_up(loop: asyncio.AbstractEventLoop, client: httpx.AsyncClient) -> None:
    closing = client.aclose()
    if loop.is_running():
        asyncio.run_coroutine_threadsafe(closing, loop)
    else:
        closing.close()


def _reason(error: Exception) -> str:
    """What the system said, where it said something: the client only tells that all attempts failed."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return f"[Errno {cause.errno}] {os.strerror(cause.errno)}"
        if isinstance(cause, socket.gaierror):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return str(error)


def _check_address(url: str) -> None:
    """The system takes no such port, and says so in an error that is none of the client's."""
    try:
        port = httpx.URL(url).port
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise StorageError(f"{url!r} cannot be read: {exc}", hint=_HINT) from exc
    if port is not None and not 0 < port < 65_536:
        raise StorageError(f"{url} cannot be read: port must be from 1 to 65535, got {port}", hint=_HINT)


def _decode(raw: bytes, encoding: str, most_bytes: int, url: str) -> bytes:
    """One layer, of one member, and never more than what is wanted."""
    if encoding == "identity":
        return raw
    if encoding not in {"gzip", "x-gzip"}:
        raise StorageError(f"{url} must be encoded with one layer of gzip or none, got {encoding[:80]!r}")
    member = zlib.decompressobj(_GZIP)
    try:
        body = member.decompress(raw, most_bytes + 1)
    except zlib.error as exc:
        raise StorageError(f"{url} cannot be read: {exc}") from exc
    if len(body) > most_bytes:
        raise _too_large(url, most_bytes)
    if not member.eof or member.unused_data:
        raise StorageError(f"{url} cannot be read: its gzip must be one whole member, and nothing after it")
    return body


def _too_large(url: str, most_bytes: int) -> StorageError:
    return StorageError(f"{url} must be at most {most_bytes} bytes")
