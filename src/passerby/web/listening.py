"""Serving pages: the port is bound before anything is promised, and nobody holds it from others by saying half a request."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from passerby.errors import ServiceError
from passerby.gateway import Admission, Doorway, Visit, connection_places, listen_on

if TYPE_CHECKING:
    import h11


HEAD_S = 10.0
"""A stranger's whole request must be there by then, and each next one so long after the answer."""
MOST = 2000
KNOWN = "passerby.known"
"""Of a request's scope: takes the account that asks, once it is known."""


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    # uvicorn 0.54 takes each live view that is refused with a status for a failure of ours
    return record.msg != "ASGI callable returned without completing handshake."


class VisitorProtocol(H11Protocol):
    """HTTP/1.1 on a visit: tells the admission what the visitor owes.

    Args:
        visit: That the admission let in.
        admission: Of the door.
        rest: As uvicorn gives it.
    """

    def __init__(self, visit: Visit, admission: Admission, **rest: Any) -> None:  # noqa: ANN401  # uvicorn's own
        super().__init__(**rest)
        self._visit, self._admission = visit, admission
        self._stage = "head"

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        super().data_received(data)
        # the request's task begins after this
        scope = cast("dict[str, object] | None", self.scope)
        if scope is not None:
            scope[KNOWN] = self._known
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the door: live views have places of their own."""
        self._admission.leave(self._visit)
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave."""
        self._admission.leave(self._visit)
        super().connection_lost(exc)

    def _known(self, account: str) -> None:
        self._admission.state(self._visit, owes=self._visit.owes, holder=f"account {account}")

    def _look(self) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        stage = "head" if cycle is None or cycle.response_complete else "body" if cycle.more_body else "answer"
        if stage != self._stage:
            self._stage = stage
            self._admission.state(self._visit, owes=stage != "answer")


class DoorServer(uvicorn.Server):
    """A server of which every connection comes through a doorway.

    Args:
        config: As ``server_config`` makes it.
        most: Connections at once.
    """

    def __init__(self, config: uvicorn.Config, *, most: int = MOST) -> None:
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)
        self.admission = Admission(most, HEAD_S)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors of sockets that are bound already."""
        await self.lifespan.startup()
        doors = [Doorway(one, self.admission, self._protocol, tls=self.config.ssl) for one in sockets or ()]
        self.servers = doors  # type: ignore[assignment]  # closed and waited for as servers are
        for door in doors:
            door.open()
        self.started = True
        self.up.set()

    def _protocol(self, visit: Visit) -> VisitorProtocol:
        made = self.config.http_protocol_class(  # type: ignore[call-arg]  # a VisitorProtocol, by the configuration
            visit=visit, admission=self.admission, config=self.config, server_state=self.server_state,
            app_state=self.lifespan.state,
        )  # fmt: skip
        return cast("VisitorProtocol", made)


class _PagesServer(DoorServer):
    """Serves until it is told to stop; ``ready`` is called when it can be reached, and stopped in order."""

    ready: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.ready is not None:
            self.ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and do not raise them again: what comes after serving has to run."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def shown_host(host: str) -> str:
    """Return what stands in an address for a host that is listened on: this machine's name where that is all of them.

    >>> shown_host("192.0.2.1"), shown_host("2001:db8::1")
    ('192.0.2.1', '[2001:db8::1]')
    """
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def bind_port(host: str, port: int) -> socket.socket:
    """Take a TCP port; 0 takes any that is free.

    Raises:
        ServiceError: it cannot be had.
    """
    return listen_on(host, port, hint="choose another --port or --host, or end what listens there")


def bind_path(path: Path) -> socket.socket:
    """Take a Unix socket, for this user and group; one that a process left behind is replaced.

    Raises:
        ServiceError: it cannot be had.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket():
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(2048)
    except OSError as exc:
        listener.close()
        raise ServiceError(
            f"must be able to listen on {path}: {exc.strerror or exc}", hint="its folder must exist, its path be short"
        ) from exc
    return listener


def server_config(app: Starlette, *, tls: tuple[Path, Path] | None = None) -> uvicorn.Config:
    """Return how an application is served: without a record of who asked, without trust in what a proxy says.

    Args:
        app: The application.
        tls: PEM chain and key; None serves without TLS.
    """
    certificate, key = tls or (None, None)
    return uvicorn.Config(
        app, access_log=False, server_header=False, proxy_headers=False, log_level="warning", timeout_keep_alive=15,
        timeout_graceful_shutdown=5, http=VisitorProtocol, ws="websockets-sansio", lifespan="off",
        ssl_certfile=certificate, ssl_keyfile=key,
    )  # fmt: skip


def serve_app(
    app: Starlette,
    listener: socket.socket,
    *,
    tls: tuple[Path, Path] | None = None,
    most: int = MOST,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. Keeps no record of who asked.

    Args:
        app: The application.
        listener: As ``bind_port`` or ``bind_path`` gives it.
        tls: PEM chain and key; None serves without TLS.
        most: Connections at once.
        ready: Called once it can be reached, and stopped in order.

    Raises:
        ServiceError: certificate and key cannot be used.
    """
    server = _PagesServer(server_config(app, tls=tls), most=min(most, connection_places(0)))
    server.ready = ready
    try:
        server.config.load()
    except (OSError, ssl.SSLError) as exc:
        raise ServiceError(f"certificate and key must be a PEM pair that can be read, got {exc}") from exc
    server.run(sockets=[listener])
