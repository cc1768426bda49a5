from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway_tools import PASSWORD, USER, Served, wait_for

from passerby.gateway.config import PushConfig
from passerby.gateway.rtsp.auth import DigestGate, ha1
from passerby.gateway.rtsp.digest import DigestClient, parts_of
from passerby.gateway.rtsp.message import RtspRequest
from passerby.gateway.rtsp.push import RtspPusher

RFC7616 = 'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
OPAQUE = 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
MD5 = f"Digest {RFC7616}, algorithm=MD5, {OPAQUE}"
SHA256 = f"Digest {RFC7616}, algorithm=SHA-256, {OPAQUE}"
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.close()


def mufasa() -> DigestClient:
    return DigestClient("Mufasa", "Circle of Life", lambda: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")


@pytest.mark.parametrize(
    ("challenges", "response"),
    [
        ([MD5], "8ca523f5e9506fed4657c9700eebdbec"),
        ([SHA256], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ([MD5, SHA256], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_vectors_of_the_standard(challenges: list[str], response: str) -> None:
    # RFC 7616, section 3.9.1
    client = mufasa()
    assert client.challenged(challenges)
    said = client.authorization("GET", "/dir/index.html")
    assert said is not None
    parts = parts_of(said.removeprefix("Digest "))
    assert parts["response"] == response
    assert (parts["qop"], parts["nc"], parts["username"]) == ("auth", "00000001", "Mufasa")
    assert parts["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_old_form_without_quality() -> None:
    # RFC 2069's form, as RTSP cameras use it; the values are those of RFC 2617, section 3.5, without qop
    client = DigestClient("Mufasa", "Circle Of Life")
    assert client.challenged(
        ['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5"']
    )
    said = client.authorization("GET", "/dir/index.html")
    assert said is not None
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in said
    assert "cnonce" not in said


def test_user_is_named_by_a_hash_where_that_is_asked_for() -> None:
    client = DigestClient("Mufasa", "x")
    assert client.challenged([SHA256 + ", userhash=true"])
    said = client.authorization("GET", "/") or ""
    assert "Mufasa" not in said
    assert parts_of(said)["username"] == hashlib.sha256(b"Mufasa:http-auth@example.org").hexdigest()
    assert "userhash=true" in said


def test_a_session_hash_goes_over_both_nonces() -> None:
    client = mufasa()
    assert client.challenged(['Digest realm="r", nonce="n", qop=auth, algorithm=MD5-sess'])
    parts = parts_of(client.authorization("GET", "/") or "")

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    first = md5(f"{md5('Mufasa:r:Circle of Life')}:n:{parts['cnonce']}")
    assert parts["response"] == md5(f"{first}:n:00000001:{parts['cnonce']}:auth:{md5('GET:/')}")


def test_requests_with_one_nonce_are_counted() -> None:
    client = mufasa()
    assert client.challenged([SHA256])
    counts = [parts_of(client.authorization("GET", "/") or "")["nc"] for _ in range(3)]
    assert counts == ["00000001", "00000002", "00000003"]
    assert client.challenged([SHA256])
    assert parts_of(client.authorization("GET", "/") or "")["nc"] == "00000001"


@pytest.mark.parametrize("values", [[], ["Negotiate"], ['Digest realm="r", nonce="n", algorithm=SHA-512-256']])
def test_what_is_not_known_is_not_answered(values: list[str]) -> None:
    client = mufasa()
    assert not client.challenged(values)
    assert client.authorization("GET", "/") is None


def test_a_challenge_that_would_add_a_header_is_not_answered() -> None:
    assert not mufasa().challenged(['Digest realm="a\nX: y", nonce="n"', "Basic realm=a\x00"])


def test_digest_goes_before_basic() -> None:
    client = DigestClient("a", "b")
    assert client.challenged(["Basic realm=x", "Digest realm=x, nonce=n"])
    assert (client.authorization("GET", "/") or "").startswith("Digest ")


@given(TEXTS, TEXTS)
def test_our_own_gate_takes_the_answer_whatever_stands_in_it(user: str, password: str) -> None:
    gate = DigestGate(lambda name: ha1(user, password) if name == user else None, lambda *_: True)
    client = DigestClient(user, password)
    assert client.challenged(gate.challenges(secure=False))
    proof = {"authorization": client.authorization("DESCRIBE", "rtsp://h/c") or ""}
    for method, url, wanted in [
        ("DESCRIBE", "rtsp://h/c", user),
        ("DESCRIBE", "rtsp://h:554/c/trackID=0", user),
        ("SETUP", "rtsp://h/c", None),
        ("DESCRIBE", "rtsp://h/another", None),
        ("DESCRIBE", "rtsp://[/c", None),
        ("DESCRIBE", "*", None),
    ]:
        asked = gate.user_of(RtspRequest(method, url, proof), secure=False, address="192.0.2.1")
        assert asyncio.run(asked) == wanted


class Sha256Server(threading.Thread):
    """Takes a stream from whom knows the password; asks by SHA-256 alone, and checks with nothing of ours."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.accepted: list[str] = []
        self.refused = 0
        self.bytes_taken = 0
        self.port = 0
        self._bound = threading.Event()
        self.start()
        self._bound.wait(5)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._bound.set()
        async with server:
            await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"Content-Length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                method = head.partition(" ")[0]
                if self._knows(method, head):
                    self.accepted.append(method)
                    writer.write(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 7\r\n\r\n")
                else:
                    self.refused += 1
                    old = 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm="SHA-512"\r\n'
                    new = 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"\r\n'
                    writer.write(f"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n{old}{new}\r\n".encode())
                if method == "RECORD":
                    while data := await reader.read(4096):
                        self.bytes_taken += len(data)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    def _knows(method: str, head: str) -> bool:
        said = dict(re.findall(r'(\w+)="?([^",\r\n]+)"?', head.partition("Authorization: Digest ")[2]))

        def sha256(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        if not said:
            return False
        first, second = sha256(f"{USER}:r:{PASSWORD}"), sha256(f"{method}:{said['uri']}")
        return bool(said["response"] == sha256(f"{first}:n:{said['nc']}:{said['cnonce']}:auth:{second}"))


def test_stream_is_pushed_to_a_server_that_asks_for_sha256(served: Served) -> None:
    server = Sha256Server()
    pusher = RtspPusher(PushConfig(f"rtsp://127.0.0.1:{server.port}/in", USER, PASSWORD), served.relay)
    served.thread.do(pusher.start)
    try:
        wait_for(lambda: server.bytes_taken > 1000)
    finally:
        served.thread.call(pusher.stop())
    assert server.accepted == ["ANNOUNCE", "SETUP", "RECORD"]
    assert server.refused == 1, "asked once, then known"


def test_push_with_a_wrong_password_is_refused_after_one_try(served: Served) -> None:
    server = Sha256Server()
    pusher = RtspPusher(PushConfig(f"rtsp://127.0.0.1:{server.port}/in", USER, "wrong"), served.relay)
    served.thread.do(pusher.start)
    wait_for(lambda: pusher.state.failures >= 1)
    served.thread.call(pusher.stop())
    assert pusher.state.last_failure == "the server must accept ANNOUNCE, got 401"
    assert server.accepted == []
