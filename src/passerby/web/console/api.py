"""The API: one table of operations, from which both the routes and the OpenAPI description are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from passerby.errors import UsageError
from passerby.gateway import CameraStatus, Event, Right, Role, Runtime, access_log_csv, camera_stats
from passerby.values import whole_number
from passerby.web import refusals
from passerby.web.bodies import read_body
from passerby.web.console.days import instant_text
from passerby.web.console.guard import HEADERS, Caller, Guard

Handler = Callable[[Request, Caller], Awaitable[Response]]
B = TypeVar("B", bound=BaseModel)
MOST_BODY = 16 * 1024
LAST_LINE = 2**62
"""Above the number of any line of the access log."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does.

    Attributes:
        method: HTTP's.
        path: With ``{name}`` parts.
        summary: For people.
        right: That it needs; None for what anyone may ask.
        handler: Does it; None for what the streams' own routes do.
        body: Form of the JSON that comes with it.
        query: Name and meaning of each parameter.
        answers: Media type of the answer.
    """

    method: str
    path: str
    summary: str
    right: Right | None
    handler: Handler | None = None
    body: type[BaseModel] | None = None
    query: tuple[tuple[str, str], ...] = ()
    answers: str = "application/json"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CoverBody(_Body):
    """Whether an operator's full cover is on. Off leaves every face veiled."""

    on: bool


class AccountBody(_Body):
    """A new account."""

    name: str
    role: str
    password: str


class ChangeBody(_Body):
    """What to change about an account; what is left out stays."""

    role: str | None = None
    password: str | None = None


class PasswordBody(_Body):
    """One's own password."""

    old: str
    new: str


def answer(value: object, status: int = 200) -> JSONResponse:
    """Return a JSON answer with all headers."""
    return JSONResponse(value, status, HEADERS)


def refusal(status: int, message: str, *, hint: str | None = None) -> JSONResponse:
    """Return a refusal with all headers."""
    return refusals.refusal(status, message, hint=hint, headers=HEADERS)


async def body_of(request: Request, form: type[B]) -> B:
    """Read the JSON that came with a request.

    Raises:
        UsageError: it is too long, or does not fit its form.
    """
    data = await read_body(request, MOST_BODY)
    try:
        return form.model_validate_json(data or b"{}")
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise UsageError(f"{where}: {first['msg'].lower()}") from exc


def asked_number(asked: QueryParams, key: str, most: int) -> int | None:
    """Return a number out of a request's query, or None where it is not given.

    Raises:
        UsageError: it is none, or too large.
    """
    text = asked.get(key, "")
    found = whole_number(text, most)
    if text and found is None:
        raise UsageError(f"{key} must be a number from 0 to {most}, got {text[:20]!r}")
    return found


