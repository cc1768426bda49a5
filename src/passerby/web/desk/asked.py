"""What a request to the desk asks for, and how it is refused."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from passerby.errors import DeskError, PasserbyError, UsageError
from passerby.web.bodies import read_body
from passerby.web.refusals import refusal


async def asked_object(request: Request, what: str, most: int) -> dict[str, Any]:
    """Return the JSON object that came with a request.

    Args:
        request: Not read yet.
        what: It is, for errors.
        most: Bytes that it may have.

    Raises:
        UsageError: it is longer, or none.
    """
    data = await read_body(request, most)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{what} must be one JSON object, got: {exc}") from exc
    if not isinstance(found, dict):
        raise UsageError(f"{what} must be one JSON object, got {type(found).__name__}")
    return found


def asked_number(request: Request, name: str, usual: int | None = None) -> int | None:
    """Return a whole number of a request's query; what is no number is as if it were not there."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else usual


def refused(exc: PasserbyError) -> JSONResponse:
    """Say what was wrong and what helps: 400 where the request was, 409 where the project is another, 422 where the file is."""
    status = 400 if isinstance(exc, UsageError) else 409 if isinstance(exc, DeskError) else 422
    return refusal(status, exc.message, hint=exc.hint, kind=type(exc).__name__)
