from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import HTTPForbiddenError, HTTPNotFoundError, HTTPUnauthorizedError
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway_tools import (
    PASSWORD,
    USER,
    Served,
    certificate,
    gstreamer_reads,
    program,
    run,
    times_of,
    veiled_unit,
    wait_for,
)

from passerby.errors import ServiceError
from passerby.gateway.access.accounts import Accounts, Role
from passerby.gateway.access.gate import AccountGate
from passerby.gateway.access.proofs import PasswordProofs
from passerby.gateway.config import RtspConfig
from passerby.gateway.picture.scene import SceneSettings, read_number
from passerby.gateway.rtsp.auth import DigestGate, ha1
from passerby.gateway.rtsp.message import Interleaved, RequestReader, RtspRequest, camera_of, transports
from passerby.gateway.rtsp.rtp import packets, payloads, sender_report
from passerby.gateway.states import EventKind


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.close()


def read(url: str, count: int, transport: str = "tcp", **options: str) -> list[av.VideoFrame]:
    asked = {
        "rtsp_transport": transport,
        "fflags": "nobuffer",
        "analyzeduration": "200000",
        "probesize": "100000",
        **options,
    }
    with av.open(url, options=asked, timeout=(5, 5)) as container:
        frames = []
        for frame in container.decode(video=0):
            frames.append(frame)
            if len(frames) == count:
                break
    return frames


def asked(proof: str) -> RtspRequest:
    return RtspRequest("DESCRIBE", "rtsp://h/c", {"authorization": proof})


def check_numbers(frames: list[av.VideoFrame]) -> None:
    numbers = [read_number(np.asarray(frame.to_ndarray(), np.uint8)[: frame.height]) for frame in frames]
    assert None not in numbers
    steps = np.diff(np.array(numbers, np.int64))
    assert (steps == 1).all(), "no picture is lost"
    seconds = np.diff(times_of(frames))
    assert np.allclose(seconds, 0.08, atol=0.002), "time stamps keep the camera's rhythm"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pyav_reads_every_picture_in_rhythm(served: Served, transport: str) -> None:
    check_numbers(read(served.url(), 20, transport))


