"""Single frames of a file: of its veiled result, and of the original while it is asked for."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from passerby.errors import PasserbyError
from passerby.web.desk.edited import EditedFiles, asked_number, refused
from passerby.web.desk.pages import DeskPages

_LEAST_PX = 16


class FramesPages:
    """The frames.

    Args:
        pages: Say that there is nothing.
        edited: Gives the files.
    """

    def __init__(self, pages: DeskPages, edited: EditedFiles) -> None:
        self._pages, self._edited = pages, edited

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/api/files/{id}/frame/{n:int}.jpg", self.frame)]

    async def frame(self, request: Request) -> Response:
        """One frame as JPEG, from memory to memory: nothing of it is written, and no answer of the desk is kept."""
        try:
            file = await run_in_threadpool(self._edited, request.path_params["id"])
        except LookupError:
            return self._pages.refused(request, "missing")
        server = file.original if request.query_params.get("of") == "original" else file.veiled
        width_px = asked_number(request, "w")
        try:
            jpeg = await run_in_threadpool(
                server.jpeg, request.path_params["n"], None if width_px is None else max(_LEAST_PX, width_px)
            )
        except PasserbyError as exc:
            return refused(exc, 404)
        return Response(jpeg, media_type="image/jpeg")
