"""Single sign-on in the browser: the way to the provider and back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from passerby.errors import AccessError, PasserbyError, ServiceError
from passerby.gateway import RateLimit, Runtime, SingleSignOn, TooManyError
from passerby.web.console.guard import HEADERS, Guard
from passerby.web.console.pages import ConsolePages, environment, later, local_page
from passerby.web.proxies import address_of, is_secure, root_of

_COOKIE = "passerby-sso"
_COOKIE_S = 600


class SignOnPages:
    """The way there and back.

    Args:
        runtime: The gateway.
        guard: Holds logins.
        pages: The login page, and what lets people in.
    """

    def __init__(self, runtime: Runtime, guard: Guard, pages: ConsolePages) -> None:
        self.runtime, self.guard, self.pages = runtime, guard, pages
        self._limit = RateLimit(30, 0.5)

    def routes(self) -> list[BaseRoute]:
        """Return the routes; none where there is no provider."""
        if self.runtime.sign_on is None:
            return []
        return [
            Route("/console/sso", self.away, methods=["GET"]),
            Route("/console/sso/back", self.back, methods=["GET"]),
        ]

    async def away(self, request: Request) -> Response:
        """Send a browser to the provider."""
        try:
            start = await self._provider(request).begin(local_page(request.query_params.get("next", "")))
        except TooManyError as exc:
            return later(self.pages.ask(request, exc.message, 429), exc)
        except PasserbyError as exc:
            return self.pages.ask(request, exc.message, 503)
        answer = RedirectResponse(start.address, 303, HEADERS)
        # lax: it must come along when the provider sends the browser back
        answer.set_cookie(
            _COOKIE, start.binding, max_age=_COOKIE_S, path=root_of(request) + "/console/sso",
            secure=is_secure(request), httponly=True, samesite="lax",
        )  # fmt: skip
        return answer

    def _provider(self, request: Request) -> SingleSignOn:
        if not self._limit.allow(address_of(request)):
            raise TooManyError(self._limit.wait_s(address_of(request)))
        if self.runtime.sign_on is None:
            raise ServiceError("a provider must be in city.yml, is not")
        return self.runtime.sign_on

    async def back(self, request: Request) -> Response:
        """Take a browser that comes back from the provider."""
        try:
            account, after = await self._provider(request).finish(
                request.query_params, request.cookies.get(_COOKIE, "")
            )
        except TooManyError as exc:
            return later(self.pages.ask(request, exc.message, 429), exc)
        except AccessError as exc:
            self.runtime.access.add("login-refused", address=address_of(request), detail="single sign-on", once_s=10)
            return self.pages.ask(request, exc.message, 403)
        except PasserbyError as exc:
            return self.pages.ask(request, exc.message, 503)
        token, _ = self.guard.sessions.begin(account.name, account=account)
        # a page and no redirect: after one that began at the provider, browsers keep back a cookie that is for this site alone
        page = environment().get_template("arrived.html").render(root=root_of(request), after=after or "/console/")
        answer = HTMLResponse(page, 200, HEADERS)
        answer.delete_cookie(_COOKIE, path=root_of(request) + "/console/sso")
        return self.pages.let_in(request, answer, account, token)
