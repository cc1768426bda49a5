"""Serves a log and its pages. Sets a strict content policy, no cookie, loads nothing from elsewhere, and keeps no visitor log.

What is served is public, so every answer may be read by other sites' scripts: that is how somebody else's checker works.
"""

from __future__ import annotations

import hashlib
import logging
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from passerby.errors import EntryError, PasserbyError
from passerby.gateway import RateLimit
from passerby.languages import FALLBACK_LANGUAGE, negotiate
from passerby.web.headers import EVERY_PAGE
from passerby.web.listening import serve_app
from passerby.web.proxies import BehindProxies, networks_of
from passerby.web.register.documents import DRAWING_POLICY, PageDocument
from passerby.web.register.follow import LogFollower
from passerby.web.visits import LimitedByAddress

TEXT = "text/plain; charset=utf-8"
NEVER = "no-store"
ASK = "no-cache"
FOREVER = "public, max-age=31536000, immutable"
MAX_PATH = 300
MADE_ANEW = 4.0
"""Work of a page or a proof, against that of a file of the log."""
THIS_MACHINE = ("127.0.0.0/8", "::1/128")
HEADERS = {
    **EVERY_PAGE,
    "Referrer-Policy": "no-referrer",
    "Access-Control-Allow-Origin": "*",
}
_log = logging.getLogger("passerby.web.register")
LOG_FILE = re.compile(
    r"checkpoint|vkey|policy|rotation/[0-9]{1,4}\.tlog-proof|schemas/[a-z.]{1,60}\.json|"
    r"withdrawn/(?:x[0-9]{3}/)*[0-9]{3}(?:\.entries)?|"
    r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?"
)
_PROOF = re.compile(r"proof/(0|[1-9][0-9]{0,15})")
_ENTRY = re.compile(r"entry/(0|[1-9][0-9]{0,15})\.json")
_FOLDER = re.compile(r"[a-z]{2}|(?:[a-z]{2}/)?(?:c/[0-9a-f]{32}|part/[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What stands at a path, and how long it may be kept."""

    document: PageDocument
    keep: str
    status: int = 200


def register_app(
    follower: LogFollower,
    *,
    language: str = FALLBACK_LANGUAGE,
    proxies: Sequence[str] = (),
    limit: RateLimit | None = None,
) -> Starlette:
    """Return the server as an application. Answers are compressed for who takes it, entry bundles above all.

    Source: C2SP tlog-tiles, Log Entries ("SHOULD be compressed at the HTTP layer").

    Args:
        follower: The log.
        language: For readers who ask for none that there is.
        proxies: Addresses and networks, besides this machine, whose ``X-Forwarded-For`` is believed.
        limit: Of one address; None takes the usual one.
    """

    async def serve(request: Request) -> Response:
        path = request.url.path.removeprefix("/")
        chosen = negotiate(request.headers.get("accept-language", ""), language)
        if len(path) > MAX_PATH:
            return respond(request, PageAnswer(PageDocument(b"too long\n", TEXT, DRAWING_POLICY), NEVER, 414))
        if _FOLDER.fullmatch(path):
            return RedirectResponse(f"/{path}/", 308, HEADERS)
        return respond(request, await run_in_threadpool(answer, follower, path, chosen))

    return Starlette(
        routes=[Route("/{path:path}", serve, methods=["GET"])],
        middleware=[
            Middleware(BehindProxies, networks_of([*THIS_MACHINE, *proxies])),
            Middleware(LimitedByAddress, _work, limit),
            Middleware(GZipMiddleware, compresslevel=6),
        ],
    )


def _work(path: str) -> float:
    return 1.0 if LOG_FILE.fullmatch(path.removeprefix("/")) else MADE_ANEW


def answer(follower: LogFollower, path: str, language: str) -> PageAnswer:
    """Return what stands at a path of the log or its pages.

    Args:
        follower: The log.
        path: Without a slash in front.
        language: For pages whose path names none.
    """
    try:
        if LOG_FILE.fullmatch(path):
            data = follower.file(path)
            if data is not None:
                return log_file(path, data)
        elif found := _PROOF.fullmatch(path):
            return PageAnswer(PageDocument(follower.proof(int(found[1])), TEXT, DRAWING_POLICY), ASK)
        elif found := _ENTRY.fullmatch(path):
            return PageAnswer(PageDocument(follower.raw(int(found[1])), "application/json", DRAWING_POLICY), FOREVER)
        elif document := follower.document(path, language):
            return PageAnswer(document, ASK)
    except EntryError:
        pass  # there is no such entry
    except PasserbyError as error:
        # what went wrong is for who runs this server: it may name folders and machines
        _log.error("%s cannot be served: %s", path, error.message)
        return PageAnswer(PageDocument(b"the log cannot be read now\n", TEXT, DRAWING_POLICY), NEVER, 503)
    return PageAnswer(follower.missing(language, path.count("/")), NEVER, 404)


def log_file(path: str, data: bytes) -> PageAnswer:
    """Return one of the log's own files: tiles never change, the checkpoint always may."""
    if path.startswith("tile/"):
        return PageAnswer(PageDocument(data, "application/octet-stream", DRAWING_POLICY), FOREVER)
    if path.startswith("schemas/"):
        return PageAnswer(PageDocument(data, "application/schema+json", DRAWING_POLICY), ASK)
    return PageAnswer(PageDocument(data, TEXT, DRAWING_POLICY), NEVER if path == "checkpoint" else ASK)


def respond(request: Request, found: PageAnswer) -> Response:
    """Return an answer with all its headers; unchanged content is not sent again."""
    document = found.document
    tag = f'W/"{hashlib.sha256(document.body).hexdigest()[:32]}"'
    headers = HEADERS | {
        "Content-Security-Policy": f"{document.policy}; frame-ancestors 'none'",
        "Cache-Control": found.keep,
        "Content-Type": document.media_type,
    }
    if document.language:
        headers["Content-Language"] = document.language
    if document.negotiated:
        headers["Vary"] = "Accept-Language"  # GZipMiddleware adds Accept-Encoding
    if found.keep != NEVER:
        headers["ETag"] = tag
        known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
        if found.status == 200 and (tag.removeprefix("W/") in known or "*" in known):
            return Response(status_code=304, headers={k: v for k, v in headers.items() if k != "Content-Type"})
    return Response(document.body, found.status, headers)


def serve_register(
    follower: LogFollower,
    *,
    listener: socket.socket,
    language: str = FALLBACK_LANGUAGE,
    proxies: Sequence[str] = (),
    ready: Callable[[], None] | None = None,
) -> None:
    """Serve until the process is told to stop.

    Args:
        follower: The log.
        listener: As ``listening.bind_port`` gives it.
        language: For readers who ask for none that there is.
        proxies: As ``register_app`` takes them.
        ready: As ``listening.serve_app`` takes it.
    """
    serve_app(register_app(follower, language=language, proxies=proxies), listener, ready=ready)