@pytest.mark.tool
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ffmpeg_reads(served: Served, transport: str, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    arguments = ["-rtsp_transport", transport, "-i", served.url(), "-c", "copy", "-frames:v", "15", "-y", str(out)]
    done = run([program("ffmpeg"), "-nostdin", "-v", "error", *arguments])
    assert done.returncode == 0, done.stderr
    with av.open(str(out)) as container:
        assert len(list(container.decode(video=0))) == 15


@pytest.mark.tool
def test_ffprobe_sees_the_stream(served: Served) -> None:
    fields = "stream=codec_name,width,height,profile,has_b_frames"
    asked = ["-rtsp_transport", "tcp", "-show_entries", fields, "-of", "default=nw=1"]
    done = run([program("ffprobe"), "-v", "error", *asked, served.url()])
    assert done.returncode == 0, done.stderr
    assert {"codec_name=h264", "width=320", "height=192", "has_b_frames=0"} <= set(done.stdout.split())


@pytest.mark.tool
@pytest.mark.parametrize("protocols", ["tcp", "udp"])
def test_gstreamer_reads_and_takes_its_leave(served: Served, protocols: str, tmp_path: Path) -> None:
    wait_for(lambda: served.server.sessions == 0)
    served.events.clear()
    url = f"rtsp://127.0.0.1:{served.server.port}/hall"
    gstreamer_reads(url, tmp_path / "raw", f"user-id={USER}", f'user-pw="{PASSWORD}"', f"protocols={protocols}")
    assert [(e.kind, e.detail) for e in served.events] == [
        (EventKind.READER_CAME, "rtsp"),
        (EventKind.READER_LEFT, "rtsp: paused"),
    ]
    wait_for(lambda: served.server.sessions == 0)


def test_wrong_password_is_refused_and_told(served: Served) -> None:
    with pytest.raises(HTTPUnauthorizedError):
        read(served.url(login="reader:wrong@"), 1)
    with pytest.raises(HTTPUnauthorizedError):
        read(served.url(login=""), 1)
    wait_for(lambda: any(e.kind is EventKind.ACCESS_REFUSED and e.address == "127.0.0.1" for e in served.events))


def test_camera_that_a_user_may_not_read_is_forbidden(served: Served) -> None:
    with pytest.raises(HTTPForbiddenError):
        read(served.url(path="yard"), 1)


def test_unknown_camera_is_not_found_only_for_who_may_ask() -> None:
    served = Served()
    served.server.gate = DigestGate({"reader": ha1("reader", "p")}.get, lambda *_: True)
    with pytest.raises(HTTPNotFoundError):
        read(served.url(path="attic", login="reader:p@"), 1)
    served.close()


def test_readers_come_and_leave_on_record(served: Served) -> None:
    wait_for(lambda: served.server.sessions == 0)
    served.events.clear()
    read(served.url(), 2)
    wait_for(lambda: len(served.events) >= 2)
    assert [(e.kind, e.user, e.camera) for e in served.events] == [
        (EventKind.READER_CAME, "reader", "hall"),
        (EventKind.READER_LEFT, "reader", "hall"),
    ]
    wait_for(lambda: served.server.readers("hall") == 0)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Raw:
    """Speaks RTSP by hand."""

    def __init__(self, served: Served) -> None:
        self.socket = socket.create_connection(("127.0.0.1", served.server.port), 5)
        self.base = f"rtsp://127.0.0.1:{served.server.port}/hall"
        self.count = 0
        self.header = ""
        self.rest = b""

    def ask(self, method: str, *headers: str, url: str = "") -> tuple[int, str]:
        self.count += 1
        lines = [f"{method} {url or self.base} RTSP/1.0", f"CSeq: {self.count}", *headers]
        if self.header:
            lines.append("Authorization: " + self.header)
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.answer()

    def answer(self) -> tuple[int, str]:
        while True:
            while self.rest[:1] == b"$" and len(self.rest) >= 4:
                length = 4 + struct.unpack("!H", self.rest[2:4])[0]
                while len(self.rest) < length:
                    self.rest += self.socket.recv(65536)
                self.rest = self.rest[length:]
            head, found, rest = self.rest.partition(b"\r\n\r\n")
            if found and not head.startswith(b"$"):
                length = re.search(rb"Content-Length: (\d+)", head)
                self.rest = rest[int(length[1]) if length else 0 :]
                return int(head.split()[1]), head.decode()
            data = self.socket.recv(65536)
            assert data, "closed"
            self.rest += data

    def login(self) -> None:
        _, head = self.ask("DESCRIBE")
        nonce = re.search(r'nonce="([^"]+)"', head)
        assert nonce
        second = md5(f"DESCRIBE:{self.base}")
        first = ha1("reader", "p@ss word:1")
        proof = md5(f"{first}:{nonce[1]}:{second}")
        self.header = (
            f'Digest username="reader", realm="Passerby", nonce="{nonce[1]}", uri="{self.base}", response="{proof}"'
        )
        assert self.ask("DESCRIBE")[0] == 200

    def close(self) -> None:
        self.socket.close()


def test_methods_answer_as_the_standard_says(served: Served) -> None:
    raw = Raw(served)
    assert raw.ask("OPTIONS")[0] == 200
    assert raw.ask("DESCRIBE")[0] == 401
    raw.login()
    assert raw.ask("DESCRIBE")[0] == 200
    assert raw.ask("ANNOUNCE")[0] == 405, "nothing can be published"
    assert raw.ask("RECORD")[0] == 405
    assert raw.ask("PLAY", "Session: none")[0] == 454
    assert raw.ask("SETUP", "Transport: RTP/AVP;multicast")[0] == 461
    status, head = raw.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=4-5", url=raw.base + "/trackID=0")
    assert status == 200
    assert "interleaved=4-5" in head
    session = re.search(r"Session: (\w+);timeout=60", head)
    assert session
    status, head = raw.ask("PLAY", f"Session: {session[1]}")
    assert status == 200
    assert re.search(r"RTP-Info: url=.*/trackID=0;seq=\d+;rtptime=\d+", head)
    assert raw.ask("GET_PARAMETER", f"Session: {session[1]}")[0] == 200
    assert raw.ask("PAUSE", f"Session: {session[1]}")[0] == 200
    raw.socket.settimeout(0.4)
    with pytest.raises(TimeoutError):
        raw.socket.recv(1)
    raw.socket.settimeout(5)
    assert raw.ask("PLAY", f"Session: {session[1]}")[0] == 200
    assert raw.ask("TEARDOWN", f"Session: {session[1]}")[0] == 200
    assert raw.ask("PLAY", f"Session: {session[1]}")[0] == 454
    raw.close()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"DESCRIBE\r\n\r\n",
        b"A" * 20_000,
        b"PLAY x RTSP/1.0\r\nno colon\r\n\r\n",
    ],
)
def test_what_is_no_rtsp_ends_the_connection(served: Served, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), 5) as raw:
        raw.sendall(data)
        got = b""
        while chunk := raw.recv(4096):
            got += chunk
        assert got.startswith(b"RTSP/1.0 400")


