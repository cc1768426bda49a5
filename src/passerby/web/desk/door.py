"""Everything that comes to the desk and leaves it: refusals, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from passerby.web.desk.entry import DeskEntry
from passerby.web.desk.pages import DeskPages
from passerby.web.headers import EVERY_PAGE
from passerby.web.listening import KNOWN

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    **EVERY_PAGE,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_App = Callable[[Scope, Receive, Send], Awaitable[None]]


class DeskDoor:
    """Lets in whom the entry knows, and sees to it that no answer is kept anywhere.

    Args:
        app: What is behind it.
        entry: Who is let in.
        pages: Say why somebody is not.
        asked: Told of every request that is let in.
    """

    def __init__(self, app: _App, entry: DeskEntry, pages: DeskPages, asked: Callable[[], None]) -> None:
        self._app, self._entry, self._pages, self._asked = app, entry, pages, asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # a websocket is closed by that
        asked = HTTPConnection(scope)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own = headers.get("Content-Security-Policy", POLICY)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = own
            await send(message)

        why = self._entry.refuse(asked)
        if why is not None:
            await self._pages.refused(asked, why)(scope, receive, told)
            return
        self._asked()
        known = scope.get(KNOWN)
        if known is not None:
            known("desk")  # who was let in may take time over a large file
        await self._app(scope, receive, told)
