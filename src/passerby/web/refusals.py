"""How a request is refused: the status, when to come again, how to log in, and the one form that errors have."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from passerby.errors import AccessError, PasserbyError, UsageError
from passerby.gateway import LoginNeededError, TooManyError

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Passerby", charset="UTF-8"'}
"""RFC 7617."""
_PLAIN = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def refusal(
    status: int,
    message: str,
    *,
    hint: str | None = None,
    kind: str | None = None,
    wait_s: int = 0,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return ``{"error": text}``, with a ``hint`` and a ``kind`` where there is one.

    Args:
        status: HTTP's.
        message: What was wanted and what came.
        hint: What to do.
        kind: Of error, for pages that say it in the reader's language too.
        wait_s: When to come again; 0 for no such promise.
        headers: Of the answer.
    """
    told = (_PLAIN if headers is None else headers) | ({"Retry-After": str(wait_s)} if wait_s else {})
    more = {name: text for name, text in (("hint", hint), ("kind", kind)) if text}
    return JSONResponse({"error": message} | more, status, told)


def refusal_of(
    exc: PasserbyError, connection: HTTPConnection, *, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return what an error means to who asked: 401, 403, 400, 429 or 503.

    Args:
        exc: The error.
        connection: Who asked.
        headers: Of the answer.
    """
    if isinstance(exc, TooManyError):
        return refusal(429, exc.message, wait_s=exc.wait_s, headers=headers)
    if isinstance(exc, LoginNeededError):
        found = refusal(401, exc.message, hint=exc.hint, headers=headers)
        if not _from_a_page(connection):
            found.headers.update(CHALLENGE)
        return found
    status = 403 if isinstance(exc, AccessError) else 400 if isinstance(exc, UsageError) else 503
    return refusal(status, exc.message, hint=exc.hint, headers=headers)


def _from_a_page(connection: HTTPConnection) -> bool:
    # a browser would ask for the password in a window of its own, over our page
    return bool(connection.headers.get("sec-fetch-mode") or connection.cookies)
