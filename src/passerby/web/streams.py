"""The gateway's pictures over HTTP: live by WebSocket, HLS, snapshots, recordings. All from the veiled streams.

Who may see is decided by a guard that is handed in; there is no way around it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from passerby.errors import PasserbyError, ServiceError
from passerby.gateway import Event, EventKind, Gateway, ServedCamera, Shares, clip_between, recordings_between
from passerby.values import whole_number
from passerby.web.proxies import address_of
from passerby.web.refusals import refusal, refusal_of

Guard = Callable[[HTTPConnection, str], Awaitable[str]]
"""Returns the user who asks for a camera, or raises AccessError."""
Standing = Callable[[HTTPConnection, str], object]
"""Returns what stays the same as long as what let a user in does; None once the user may not watch any more."""
CHECK_S = 2.0
MAX_VIEWERS = 100
VIEW_AGAIN_S = 10
MAX_CLIP_S = 3600.0
NOTE_S = 60.0
_NOTED = 4096
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_FIRST_SEGMENT_S = 6.0


class Streams:
    """The routes of one gateway.

    Args:
        gateway: Whose cameras.
        guard: Who may see them.
        standing: Asked every two seconds about who watches live.
        views: Places of live views.
    """

    def __init__(self, gateway: Gateway, guard: Guard, standing: Standing, *, views: Shares | None = None) -> None:
        self._gateway, self._guard, self._standing = gateway, guard, standing
        self._views = views or Shares(MAX_VIEWERS)
        self._noted: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def routes(self) -> list[BaseRoute]:
        """Return the routes, to be mounted at the root."""
        return [
            WebSocketRoute("/live/{camera}", self.live),
            Route("/hls/{camera}/{file}", self.hls),
            Route("/api/cameras/{camera}/latest.jpg", self.latest),
            Route("/api/cameras/{camera}/recordings", self.recorded),
            Route("/api/cameras/{camera}/clip.mp4", self.clip),
        ]

    async def live(self, socket: WebSocket) -> None:
        """Send codec, initialisation segment and fragments until the viewer goes."""
        name = str(socket.path_params["camera"])
        try:
            user, camera = await self._admit(socket, name)
        except PasserbyError as exc:
            await socket.send_denial_response(refusal_of(exc, socket))
            return
        if camera is None:
            await socket.send_denial_response(_unknown(name))
            return
        if not self._views.take(user):
            await socket.send_denial_response(refusal(503, "too many live views are open", wait_s=VIEW_AGAIN_S))
            return
        try:
            await self._show(socket, name, user, camera)
        finally:
            self._views.give_back(user)

    async def _show(self, socket: WebSocket, name: str, user: str, camera: ServedCamera) -> None:
        await socket.accept()
        viewer = camera.live.join()
        self._tell(EventKind.READER_CAME, socket, name, user)
        leaving = [
            asyncio.create_task(_until_gone(socket, viewer.end)),
            asyncio.create_task(self._until_revoked(socket, user, viewer.cut)),
        ]
        try:
            async for item in viewer.messages():
                await (socket.send_text(item) if isinstance(item, str) else socket.send_bytes(item))
        except (WebSocketDisconnect, RuntimeError):
            # it went while we were sending
            viewer.end()
        finally:
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            self._tell(EventKind.READER_LEFT, socket, name, user)
            if socket.application_state is WebSocketState.CONNECTED and socket.client_state is WebSocketState.CONNECTED:
                await socket.close(1001)

    async def _until_revoked(self, socket: WebSocket, user: str, cut: Callable[[], None]) -> None:
        first = self._standing(socket, user)
        while first is not None and self._standing(socket, user) == first:  # noqa: ASYNC110 - other processes change accounts
            await asyncio.sleep(CHECK_S)
        cut()

    async def hls(self, request: Request) -> Response:
        """Return the playlist, or a segment."""
        name, file = str(request.path_params["camera"]), str(request.path_params["file"])
        camera = await self._camera(request, name, "hls")
        if isinstance(camera, Response):
            return camera
        if file != "index.m3u8":
            data = camera.hls.file(file)
            return (
                Response(data, media_type="video/mp4", headers=_NO_STORE) if data else refusal(404, "no such segment")
            )
        end = time.monotonic() + _FIRST_SEGMENT_S
        while (playlist := camera.hls.playlist()) is None:
            if time.monotonic() > end:
                return refusal(503, "no segment yet", wait_s=2)
            await asyncio.sleep(0.2)
        return Response(playlist, media_type="application/vnd.apple.mpegurl", headers=_NO_STORE)

    async def latest(self, request: Request) -> Response:
        """Return the newest key frame as JPEG; ``h`` scales it down."""
        name = str(request.path_params["camera"])
        camera = await self._camera(request, name, "snapshot")
        if isinstance(camera, Response):
            return camera
        height_px = whole_number(request.query_params.get("h", "0"), 99_999)
        if height_px is None:
            return refusal(400, "h must be a height in pixels")
        try:
            data = await self._gateway.snapshot(name, height_px=height_px)
        except ServiceError as exc:
            return refusal(503, exc.message, wait_s=2)
        return Response(data, media_type="image/jpeg", headers=_NO_STORE)

    async def recorded(self, request: Request) -> Response:
        """Return which spans of time are recorded, between ``from`` and ``to`` in seconds since 1970."""
        asked = await self._span(request)
        if isinstance(asked, Response):
            return asked
        camera, start_ns, end_ns = asked
        record = camera.config.record
        found = (
            await asyncio.to_thread(recordings_between, record.folder / camera.config.name, start_ns, end_ns)
            if record.enabled
            else []
        )
        spans = [{"from": one.began_ns / 1e9, "to": one.ended_ns / 1e9, "bytes": one.size_bytes} for one in found]
        whole = [
            {"from": span.began_ns / 1e9, "to": span.ended_ns / 1e9, "reason": span.reason}
            for one in found
            for span in one.whole
        ]
        return JSONResponse({"recordings": spans, "covered_whole": whole}, headers=_NO_STORE)

    async def clip(self, request: Request) -> Response:
        """Return what was recorded between ``from`` and ``to``, at most an hour, as one MP4."""
        asked = await self._span(request)
        if isinstance(asked, Response):
            return asked
        camera, start_ns, end_ns = asked
        record = camera.config.record
        if not record.enabled:
            return refusal(404, "this camera is not recorded")
        if end_ns - start_ns > MAX_CLIP_S * 1e9:
            return refusal(400, f"a clip must be at most {MAX_CLIP_S:g} s long")
        pieces = clip_between(record.folder / camera.config.name, start_ns, end_ns)
        first = await asyncio.to_thread(next, pieces, None)
        if first is None:
            return refusal(404, "nothing was recorded in that time")
        return StreamingResponse(_rest(first, pieces), media_type="video/mp4", headers=_NO_STORE)

    async def _span(self, request: Request) -> Response | tuple[ServedCamera, int, int]:
        name = str(request.path_params["camera"])
        camera = await self._camera(request, name, "recording")
        if isinstance(camera, Response):
            return camera
        try:
            start, end = (float(request.query_params[key]) for key in ("from", "to"))
        except (KeyError, ValueError):
            return refusal(400, "from and to must be seconds since 1970")
        if not 0 <= start < end < 2**33:
            return refusal(400, "from must be before to")
        return camera, int(start * 1e9), int(end * 1e9)

    async def _camera(self, connection: HTTPConnection, name: str, what: str) -> Response | ServedCamera:
        try:
            user, camera = await self._admit(connection, name)
        except PasserbyError as exc:
            return refusal_of(exc, connection)
        if camera is None:
            return _unknown(name)
        self._note(connection, name, user, what)
        return camera

    async def _admit(self, connection: HTTPConnection, name: str) -> tuple[str, ServedCamera | None]:
        return await self._guard(connection, name), self._gateway.cameras.get(name)

    def _note(self, connection: HTTPConnection, name: str, user: str, what: str) -> None:
        """Tell that somebody looks in pieces (segments, snapshots): once a minute for each who, what and where from."""
        address = address_of(connection)
        key, now_s = (user, address, name, what), time.monotonic()
        if now_s - self._noted.get(key, -NOTE_S) < NOTE_S:
            return
        self._noted.pop(key, None)
        self._noted[key] = now_s
        while len(self._noted) > _NOTED:
            self._noted.popitem(last=False)
        self._tell(EventKind.READER_CAME, connection, name, user, what)

    def _tell(self, kind: EventKind, connection: HTTPConnection, name: str, user: str, what: str = "browser") -> None:
        address = address_of(connection)
        self._gateway.tell(Event(kind, name, time.time_ns(), detail=what, user=user, address=address))


async def _until_gone(socket: WebSocket, end: Callable[[], None]) -> None:
    """Take what a viewer sends, which means nothing, until it goes."""
    try:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    except RuntimeError:
        # already closed
        pass
    end()


async def _rest(first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _unknown(name: str) -> Response:
    return refusal(404, f"camera must be one that runs, got {name[:64]!r}")
