"""Who may read RTSP: the same accounts as the console. Digest takes a stream key; Basic, under TLS only, the password too."""

from __future__ import annotations

import base64

from passerby.errors import ServiceError
from passerby.gateway.access.accounts import Accounts, Right
from passerby.gateway.rtsp import REALM, DigestGate, RtspRequest


class AccountGate(DigestGate):
    """The gate of the RTSP server.

    Args:
        accounts: Of the gateway.
    """

    def __init__(self, accounts: Accounts) -> None:
        super().__init__(accounts.ha1_of, self._reads)
        self._accounts = accounts

    def challenges(self, *, secure: bool, stale: bool = False) -> list[str]:
        """Return the values of WWW-Authenticate: under TLS only Basic, as players prefer Digest, which no password serves."""
        return [f'Basic realm="{REALM}"'] if secure else super().challenges(secure=secure, stale=stale)

    def user_of(self, request: RtspRequest, *, secure: bool, address: str) -> str | None:
        """Return the user whose proof a request carries, or None."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if secure and scheme.lower() == "basic" and not self.blocked(address):
            try:
                name, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
            except ValueError:
                name = password = ""
            if name and self._accounts.check(name, password) is not None:
                return name
        return super().user_of(request, secure=secure, address=address)

    def standing(self, user: str, camera: str) -> object:
        """Return what stays the same as long as the account does; None once it may not read."""
        del camera
        try:
            return self._accounts.standing(user, Right.WATCH)
        except ServiceError:
            # what cannot be read allows nothing
            return None

    def _reads(self, user: str, camera: str) -> bool:
        del camera
        account = self._accounts.find(user)
        return account is not None and account.may(Right.WATCH)
