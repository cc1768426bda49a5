"""How much one address may ask of a server that everybody may read, so that nobody takes it from the others.

What is asked too much is refused with 429 and when to come again, which our own readers heed. Addresses are kept in memory, the
last few thousand, and nowhere else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from passerby.gateway import RateLimit

BURST, PER_S = 4000.0, 200.0
"""Units of work. Source: one reader who checks a log asks for two files for 256 entries, one after the other, at most some 200 a
second (bench/register.py); the checks of a newspaper's office share one address."""


class LimitedByAddress:
    """Refuses an address that asks too much.

    Args:
        app: To be asked.
        work: Units of work that a path takes.
        limit: Of one address; None takes the usual one.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        work: Callable[[str], float],
        limit: RateLimit | None = None,
    ) -> None:
        self._app, self._work = app, work
        self._limit = limit or RateLimit(BURST, PER_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        holder = holder_of(str((scope.get("client") or ("",))[0])) if scope["type"] == "http" else None
        if holder is None or self._limit.allow(holder, self._work(scope["path"])):
            await self._app(scope, receive, send)
            return
        again = {"Retry-After": str(self._limit.wait_s(holder)), "Cache-Control": "no-store"}
        await PlainTextResponse("too many requests from this address\n", 429, again)(scope, receive, send)


def holder_of(address: str) -> str | None:
    """Return who shares a limit: an address, or an IPv6 network of one household; None for this machine and who has no address.

    >>> holder_of("192.0.2.7"), holder_of("2001:db8:1:2:3::4"), holder_of("::ffff:192.0.2.7"), holder_of("127.0.0.1")
    ('192.0.2.7', '2001:db8:1:2::/64', '192.0.2.7', None)
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return None if found.is_loopback else str(ipaddress.ip_network((found.packed, 64), strict=False))
        found = found.ipv4_mapped
    return None if found.is_loopback else str(found)
