"""The client's side of a login: Digest (RFC 7616 and 2069, with MD5 or SHA-256) before Basic (RFC 7617), for RTSP and HTTP."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_PART = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_STRENGTH = ("MD5", "MD5-SESS", "SHA-256", "SHA-256-SESS")
"""Hashes that are known, weakest first. The other side chooses which of them it offers."""


@dataclass(frozen=True, slots=True)
class _Challenge:
    """What WWW-Authenticate wants.

    Attributes:
        scheme: ``digest`` or ``basic``.
        parts: Its parameters, names in lower case.
    """

    scheme: str
    parts: dict[str, str]

    @property
    def algorithm(self) -> str:
        """Return the name of the hash."""
        return self.parts.get("algorithm", "MD5").upper()

    @property
    def strength(self) -> int:
        """Return how good it is; below 0 for one that cannot be answered."""
        if self.scheme == "basic":
            return 0
        known = self.scheme == "digest" and self.algorithm in _STRENGTH
        return 1 + _STRENGTH.index(self.algorithm) if known else -1


class DigestClient:
    """Answers a server's challenges for one user.

    Args:
        user: Name.
        password: Of the user.
        salt: Returns a fresh client nonce.
    """

    def __init__(self, user: str, password: str, salt: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        self._user, self._password, self._salt = user, password, salt
        self._challenge: _Challenge | None = None
        self._count = 0

    def challenged(self, values: Sequence[str]) -> bool:
        """Take the values of WWW-Authenticate, and return whether one of them can be answered.

        >>> DigestClient("a", "b").challenged(['Digest realm="r", nonce="n", algorithm=SHA-256', "Negotiate"])
        True
        """
        offered = [_challenge(value) for value in values]
        best = max(offered, key=lambda one: one.strength, default=None)
        self._challenge = best if best is not None and best.strength >= 0 else None
        self._count = 0
        return self._challenge is not None

    def authorization(self, method: str, uri: str) -> str | None:
        """Return the value of Authorization for the next request, or None where nothing was asked for.

        >>> client = DigestClient("a", "b")
        >>> client.challenged(["Basic realm=x"]), client.authorization("GET", "/")
        (True, 'Basic YTpi')
        """
        if self._challenge is None:
            return None
        if self._challenge.scheme == "basic":
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode("ascii")
        self._count += 1
        return "Digest " + self._digest(self._challenge, method, uri)

    def _digest(self, challenge: _Challenge, method: str, uri: str) -> str:
        parts, algorithm = challenge.parts, challenge.algorithm
        realm, nonce = parts.get("realm", ""), parts.get("nonce", "")
        count, salt = f"{self._count:08x}", self._salt()
        quality = "auth" in [one.strip() for one in parts.get("qop", "").split(",")]

        def hashed(*texts: str) -> str:
            return _hash(algorithm, ":".join(texts))

        first, second = hashed(self._user, realm, self._password), hashed(method, uri)
        if algorithm.endswith("-SESS"):
            first = hashed(first, nonce, salt)
        middle = (count, salt, "auth") if quality else ()
        named = parts.get("userhash", "").lower() == "true"
        quoted = {
            "username": hashed(self._user, realm) if named else self._user,
            "realm": realm,
            "nonce": nonce,
            "uri": uri,
            "response": hashed(first, nonce, *middle, second),
        }
        plain = {"algorithm": parts["algorithm"]} if "algorithm" in parts else {}
        if quality:
            plain |= {"qop": "auth", "nc": count}
        if quality or algorithm.endswith("-SESS"):
            quoted["cnonce"] = salt
        if "opaque" in parts:
            quoted["opaque"] = parts["opaque"]
        if named:
            plain["userhash"] = "true"
        said = [f'{name}="{_escaped(value)}"' for name, value in quoted.items()]
        return ", ".join(said + [f"{name}={value}" for name, value in plain.items()])


def parts_of(text: str) -> dict[str, str]:
    r"""Return the parameters of a challenge or an answer, names in lower case.

    >>> parts_of('Realm="a \\"b\\"", algorithm=MD5')
    {'realm': 'a "b"', 'algorithm': 'MD5'}
    """
    found = _PART.findall(text)
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else bare for name, quoted, bare in found}


def _challenge(value: str) -> _Challenge:
    scheme, _, rest = value.strip().partition(" ")
    if not value.isprintable():
        # what is sent back must not be able to add a header
        return _Challenge("", {})
    return _Challenge(scheme.lower(), parts_of(rest))


def _escaped(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", value)


def _hash(algorithm: str, text: str) -> str:
    if algorithm.startswith("SHA-256"):
        return hashlib.sha256(text.encode()).hexdigest()
    # the other side's own choice; nothing rests on its collision resistance
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
