"""The console's server: pages, API, pictures, metrics, health; and the citizen's pages of the same register beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from passerby.errors import AccessError, PasserbyError, ServiceError
from passerby.gateway import RateLimit, Right, Runtime, Shares, TooManyError, metrics_exposition, same_token
from passerby.web.console.api import Api, Operation, answer, refusal
from passerby.web.console.guard import HEADERS, SAFE, Guard, cookie_of
from passerby.web.console.openapi import openapi_of
from passerby.web.console.pages import ConsolePages
from passerby.web.console.sign_on import SignOnPages
from passerby.web.proxies import BehindProxies, address_of, networks_of, proxy_hint, root_of
from passerby.web.refusals import refusal_of
from passerby.web.register import LogFollower, register_app
from passerby.web.streams import Streams

STATIC = Path(__file__).parent.parent / "static"
_HEALTH = frozenset({"/healthz", "/readyz"})
_RECORDED = ("/recordings", "/clip.mp4")


def app_of(
    runtime: Runtime, follower: LogFollower | None, *, secure: bool, origin: str, strangers: RateLimit | None = None
) -> Starlette:
    """Return the server as an application.

    Args:
        runtime: The gateway.
        follower: Its register, for the citizen's pages; None leads to where the shared register's pages are.
        secure: Whether it is served over TLS.
        origin: Where it is served, for the API's description.
        strangers: How often an address may ask without saying who it is; left out: 500 times at once, 100 a second.
    """
    site = _Site(runtime, origin=origin)
    routes = site.routes()
    if follower is not None:
        routes.append(Mount("/", app=register_app(follower)))
    else:
        pages = f"https://{runtime.city.register.origin}/"
        routes.append(Route("/", lambda _: RedirectResponse("console/", 303, HEADERS)))
        routes.append(
            Route("/c/{rest:path}", lambda asked: RedirectResponse(f"{pages}{asked.url.path[1:]}", 303, HEADERS))
        )
    app = Starlette(routes=routes)
    app.add_middleware(_Paced, guard=site.guard, limit=strangers or RateLimit(500, 100))
    if secure:
        app.add_middleware(_Strict)
    app.add_middleware(BehindProxies, trusted=networks_of(runtime.city.server.trusted_proxies))
    return app


class _Paced:
    """Slows down an address that asks too often without having said who it is: each page costs time that others wait for."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], guard: Guard, limit: RateLimit) -> None:
        self._app, self._guard, self._limit = app, guard, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _HEALTH:
            asked = HTTPConnection(scope)
            address = address_of(asked)
            if not self._guard.is_proven(asked) and not self._limit.allow(address):
                exc = TooManyError(self._limit.wait_s(address))
                await refusal_of(exc, asked, headers=HEADERS)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Strict:
    """Tells browsers to come over TLS only from now on."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"strict-transport-security", b"max-age=31536000")]
            await send(message)

        await self._app(scope, receive, strict)


class _Site:
    def __init__(self, runtime: Runtime, *, origin: str) -> None:
        self.runtime, self.origin = runtime, origin
        self.guard = Guard(runtime)
        self.api = Api(runtime, self.guard)
        self.pages = ConsolePages(runtime, self.guard, self.api)
        self.streams = Streams(runtime.gateway, self.stream_guard, self.standing, views=Shares(runtime.places.views))
        self.metrics = metrics_exposition(runtime.metrics)

    def routes(self) -> list[BaseRoute]:
        made: list[BaseRoute] = [
            Mount("/console/static", StaticFiles(directory=STATIC / "console")),
            Mount("/console/live", StaticFiles(directory=STATIC / "gateway")),
            *self.pages.routes(),
            *SignOnPages(runtime=self.runtime, guard=self.guard, pages=self.pages).routes(),
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/openapi.json", self.openapi),
            Route("/metrics", self.scrape),
            Route("/api/metrics", self.scrape),
        ]
        made += [
            Route(one.path, self.guarded(one), methods=[one.method])
            for one in self.api.operations()
            if one.handler is not None
        ]
        made += self.streams.routes()
        made += [Route("/console", lambda request: RedirectResponse(root_of(request) + "/console/", 308, HEADERS))]
        made += [Route("/api/{rest:path}", _nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
        return made

    def guarded(self, one: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                caller = await self.guard.caller(request)
                if one.right is not None:
                    self.guard.require(caller, one.right)
                if request.method not in SAFE:
                    self.guard.unforged(request, caller, request.headers.get("x-csrf-token"))
                return await one.handler(request, caller) if one.handler else refusal(404, "there is no such thing")
            except PasserbyError as exc:
                return refusal_of(exc, request, headers=HEADERS)

        return serve

    async def stream_guard(self, connection: HTTPConnection, camera: str) -> str:
        """Admit somebody to a camera's pictures, and note who it is."""
        path = connection.url.path
        caller = await self.guard.caller(connection)
        self.guard.require(caller, Right.RECORDINGS if path.endswith(_RECORDED) else Right.WATCH)
        if connection.scope["type"] == "websocket":
            if not self.guard.same_origin(connection):
                raise AccessError("this request came from another site's page", hint=proxy_hint(connection))
            return caller.name  # the stream tells when it begins and ends
        words = {"clip.mp4": "recording", "latest.jpg": "snapshot", "recordings": "recordings"}
        word = words.get(path.rpartition("/")[2], "watch")
        detail = connection.url.query[:80] if word == "recording" else "hls" if word == "watch" else ""
        once_s = 0.0 if word == "recording" else 60.0
        self.runtime.access.add(
            word, user=caller.name, address=caller.address, camera=camera, detail=detail, once_s=once_s
        )
        return caller.name

    def standing(self, connection: HTTPConnection, user: str) -> object:
        """Return what stays the same as long as a viewer's account and login do; None once it may not watch any more."""
        token = connection.cookies.get(cookie_of(connection).name)
        session = self.guard.sessions.find(token)
        if session is not None and session.account is not None:
            return session if session.account.may(Right.WATCH) else None
        try:
            account = self.runtime.accounts.find(user)
            return (self.guard.standing(user), session) if account is not None and account.may(Right.WATCH) else None
        except ServiceError:
            # what cannot be read allows nothing
            return None

    async def healthz(self, request: Request) -> Response:
        """Alive: the event loop answers."""
        del request
        return answer({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Ready: every camera shows a picture, the register can be written, no alarm."""
        del request
        why = self.runtime.not_ready()
        return answer({"status": "ready" if not why else "not ready", "why": why}, 503 if why else 200)

    async def openapi(self, request: Request) -> Response:
        """The API's description."""
        del request
        return answer(openapi_of([*self.api.operations(), *self.open_operations()], origin=self.origin))

    def open_operations(self) -> list[Operation]:
        """Return what is served besides the API's own table, for its description."""
        return [
            Operation("GET", "/healthz", "Alive", None),
            Operation("GET", "/readyz", "Ready: 503 with the reasons where it is not", None),
            Operation("GET", "/openapi.json", "This description", None),
            Operation("GET", "/metrics", "Prometheus", Right.STATE, answers="text/plain"),
            Operation("GET", "/api/metrics", "Prometheus, where Frigate has it", Right.STATE, answers="text/plain"),
        ]

    async def scrape(self, request: Request) -> Response:
        """Metrics, for the scraper's token or any account."""
        token = self.runtime.city.metrics.token
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if not (token is not None and scheme.lower() == "bearer" and same_token(given.strip(), token)):
            try:
                self.guard.require(await self.guard.caller(request), Right.STATE)
            except PasserbyError as exc:
                return refusal_of(exc, request, headers=HEADERS)
        return Response(self.metrics(), 200, HEADERS, "text/plain; version=0.0.4; charset=utf-8")


async def _nothing(request: Request) -> Response:
    del request
    return refusal(404, "there is no such thing", hint="/openapi.json lists what there is")
