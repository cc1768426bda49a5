"""Who asks, and what may be answered: logins, rights, forged requests, guesses, headers. Every request goes through here."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from passerby.errors import AccessError, ServiceError
from passerby.gateway import (
    Account,
    LoginNeededError,
    LoginSession,
    LoginSessions,
    RateLimit,
    Right,
    Runtime,
    TooManyError,
    same_token,
)
from passerby.values import whole_number
from passerby.web.headers import EVERY_PAGE
from passerby.web.listening import KNOWN
from passerby.web.proxies import address_of, is_secure, proxy_hint, root_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    **EVERY_PAGE,
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send forms with the origin "null"
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_FORM = 4096
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        account: Or None.
        session: Of a browser, or None for a program that shows its password with each request.
        address: Where from.
        root: Path below which it is served.
    """

    account: Account | None
    session: LoginSession | None
    address: str
    root: str = ""

    @property
    def name(self) -> str:
        """Return the account's name, or nothing."""
        return self.account.name if self.account else ""


@dataclass(frozen=True, slots=True)
class LoginCookie:
    """The cookie that carries a login.

    Attributes:
        name: Its prefix makes browsers insist on TLS, and on this host alone where nothing else is served there.
        path: Below which it is sent.
        secure: Only over TLS.
    """

    name: str
    path: str
    secure: bool


def cookie_of(connection: HTTPConnection) -> LoginCookie:
    """Return the cookie of whoever asks, by how it came."""
    root, secure = root_of(connection), is_secure(connection)
    name = "passerby" if not secure else "__Secure-passerby" if root else "__Host-passerby"
    return LoginCookie(name, root + "/", secure)


def basic_of(connection: HTTPConnection) -> tuple[str, str]:
    """Return the name and password that a program shows by Basic (RFC 7617), or nothing twice."""
    scheme, _, rest = connection.headers.get("authorization", "").partition(" ")
    try:
        name, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (name, password) if colon and scheme.lower() == "basic" else ("", "")


class Guard:
    """Knows callers, counts guesses.

    Args:
        runtime: The gateway.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.sessions = LoginSessions(runtime.city.server.session_s)
        # for an account, or for an address without one
        self._requests = RateLimit(200, 50)
        self._notes = RateLimit(60, 0.2)

    async def caller(self, request: HTTPConnection) -> Caller:
        """Return who asks.

        Raises:
            TooManyError: the address asks, or guesses, too often.
        """
        caller = replace(await self._who(request, address_of(request)), root=root_of(request))
        key = f"account {caller.name}" if caller.account else f"address {caller.address}"
        if not self._requests.allow(key):
            raise TooManyError(self._requests.wait_s(key))
        known = request.scope.get(KNOWN)
        if caller.account is not None and known is not None:
            known(caller.name)
        return caller

    def is_proven(self, request: HTTPConnection) -> bool:
        """Return whether somebody shows a login, or a password that was proven before."""
        if self.sessions.find(request.cookies.get(cookie_of(request).name)) is not None:
            return True
        name, password = basic_of(request)
        try:
            return bool(name) and self.runtime.accounts.proven(name, password) is not None
        except ServiceError:
            return False

    async def _who(self, request: HTTPConnection, address: str) -> Caller:
        session = self.sessions.find(request.cookies.get(cookie_of(request).name))
        if session is not None and session.account is not None:
            return Caller(session.account, session, address)
        if session is not None:
            account = self.runtime.accounts.find(session.user)
            if account is None or self.standing(session.user) != session.standing:
                # changed, by whoever: the command of accounts tells this process nothing
                return Caller(None, None, address)
            return Caller(account, session, address)
        name, password = basic_of(request)
        return Caller(await self.proven(name, password, address) if name else None, None, address)

    def standing(self, user: str) -> object:
        """Return what stays the same as long as an account's role and password do; a key for RTSP is nothing to a browser."""
        found = self.runtime.accounts.standing(user)
        return found[:2] if found is not None else None

    async def proven(self, name: str, password: str, address: str) -> Account | None:
        """Return the account that a name and password prove.

        Raises:
            TooManyError: too many wrong ones came from there for that name, or from there at all.
        """
        account = await self.runtime.proofs.account(name, password, address)
        if account is None:
            self._refused("login-refused", name[:32], address)
        return account

    def _refused(self, what: str, user: str, address: str, detail: str = "") -> None:
        self.runtime.journal.refused_requests += 1
        if self._notes.allow(address):
            # whoever is refused for ever must not push the lines of those who watched out of the log
            self.runtime.access.add(what, user=user, address=address, detail=detail)

    def require(self, caller: Caller, right: Right) -> Account:
        """Return the caller's account if it may do something.

        Raises:
            LoginNeededError: nobody is logged in.
            AccessError: it may not.
        """
        if caller.account is None:
            raise LoginNeededError("log in first")
        if not caller.account.may(right):
            self._refused("refused", caller.name, caller.address, str(right))
            raise AccessError(f"this needs the right {right}, which a {caller.account.role} does not have")
        return caller.account

    def unforged(self, request: HTTPConnection, caller: Caller, token: str | None) -> None:
        """Refuse a change that another site's page could have sent.

        Args:
            request: With its headers.
            caller: A browser's login carries a token; a program's password with each request is proof enough.
            token: That came with it.

        Raises:
            AccessError: it may be forged.
        """
        if not self.same_origin(request):
            raise AccessError("this request came from another site's page", hint=proxy_hint(request))
        if caller.session is not None and not same_token(token, caller.session.csrf):
            raise AccessError("this page is too old: load it again")

    def own_form(self, request: HTTPConnection) -> None:
        """Refuse a form that is too long or was sent by another site's page.

        Raises:
            AccessError: it is.
        """
        if whole_number(request.headers.get("content-length", ""), MOST_FORM) is None:
            raise AccessError(f"form must have at most {MOST_FORM} bytes")
        if not self.same_origin(request):
            raise AccessError("this request came from another site's page", hint=proxy_hint(request))

    def same_origin(self, request: HTTPConnection) -> bool:
        """Return whether a browser's request comes from our own page; programs send no origin."""
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        page, ours = urlsplit(origin), urlsplit(self.runtime.city.server.url or "")
        return page.netloc == request.headers.get("host", "") or (
            bool(ours.netloc) and (page.scheme, page.netloc) == (ours.scheme, ours.netloc)
        )
