"""A small MQTT 3.1.1 broker for the tests: retained messages, last wills, subscriptions with + and #, QoS 0 and 1."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field


@dataclass(eq=False)
class _Client:
    writer: asyncio.StreamWriter
    filters: list[str] = field(default_factory=list)
    will: tuple[str, bytes] | None = None
    name: str = ""


class SmallBroker:
    """The broker; ``messages`` holds every message that was published, in order. Where ``mute`` is set it answers none."""

    def __init__(self, password: str | None = None) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.retained: dict[str, bytes] = {}
        self.port = 0
        self.mute = False
        self._password = password
        self._clients: set[_Client] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go away without a word."""
        if self._server is not None:
            self._server.close()
        self.cut_off()
        await asyncio.sleep(0.05)

    def cut_off(self) -> None:
        """End every client's connection without a word."""
        for client in list(self._clients):
            client.writer.transport.abort()

    def topics(self, topic: str) -> list[str]:
        """Return what was published at a topic, as text."""
        return [payload.decode() for name, payload, _ in self.messages if name == topic]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish as the broker itself."""
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        packet = _packet(0x30, _text(topic) + payload)
        for client in self._clients:
            if any(_matches(one, topic) for one in client.filters):
                client.writer.write(packet)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(writer)
        polite = False
        try:
            while True:
                head = (await reader.readexactly(1))[0]
                body = await reader.readexactly(await _length(reader))
                kind = head >> 4
                if kind == 1:
                    if not self._connect(client, body):
                        return
                elif kind == 3:
                    self._published(client, head, body)
                elif kind == 8:
                    self._subscribe(client, body)
                elif kind == 12:
                    writer.write(b"\xd0\x00")
                elif kind == 14:
                    polite = True
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._clients.discard(client)
            if client.will is not None and not polite:
                self.messages.append((*client.will, True))
                self.publish(*client.will, retain=True)
            writer.close()

    def _connect(self, client: _Client, body: bytes) -> bool:
        flags, at = body[7], 10
        name, at = _read(body, at)
        client.name = name.decode()
        if flags & 4:
            topic, at = _read(body, at)
            payload, at = _read(body, at)
            client.will = (topic.decode(), payload)
        password = b""
        if flags & 0x80:
            _, at = _read(body, at)
        if flags & 0x40:
            password, at = _read(body, at)
        right = self._password is None or password.decode() == self._password
        client.writer.write(b"\x20\x02\x00" + (b"\x00" if right else b"\x05"))
        if right:
            for other in [other for other in self._clients if other.name == client.name]:
                # a second client of the same name ends the first: MQTT 3.1.1, section 3.1.4
                other.writer.transport.abort()
            self._clients.add(client)
        else:
            client.will = None
        return right

    def _published(self, client: _Client, head: int, body: bytes) -> None:
        topic, at = _read(body, 0)
        if head & 6:
            if not self.mute:
                client.writer.write(b"\x40\x02" + body[at : at + 2])
            at += 2
        name, payload, retain = topic.decode(), body[at:], bool(head & 1)
        self.messages.append((name, payload, retain))
        self.publish(name, payload, retain=retain)

    def _subscribe(self, client: _Client, body: bytes) -> None:
        name, _ = _read(body, 2)
        client.filters.append(name.decode())
        client.writer.write(_packet(0x90, body[:2] + b"\x00"))
        for topic, payload in self.retained.items():
            if _matches(name.decode(), topic):
                client.writer.write(_packet(0x31, _text(topic) + payload))

    @property
    def names(self) -> set[str]:
        """Return the names of the clients that are here."""
        return {client.name for client in self._clients}


def _matches(pattern: str, topic: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\+", "[^/]*").replace(r"\#", ".*"), topic) is not None


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _read(body: bytes, at: int) -> tuple[bytes, int]:
    length = int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : at + 2 + length], at + 2 + length


def _packet(head: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([head]) + length + body


async def _length(reader: asyncio.StreamReader) -> int:
    total, shift = 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        total |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return total
