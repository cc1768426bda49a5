"""Serving pages in the foreground: the port is bound before anything is promised, and a signal to stop ends it in order."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from passerby.errors import ServiceError


class _PagesServer(uvicorn.Server):
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
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as exc:
        raise ServiceError(
            f"must be able to listen on {host}:{port}: {exc.strerror or exc}",
            hint="choose another --port or --host, or end what listens there",
        ) from exc


def server_config(app: Starlette) -> uvicorn.Config:
    """Return how an application is served: without a record of who asked, without trust in what a proxy says."""
    return uvicorn.Config(
        app, access_log=False, server_header=False, proxy_headers=False, log_level="warning", timeout_keep_alive=15,
        limit_concurrency=256, timeout_graceful_shutdown=5,
    )  # fmt: skip


def serve_app(app: Starlette, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM. Keeps no record of who asked."""
    _PagesServer(server_config(app)).run(sockets=[listener])
