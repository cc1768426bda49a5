"""One client's RTSP connection: its requests, its answers, its sessions."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Protocol

from passerby.errors import ServiceError
from passerby.gateway.config import RtspConfig
from passerby.gateway.entrance import Admission, Shares, TooManyError, Visit
from passerby.gateway.rtsp.auth import Gate
from passerby.gateway.rtsp.broadcast import Broadcast, Burst, RtspSession, Stream
from passerby.gateway.rtsp.message import (
    TRACK,
    Interleaved,
    RequestReader,
    RtspRequest,
    Transport,
    camera_of,
    encode_response,
    transports,
)
from passerby.gateway.rtsp.rtp import PAYLOAD_TYPE, goodbye
from passerby.gateway.rtsp.udp import UdpPorts
from passerby.gateway.states import Event, EventKind

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_FIRST_PICTURE_S = 5.0
_IDLE_S = 120.0
LOGIN_S = 30.0
"""Who has not said by then who it is, however slowly it speaks, makes room."""
_GUESSES = 5
"""Wrong proofs on one connection, before it ends."""
_HASTY_S = 2.0
"""After so long a wrong proof is answered, where many came from there."""
Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]


class ConnectionOwner(Protocol):
    """What a connection needs of the server that it belongs to."""

    config: RtspConfig
    gate: Gate
    admission: Admission
    shares: Shares
    tell: Callable[[Event], None]
    udp: UdpPorts | None

    def broadcast(self, camera: str) -> Broadcast | None:
        """Return a camera's packets, or None for a name that is not served."""
        ...


class TcpSink:
    """Sends on the RTSP connection itself."""

    def __init__(self, writer: asyncio.StreamWriter, channels: tuple[int, int], drop: Callable[[str], None]) -> None:
        self._writer, self._channels, self._drop = writer, channels, drop

    def waiting_bytes(self) -> int:
        """Return how much has not been sent."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, burst: Burst) -> None:
        """Send without waiting."""
        if not self._writer.is_closing():
            self._writer.write(burst.on_channel(self._channels[0]))

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet without waiting."""
        if not self._writer.is_closing():
            self._writer.write(bytes([0x24, self._channels[1]]) + len(packet).to_bytes(2, "big") + packet)

    def drop(self, why: str) -> None:
        """End the reader."""
        self._drop(why)


