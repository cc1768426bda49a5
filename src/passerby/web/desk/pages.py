"""The desk's pages: templates, texts in the reader's language, and what is said to who is not let in."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from passerby.languages import LANGUAGES, Texts, negotiate
from passerby.web.refusals import refusal

HERE = Path(__file__).parent.parent
FILES = ("desk", "desk_look")
"""Of texts, each in every language: of the choosing page and of what all pages share; of the page of one file."""


@cache
def desk_words(language: str) -> Texts:
    """Return the desk's texts in a language, read once."""
    return Texts(language, *(HERE / "translations" / f"{name}.{language}.toml" for name in FILES))


def script_words(words: Texts) -> dict[str, str]:
    """Return the texts that scripts show, without their common prefix."""
    return {key.removeprefix("script."): text for key, text in words.table.items() if key.startswith("script.")}


class DeskPages:
    """Writes pages.

    Args:
        usual: Language for a browser that asks for none that there is.
    """

    def __init__(self, usual: str = LANGUAGES[0]) -> None:
        self._usual = usual
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates" / "desk"),
            autoescape=select_autoescape(("html",), default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def words(self, asked: HTTPConnection) -> Texts:
        """Return the texts in the language that a browser asks for."""
        return desk_words(negotiate(asked.headers.get("accept-language", ""), self._usual))

    def render(self, asked: HTTPConnection, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - a template's own
        """Return a page.

        Args:
            asked: Says the language.
            template: Its name below ``templates/desk``.
            status: HTTP's.
            values: For the template, besides ``words``, ``language`` and ``texts`` (those for scripts).
        """
        words = self.words(asked)
        page = self._templates.get_template(template).render(
            words=words, language=words.language, texts=script_words(words), **values
        )
        return HTMLResponse(page, status, {"Content-Language": words.language})

    def refused(self, asked: HTTPConnection, why: str) -> Response:
        """Say why somebody is not let in, or that something is not there.

        Args:
            asked: By whom.
            why: Key below ``refused``.
        """
        status = 404 if why == "missing" else 403
        if asked.url.path.startswith("/api/"):
            words = self.words(asked)
            hint = None if why == "missing" else words.text("refused.what")
            return refusal(status, words.text(f"refused.{why}"), hint=hint)
        return self.render(asked, "refused.html", status=status, why=why)
