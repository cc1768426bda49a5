"""A reverse proxy in front: what it says of a request is believed where the proxy is trusted, and of nobody else.

From a trusted one come the visitor's address (``X-Forwarded-For``), scheme (``-Proto``), host (``-Host``) and the path below
which we are served (``-Prefix``), which the proxy takes off before it passes a request on.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

ROOT = "passerby.root"
"""Of a request's scope: the path below which we are served, without a slash at its end."""
UNTRUSTED = "passerby.untrusted-proxy"
"""Of a request's scope: address of a proxy that says whom it speaks for, and is not trusted."""
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]{1,64}){1,8}/?")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?")
_SECURE = {"http": {"http": "http", "https": "https"}, "websocket": {"http": "ws", "https": "wss"}}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return addresses and networks as values.

    Raises:
        ValueError: one is none.

    >>> networks_of(["127.0.0.1", "10.0.0.0/8"])
    (IPv4Network('127.0.0.1/32'), IPv4Network('10.0.0.0/8'))
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


class BehindProxies:
    """Reads what trusted proxies say into the request's scope.

    Args:
        app: Served behind them.
        trusted: Their addresses.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], trusted: Sequence[Network]) -> None:
        self._app, self._trusted = app, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with what its proxy says."""
        await self._app(self.told(scope) if scope["type"] in _SECURE else scope, receive, send)

    def told(self, scope: Scope) -> Scope:
        """Return a request's scope as its proxy, if it is trusted, tells it."""
        found = dict(scope)
        headers, peer = Headers(scope=scope), str((scope.get("client") or ("",))[0])
        if not self._trusts(peer):
            if "x-forwarded-for" in headers or "x-forwarded-proto" in headers:
                found[UNTRUSTED] = peer
            return found
        address = self._visitor(headers.getlist("x-forwarded-for"), peer)
        if address != peer:
            found["client"] = (address, 0)
        scheme = _SECURE[scope["type"]].get(_last(headers, "x-forwarded-proto").lower())
        if scheme is not None:
            found["scheme"] = scheme
        prefix = _last(headers, "x-forwarded-prefix")
        if _PREFIX.fullmatch(prefix):
            found[ROOT] = prefix.rstrip("/")
        host = _last(headers, "x-forwarded-host")
        if _HOST.fullmatch(host):
            kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
            found["headers"] = [*kept, (b"host", host.encode("ascii"))]
        return found

    def _trusts(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted if found.version == network.version)

    def _visitor(self, said: list[str], peer: str) -> str:
        """Return the last address in a chain of proxies that is none of ours: what stands before it anybody may have written."""
        found = peer
        for text in reversed([one.strip() for line in said for one in line.split(",")]):
            plain = re.fullmatch(r"\[([0-9A-Fa-f:]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+", text)
            address = (plain[1] or plain[2]) if plain else text
            try:
                found = str(ipaddress.ip_address(address))
            except ValueError:
                break
            if not self._trusts(found):
                break
        return found


def root_of(connection: HTTPConnection) -> str:
    """Return the path below which we are served to who asks, without a slash at its end; nothing where it is the host's own."""
    return str(connection.scope.get(ROOT, ""))


def address_of(connection: HTTPConnection) -> str:
    """Return where somebody asks from, or nothing."""
    return connection.client.host if connection.client else ""


def is_secure(connection: HTTPConnection) -> bool:
    """Return whether who asks came over TLS, to us or to a trusted proxy."""
    return connection.scope.get("scheme") in {"https", "wss"}


def proxy_hint(connection: HTTPConnection) -> str:
    """Return what to do where a page of our own was taken for another site's."""
    proxy = connection.scope.get(UNTRUSTED)
    if proxy:
        return f"a proxy at {proxy} speaks for others: name it under server.trusted_proxies if it is yours"
    return "behind a proxy it must pass the Host header on, or server.url must say where people reach this; see docs/operate.md"


def _last(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    return values[-1].rpartition(",")[2].strip() if values else ""
