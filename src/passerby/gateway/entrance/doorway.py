"""One listening socket: takes connections as the admission lets them in, and bounds what each may owe in time.

Our own and not ``loop.create_server``, because that one has no say in who is let in, holds handshakes of TLS that nobody
counts, and leaves its port deaf for a second where descriptors are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable

from passerby.errors import ServiceError
from passerby.gateway.entrance.admission import Admission, Visit

SWEEP_S = 1.0
HANDSHAKE_S = 10.0
_AGAIN_S = 0.02
_BACKLOG = 2048
_log = logging.getLogger("passerby.gateway.entrance")


def listen_on(host: str, port: int, *, hint: str) -> socket.socket:
    """Take a TCP port; 0 takes any that is free.

    Args:
        host: Address.
        port: Number.
        hint: What to do where it cannot be had.

    Raises:
        ServiceError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as exc:
        raise ServiceError(f"must be able to listen on {host}:{port}: {exc.strerror or exc}", hint=hint) from exc


class Doorway:
    """One port, open from ``open`` to ``close``.

    Args:
        listener: Bound and listening.
        admission: Who is let in.
        protocol: Makes the protocol of a visit; it tells the admission what the visitor owes, and that it left.
        tls: Of a port with TLS.
    """

    def __init__(
        self,
        listener: socket.socket,
        admission: Admission,
        protocol: Callable[[Visit], asyncio.Protocol],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.sockets = (listener,)
        self.admission = admission
        self._listener, self._protocol, self._tls = listener, protocol, tls
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Return the port that is really bound."""
        return int(self._listener.getsockname()[1])

    def open(self) -> None:
        """Begin to take connections."""
        self._listener.setblocking(False)
        for work, name in ((self._accept(), "doorway"), (self._sweep(), "doorway-sweep")):
            self._keep(asyncio.create_task(work, name=name))

    def close(self) -> None:
        """Take no more. Those that are in stay."""
        for task in self._tasks:
            task.cancel()
        self._listener.close()

    async def wait_closed(self) -> None:
        """Wait until nothing is under way any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # where many wait, taking one after the other would never end, and those who are in would not be heard
            await asyncio.sleep(_AGAIN_S if self.admission.crowded() else 0)
            if self.admission.crowded():
                continue
            try:
                peer, address = await loop.sock_accept(self._listener)
            except ConnectionError:
                continue
            except OSError as exc:
                # no descriptor is left: somebody makes place, and whoever waits is taken next
                _log.warning("a connection cannot be taken: %s", exc.strerror or exc)
                self.admission.make_place()
                await asyncio.sleep(_AGAIN_S)
                continue
            # who comes over a Unix socket has no address
            self._welcome(peer, str(address[0]) if address else "local")

    def _welcome(self, peer: socket.socket, address: str) -> None:
        opened: list[asyncio.BaseTransport] = []
        opening: list[asyncio.Task[None]] = []

        def end() -> None:
            if opened and isinstance(opened[0], asyncio.Transport):
                opened[0].abort()
            else:
                opening[0].cancel()

        visit = self.admission.enter(address, end)
        if visit is None:
            peer.close()
            return

        def after(_: asyncio.Task[None]) -> None:
            # it went, or made place, before it had said who it is
            if not opened or opened[0].is_closing():
                self.admission.leave(visit)
            if not opened:
                peer.close()

        opening.append(asyncio.create_task(self._open(visit, peer, opened), name="doorway-open"))
        self._keep(opening[0])
        opening[0].add_done_callback(after)

    async def _open(self, visit: Visit, peer: socket.socket, opened: list[asyncio.BaseTransport]) -> None:
        wait_s = HANDSHAKE_S if self._tls is not None else None
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, TimeoutError):
            transport, _ = await loop.connect_accepted_socket(
                lambda: self._protocol(visit), peer, ssl=self._tls, ssl_handshake_timeout=wait_s
            )
            opened.append(transport)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            with contextlib.suppress(OSError):
                self.admission.sweep()