def role_of(text: str) -> Role:
    """Return a role by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if text not in set(Role):
        raise UsageError(f"role must be one of {', '.join(Role)}, got {text[:32]!r}")
    return Role(text)


class Api:
    """Does what the table lists.

    Args:
        runtime: The gateway.
        guard: Who may.
    """

    def __init__(self, runtime: Runtime, guard: Guard) -> None:
        self.runtime, self.guard = runtime, guard

    def camera_row(self, status: CameraStatus) -> dict[str, Any]:
        """Return what the console and the API tell about a camera."""
        config = self.runtime.gateway.cameras[status.name].config
        told = asdict(status)
        del told["whole_by_reason"]
        return told | {
            "title": config.shown,
            "group": config.group,
            "words": [reason.words for reason in status.reasons],
            "last_fault_at": instant_text(status.last_fault_ns),
            "covered_whole": {reason.value: count for reason, count in status.whole_by_reason},
            "faces_per_minute": self.runtime.last_minute.faces(status.name),
            "load": round(self.runtime.last_minute.cores(status.name), 3),
            "recorded": config.record.enabled,
            "register": self.runtime.record.identifier(status.name),
            "exclusive_access": self._exclusive(status.name),
            "sealing": status.sealing or self._sealing_soon(status.name),
        }

    def _sealing_soon(self, name: str) -> str:
        coming = self.runtime.record.seals.coming(name)
        return (
            f"faces are kept, locked, from {coming.begins:%Y-%m-%d %H:%M} UTC on"
            if coming and coming.retention_h
            else ""
        )

    def _exclusive(self, name: str) -> str:
        report = self.runtime.tests.reports.get(name)
        return report.exclusive if report else "untested"

    def overview(self) -> dict[str, Any]:
        """Return the state of everything."""
        runtime = self.runtime
        return {
            "cameras": [self.camera_row(status) for status in runtime.statuses()],
            "refused": [{"name": name, "why": why} for name, why in sorted(runtime.gateway.refused.items())],
            "alarm": runtime.gateway.alarm.text,
            "config_error": runtime.config.error,
            "config_notes": runtime.config.notes,
            "register_failing_s": round(runtime.record.writer.failing_s(), 1),
            "hidden_selftest_ns": runtime.gateway.alarm.passed_ns,
            "not_ready": runtime.not_ready(),
            "began": runtime.began.isoformat(timespec="seconds"),
        }

    async def cameras(self, request: Request, caller: Caller) -> Response:
        """Return the state of everything."""
        del request, caller
        return answer(self.overview())

    async def camera(self, request: Request, caller: Caller) -> Response:
        """Return one camera's state."""
        del caller
        name = str(request.path_params["name"])
        found = next((status for status in self.runtime.statuses() if status.name == name), None)
        if found is None:
            return refusal(404, f"camera must be one that runs, got {name[:64]!r}")
        return answer(self.camera_row(found))

    async def cover(self, request: Request, caller: Caller) -> Response:
        """Add or end an operator's full cover."""
        name, said = str(request.path_params["name"]), await body_of(request, CoverBody)
        if not self.runtime.cover(name, on=said.on, user=caller.name, address=caller.address):
            return refusal(404, f"camera must be one that runs, got {name[:64]!r}")
        return answer({"camera": name, "cover": said.on})

    async def events(self, request: Request, caller: Caller) -> Response:
        """Return the last events, newest first."""
        del request, caller
        return answer({"events": [event_row(event) for event in reversed(self.runtime.journal.events)]})

    async def stats(self, request: Request, caller: Caller) -> Response:
        """Return counts as Frigate spells them."""
        del request, caller
        return answer(camera_stats(self.runtime.statuses()))

    async def reload(self, request: Request, caller: Caller) -> Response:
        """Read the configuration anew."""
        del request
        self.runtime.access.add("reload", user=caller.name, address=caller.address)
        return answer({"changed": await self.runtime.reload()})

    async def access(self, request: Request, caller: Caller) -> Response:
        """Return lines of the access log, newest first, as JSON or CSV."""
        asked = request.query_params
        before, most = asked_number(asked, "before", LAST_LINE), asked_number(asked, "most", LAST_LINE)
        lines = self.runtime.access.lines(
            before=before,
            camera=asked.get("camera", ""),
            user=asked.get("user", ""),
            most=200 if most is None else most,
        )
        self.runtime.access.add("access-log", user=caller.name, address=caller.address, once_s=60)
        if asked.get("format") == "csv":
            headers = HEADERS | {"Content-Disposition": 'attachment; filename="access.csv"'}
            return Response(access_log_csv(lines), 200, headers, "text/csv; charset=utf-8")
        return answer({"lines": [asdict(line) for line in lines]})

    async def accounts(self, request: Request, caller: Caller) -> Response:
        """Return every account, without anything secret."""
        del request, caller
        return answer({"accounts": [asdict(account) for account in self.runtime.accounts.all()]})

    async def add_account(self, request: Request, caller: Caller) -> Response:
        """Make an account."""
        said = await body_of(request, AccountBody)
        self.runtime.accounts.add(said.name, role_of(said.role), said.password)
        self._note(caller, f"{said.name} added as {said.role}")
        return answer({"name": said.name, "role": said.role}, 201)

    async def change_account(self, request: Request, caller: Caller) -> Response:
        """Change an account's role or password; its logins end."""
        name, said = str(request.path_params["name"]), await body_of(request, ChangeBody)
        self.runtime.accounts.change(name, role=role_of(said.role) if said.role else None, password=said.password)
        self.guard.sessions.end_all_of(name)
        self._note(caller, f"{name} changed" + (f" to {said.role}" if said.role else ""))
        return answer({"name": name})

    async def remove_account(self, request: Request, caller: Caller) -> Response:
        """Remove an account; its logins end."""
        name = str(request.path_params["name"])
        self.runtime.accounts.remove(name)
        self.guard.sessions.end_all_of(name)
        self._note(caller, f"{name} removed")
        return answer({"name": name})

    async def own_password(self, request: Request, caller: Caller) -> Response:
        """Change one's own password."""
        said = await body_of(request, PasswordBody)
        if await self.guard.proven(caller.name, said.old, caller.address) is None:
            return refusal(403, "the old password must be right, is not")
        self.runtime.accounts.change(caller.name, password=said.new)
        self.guard.sessions.end_all_of(caller.name)
        self._note(caller, "own password changed")
        return answer({"name": caller.name})

    async def stream_key(self, request: Request, caller: Caller) -> Response:
        """Make a key with which this account reads RTSP; it is shown once, and the one before no longer counts."""
        del request
        key = self.runtime.accounts.new_stream_key(caller.name)
        self._note(caller, "stream key made")
        return answer({"user": caller.name, "stream_key": key})

    def _note(self, caller: Caller, detail: str) -> None:
        self.runtime.access.add("account", user=caller.name, address=caller.address, detail=detail)

    def operations(self) -> list[Operation]:
        """Return the table."""
        high, hls = (("h", "Height in pixels"),), "application/vnd.apple.mpegurl"
        span = (("from", "Seconds since 1970"), ("to", "Seconds since 1970, at most an hour later for a clip"))
        picture, one = "/api/cameras/{name}", "/api/accounts/{name}"
        page = (
            ("before", "Number of a line"),
            ("most", "At most so many"),
            ("camera", ""),
            ("user", ""),
            ("format", "csv"),
        )
        return [
            Operation("GET", "/api/cameras", "State of all cameras, and why", Right.STATE, self.cameras),
            Operation("GET", picture, "State of one camera", Right.STATE, self.camera),
            Operation("POST", picture + "/cover", "Cover a camera whole, or end that cover", Right.COVER, self.cover, CoverBody),
            Operation("GET", picture + "/latest.jpg", "Newest veiled picture", Right.WATCH, query=high, answers="image/jpeg"),
            Operation("GET", picture + "/recordings", "What is recorded", Right.RECORDINGS, query=span),
            Operation("GET", picture + "/clip.mp4", "A recorded span", Right.RECORDINGS, query=span, answers="video/mp4"),
            Operation("GET", "/hls/{name}/{file}", "Live: index.m3u8 and its files", Right.WATCH, answers=hls),
            Operation("GET", "/api/events", "The last events", Right.STATE, self.events),
            Operation("GET", "/api/stats", "Counts as Frigate spells them", Right.STATE, self.stats),
            Operation("POST", "/api/reload", "Read city.yml anew", Right.RELOAD, self.reload),
            Operation("GET", "/api/access", "Who watched what", Right.ACCESS_LOG, self.access, query=page),
            Operation("GET", "/api/accounts", "All accounts", Right.ACCOUNTS, self.accounts),
            Operation("POST", "/api/accounts", "Make an account", Right.ACCOUNTS, self.add_account, AccountBody),
            Operation("PATCH", one, "Change an account", Right.ACCOUNTS, self.change_account, ChangeBody),
            Operation("DELETE", one, "Remove an account", Right.ACCOUNTS, self.remove_account),
            Operation("POST", "/api/me/password", "Change one's own password", Right.STATE, self.own_password, PasswordBody),
            Operation("POST", "/api/me/stream-key", "Make a key for RTSP, shown once", Right.WATCH, self.stream_key),
        ]  # fmt: skip


def event_row(event: Event) -> dict[str, Any]:
    """Return an event as the API and the console tell it."""
    return {
        "kind": event.kind.value,
        "camera": event.camera,
        "at_ns": event.at_ns,
        "reason": event.reason.value if event.reason else None,
        "words": event.reason.words if event.reason else "",
        "ok": event.ok,
        "detail": event.detail,
    }
