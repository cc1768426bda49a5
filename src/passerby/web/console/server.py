"""Runs a gateway with its console until it is told to stop: SIGHUP reads the configuration anew, SIGTERM and SIGINT end it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn

from passerby.errors import PasserbyError, ServiceError
from passerby.gateway import Runtime
from passerby.web.console.app import app_of
from passerby.web.listening import shown_host
from passerby.web.register import LogFollower, SiteAddresses

_log = logging.getLogger("passerby.gateway")


class _ConsoleServer(uvicorn.Server):
    """Leaves signals to the gateway, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

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
        server = _ConsoleServer(_settings(runtime, follower, secure=secure, origin=origin))
        serving = asyncio.create_task(_serve(server))
        await _first(server.up, serving)
        if not server.started:
            raise ServiceError(
                f"console must be able to listen on {host}:{port}, cannot",
                hint="choose another server.port in city.yml",
            )
        bound = server.servers[0].sockets[0].getsockname()[1]
        ready(origin if runtime.city.server.url else origin.replace(f":{port}", f":{bound}"))
        await _first(stopping, serving)
        server.should_exit = True
        await serving
    finally:
        await runtime.stop()
        if follower is not None:
            follower.close()


async def _serve(server: uvicorn.Server) -> None:
    # uvicorn ends the process where it cannot bind; here that is an error like any other
    with contextlib.suppress(SystemExit):
        await server.serve()


async def _first(event: asyncio.Event, serving: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _follower(runtime: Runtime, origin: str) -> LogFollower:
    base = (runtime.city.server.url or origin).rstrip("/") + "/"
    return LogFollower(runtime.city.register.path, vkey=runtime.record.writer.vkey, addresses=SiteAddresses(base))


def _settings(runtime: Runtime, follower: LogFollower, *, secure: bool, origin: str) -> uvicorn.Config:
    return uvicorn.Config(
        app_of(runtime, follower, secure=secure, origin=origin),
        host=runtime.city.server.host,
        port=runtime.city.server.port,
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
        limit_concurrency=2000,
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
