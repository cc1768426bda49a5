"""Who is let in at the desk: the browser of whoever started it, and nobody else.

Five things must hold. The ``Host`` is the desk's own name, so that no other site's name can be made to lead here (DNS
rebinding). The connection comes from a program of the same user, where the system tells (:mod:`peers`). A page was
opened by the address with the one-time token, which gave it a cookie that lives as long as this process. No other site's
page sent the request (``Sec-Fetch-Site``). And what changes anything carries a header that no other page may send, and
our own ``Origin``.

The name is a random one below ``localhost`` where browsers lead that to this machine by themselves: cookies do not tell
ports apart, so a cookie of ``127.0.0.1`` would go to every other server on it, another user's too.

Source: RFC 6761, 6.3 (``localhost``); RFC 6265, 8.5 (cookies and ports); W3C Fetch Metadata.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from passerby.gateway import same_token

COOKIE = "passerby-desk"
ENTER = "/enter/"
CHANGES = "X-Passerby-Desk"
"""Header of each request that changes something. A page of another site that sends it is stopped by its own browser."""
_READS = frozenset({"GET", "HEAD"})
_OWN = frozenset({"none", "same-origin"})


def desk_name(platform: str = sys.platform) -> str:
    """Return the name under which a desk is served, without its port.

    >>> desk_name("darwin")
    '127.0.0.1'
    """
    # Safari asks the system for names below localhost, and macOS has none
    return "127.0.0.1" if platform == "darwin" else f"desk-{secrets.token_hex(8)}.localhost"


def _anybody(_port: int) -> bool:
    return True


@dataclass(slots=True)
class DeskEntry:
    """The way in.

    Attributes:
        host: Name and port under which the desk is served, as ``Host`` has them.
        is_own: Says of the port that a connection comes from whether it is of a program of the same user.
        used_twice: The token came a second time: somebody else saw the address.
    """

    host: str
    is_own: Callable[[int], bool] = _anybody
    used_twice: bool = False
    _token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _cookie: str = field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Return the origin of the desk's pages."""
        return f"http://{self.host}"

    @property
    def address(self) -> str:
        """Return the address that opens the desk, once."""
        return f"{self.origin}{ENTER}{self._token}"

    def exchange(self, token: str) -> str | None:
        """Return the cookie for the one-time token; None for any other, and when it was used already."""
        if not same_token(token, self._token):
            return None
        if self._cookie:
            self.used_twice = True
            return None
        self._cookie = secrets.token_urlsafe(32)
        return self._cookie

    def knows(self, cookie: str | None) -> bool:
        """Return whether a cookie is the one that was given out."""
        return bool(self._cookie) and same_token(cookie, self._cookie)

    def refuse(self, asked: HTTPConnection) -> str | None:
        """Return why a request is not answered, as the key of a text; None where it is."""
        if asked.headers.get("host") != self.host:
            return "host"
        if asked.client is not None and not self.is_own(asked.client.port):
            return "user"
        method = str(asked.scope["method"])
        if asked.url.path.startswith(ENTER):
            return None if method == "GET" else "method"
        if not self.knows(asked.cookies.get(COOKIE)):
            return "cookie"
        if asked.headers.get("sec-fetch-site", "none") not in _OWN:
            return "site"
        if method not in _READS and (asked.headers.get(CHANGES) != "1" or asked.headers.get("origin") != self.origin):
            return "origin"
        return None
