"""One pair of UDP ports for all readers that want UDP: RTP on the even one, RTCP on the next."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from typing import Any

from passerby.errors import ServiceError

_TRIES = 64


class _Reports(asyncio.DatagramProtocol):
    """Hears receiver reports: they show that a reader is alive."""

    def __init__(self, heard: Callable[[tuple[str, int]], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if len(data) >= 8 and data[0] >> 6 == 2:
            self._heard((str(addr[0]), addr[1]))

    def error_received(self, exc: Exception) -> None:
        # a reader that closed its port answers with ICMP; its session ends by timeout or TEARDOWN
        del exc


class UdpPorts:
    """The pair, bound. Made by ``bind``."""

    def __init__(self) -> None:
        self.ports = (0, 0)
        self.lost = 0
        self._sockets: tuple[socket.socket, ...] = ()
        self._transports: list[asyncio.DatagramTransport] = []
        self._listeners: dict[tuple[str, int], Callable[[], None]] = {}

    @classmethod
    async def bind(cls, host: str) -> UdpPorts:
        """Bind an even port and the next one.

        Raises:
            ServiceError: none of many tries found a free pair.
        """
        made = cls()
        loop = asyncio.get_running_loop()
        for _ in range(_TRIES):
            even = 20_000 + 2 * secrets.randbelow(20_000)
            try:
                rtp, rtcp = _socket(host, even), _socket(host, even + 1)
            except OSError:
                continue
            for one in (rtp, rtcp):
                transport, _ = await loop.create_datagram_endpoint(lambda: _Reports(made.heard), sock=one)
                made._transports.append(transport)
            made._sockets = (rtp, rtcp)
            made.ports = (even, even + 1)
            return made
        raise ServiceError("UDP for RTSP must find two free ports in a row, got none")

    def heard(self, address: tuple[str, int]) -> None:
        """Note a report from an address."""
        listener = self._listeners.get(address)
        if listener is not None:
            listener()

    def listen(self, address: tuple[str, int], listener: Callable[[], None]) -> None:
        """Call ``listener`` for each report from an address."""
        self._listeners[address] = listener

    def forget(self, address: tuple[str, int]) -> None:
        """Stop calling."""
        self._listeners.pop(address, None)

    def send(self, packet: bytes, address: tuple[str, int]) -> None:
        """Send RTP; what the system does not take at once is lost and counted, as UDP may."""
        self._put(0, packet, address)

    def report(self, packet: bytes, address: tuple[str, int]) -> None:
        """Send RTCP, in the same way."""
        self._put(1, packet, address)

    def _put(self, which: int, packet: bytes, address: tuple[str, int]) -> None:
        if not self._sockets:
            return
        try:
            # not by the transport, which would keep what the system refuses, without bound
            self._sockets[which].sendto(packet, address)
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Close both."""
        self._sockets = ()
        for transport in self._transports:
            transport.close()


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
