"""Logins of browsers: a random token in a cookie, its hash in memory, a token against forged requests beside it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from passerby.gateway.access.accounts import Account

MOST = 5000


@dataclass(frozen=True, slots=True)
class LoginSession:
    """One login.

    Attributes:
        user: Whose.
        csrf: Must come back with every request that changes something.
        ends_s: On the monotonic clock.
        standing: Of the account when it began.
        account: Of somebody who signed on elsewhere and has none here; None for everybody else.
    """

    user: str
    csrf: str
    ends_s: float
    standing: object = None
    account: Account | None = None


class LoginSessions:
    """Logins. They end with the process, with time, at logout, and when their account changes.

    Args:
        length_s: Of a login.
        clock: Seconds.
        most: Logins at once; the oldest ends first.
    """

    def __init__(self, length_s: float, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._length_s, self._clock, self._most = length_s, clock, most
        self._open: dict[bytes, LoginSession] = {}

    def begin(self, user: str, standing: object = None, account: Account | None = None) -> tuple[str, LoginSession]:
        """Return a fresh token for the cookie, and the session; see there."""
        now = self._clock()
        self._open = {key: one for key, one in self._open.items() if one.ends_s > now}
        while len(self._open) >= self._most:
            self._open.pop(next(iter(self._open)))
        token = secrets.token_urlsafe(32)
        session = LoginSession(user, secrets.token_urlsafe(24), now + self._length_s, standing, account)
        self._open[_digest(token)] = session
        return token, session

    def find(self, token: str | None) -> LoginSession | None:
        """Return the session of a token, or None."""
        found = self._open.get(_digest(token)) if token else None
        return found if found is not None and found.ends_s > self._clock() else None

    def end(self, token: str) -> None:
        """End one login."""
        self._open.pop(_digest(token), None)

    def end_all_of(self, user: str) -> None:
        """End every login of an account."""
        self._open = {key: one for key, one in self._open.items() if one.user != user}


def same_token(given: str | None, wanted: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest((given or "").encode("utf-8", "replace"), wanted.encode())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
