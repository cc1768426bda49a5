"""The writer's side over HTTP: ``POST /submit``, and ``GET /rotation/N.tlog-proof`` for gateways that know an older key."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from passerby.errors import RegisterError
from passerby.register.submission.intake import Intake
from passerby.register.submission.submission import MAX_SUBMISSION_BYTES, IntakeAnswer

BODY_S = 10.0
"""A submission must be here within this long."""


def submission_app(intake: Intake, *, body_s: float = BODY_S) -> Starlette:
    """Return the intake as an ASGI application."""
    return Starlette(
        routes=[
            Route("/submit", partial(_submit, intake, body_s), methods=["POST"]),
            Route("/rotation/{number:int}.tlog-proof", partial(_rotation, intake), methods=["GET"]),
        ]
    )


async def _submit(intake: Intake, body_s: float, request: Request) -> Response:
    body = bytearray()
    try:
        async with asyncio.timeout(body_s):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_SUBMISSION_BYTES:
                    return _respond(IntakeAnswer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error="submission is too large"))
    except TimeoutError:
        return _respond(IntakeAnswer(HTTPStatus.REQUEST_TIMEOUT, error="submission must come sooner"))
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    return _respond(await run_in_threadpool(intake.take, bytes(body)))


async def _rotation(intake: Intake, request: Request) -> Response:
    try:
        found = await run_in_threadpool(intake.rotation, request.path_params["number"])
    except RegisterError:
        return _respond(IntakeAnswer(HTTPStatus.SERVICE_UNAVAILABLE, error="the log cannot be read now", retry_s=1))
    return Response(status_code=HTTPStatus.NOT_FOUND) if found is None else Response(found, media_type="text/plain")


def _respond(answer: IntakeAnswer) -> Response:
    if answer.status == HTTPStatus.OK:
        return JSONResponse({"proofs": list(answer.proofs)})
    told: dict[str, object] = {"error": answer.error}
    if answer.number is not None:
        told["number"] = answer.number
    headers = {"Retry-After": str(answer.retry_s)} if answer.retry_s else {}
    return JSONResponse(told, answer.status, headers)
