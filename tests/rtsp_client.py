"""A small RTSP client for the tests, with nothing of the server's code: Digest in its oldest form, interleaved media."""

from __future__ import annotations

import hashlib
import re
import socket
from types import TracebackType
from typing import Self

from tests.gateway_tools import PASSWORD, USER


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class RtspClient:
    """One connection."""

    def __init__(self, port: int, password: str = PASSWORD, user: str = USER) -> None:
        self.url = f"rtsp://127.0.0.1:{port}/hall"
        self.user, self.password = user, password
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def ask(self, method: str, *headers: str, url: str = "") -> str:
        """Return the answer to a request, with its body."""
        self._count += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self._count}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        told = b""
        while b"\r\n\r\n" not in told:
            more = self.socket.recv(4096)
            if not more:
                break
            told += more
        return told.decode("utf-8", "replace")

    def log_in(self) -> str:
        """Return the answer to a DESCRIBE with a proof."""
        nonce = re.search(r'nonce="([^"]+)"', self.ask("DESCRIBE"))
        assert nonce
        first, second = _md5(f"{self.user}:Passerby:{self.password}"), _md5(f"DESCRIBE:{self.url}")
        proof = _md5(f"{first}:{nonce[1]}:{second}")
        fields = f'username="{self.user}", realm="Passerby", nonce="{nonce[1]}", uri="{self.url}", response="{proof}"'
        return self.ask("DESCRIBE", f"Authorization: Digest {fields}")

    def setup(self) -> str:
        """Return the answer to a SETUP over this connection."""
        return self.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", url=self.url + "/trackID=0")