@pytest.mark.parametrize(
    "request_line",
    [
        b"DESCRIBE rtsp://[ RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic eDp5",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: " + b"9" * 5000,
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -5",
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: \u0663".encode(),
    ],
)
def test_an_address_or_number_that_is_none_is_refused_without_a_traceback(
    served: Served, request_line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), 5) as raw:
        raw.sendall(request_line + b"\r\n\r\n")
        got = b""
        while chunk := raw.recv(4096):
            got += chunk
        assert got.startswith(b"RTSP/1.0 400")
    assert not [record for record in caplog.records if record.name == "asyncio"]


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_what_a_reader_writes_ends_in_our_own_error_or_a_value(url: str, transport: str, proof: str) -> None:
    gate = DigestGate({"reader": ha1("reader", "p")}.get, lambda *_: True)
    for header in (
        proof,
        "Digest " + proof,
        f'Digest username="reader", nonce="{proof}", uri="{url}"',
        "Basic " + proof,
    ):
        request = RtspRequest("DESCRIBE", url, {"authorization": header})
        assert asyncio.run(gate.user_of(request, secure=True, address="a")) is None
    list(transports(transport))
    list(transports("RTP/AVP/TCP;unicast;interleaved=" + transport))
    with contextlib.suppress(ServiceError):
        camera_of(url)


@pytest.mark.parametrize("ports", ["9" * 5000 + "-1", "\u0661-\u0662", "-1", "5000-", "70000-70001"])
def test_ports_that_are_none_are_no_transport(ports: str) -> None:
    assert [one.channels for one in transports(f"RTP/AVP;unicast;client_port={ports}")] in ([], [(5000, 5001)])


def test_guessing_passwords_is_slowed() -> None:
    gate = DigestGate({"reader": ha1("reader", "p")}.get, lambda *_: True)
    for _ in range(30):
        assert (
            asyncio.run(
                gate.user_of(
                    asked('Digest username="reader", nonce="x", uri="u", response="r"'), secure=False, address="1.2.3.4"
                )
            )
            is None
        )
    assert gate.hasty("1.2.3.4")
    assert not gate.hasty("1.2.3.5")


def test_basic_counts_only_under_tls() -> None:
    gate = DigestGate({"u": ha1("u", "p:q")}.get, lambda *_: True)
    header = "Basic " + base64.b64encode(b"u:p:q").decode()
    assert asyncio.run(gate.user_of(asked(header), secure=False, address="a")) is None
    assert asyncio.run(gate.user_of(asked(header), secure=True, address="a")) == "u"
    assert asyncio.run(gate.user_of(asked("Basic !!"), secure=True, address="a")) is None
    assert len(gate.challenges(secure=False)) == 1
    assert len(gate.challenges(secure=True)) == 2


def test_slow_reader_is_dropped_and_others_are_not() -> None:
    served = Served(settings=SceneSettings(1280, 720, 25.0, 0))
    slow = Raw(served)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.login()
    _, head = slow.ask("SETUP", "Transport: RTP/AVP/TCP;interleaved=0-1")
    session = re.search(r"Session: (\w+)", head)
    assert session
    slow.ask("PLAY", f"Session: {session[1]}")
    noise = np.random.default_rng(0).integers(0, 255, 600_000, np.uint8).tobytes().replace(b"\x00", b"\x01")

    def flood() -> None:
        unit = served.relay.last_key
        assert unit is not None
        for index in range(12):
            served.relay.accept(
                veiled_unit(unit.data + b"\x00\x00\x01\x41" + noise, time.monotonic_ns(), key=index == 0)
            )

    wait_for(lambda: served.relay.last_key is not None)
    wait_for(lambda: served.server.readers("hall") == 1)
    served.thread.do(flood)
    wait_for(lambda: served.server.readers("hall") == 0, 12)
    assert any(e.kind is EventKind.READER_LEFT for e in served.events)
    slow.close()
    served.close()


