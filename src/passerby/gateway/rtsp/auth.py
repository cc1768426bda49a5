"""Who may read over RTSP: Digest (RFC 2069 and 7616, MD5, which is what players speak) and, where TLS protects it, Basic.

What is kept of a password here is ``HA1``, its hash with user and realm. Whoever guesses often is answered late, and never
closes the door for a neighbour at the same address who knows the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from passerby.errors import ServiceError
from passerby.gateway.rtsp.digest import parts_of
from passerby.gateway.rtsp.message import RtspRequest, camera_of

REALM = "Passerby"
_NONCE_S = 300
_REFUSALS = 20
_REFUSALS_WINDOW_S = 60.0
_ADDRESSES = 4096


class Gate(Protocol):
    """Decides who a request is from."""

    def challenges(self, *, secure: bool, stale: bool = False) -> list[str]:
        """Return the values of WWW-Authenticate."""
        ...

    async def user_of(self, request: RtspRequest, *, secure: bool, address: str) -> str | None:
        """Return the user whose proof a request carries, or None."""
        ...

    def may_read(self, user: str, camera: str) -> bool:
        """Return whether a user may read a camera's veiled stream."""
        ...

    def standing(self, user: str, camera: str) -> object:
        """Return what stays the same as long as what let a user in does; None once the user may not read any more."""
        ...

    def hasty(self, address: str) -> bool:
        """Return whether an address has guessed so often that its wrong proofs are answered late."""
        ...


def ha1(user: str, password: str) -> str:
    """Return the hash that Digest checks against.

    >>> len(ha1("u", "p"))
    32
    """
    return _md5(f"{user}:{REALM}:{password}")


def _md5(text: str) -> str:
    # the protocol's own hash; nothing rests on its collision resistance
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class DigestGate:
    """The gate for users that are known by their HA1.

    Args:
        ha1_of: Returns the HA1 of a user, or None for an unknown one.
        readable: Whether a user may read a camera.
    """

    def __init__(self, ha1_of: Callable[[str], str | None], readable: Callable[[str, str], bool]) -> None:
        self._ha1_of, self._readable = ha1_of, readable
        self._key = secrets.token_bytes(32)
        self._refused: OrderedDict[str, list[float]] = OrderedDict()

    def challenges(self, *, secure: bool, stale: bool = False) -> list[str]:
        """Return the values of WWW-Authenticate."""
        digest = f'Digest realm="{REALM}", nonce="{self._nonce(int(time.monotonic()))}", algorithm="MD5"'
        digest += ", stale=true" if stale else ""
        return [digest, f'Basic realm="{REALM}"'] if secure else [digest]

    async def user_of(self, request: RtspRequest, *, secure: bool, address: str) -> str | None:
        """Return the user whose proof a request carries, or None; wrong proofs are counted."""
        header = request.headers.get("authorization", "")
        if not header:
            return None
        scheme, _, rest = header.partition(" ")
        user = None
        if scheme.lower() == "digest":
            user = self._digest(request, rest)
        elif scheme.lower() == "basic" and secure:
            user = self._basic(request)
        if user is None:
            self._note(address)
        return user

    def may_read(self, user: str, camera: str) -> bool:
        """Return whether a user may read a camera's veiled stream."""
        return self._readable(user, camera)

    def standing(self, user: str, camera: str) -> object:
        """Return what stays the same as long as what let a user in does; None once the user may not read any more."""
        return self._ha1_of(user) if self._readable(user, camera) else None

    def hasty(self, address: str) -> bool:
        """Return whether an address was refused more than twenty times within a minute."""
        times = self._refused.get(address, [])
        recent = [at for at in times if time.monotonic() - at < _REFUSALS_WINDOW_S]
        return len(recent) > _REFUSALS

    def _note(self, address: str) -> None:
        times = self._refused.pop(address, [])
        self._refused[address] = [*times[-_REFUSALS:], time.monotonic()]
        while len(self._refused) > _ADDRESSES:
            self._refused.popitem(last=False)

    def _nonce(self, second: int) -> str:
        text = f"{second:x}"
        return text + "-" + hmac.new(self._key, text.encode(), "sha256").hexdigest()[:32]

    def _fresh(self, nonce: str) -> bool:
        text = nonce.partition("-")[0]
        if not re.fullmatch(r"[0-9a-f]{1,12}", text) or not hmac.compare_digest(nonce, self._nonce(int(text, 16))):
            return False
        return time.monotonic() - int(text, 16) < _NONCE_S

    def _digest(self, request: RtspRequest, rest: str) -> str | None:
        parts = parts_of(rest)
        user, nonce, uri = parts.get("username", ""), parts.get("nonce", ""), parts.get("uri", "")
        known = self._ha1_of(user)
        if not nonce.isascii() or not self._fresh(nonce) or not _same_camera(uri, request.url):
            return None
        # an unknown user costs the same time as a wrong password
        first, second = known or ha1(user, "nobody"), _md5(f"{request.method}:{uri}")
        quality = f":{parts.get('nc', '')}:{parts.get('cnonce', '')}:{parts['qop']}" if parts.get("qop") else ""
        middle = nonce + quality
        right = hmac.compare_digest(
            _md5(f"{first}:{middle}:{second}").encode(), parts.get("response", "").lower().encode()
        )
        return user if right and known is not None else None

    @staticmethod
    def basic_of(request: RtspRequest) -> tuple[str, str]:
        """Return the user and password that a request shows by Basic, or nothing twice."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        try:
            user, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return (user, password) if colon and scheme.lower() == "basic" else ("", "")

    def _basic(self, request: RtspRequest) -> str | None:
        user, password = self.basic_of(request)
        known = self._ha1_of(user)
        right = hmac.compare_digest(ha1(user, password).encode(), (known or "").encode())
        return user if user and right and known is not None else None


def _same_camera(proven: str, asked: str) -> bool:
    """Return whether a proof is for the camera that is asked for: clients write it in full, as a path, or with its track."""
    try:
        return camera_of(proven) == camera_of(asked)
    except ServiceError:
        return False
