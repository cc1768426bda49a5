"""The witness over HTTP: ``POST /add-checkpoint``, ``GET /<hash of origin>/checkpoint``, and its key at ``GET /``."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from passerby.errors import FormatError, StorageError
from passerby.register.witness.witness import MAX_REQUEST_BYTES, PLAIN_TYPE, Witness, WitnessAnswer


def witness_app(witness: Witness) -> Starlette:
    """Return the witness as an ASGI application. It keeps no record of who asked."""
    return Starlette(
        routes=[
            Route("/", partial(_key, witness), methods=["GET"]),
            Route("/add-checkpoint", partial(_add_checkpoint, witness), methods=["POST"]),
            Route("/{origin_hash}/checkpoint", partial(_checkpoint, witness), methods=["GET"]),
        ]
    )


async def _key(witness: Witness, _request: Request) -> Response:
    return Response(f"{witness.signer.key}\n", media_type=PLAIN_TYPE)


async def _add_checkpoint(witness: Witness, request: Request) -> Response:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_REQUEST_BYTES:
                return _respond(WitnessAnswer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request is too large\n"))
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    try:
        return _respond(await run_in_threadpool(witness.add_checkpoint, bytes(body)))
    except (FormatError, StorageError):
        return _respond(WitnessAnswer(HTTPStatus.SERVICE_UNAVAILABLE, "witness cannot remember now\n"))


async def _checkpoint(witness: Witness, request: Request) -> Response:
    try:
        return _respond(await run_in_threadpool(witness.checkpoint, request.path_params["origin_hash"]))
    except (FormatError, StorageError):
        return _respond(WitnessAnswer(HTTPStatus.SERVICE_UNAVAILABLE, "witness cannot read now\n"))


def _respond(answer: WitnessAnswer) -> Response:
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type)
