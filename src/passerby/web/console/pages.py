"""The console's pages: login, wall, camera, recordings, events, access log, accounts. Without script each still says what is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from passerby.errors import AccessError, PasserbyError, UsageError
from passerby.gateway import Account, Right, Role, Runtime, TooManyError, recordings_between
from passerby.web.console.api import LAST_LINE, Api, asked_number, event_row
from passerby.web.console.days import asked_day, day_span, hours_of, instant_text
from passerby.web.console.guard import HEADERS, Caller, Guard, cookie_of
from passerby.web.listening import shown_host
from passerby.web.proxies import address_of, root_of

HERE = Path(__file__).parent.parent
MOST_LIVE = 9
"""More cameras than these on one wall are shown as veiled snapshots: a screen decodes no more at once, and no line carries it."""
_STATE_WORDS = {
    "starting": "starting",
    "veiled": "veiled",
    "covered": "covered whole",
    "slate": "no picture",
    "stopped": "stopped",
}
_Page = Callable[[Request, Caller], Awaitable[Response]]


@cache
def environment() -> Environment:
    """Return the templates; everything put into them is escaped."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates" / "console"),
        autoescape=select_autoescape(("html",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["instant"] = instant_text
    made.filters["state"] = lambda phase: _STATE_WORDS[str(phase)]
    made.filters["load"] = load_text
    made.filters["fault"] = fault_text
    made.filters["sentence"] = sentence
    return made


def load_text(camera: dict[str, Any]) -> str:
    """Return a camera's load in words.

    >>> load_text({"load": 0.314, "rate_step": 2})
    '31 % of a core; rate lowered to one picture of 2: this machine cannot keep up'
    """
    lowered = f"; rate lowered to one picture of {camera['rate_step']}: this machine cannot keep up"
    step = lowered if camera["rate_step"] > 1 else ""
    return f"{camera['load'] * 100:.0f} % of a core{step}"


def fault_text(camera: dict[str, Any]) -> str:
    """Return a camera's last fault and its time.

    >>> fault_text({"last_fault": "", "last_fault_ns": 0, "last_fault_at": "never"})
    'none'
    """
    at = f", {camera['last_fault_at']}" if camera["last_fault_ns"] else ""
    return (camera["last_fault"] or "none") + at


def sentence(event: dict[str, Any]) -> str:
    """Return what an event's row says in words.

    >>> sentence({"kind": "phase", "detail": "covered clock_jump", "words": "the clock jumped"})
    'covered whole: the clock jumped'
    >>> sentence({"kind": "fault_began", "detail": "by 3 s", "words": "the clock jumped"})
    'fault began: the clock jumped (by 3 s)'
    """
    what, detail, words = (str(event[key]) for key in ("kind", "detail", "words"))
    what = what.replace("_", " ")
    if event["kind"] == "phase":
        # its detail is the phase and the reasons by their names, or a sentence
        what, detail = _STATE_WORDS.get(detail.partition(" ")[0], detail), ""
        if words.startswith(what):
            return words
    return what + (f": {words}" if words else "") + (f" ({detail})" if detail else "")


class ConsolePages:
    """The pages.

    Args:
        runtime: The gateway.
        guard: Who may.
        api: Shares the rows that it tells.
    """

    def __init__(self, runtime: Runtime, guard: Guard, api: Api) -> None:
        self.runtime, self.guard, self.api = runtime, guard, api

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        pages: list[tuple[str, Right, _Page]] = [
            ("/console/", Right.STATE, self.wall),
            ("/console/camera/{name}", Right.STATE, self.camera),
            ("/console/camera/{name}/recordings", Right.RECORDINGS, self.recordings),
            ("/console/events", Right.STATE, self.events),
            ("/console/access", Right.ACCESS_LOG, self.access),
            ("/console/accounts", Right.ACCOUNTS, self.accounts),
            ("/console/me", Right.STATE, self.me),
        ]
        made: list[BaseRoute] = [Route(path, self._guarded(right, page)) for path, right, page in pages]
        return [
            Route("/console/login", self.login_page, methods=["GET"]),
            Route("/console/login", self.login, methods=["POST"]),
            Route("/console/logout", self.logout, methods=["POST"]),
            *made,
        ]

    def _guarded(self, right: Right, page: _Page) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                caller = await self.guard.caller(request)
                if caller.account is None:
                    return RedirectResponse(
                        f"{root_of(request)}/console/login?next={quote(request.url.path)}", 303, HEADERS
                    )
                self.guard.require(caller, right)
                return await page(request, caller)
            except TooManyError as exc:
                return later(self._said(request, exc.message, 429), exc)
            except AccessError as exc:
                return self._said(request, exc.message, 403)
            except UsageError as exc:
                return self._said(request, exc.message, 400)

        return serve

    def _said(self, request: Request, text: str, status: int) -> Response:
        page = environment().get_template("said.html").render(text=text, root=root_of(request))
        return HTMLResponse(page, status, HEADERS)

    def _render(self, template: str, caller: Caller, **view: Any) -> Response:  # noqa: ANN401  # each has its own
        account = caller.account
        common = {
            "account": account,
            "root": caller.root,
            "may": {right.name.lower(): account is not None and account.may(right) for right in Right},
            "csrf": caller.session.csrf if caller.session else "",
            "alarm": self.runtime.gateway.alarm.text,
            "config_error": self.runtime.config.error,
            "register_failing_s": round(self.runtime.record.writer.failing_s()),
        }
        return HTMLResponse(environment().get_template(template).render(**common, **view), 200, HEADERS)

    # logging in and out

    async def login_page(self, request: Request) -> Response:
        """Ask for name and password."""
        return self.ask(request, "", 200)

    def ask(self, request: Request, wrong: str, status: int) -> Response:
        """Return the login page, with what went wrong."""
        after = local_page(request.query_params.get("next", ""))
        page = (
            environment()
            .get_template("login.html")
            .render(wrong=wrong, after=after, root=root_of(request), sign_on=self.runtime.city.server.single_sign_on)
        )
        return HTMLResponse(page, status, HEADERS)

    async def login(self, request: Request) -> Response:
        """Check name and password, and give the browser its cookie."""
        try:
            self.guard.own_form(request)
            async with request.form(max_files=0, max_fields=5, max_part_size=1024) as form:
                name, password = str(form.get("name", "")), str(form.get("password", ""))
                after = local_page(str(form.get("next", "")))
            address = address_of(request)
            account = await self.guard.proven(name.strip().lower(), password, address)
        except TooManyError as exc:
            return later(self.ask(request, exc.message, 429), exc)
        except AccessError as exc:
            return self.ask(request, f"{exc.message}; {exc.hint}" if exc.hint else exc.message, 403)
        if account is None:
            return self.ask(request, "The name or the password is wrong.", 401)
        token, _ = self.guard.sessions.begin(account.name, self.guard.standing(account.name))
        answer = RedirectResponse(root_of(request) + (after or "/console/"), 303, HEADERS)
        return self.let_in(request, answer, account, token)

    def let_in(self, request: Request, answer: Response, account: Account, token: str) -> Response:
        """Write down that somebody logged in, and give the browser its cookie."""
        self.runtime.access.add("login", user=account.name, address=address_of(request))
        cookie = cookie_of(request)
        answer.set_cookie(
            cookie.name, token, max_age=int(self.runtime.city.server.session_s), path=cookie.path,
            secure=cookie.secure, httponly=True, samesite="strict",
        )  # fmt: skip
        return answer

    async def logout(self, request: Request) -> Response:
        """End the login."""
        try:
            caller = await self.guard.caller(request)
            self.guard.own_form(request)
            async with request.form(max_files=0, max_fields=5, max_part_size=1024) as form:
                self.guard.unforged(request, caller, str(form.get("csrf", "")))
        except PasserbyError as exc:
            return self._said(request, exc.message, 403)
        cookie = cookie_of(request)
        token = request.cookies.get(cookie.name)
        if token:
            self.guard.sessions.end(token)
        if caller.account is not None:
            self.runtime.access.add("logout", user=caller.name, address=caller.address)
        answer = RedirectResponse(root_of(request) + "/console/login", 303, HEADERS)
        answer.delete_cookie(cookie.name, path=cookie.path, secure=cookie.secure, httponly=True, samesite="strict")
        return answer

    # pages

    async def wall(self, request: Request, caller: Caller) -> Response:
        """Every camera at once, or those that are looked for."""
        told, asked = self.api.overview(), request.query_params.get("q", "")[:100]
        found = [row for row in told["cameras"] if is_found(row, asked)]
        return self._render(
            "wall.html", caller, title="Cameras", groups=grouped(found), count=len(found), of=len(told["cameras"]), asked=asked,
            live=len(found) <= MOST_LIVE, notes=[*told["config_notes"], *self.runtime.retention.failed], refused=told["refused"],
        )  # fmt: skip

    async def camera(self, request: Request, caller: Caller) -> Response:
        """One camera, large."""
        name = str(request.path_params["name"])
        row = next((one for one in self.api.overview()["cameras"] if one["name"] == name), None)
        if row is None:
            return self._said(request, f"No camera {name[:64]} runs.", 404)
        events = [event_row(event) for event in reversed(self.runtime.journal.events) if event.camera == name][:20]
        rtsp = self.runtime.gateway.rtsp
        addresses = [f"rtsp://{rtsp.config.plain_host}:{rtsp.port}/{name}"]
        if rtsp.tls_port is not None:
            addresses.append(f"rtsps://{shown_host(rtsp.config.host)}:{rtsp.tls_port}/{name}")
        report = self.runtime.tests.reports.get(name)
        method = report.method if report else ""
        return self._render(
            "camera.html", caller, title=row["title"], camera=row, events=events, addresses=addresses, method=method
        )

    async def recordings(self, request: Request, caller: Caller) -> Response:
        """A day's recordings of one camera."""
        name = str(request.path_params["name"])
        config = self.runtime.city.cameras.get(name)
        if config is None or not config.record.enabled:
            return self._said(request, f"Camera {name[:64]} is not recorded.", 404)
        day = asked_day(request.query_params.get("day", ""))
        begin_s, end_s = day_span(day)
        found = await run_in_threadpool(recordings_between, config.record.folder / name, begin_s * 10**9, end_s * 10**9)
        self.runtime.access.add("recordings", user=caller.name, address=caller.address, camera=name, once_s=60)
        return self._render(
            "recordings.html", caller, title=f"{config.shown}, {day.isoformat()}", name=name, shown=config.shown, day=day,
            before=day - timedelta(days=1), after=day + timedelta(days=1), hours=hours_of(found, day),
            length_h=(end_s - begin_s) / 3600,
        )  # fmt: skip

    async def events(self, request: Request, caller: Caller) -> Response:
        """What happened lately."""
        del request
        rows = [event_row(event) for event in reversed(self.runtime.journal.events)][:200]
        return self._render("events.html", caller, title="Events", events=rows)

    async def access(self, request: Request, caller: Caller) -> Response:
        """Who watched what."""
        before = asked_number(request.query_params, "before", LAST_LINE)
        lines = self.runtime.access.lines(before=before, most=200)
        self.runtime.access.add("access-log", user=caller.name, address=caller.address, once_s=60)
        days = self.runtime.access.days
        return self._render("access.html", caller, title="Who watched what", lines=lines, days=days)

    async def accounts(self, request: Request, caller: Caller) -> Response:
        """Accounts."""
        del request
        found = self.runtime.accounts.all()
        return self._render("accounts.html", caller, title="Accounts", accounts=found, roles=list(Role))

    async def me(self, request: Request, caller: Caller) -> Response:
        """One's own account."""
        del request
        return self._render("me.html", caller, title="Your account")


def is_found(camera: dict[str, Any], asked: str) -> bool:
    """Return whether a camera's row has every word that is looked for, in its name, title, group or state.

    >>> row = {"name": "n1", "title": "Hall, North", "group": "Station", "phase": "covered", "words": ["no picture"]}
    >>> is_found(row, "north STATION"), is_found(row, "whole"), is_found(row, "south"), is_found(row, " ")
    (True, True, False, True)
    """
    state = _STATE_WORDS[str(camera["phase"])]
    text = " ".join([camera["name"], camera["title"], camera["group"], state, *camera["words"]]).casefold()
    return all(word in text for word in asked.casefold().split())


def grouped(cameras: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return cameras by their group, in the order of the configuration; those without one come last.

    >>> [*grouped([{"group": ""}, {"group": "B"}, {"group": "A"}, {"group": "B"}])]
    ['B', 'A', '']
    """
    names = sorted(dict.fromkeys(str(camera["group"]) for camera in cameras), key=lambda name: not name)
    return {name: [camera for camera in cameras if camera["group"] == name] for name in names}


def later(answer: Response, exc: TooManyError) -> Response:
    """Return an answer that says when to come again."""
    answer.headers["Retry-After"] = str(exc.wait_s)
    return answer


def local_page(path: str) -> str:
    """Return a path of ours to go on to, or nothing: never another site's."""
    return path if path.startswith("/console/") and "//" not in path and "\\" not in path and len(path) < 200 else ""
