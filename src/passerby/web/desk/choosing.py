"""The first page: choose files or a folder from a list, or drop them; see how far each is; stop, start again, look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from passerby.desk import DeskFiles, Places, file_to_json
from passerby.errors import PasserbyError, UsageError
from passerby.values import whole_number
from passerby.web.desk.asked import asked_object, refused
from passerby.web.desk.pages import DeskPages
from passerby.web.refusals import refusal

_MOST_BYTES = 64 * 1024
"""Of a list of paths."""
_Answer = Callable[[Request], Awaitable[Response]]


class ChoosingPages:
    """The page and its interface.

    Args:
        pages: Templates and texts.
        files: What is open.
        places: What may be listed.
        end: Ends the desk.
    """

    def __init__(self, pages: DeskPages, files: DeskFiles, places: Places, end: Callable[[], None]) -> None:
        self._pages, self._files, self._places, self._end = pages, files, places, end

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/", self.choose),
            Route("/api/end", self.end, methods=["POST"]),
            Route("/api/list", told(self.list), methods=["GET"]),
            Route("/api/open", told(self.open), methods=["POST"]),
            Route("/api/drop", told(self.drop), methods=["PUT"]),
            Route("/api/files", told(self.files), methods=["GET"]),
            Route("/api/files/{id}/stop", told(self.stop), methods=["POST"]),
            Route("/api/files/{id}/again", told(self.again), methods=["POST"]),
        ]

    async def choose(self, request: Request) -> Response:
        """The page."""
        dropped = self._files.dropped
        most = dropped.most_bytes if dropped.possible else 0
        return self._pages.render(request, "choose.html", most_bytes=most)

    async def end(self, request: Request) -> Response:
        """End the desk."""
        del request
        self._end()
        return JSONResponse({"ended": True})

    async def list(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """What is in a folder, and from where one may begin."""
        asked = request.query_params.get("folder", "")
        folder = Path(asked) if asked else self._places.first
        found = asdict(await run_in_threadpool(self._places.contents, folder))
        starts = dict.fromkeys(self._places.shortcuts())
        home = str(self._places.home)
        return found | {"home": home, "starts": [{"name": one.name or str(one), "path": str(one)} for one in starts]}

    async def open(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Open files and folders by their paths, all or none."""
        paths = (await asked_object(request, "what is to be opened", _MOST_BYTES)).get("paths")
        if not isinstance(paths, list) or not paths or not all(isinstance(one, str) for one in paths):
            raise UsageError("paths must be a list of at least one path")
        found = [self._places.allowed(Path(one)) for one in paths]
        opened = [one for path in found for one in await run_in_threadpool(self._files.open, path)]
        return {"files": [file_to_json(one) for one in opened]}

    async def drop(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Take a file as bytes."""
        folder = self._places.allowed(Path(request.query_params.get("folder") or self._places.first))
        announced = whole_number(request.headers.get("content-length", ""), 1 << 62)
        held = await self._files.dropped.hold(
            request.query_params.get("name", ""), request.stream(), size_bytes=announced
        )
        return {"files": [file_to_json(await run_in_threadpool(self._files.take, held, folder))]}

    async def files(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """How far each file is."""
        del request
        return {"files": [file_to_json(one) for one in self._files.all()]}

    async def stop(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Stop a file."""
        return file_to_json(self._files.stop(str(request.path_params["id"])))

    async def again(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Start a file again."""
        return file_to_json(self._files.again(str(request.path_params["id"])))


def told(handler: Callable[[Request], Awaitable[Any]]) -> _Answer:
    """Return a handler that answers with JSON, also where something is refused: ``{"error": text, "hint": text}``."""

    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except PasserbyError as exc:
            return refused(exc)
        except LookupError:
            return refusal(404, "there is no such file at this desk")

    return answer
