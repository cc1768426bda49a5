"""The desk as an application: one table of routes over what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from passerby.desk import DeskFiles, Places
from passerby.web.desk.choosing import ChoosingPages
from passerby.web.desk.door import DeskDoor
from passerby.web.desk.edited import EditedFiles, no_files
from passerby.web.desk.editing import EditingPages
from passerby.web.desk.entry import COOKIE, ENTER, DeskEntry
from passerby.web.desk.pages import DeskPages

STATIC = Path(__file__).parent.parent / "static" / "desk"
DESK_ICON = STATIC / "icon.svg"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What a desk works with.

    Attributes:
        entry: Who is let in.
        end: Ends the desk.
        files: What is open; nothing by default.
        places: What may be listed; the user's own folder by default.
        asked: Told of every request that is let in.
        pages: Templates and texts.
        edited: Gives the files that are looked over.
    """

    entry: DeskEntry
    end: Callable[[], None]
    files: DeskFiles = field(default_factory=DeskFiles)
    places: Places = field(default_factory=lambda: Places(Path.home()))
    asked: Callable[[], None] = lambda: None
    pages: DeskPages = field(default_factory=DeskPages)
    edited: EditedFiles = no_files


def desk_app(parts: DeskParts) -> Starlette:
    """Return the desk as an application.

    Args:
        parts: What it works with.
    """
    way = _WayIn(parts.entry, parts.pages)
    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(directory=STATIC)),
        Route(ENTER + "{token}", way.enter, methods=["GET"]),
        *ChoosingPages(parts.pages, parts.files, parts.places, parts.end).routes(),
        *EditingPages(parts.pages, parts.edited).routes(),
    ]
    app = Starlette(routes=routes, exception_handlers={404: way.missing})
    app.add_middleware(DeskDoor, entry=parts.entry, pages=parts.pages, asked=parts.asked)
    return app


class _WayIn:
    def __init__(self, entry: DeskEntry, pages: DeskPages) -> None:
        self._entry, self._pages = entry, pages

    async def enter(self, request: Request) -> Response:
        """Take the one-time token for a cookie."""
        cookie = self._entry.exchange(str(request.path_params["token"]))
        if cookie is None:
            return self._pages.refused(request, "used" if self._entry.used_twice else "cookie")
        # a page and no redirect: after one that began elsewhere, browsers keep back a cookie that is for this site alone
        answer = self._pages.render(request, "enter.html")
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict")
        return answer

    async def missing(self, request: Request, _: Exception) -> Response:
        """Say that there is nothing."""
        return self._pages.refused(request, "missing")
