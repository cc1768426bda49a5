"""Who may read RTSP: the same accounts as the console. Digest takes a stream key; Basic, under TLS only, the password too."""

from __future__ import annotations

from passerby.errors import ServiceError
from passerby.gateway.access.accounts import Accounts, Right
from passerby.gateway.access.proofs import PasswordProofs
from passerby.gateway.rtsp import REALM, DigestGate, RtspRequest


class AccountGate(DigestGate):
    """The gate of the RTSP server.

    Args:
        accounts: Of the gateway.
        proofs: Checks their passwords.
    """

    def __init__(self, accounts: Accounts, proofs: PasswordProofs) -> None:
        super().__init__(accounts.ha1_of, self._reads)
        self._accounts, self._proofs = accounts, proofs

    def challenges(self, *, secure: bool, stale: bool = False) -> list[str]:
        """Return the values of WWW-Authenticate: under TLS only Basic, as players prefer Digest, which no password serves."""
        return [f'Basic realm="{REALM}"'] if secure else super().challenges(secure=secure, stale=stale)

    async def user_of(self, request: RtspRequest, *, secure: bool, address: str) -> str | None:
        """Return the user whose proof a request carries, or None.

        Raises:
            TooManyError: too many wrong passwords came from there.
        """
        user = await super().user_of(request, secure=secure, address=address)
        name, password = self.basic_of(request)
        if user is not None or not secure or not name:
            return user
        # a stream key was looked for first: it costs nothing to compare
        account = await self._proofs.account(name, password, address)
        return account.name if account is not None else None

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
