"""An S3 server (moto) in a process of its own, and a relay before it that breaks requests on purpose."""

from __future__ import annotations

import http.client
import importlib.util
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest
from tests.needs import EXTRA, missing

BUCKET = "logs"
LENGTH = "length"
HOP = {"connection", "transfer-encoding", "content-length", "date", "server", "keep-alive"}

How = Literal["throttled", "lost", "failed-after", "cut-after"]
"""503 and not done; cut off and not done; done, and answered with 500; done, and cut off before the answer."""


@contextmanager
def running() -> Iterator[int]:
    """Start the server, make the bucket, and yield the port on loopback."""
    for name in ("moto", "flask", "flask_cors"):
        if importlib.util.find_spec(name) is None:
            missing(f"the S3 server needs {name}", EXTRA)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _make_bucket(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


def _make_bucket(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("PUT", f"/{BUCKET}")
            if connection.getresponse().status == http.client.OK:
                connection.close()
                return
        except ConnectionError:
            time.sleep(0.1)
    pytest.fail("the S3 server did not come up")


def unfinished_uploads(port: int) -> int:
    """Count uploads in parts that were neither completed nor given up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/{BUCKET}?uploads")
    answer = connection.getresponse()
    listed = answer.read()
    connection.close()
    assert answer.status == http.client.OK
    return listed.count(b"<UploadId>")


class Relay:
    """Hands requests on to the server, but for the n-th PUT from ``arm`` on, and as many after it as were told; deletes while
    ``keeps`` is set; and what writes while ``denies`` is."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.puts = 0
        self.keeps = False
        self.denies = False
        self.broken = range(0)
        self.how: How = "lost"
        self._lock = threading.Lock()
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
                del format, args

            def do_GET(self) -> None:
                relay.hand_on(self)

            do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 # the base class's names

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def arm(self, number: int, how: How, times: int = 1) -> None:
        """Break the PUTs from the given one on (1 is the next)."""
        self.puts, self.broken, self.how = 0, range(number, number + times), how

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def hand_on(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        with self._lock:
            self.puts += request.command == "PUT"
            how = self.how if request.command == "PUT" and self.puts in self.broken else None
        if how == "lost":
            _hang_up(request)
            return
        if how == "throttled":
            _answer(
                request, 503, [], b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
            )
            return
        if self.denies and request.command in {"PUT", "POST"}:
            _answer(request, 403, [], b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
            return
        if self.keeps and (request.command == "DELETE" or request.path.endswith("?delete")):
            _answer(request, 403, [], b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
            return
        status, headers, answer = self._ask(request, body)
        if how == "cut-after":
            _hang_up(request)
        elif how == "failed-after":
            _answer(request, 500, [], b"<Error><Code>InternalError</Code><Message>Try again.</Message></Error>")
        else:
            _answer(request, status, headers, answer)

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        connection.request(request.command, request.path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in HOP]
        if request.command == "HEAD":  # it tells the length of what it does not send
            kept.append((LENGTH, answer.getheader("content-length") or "0"))
        return answer.status, kept, data


def _answer(request: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    request.send_response(status)
    told = dict(headers).pop(LENGTH, str(len(body)))
    for name, value in headers:
        if name != LENGTH:
            request.send_header(name, value)
    request.send_header("Content-Length", told)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    request.connection.shutdown(socket.SHUT_RDWR)
