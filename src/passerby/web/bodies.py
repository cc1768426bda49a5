"""What comes with a request, read no further than it may be long."""

from __future__ import annotations

from starlette.requests import Request

from passerby.errors import UsageError


async def read_body(request: Request, most: int) -> bytes:
    """Return the bytes that came with a request.

    Args:
        request: Not read yet.
        most: Bytes that it may have.

    Raises:
        UsageError: it has more; no more than one part of it beyond that was read.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise UsageError(f"body must have at most {most} bytes")
    return bytes(data)
