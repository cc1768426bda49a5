"""The RTSP server: RFC 2326 over TCP and TLS, media interleaved or over UDP. Readers only: nothing can be published to it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable

from passerby.errors import ServiceError
from passerby.gateway.config import RtspConfig
from passerby.gateway.entrance import Admission, Doorway, Shares, Visit, listen_on
from passerby.gateway.rtsp.auth import Gate
from passerby.gateway.rtsp.broadcast import Broadcast, Stream
from passerby.gateway.rtsp.connection import LOGIN_S, Connection
from passerby.gateway.rtsp.udp import UdpPorts
from passerby.gateway.states import Event

SWEEP_S = 2.0
Find = Callable[[str], Stream | None]
Tell = Callable[[Event], None]


class RtspServer:
    """Serves cameras by name: ``rtsp://host:port/NAME``.

    Args:
        config: Addresses and bounds.
        find: Returns the stream of a name.
        gate: Who may read.
        tell: Takes events: readers that came and left, refusals.
        sweep_s: How often connections are looked at: whether they live, and whether their account does.
    """

    def __init__(self, config: RtspConfig, find: Find, gate: Gate, tell: Tell, *, sweep_s: float = SWEEP_S) -> None:
        self.config, self.gate, self.tell = config, gate, tell
        self.udp: UdpPorts | None = None
        self._find, self._sweep_s = find, sweep_s
        self._broadcasts: dict[str, Broadcast] = {}
        self._connections: set[Connection] = set()
        self.admission = Admission(config.max_connections, LOGIN_S)
        self.shares = Shares(min(config.max_readers, config.max_connections * 3 // 4))
        self._doors: list[Doorway] = []
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Return the port that is really bound."""
        return self._doors[0].port if self._doors else self.config.port

    @property
    def tls_port(self) -> int | None:
        """Return the port that is really bound for RTSPS, or None."""
        return self._doors[1].port if len(self._doors) > 1 else None

    async def start(self) -> None:
        """Bind and serve.

        Raises:
            ServiceError: an address cannot be bound, or the certificate does not load.
        """
        config = self.config
        try:
            self._open(config.plain_host, config.port, None)
            if config.certificate is not None:
                self._open(config.host, config.tls_port, self._context())
            if config.udp:
                self.udp = await UdpPorts.bind(config.plain_host)
        except ServiceError:
            await self.stop()
            raise
        self._sweeper = asyncio.create_task(self._sweep(), name="rtsp-sweep")

    def _open(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        listener = listen_on(host, port, hint="choose another port for rtsp in the configuration")
        door = Doorway(listener, self.admission, self._protocol, tls=tls)
        self._doors.append(door)
        door.open()

    def _protocol(self, visit: Visit) -> asyncio.Protocol:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, visit)

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), serve)

    def _context(self) -> ssl.SSLContext:
        if self.config.certificate is None:
            raise ServiceError("RTSPS must have a certificate, got none")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.config.certificate, self.config.key)
        except (OSError, ssl.SSLError) as exc:
            raise ServiceError(f"certificate for RTSPS must load, got {exc}") from exc
        return context

    async def stop(self) -> None:
        """End every session and close every port."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None
        for door in self._doors:
            door.close()
        for connection in list(self._connections):
            connection.close()
        for door in self._doors:
            await door.wait_closed()
        self._doors.clear()
        if self.udp is not None:
            self.udp.close()
            self.udp = None

    def broadcast(self, camera: str) -> Broadcast | None:
        """Return a camera's packets, or None for a name that is not served."""
        stream = self._find(camera)
        if stream is None:
            self._broadcasts.pop(camera, None)
            return None
        found = self._broadcasts.get(camera)
        if found is None or found.stream is not stream:
            found = self._broadcasts[camera] = Broadcast(stream)
        return found

    def readers(self, camera: str) -> int:
        """Return how many read a camera now."""
        found = self._broadcasts.get(camera)
        return found.readers if found else 0

    def drop_camera(self, camera: str) -> None:
        """End every session of a camera that is no longer served."""
        self._broadcasts.pop(camera, None)
        for connection in list(self._connections):
            connection.drop_camera(camera)

    @property
    def sessions(self) -> int:
        """Return the number of sessions, over all cameras."""
        return self.shares.taken

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, visit: Visit) -> None:
        connection = Connection(self, writer, visit)
        self._connections.add(connection)
        try:
            await connection.run(reader)
        finally:
            self._connections.discard(connection)
            connection.close()
            self.admission.leave(visit)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(self._sweep_s, self.config.session_timeout_s / 4))
            for connection in list(self._connections):
                connection.sweep()