def test_udp_session_that_says_nothing_ends() -> None:
    served = Served(RtspConfig(port=0, session_timeout_s=1.0))
    raw = Raw(served)
    raw.login()
    _, head = raw.ask("SETUP", "Transport: RTP/AVP;unicast;client_port=45000-45001")
    session = re.search(r"Session: (\w+)", head)
    assert session
    assert raw.ask("PLAY", f"Session: {session[1]}")[0] == 200
    wait_for(lambda: len(served.events) == 2)
    assert [(e.kind, e.detail) for e in served.events] == [
        (EventKind.READER_CAME, "rtsp"),
        (EventKind.READER_LEFT, "rtsp: timeout"),
    ]
    raw.close()
    served.close()


@pytest.mark.parametrize("over", ["RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP;unicast;client_port=45010-45011"])
@pytest.mark.parametrize("change", ["right taken", "account removed", "key renewed"])
def test_who_may_not_read_any_more_is_let_go_while_it_reads(over: str, change: str) -> None:
    # the session's own timeout is far away: what ends it is the change
    served = Served(RtspConfig(port=0, session_timeout_s=600.0), sweep_s=0.2)
    keys, readable, asked = {USER: ha1(USER, PASSWORD)}, {USER}, list[str]()

    def may(user: str, camera: str) -> bool:
        asked.append(camera)
        return user in readable

    served.server.gate = DigestGate(keys.get, may)
    raw = Raw(served)
    raw.login()
    session = re.search(r"Session: (\w+)", raw.ask("SETUP", f"Transport: {over}")[1])
    assert session
    assert raw.ask("PLAY", f"Session: {session[1]}")[0] == 200
    wait_for(lambda: served.server.readers("hall") == 1)
    before = len(asked)
    wait_for(lambda: len(asked) >= before + 5 or served.server.readers("hall") == 0, 5)
    assert served.server.readers("hall") == 1, "who may read goes on reading"
    if change == "right taken":
        readable.clear()
    elif change == "account removed":
        keys.clear()
    else:
        keys[USER] = ha1(USER, "another key")
    wait_for(lambda: served.server.readers("hall") == 0, 5)
    assert any(event.kind is EventKind.ACCESS_REFUSED and event.user == USER for event in served.events)
    assert any(event.kind is EventKind.READER_LEFT for event in served.events)
    raw.close()
    served.close()