class UdpSink:
    """Sends to a client's UDP ports."""

    def __init__(self, ports: UdpPorts, host: str, client: tuple[int, int], drop: Callable[[str], None]) -> None:
        self._ports, self._drop = ports, drop
        self._rtp, self.rtcp = (host, client[0]), (host, client[1])

    def waiting_bytes(self) -> int:
        """Return 0: what cannot be sent at once is lost."""
        return 0

    def send(self, burst: Burst) -> None:
        """Send without waiting."""
        for packet in burst.packets:
            self._ports.send(packet, self._rtp)

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet without waiting."""
        self._ports.report(packet, self.rtcp)

    def drop(self, why: str) -> None:
        """End the reader."""
        self._drop(why)


class Connection:
    """One client.

    Args:
        server: That it belongs to.
        writer: To the client.
        visit: Of the client.
    """

    def __init__(self, server: ConnectionOwner, writer: asyncio.StreamWriter, visit: Visit) -> None:
        self.sessions: dict[str, RtspSession] = {}
        self._server, self._writer = server, writer
        self._visit, self._wrong = visit, 0
        self._user: str | None = None
        self._standing: dict[str, object] = {}
        peer = writer.get_extra_info("peername") or ("", 0)
        self.address = str(peer[0])
        self._secure = writer.get_extra_info("ssl_object") is not None

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Answer requests until the client goes."""
        requests = RequestReader()
        while not self._writer.is_closing():
            try:
                async with asyncio.timeout(None if self.sessions else _IDLE_S):
                    data = await reader.read(16 * 1024)
            except (OSError, TimeoutError):
                return
            if not data:
                return
            try:
                for found in requests.feed(data):
                    if isinstance(found, Interleaved):
                        self._touch_all()
                    else:
                        await self._answer(found)
                if self._wrong >= _GUESSES:
                    return
            except ServiceError:
                self._write(400, [])
                return

    def close(self) -> None:
        """End every session and the connection."""
        for session in list(self.sessions.values()):
            self._end(session, "connection closed")
        if not self._writer.is_closing():
            self._writer.close()

    def sweep(self) -> None:
        """End sessions that have been silent for too long, and a connection that never logged in."""
        limit = self._server.config.session_timeout_s
        for session in list(self.sessions.values()):
            # a client that plays over TCP shows that it lives by taking its bytes
            counts = isinstance(session.sink, UdpSink) or not session.playing
            if counts and time.monotonic() - session.touched_s > limit:
                self._end(session, "timeout")
        # an account that was removed or changed while it reads, reads no more
        for session in list(self.sessions.values()):
            now = self._server.gate.standing(session.user, session.camera)
            if now is None or now != self._standing.get(session.camera):
                self._tell(EventKind.ACCESS_REFUSED, session.camera, "its account was changed")
                self.close()
                return

    def drop_camera(self, camera: str) -> None:
        """End the sessions of a camera that is no longer served; the client sees its connection close."""
        if any(session.camera == camera for session in self.sessions.values()):
            self.close()

    async def _answer(self, request: RtspRequest) -> None:
        sequence = [("CSeq", request.headers.get("cseq", "0")), ("Server", "Passerby")]
        if not request.version.startswith("RTSP/1."):
            self._write(505, sequence)
            return
        self._touch_all()
        self._server.admission.heard(self._visit)
        status, headers, body = await self._handle(request)
        self._write(status, sequence + headers, body)
        if status == 200 and request.method == "PLAY":
            # packets may only follow their answer
            self._play(request)

    def _write(self, status: int, headers: Headers, body: bytes = b"") -> None:
        if not self._writer.is_closing():
            self._writer.write(encode_response(status, headers, body))

    def _touch_all(self) -> None:
        for session in self.sessions.values():
            session.touch()

    async def _handle(self, request: RtspRequest) -> Answer:
        if request.method == "OPTIONS":
            return 200, [("Public", _METHODS)], b""
        refused = await self._refusal(request)
        if refused is not None:
            return refused
        if request.method == "DESCRIBE":
            return await self._describe(request)
        if request.method == "SETUP":
            return self._setup(request)
        if request.method not in _METHODS.split(", "):
            return 405, [("Allow", _METHODS)], b""
        session = self._session_of(request)
        if session is None:
            # a keep-alive without session is harmless and common
            return (200, [], b"") if request.method.endswith("_PARAMETER") else (454, [], b"")
        if request.method == "TEARDOWN":
            self._end(session, "teardown")
            return 200, [], b""
        if request.method == "PAUSE":
            return self._pause(session)
        if request.method == "PLAY":
            return self._play_answer(request, session)
        return 200, [("Session", session.number)], b""

    async def _refusal(self, request: RtspRequest) -> Answer | None:
        gate = self._server.gate
        if self._user is None:
            try:
                self._user = await gate.user_of(request, secure=self._secure, address=self.address)
            except TooManyError as exc:
                return 503, [("Retry-After", str(exc.wait_s))], b""
            if self._user is None:
                return await self._unknown(request)
            self._noted()
        camera = camera_of(request.url)
        # some clients name the server instead of the camera in later requests; the session then says which
        if request.method in {"DESCRIBE", "SETUP"} and not gate.may_read(self._user, camera):
            self._tell(EventKind.ACCESS_REFUSED, camera, "not allowed to read this camera")
            return 403, [], b""
        return None

    async def _unknown(self, request: RtspRequest) -> Answer:
        gate = self._server.gate
        if request.headers.get("authorization"):
            self._wrong += 1
            self._tell(EventKind.ACCESS_REFUSED, camera_of(request.url), "wrong user or password")
            if gate.hasty(self.address):
                await asyncio.sleep(_HASTY_S)
        challenges = gate.challenges(secure=self._secure)
        return 401, [("WWW-Authenticate", challenge) for challenge in challenges], b""

    def _noted(self) -> None:
        """Tell the door what this client owes: nothing more once it has a session."""
        holder = f"account {self._user}" if self._user is not None else None
        self._server.admission.state(self._visit, owes=not self.sessions, holder=holder)

    async def _describe(self, request: RtspRequest) -> Answer:
        broadcast = self._server.broadcast(camera_of(request.url))
        if broadcast is None:
            return 404, [], b""
        for _ in range(int(_FIRST_PICTURE_S / 0.05)):
            if broadcast.stream.parameters is not None:
                break
            await asyncio.sleep(0.05)
        else:
            return 503, [("Retry-After", "2")], b""
        base = request.url.rstrip("/") + "/"
        headers = [("Content-Base", base), ("Content-Type", "application/sdp"), ("Cache-Control", "no-cache")]
        return 200, headers, session_description(broadcast.stream).encode()

    def _setup(self, request: RtspRequest) -> Answer:
        camera = camera_of(request.url)
        if self._server.broadcast(camera) is None:
            return 404, [], b""
        if request.headers.get("session"):
            return 459, [], b""
        for transport in transports(request.headers.get("transport", "")):
            # over TLS, pictures do not leave beside it in the clear
            if transport.tcp or (self._server.udp is not None and not self._secure):
                if not self._server.shares.take(self._user or ""):
                    return 503, [("Retry-After", "30")], b""
                session, header = self._open(camera, transport)
                self.sessions[session.number] = session
                self._noted()
                self._standing.setdefault(camera, self._server.gate.standing(session.user, camera))
                timeout = f"{session.number};timeout={int(self._server.config.session_timeout_s)}"
                return 200, [("Session", timeout), ("Transport", header)], b""
        return 461, [], b""

    def _open(self, camera: str, transport: Transport) -> tuple[RtspSession, str]:
        broadcast = self._server.broadcast(camera)
        ssrc = f"{broadcast.ssrc:08X}" if broadcast else "0"
        first, second = transport.channels
        user = self._user or ""
        if transport.tcp or self._server.udp is None:
            sink = TcpSink(self._writer, transport.channels, lambda _: self.close())
            header = f"RTP/AVP/TCP;unicast;interleaved={first}-{second};ssrc={ssrc};mode=play"
            return RtspSession(camera, user, sink, live_only=False), header
        ports = self._server.udp
        udp = UdpSink(ports, self.address, transport.channels, lambda _: self.close())
        session = RtspSession(camera, user, udp, live_only=True)
        ports.listen(udp.rtcp, session.touch)
        pair = f"server_port={ports.ports[0]}-{ports.ports[1]}"
        return session, f"RTP/AVP;unicast;client_port={first}-{second};{pair};ssrc={ssrc};mode=play"

    def _play_answer(self, request: RtspRequest, session: RtspSession) -> Answer:
        broadcast = self._server.broadcast(session.camera)
        if broadcast is None:
            return 404, [], b""
        headers = [("Session", session.number), ("Range", "npt=now-")]
        first = None if session.live_only else broadcast.begin()
        if first is not None:
            url = request.url.rstrip("/").removesuffix("/" + TRACK) + "/" + TRACK
            headers.append(("RTP-Info", f"url={url};seq={first[0]};rtptime={first[1]}"))
        return 200, headers, b""

    def _play(self, request: RtspRequest) -> None:
        session = self._session_of(request)
        broadcast = self._server.broadcast(session.camera) if session else None
        if session is not None and broadcast is not None and not session.playing:
            session.playing = True
            self._tell(EventKind.READER_CAME, session.camera, "rtsp")
            broadcast.join(session)

    def _pause(self, session: RtspSession) -> Answer:
        self._leave(session, "paused")
        return 200, [("Session", session.number)], b""

    def _session_of(self, request: RtspRequest) -> RtspSession | None:
        number = request.headers.get("session", "").partition(";")[0].strip()
        return self.sessions.get(number)

    def _leave(self, session: RtspSession, why: str) -> None:
        broadcast = self._server.broadcast(session.camera)
        if broadcast is not None:
            broadcast.leave(session)
        if session.playing:
            session.playing = False
            self._tell(EventKind.READER_LEFT, session.camera, f"rtsp: {why}")

    def _end(self, session: RtspSession, why: str) -> None:
        self._leave(session, why)
        if self.sessions.pop(session.number, None) is not None:
            self._server.shares.give_back(session.user)
            self._noted()
        broadcast = self._server.broadcast(session.camera)
        if broadcast is not None and why != "connection closed":
            session.sink.report(goodbye(broadcast.ssrc))
        if isinstance(session.sink, UdpSink) and self._server.udp is not None:
            self._server.udp.forget(session.sink.rtcp)

    def _tell(self, kind: EventKind, camera: str, detail: str) -> None:
        name = camera if re.fullmatch(r"[a-z0-9_-]{1,64}", camera) else ""
        self._server.tell(Event(kind, name, time.time_ns(), detail=detail, user=self._user or "", address=self.address))


def session_description(stream: Stream) -> str:
    """Return the session description of a stream (RFC 4566, RFC 6184).

    Raises:
        ServiceError: nothing has come from the camera yet.
    """
    parameters = stream.parameters
    if parameters is None:
        raise ServiceError("stream must have its parameters before it is described, got none")
    title = re.sub(r"[\r\n]", " ", stream.title) or "-"
    fmtp = f"packetization-mode=1;profile-level-id={parameters.profile_level_id}"
    lines = [
        "v=0",
        "o=- 0 1 IN IP4 127.0.0.1",
        f"s={title}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=tool:Passerby",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/90000",
        f"a=fmtp:{PAYLOAD_TYPE} {fmtp};sprop-parameter-sets={parameters.sprop}",
        f"a=control:{TRACK}",
        "",
    ]
    return "\r\n".join(lines)
