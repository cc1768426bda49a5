"""The page of one file, and what it asks: frames, state, edits, boxes that are followed, exports."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from passerby.desk import Fields
from passerby.errors import PasserbyError, UsageError
from passerby.web.desk.asked import asked_number, asked_object, refused
from passerby.web.desk.edited import EditedFile, EditedFiles, Row
from passerby.web.desk.exporting import Exports
from passerby.web.desk.pages import DeskPages

_MOST_BYTES = 1 << 22
"""Of one edit: a box in each of 50,000 frames."""
_LEAST_PX = 16
_SHOWN = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
}
"""Reports and statements are pages of their own, with their styles and drawings in them: shown, and nothing in them runs."""
_PLAYED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'",
}
"""A clip that is opened by itself is asked for once more by its player, with the cookie: from a sandbox it comes without one."""
_PAGES = frozenset({"statement", "report"})
_Handler = Callable[[Request, EditedFile], Awaitable[Response]]


class EditingPages:
    """The page and its interface.

    Args:
        pages: Templates and texts.
        edited: Gives the files.
    """

    def __init__(self, pages: DeskPages, edited: EditedFiles) -> None:
        self._pages, self._edited, self._exports = pages, edited, Exports()

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        api = "/api/files/{id}"
        reads: list[tuple[str, _Handler]] = [
            ("/look/{id}", self.page), (f"{api}/frame/{{n:int}}.jpg", self.frame), (f"{api}/state", self.state),
            (f"{api}/boxes", self.boxes),
            (f"{api}/pieces", self.pieces), (f"{api}/export", self.exported), (f"{api}/out/{{what}}", self.output),
        ]  # fmt: skip
        changes: list[tuple[str, _Handler]] = [
            (f"{api}/edits", self.edit), (f"{api}/undo", self.undo), (f"{api}/redo", self.redo),
            (f"{api}/follow", self.follow), (f"{api}/export", self.export),
        ]  # fmt: skip
        return [
            *(Route(path, self._of_file(run), methods=["GET"]) for path, run in reads),
            *(Route(path, self._of_file(run), methods=["POST"]) for path, run in changes),
        ]

    def _of_file(self, run: _Handler) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                return await run(request, await run_in_threadpool(self._edited, request.path_params["id"]))
            except LookupError:
                return self._pages.refused(request, "missing")
            except PasserbyError as exc:
                return refused(exc)

        return serve

    async def page(self, request: Request, file: EditedFile) -> Response:
        """The page."""
        return self._pages.render(request, "look.html", id=request.path_params["id"], name=file.name)

    async def frame(self, request: Request, file: EditedFile) -> Response:
        """One frame as JPEG, from memory to memory: nothing of it is written, and no answer of the desk is kept."""
        bare = request.query_params.get("of") == "original"
        jpeg = await run_in_threadpool(_jpeg, file, request.path_params["n"], asked_number(request, "w"), bare=bare)
        return Response(jpeg, media_type="image/jpeg")

    async def state(self, request: Request, file: EditedFile) -> Response:
        """What follows from all edits, and when each frame is shown."""
        del request
        return JSONResponse(await run_in_threadpool(_whole_state, file))

    async def boxes(self, request: Request, file: EditedFile) -> Response:
        """The boxes of some frames."""
        first = asked_number(request, "first") or 0
        last = asked_number(request, "last", first) or 0
        return JSONResponse({"boxes": dict(await run_in_threadpool(file.boxes, first, last))})

    async def pieces(self, request: Request, file: EditedFile) -> Response:
        """What may be the kept person's next piece."""
        track, frame = asked_number(request, "track") or 0, asked_number(request, "frame") or 0
        found = await run_in_threadpool(file.pieces, track, frame)
        return JSONResponse({"pieces": [dict(one) for one in found]})

    async def edit(self, request: Request, file: EditedFile) -> Response:
        """Make one edit: it is durable before this is answered."""
        row = await asked_object(request, "an edit", _MOST_BYTES)
        return JSONResponse(dict(await run_in_threadpool(file.edit, row, asked_number(request, "seen"))))

    async def undo(self, request: Request, file: EditedFile) -> Response:
        """Take the last edit back."""
        return JSONResponse(dict(await run_in_threadpool(file.undo, asked_number(request, "seen"))))

    async def redo(self, request: Request, file: EditedFile) -> Response:
        """Make the edit again that was taken back last."""
        return JSONResponse(dict(await run_in_threadpool(file.redo, asked_number(request, "seen"))))

    async def follow(self, request: Request, file: EditedFile) -> Response:
        """Follow a box, one line a frame as it is found; ends when the page ends the request."""
        asked = _asked_follow(await asked_object(request, "what is to be followed", _MOST_BYTES))
        stopped = threading.Event()
        steps = file.follow(asked.frame, asked.box, direction=asked.direction, stop=stopped.is_set)
        return StreamingResponse(_lines(steps, stopped), media_type="application/x-ndjson")

    async def export(self, request: Request, file: EditedFile) -> Response:
        """Begin an export."""
        number = request.path_params["id"]
        await run_in_threadpool(self._exports.begin, number, file, self._pages.words(request).language)
        return JSONResponse({"job": number})

    async def exported(self, request: Request, file: EditedFile) -> Response:
        """How far the export is, and what there is."""
        number = str(request.path_params["id"])
        told = self._exports.told(number)
        outputs = await run_in_threadpool(file.outputs)
        rows = [
            {"what": one.what, "name": one.path.name, "path": f"/api/files/{quote(number)}/out/{one.what}"}
            for one in outputs
        ]
        return JSONResponse(told | {"outputs": rows})

    async def output(self, request: Request, file: EditedFile) -> Response:
        """One of the files that an export wrote."""
        for one in await run_in_threadpool(file.outputs):
            if one.what == request.path_params["what"]:
                headers = _SHOWN if one.what in _PAGES else _PLAYED
                return FileResponse(
                    one.path, headers=headers, filename=one.path.name, content_disposition_type="inline"
                )
        raise LookupError(request.path_params["what"])


@dataclass(frozen=True, slots=True)
class _AskedFollow:
    frame: int
    box: tuple[float, float, float, float]
    direction: int


def _jpeg(file: EditedFile, index: int, width_px: int | None, *, bare: bool) -> bytes:
    server = file.original if bare else file.veiled
    if index >= len(server.times_s):
        raise LookupError(index)
    return server.jpeg(index, None if width_px is None else max(_LEAST_PX, width_px))


def _whole_state(file: EditedFile) -> dict[str, Any]:
    frames = file.veiled
    size = {"width": frames.width_px, "height": frames.height_px, "rotation": frames.rotation_deg}
    return dict(file.state()) | size | {"times_s": frames.times_s, "frames": len(frames.times_s)}


def _asked_follow(row: dict[str, Any]) -> _AskedFollow:
    given = Fields.of("what is to be followed", row, ("frame", "box", "direction"))
    direction = row.get("direction")
    if direction not in {1, -1}:
        raise UsageError(f"direction must be 1 or -1, got {direction!r}")
    return _AskedFollow(given.whole("frame"), given.box("box"), int(direction))


async def _lines(steps: Iterator[Row], stopped: threading.Event) -> AsyncIterator[bytes]:
    try:
        while (one := await run_in_threadpool(partial(next, steps, None))) is not None:
            yield json.dumps(dict(one)).encode() + b"\n"
    except PasserbyError as exc:
        yield json.dumps({"error": exc.message}).encode() + b"\n"
    finally:
        stopped.set()