def test_rtsps_is_read_and_checked(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    served = Served(RtspConfig(port=0, tls_port=0, certificate=cert, key=key))
    frames = read(served.url(tls=True), 5, tls_verify="1", ca_file=str(cert))
    assert len(frames) == 5
    context = ssl.create_default_context(cafile=str(cert))
    with (
        socket.create_connection(("127.0.0.1", served.server.tls_port or 0), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(b"DESCRIBE rtsp://127.0.0.1/hall RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert b"Basic realm" in secure.recv(4096), "Basic is offered where TLS protects it"
    served.close()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over TLS with the gateway's own gate: an account's password, shown by Basic."""
    folder = tmp_path_factory.mktemp("secured")
    cert, key = certificate(folder)
    made = Served(RtspConfig(port=0, tls_port=0, certificate=cert, key=key))
    accounts = Accounts(folder / "accounts.sqlite")
    accounts.add(USER, Role.VIEWER, PASSWORD)
    made.server.gate = AccountGate(accounts, PasswordProofs(accounts))
    yield made
    made.close()
    accounts.close()


@pytest.mark.tool
def test_ffmpeg_reads_rtsps(secured: Served) -> None:
    # both take any certificate; the command of 5.1 knows no option that says so
    asked = ["-rtsp_transport", "tcp"]
    entries = ["-show_entries", "stream=codec_name,width,height", "-of", "default=nw=1"]
    done = run([program("ffprobe"), "-v", "error", *asked, *entries, secured.url(tls=True)])
    assert done.returncode == 0, done.stderr
    assert {"codec_name=h264", "width=320", "height=192"} <= set(done.stdout.split())
    out = ["-frames:v", "10", "-f", "framehash", "-"]
    done = run([program("ffmpeg"), "-v", "error", *asked, "-i", secured.url(tls=True), *out])
    assert done.returncode == 0, done.stderr
    hashes = {line.split(",")[-1] for line in done.stdout.splitlines() if not line.startswith("#")}
    assert len(hashes) == 10
    done = run([program("ffprobe"), "-v", "error", *asked, secured.url(tls=True, login=f"{USER}:wrong@")])
    assert "401" in done.stderr


@pytest.mark.tool
def test_gstreamer_reads_rtsps(secured: Served, tmp_path: Path) -> None:
    url = f"rtsps://127.0.0.1:{secured.server.tls_port}/hall"
    # 0: the certificate is the test's own
    login = [f"user-id={USER}", f'user-pw="{PASSWORD}"']
    gstreamer_reads(url, tmp_path / "raw", *login, "protocols=tcp", "tls-validation-flags=0")


def test_port_in_use_is_named() -> None:
    served = Served()
    with pytest.raises(ServiceError, match=r"listen on 127\.0\.0\.1"):
        Served(RtspConfig(port=served.server.port))
    served.close()


@given(
    nals=st.lists(st.binary(min_size=2, max_size=4000).map(lambda b: bytes([0x61]) + b), min_size=1, max_size=6),
    limit=st.integers(16, 1400),
    sequence=st.integers(0, 65535),
)
@settings(max_examples=60, deadline=None)
def test_packets_hold_the_access_unit(nals: list[bytes], limit: int, sequence: int) -> None:
    made = packets(payloads(nals, limit), sequence=sequence, ticks=7, ssrc=9)
    assert all(len(p) <= limit + 12 for p in made)
    assert [struct.unpack("!H", p[2:4])[0] for p in made] == [(sequence + i) & 0xFFFF for i in range(len(made))]
    assert [bool(p[1] & 0x80) for p in made] == [False] * (len(made) - 1) + [True]
    got: list[bytes] = []
    for packet in made:
        body = packet[12:]
        if body[0] & 31 == 28:
            if body[1] & 0x80:
                got.append(bytes([body[0] & 0xE0 | body[1] & 31]))
            got[-1] += body[2:]
        else:
            got.append(body)
    assert got == nals


@given(st.binary(max_size=300), st.integers(1, 50))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_request_or_one_error(data: bytes, step: int) -> None:
    reader = RequestReader()
    try:
        for at in range(0, len(data), step):
            for found in reader.feed(data[at : at + step]):
                assert isinstance(found, RtspRequest | Interleaved)
    except ServiceError:
        pass


def test_requests_are_cut_at_any_place() -> None:
    one = b"SETUP rtsp://h/c RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc"
    data = one + b"$\x01\x00\x02xy" + b"\r\n" + one
    for step in (1, 2, 7, len(data)):
        reader = RequestReader()
        found = [item for at in range(0, len(data), step) for item in reader.feed(data[at : at + step])]
        assert [type(item).__name__ for item in found] == ["RtspRequest", "Interleaved", "RtspRequest"]
        assert isinstance(found[0], RtspRequest)
        assert found[0].body == b"abc"


def test_transport_offers() -> None:
    offers = (
        "RTP/AVP/UDP;multicast,RTP/AVP;unicast;client_port=80-81,RTP/AVP;unicast;client_port=5000-5001,X/Y,RTP/AVP/TCP"
    )
    assert [(t.tcp, t.channels) for t in transports(offers)] == [(False, (5000, 5001)), (True, (0, 1))]


def test_sender_report_names_the_time() -> None:
    report = sender_report(ssrc=5, wall_ns=1_500_000_000, ticks=90_000, packets_sent=3, bytes_sent=4)
    assert struct.unpack("!IIIIII", report[4:28]) == (5, 2_208_988_801, 1 << 31, 90_000, 3, 4)
    assert len(report) % 4 == 0
