"""A gateway that runs in a bench's own process, with the web server's live views beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from gateway_clients import GATE
from passerby.gateway.config import CameraConfig, RtspConfig, SelfTestConfig
from passerby.gateway.service import Gateway
from passerby.web.streams import Streams


def gateway(cameras: list[CameraConfig]) -> Gateway:
    """Return a gateway that lets in who the benches' clients are."""
    return Gateway(cameras, RtspConfig(port=0), GATE, SelfTestConfig(interval_s=60.0))


async def veiled(running: Gateway, timeout_s: float = 90.0) -> float:
    """Wait until every camera shows veiled pictures; return how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < timeout_s:
        if all(camera.relay.whole is None and camera.relay.slate is None for camera in running.cameras.values()):
            break
        await asyncio.sleep(0.01)
    return time.monotonic() - began


@asynccontextmanager
async def served(running: Gateway) -> AsyncIterator[int]:
    """Start a gateway and its live views, and wait until its cameras are veiled; gives the HTTP port. Ends both."""
    await running.start()

    async def guard(_connection: HTTPConnection, _camera: str) -> str:
        return "bench"

    app = Starlette(routes=Streams(running, guard, lambda *_: "bench").routes())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="websockets-sansio"))
    serving = asyncio.create_task(server.serve())
    try:
        await veiled(running)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        await running.stop()
