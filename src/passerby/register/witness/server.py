"""The witness over HTTP: ``POST /add-checkpoint``, ``GET /<hash of origin>/checkpoint``, and its key at ``GET /``."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from passerby.errors import FormatError, StorageError
from passerby.register.bodies import read_body
from passerby.register.witness.witness import MAX_REQUEST_BYTES, Witness, WitnessAnswer

BODY_S = 20.0
"""How long a request's body may take, as a whole. Source: 250 kB at 0.1 Mbit/s."""


def witness_app(witness: Witness, *, body_s: float = BODY_S) -> Starlette:
    """Return the witness as an ASGI application. It keeps no record of who asked.

    Args:
        witness: Whose answers are served.
        body_s: How long a request's body may take.
    """
    return Starlette(
        routes=[
            Route("/", partial(_key, witness), methods=["GET"]),
            Route("/add-checkpoint", partial(_add_checkpoint, witness, body_s), methods=["POST"]),
            Route("/{origin_hash}/checkpoint", partial(_checkpoint, witness), methods=["GET"]),
        ]
    )


async def _key(witness: Witness, _request: Request) -> Response:
    return _respond(WitnessAnswer(HTTPStatus.OK, f"{witness.signer.key}\n"))


async def _add_checkpoint(witness: Witness, body_s: float, request: Request) -> Response:
    body = await read_body(request, most_bytes=MAX_REQUEST_BYTES, within_s=body_s)
    if isinstance(body, HTTPStatus):
        too_large = body == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return _hang_up(body, f"request {'is too large' if too_large else 'must come as a whole, and in time'}\n")
    try:
        return _respond(await run_in_threadpool(witness.add_checkpoint, body))
    except (FormatError, StorageError):
        return _respond(WitnessAnswer(HTTPStatus.SERVICE_UNAVAILABLE, "witness cannot remember now\n"))


async def _checkpoint(witness: Witness, request: Request) -> Response:
    try:
        return _respond(await run_in_threadpool(witness.checkpoint, request.path_params["origin_hash"]))
    except (FormatError, StorageError):
        return _respond(WitnessAnswer(HTTPStatus.SERVICE_UNAVAILABLE, "witness cannot read now\n"))


def _hang_up(status: HTTPStatus, text: str) -> Response:
    """What is left of the request is not waited for."""
    answer = _respond(WitnessAnswer(status, text))
    answer.headers["connection"] = "close"
    return answer


def _respond(answer: WitnessAnswer) -> Response:
    # as a header: what is given as a media type gets a charset
    return Response(answer.body, status_code=answer.status, headers={"content-type": answer.content_type})
