"""What a client sends to a server of ours: bounded in bytes, and in time as a whole."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request


async def read_body(request: Request, *, most_bytes: int, within_s: float) -> bytes | HTTPStatus:
    """Return the whole body of a request, or the status to refuse it with: 413, 408, or 400 where the client has gone."""
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for piece in request.stream():
                body += piece
                if len(body) > most_bytes:
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    except TimeoutError:
        return HTTPStatus.REQUEST_TIMEOUT
    except ClientDisconnect:
        return HTTPStatus.BAD_REQUEST
    return bytes(body)
