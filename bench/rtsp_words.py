"""A reader's first words over RTSP, for the benchmark of strangers: Digest in its oldest form, and one SETUP."""

from __future__ import annotations

import hashlib
import re
import socket
from types import TracebackType
from typing import Self


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Words:
    """One connection.

    Args:
        port: Of RTSP on this machine.
        user: An account.
        key: Its stream key.
    """

    def __init__(self, port: int, user: str, key: str) -> None:
        self._url, self._user, self._key, self._count = f"rtsp://127.0.0.1:{port}/hall", user, key, 0
        self._socket = socket.create_connection(("127.0.0.1", port), 20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def _ask(self, method: str, header: str = "", url: str = "") -> str:
        self._count += 1
        lines = [f"{method} {url or self._url} RTSP/1.0", f"CSeq: {self._count}", *([header] if header else []), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        told = b""
        while b"\r\n\r\n" not in told:
            more = self._socket.recv(4096)
            if not more:
                raise ConnectionResetError("the server closed")
            told += more
        return told.decode("utf-8", "replace")

    def log_in(self) -> int:
        """Return the status of a DESCRIBE with a proof."""
        nonce = re.search(r'nonce="([^"]+)"', self._ask("DESCRIBE"))
        if nonce is None:
            return 0
        proof = md5(f"{md5(f'{self._user}:Passerby:{self._key}')}:{nonce[1]}:{md5(f'DESCRIBE:{self._url}')}")
        fields = f'username="{self._user}", realm="Passerby", nonce="{nonce[1]}", uri="{self._url}", response="{proof}"'
        return int(self._ask("DESCRIBE", f"Authorization: Digest {fields}").split()[1])

    def setup(self) -> int:
        """Return the status of a SETUP over this connection."""
        return int(
            self._ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", self._url + "/trackID=0").split()[1]
        )
