"""The first page: choose files, see how far each is."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from passerby.web.desk.pages import DeskPages


class ChoosingPages:
    """The page and its interface.

    Args:
        pages: Templates and texts.
        end: Ends the desk.
    """

    def __init__(self, pages: DeskPages, end: Callable[[], None]) -> None:
        self._pages, self._end = pages, end

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/", self.choose), Route("/api/end", self.end, methods=["POST"])]

    async def choose(self, request: Request) -> Response:
        """The page."""
        return self._pages.render(request, "choose.html")

    async def end(self, request: Request) -> Response:
        """End the desk."""
        del request
        self._end()
        return JSONResponse({"ended": True})
