"""The writer's side over HTTP: ``POST /submit``, and ``GET /rotation/N.tlog-proof`` for gateways that know an older key."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from passerby.errors import RegisterError
from passerby.register.bodies import read_body
from passerby.register.submission.intake import Intake
from passerby.register.submission.submission import MAX_SUBMISSION_BYTES, IntakeAnswer

BODY_S = 10.0
"""A submission must be here within this long."""
_NO_BODY = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "submission is too large",
    HTTPStatus.REQUEST_TIMEOUT: "submission must come sooner",
    HTTPStatus.BAD_REQUEST: "submission must come whole",
}


def submission_app(intake: Intake, *, body_s: float = BODY_S) -> Starlette:
    """Return the intake as an ASGI application."""
    return Starlette(
        routes=[
            Route("/submit", partial(_submit, intake, body_s), methods=["POST"]),
            Route("/rotation/{number:int}.tlog-proof", partial(_rotation, intake), methods=["GET"]),
        ]
    )


async def _submit(intake: Intake, body_s: float, request: Request) -> Response:
    body = await read_body(request, most_bytes=MAX_SUBMISSION_BYTES, within_s=body_s)
    if isinstance(body, HTTPStatus):
        return _respond(IntakeAnswer(body, error=_NO_BODY[body]))
    return _respond(await run_in_threadpool(intake.take, body))


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
