"""Runs a gateway with its console until it is told to stop: SIGHUP reads the configuration anew, SIGTERM and SIGINT end it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator

import uvicorn

from passerby.errors import PasserbyError
from passerby.gateway import Runtime, listen_on
from passerby.web.console.app import app_of
from passerby.web.listening import DoorServer, VisitorProtocol, shown_host
from passerby.web.register import LogFollower, SiteAddresses

_log = logging.getLogger("passerby.gateway")


class _ConsoleServer(DoorServer):
    """Leaves signals to the gateway."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_console(runtime: Runtime, ready: Callable[[str], None], stopping: asyncio.Event | None = None) -> None:
    """Serve until a signal comes, or ``stopping`` is set.

    Args:
        runtime: The gateway, not yet started.
        ready: Called with the console's address once it answers.
        stopping: Set by others, for tests.

    Raises:
        ServiceError: a port cannot be bound.
    """
    stopping = stopping or asyncio.Event()
    _on_signals(runtime, stopping)
    await runtime.start()
    follower: LogFollower | None = None
    try:
        host, port = runtime.city.server.host, runtime.city.server.port
        secure = runtime.city.server.beyond
        origin = f"{'https' if secure else 'http'}://{shown_host(host)}:{port}"
        origin = (runtime.city.server.url or origin).rstrip("/")
        follower = await asyncio.to_thread(_follower, runtime, origin)
        listener = listen_on(host, port, hint="choose another server.port in city.yml")
        bound = listener.getsockname()[1]
        settings = _settings(runtime, follower, secure=secure, origin=origin)
        server = _ConsoleServer(settings, most=runtime.places.http)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await _first(server.up, serving)
        ready(origin if runtime.city.server.url else origin.replace(f":{port}", f":{bound}"))
        await _first(stopping, serving)
        server.should_exit = True
        await serving
    finally:
        await runtime.stop()
        if follower is not None:
            follower.close()


async def _first(event: asyncio.Event, serving: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _follower(runtime: Runtime, origin: str) -> LogFollower | None:
    """The register's pages; none where the log is elsewhere, and its pages with it."""
    if runtime.city.register.address is not None:
        return None
    base = (runtime.city.server.url or origin).rstrip("/") + "/"
    return LogFollower(runtime.city.register.path, vkey=runtime.record.writer.vkey, addresses=SiteAddresses(base))


def _settings(runtime: Runtime, follower: LogFollower | None, *, secure: bool, origin: str) -> uvicorn.Config:
    return uvicorn.Config(
        app_of(runtime, follower, secure=secure, origin=origin),
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        log_config=None,
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=4096,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=2,
        http=VisitorProtocol,
        ssl_certfile=str(runtime.tls.certificate) if secure else None,
        ssl_keyfile=str(runtime.tls.key) if secure else None,
    )


def _on_signals(runtime: Runtime, stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(_reload(runtime))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    if sys.platform == "win32":
        return
    with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread: in a test
        loop.add_signal_handler(signal.SIGHUP, reload)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)


async def _reload(runtime: Runtime) -> None:
    with contextlib.suppress(PasserbyError):  # said in the log and on the console
        await runtime.reload()
