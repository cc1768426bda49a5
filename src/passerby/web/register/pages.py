"""Renders the citizen's pages from a state: the same bytes for a folder of files and for the server.

Every address in a page is relative, so that the pages can stand at any place; without script each page is complete.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from passerby.languages import LANGUAGES, straight
from passerby.veil import read_measured
from passerby.web.register.drawings import draw_sign
from passerby.web.register.feed import feed_of
from passerby.web.register.letters import letters_view
from passerby.web.register.rows import plain_seal_lines
from passerby.web.register.state import State
from passerby.web.register.status import Light, status_of
from passerby.web.register.translation import Translation, isolated, words_in
from passerby.web.register.view import CAMERAS_PER_PART, camera_view, operator_view, plain_label, shown

HERE = Path(__file__).parent.parent
STATIC = HERE / "static" / "register"
STATIC_FILES = ("log.js", "claims.js", "withheld.js", "page.css", "page.js")
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What is known of a log besides its entries.

    Attributes:
        origin: Its name.
        size: Entries of the checkpoint that the pages were read at.
        vkey: Its key, as signed-note spells it.
        witnesses: How many of the policy's witnesses signed that checkpoint.
        met: Whether they make the policy's quorum; never true where the policy asks for none.
    """

    origin: str
    size: int
    vkey: str
    witnesses: int = 0
    met: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """Where a page stands.

    Attributes:
        language: Of its words.
        folder: Its folder below the language's, with a final slash, or nothing.
        named: Whether the language is part of the address; else it was chosen for the reader.
        file: Its name in the folder, where that is not the folder's own page.
    """

    language: str
    folder: str = ""
    named: bool = False
    file: str = ""

    @property
    def path(self) -> str:
        """Return the folder, from the register's first page."""
        return (f"{self.language}/" if self.named else "") + self.folder

    @property
    def root(self) -> str:
        """Return the way from here to the register's first page."""
        return "../" * self.path.count("/") or "./"

    @property
    def home(self) -> str:
        """Return the way from here to the page of all cameras, in the same language."""
        return self.root + (f"{self.language}/" if self.named else "")


class CitizenPages:
    """All pages of one state at one instant.

    Args:
        state: What the log says.
        seen: What else is known of the log.
        now: When it was read.
        base_url: Where the pages stand for everybody, with a final slash; signs point there.
        log_url: Where the log's own files stand, as seen from the first page.
        trouble: ``broken`` or ``unreachable`` where the log could not be read again since; None when all is well.
    """

    def __init__(
        self,
        state: State,
        seen: LogSummary,
        now: datetime,
        *,
        base_url: str,
        log_url: str = "./",
        trouble: str | None = None,
    ) -> None:
        self.state = state
        self.seen = seen
        self.now = now
        self.base_url = base_url
        self.log_url = log_url
        self.trouble = trouble

    @property
    def parts(self) -> int:
        """Return how many pages the list of cameras has."""
        return max(1, -(-len(self.state.cameras) // CAMERAS_PER_PART))

    def operator(self, at: Address, part: int = 1) -> str:
        """Return a page of the list of all cameras, from 1."""
        words = words_in(at.language)
        view = operator_view(words, self.state, self.now, part)
        return self._render("operator.html", at, **view)

    def camera(self, at: Address, name: str) -> str:
        """Return the page of one camera.

        Raises:
            KeyError: no such camera.
        """
        return self._render(
            "camera.html", at, **camera_view(words_in(at.language), self.state, self.state.cameras[name], self.now)
        )

    def letters(self, at: Address, name: str) -> str:
        """Return the page of letters that a reader may send about a camera.

        Raises:
            KeyError: no such camera.
        """
        address = f"{self.base_url}{at.folder}"
        view = letters_view(words_in(at.language), self.state, self.state.cameras[name], self.now, address)
        return self._render("letters.html", at, **view)

    def sign(self, at: Address, name: str) -> str:
        """Return the page that prints a camera's sign.

        Raises:
            KeyError: no such camera.
        """
        camera = shown(words_in(at.language), self.state.cameras[name], self.now)
        return self._render("sign.html", at, camera=camera, drawing=self.drawing(at, name))

    def drawing(self, at: Address, name: str) -> Markup:
        """Return a camera's sign as SVG.

        Raises:
            KeyError: no such camera.
        """
        words, camera = words_in(at.language), self.state.cameras[name]
        operator = self.state.operator.entry.name if self.state.operator else words.text("page.no_operator")
        covered = camera.started is not None and status_of(camera, self.now).light is not Light.GONE
        purpose = words.pick(camera.registered.entry.purpose)[1] if camera.registered else None
        return draw_sign(
            words,
            address=f"{self.base_url}{at.folder}",  # no language: each reader gets their own
            label=plain_label(camera),
            operator=operator,
            covered=covered,
            purpose=purpose,
            sealed=plain_seal_lines(words, camera, self.now),
        )

    def feed(self, at: Address) -> str:
        """Return the feed of openings, faults and silences."""
        words = words_in(at.language)
        home = self.base_url + (f"{at.language}/" if at.named else "")
        feed = feed_of(words, self.state, self.now, origin=self.seen.origin, home=home, root=self.base_url)
        return environment().get_template("feed.xml").render(t=words, feed=feed)

    def missing(self, at: Address) -> str:
        """Return the page that says that there is no such page."""
        return self._render("missing.html", at)

    def _render(self, template: str, at: Address, **view: Any) -> str:  # noqa: ANN401  # each template has its own
        words = words_in(at.language)
        return environment().get_template(template).render(t=words, page=self._page(words, at), **view)

    def _page(self, words: Translation, at: Address) -> dict[str, Any]:
        asked = {"lang": at.language, "log": self.log_url, "key": self.seen.vkey, "page": at.path or "./"}
        return {
            "root": at.root,
            "home": at.home,
            "languages": [
                {"code": code, "name": words_in(code).text("language"), "href": f"{at.root}{code}/{at.folder}{at.file}"}
                for code in LANGUAGES
            ],
            "measured": _measured(words),
            "vkey": self.seen.vkey,
            "policy": PAGE_POLICY,
            "size": self.seen.size,
            "now": self.now,
            "trouble": words.text(f"page.{self.trouble}") if self.trouble else None,
            "witness": {"met": self.seen.met, "text": witness_text(words, self.seen)},
            "verify_link": f"{at.root}verify.html#{urlencode(asked)}",
            "script_words": script_words(words),
        }


def witness_text(words: Translation, seen: LogSummary) -> Markup:
    """Return in plain words whether anyone independent vouches for the log."""
    if seen.met:
        return words.count("check.witnessed", seen.witnesses)
    return words.say("check.partly" if seen.witnesses else "check.unwitnessed", have=seen.witnesses)


def script_words(words: Translation) -> dict[str, Any]:
    """Return the texts that the script on a page shows."""
    names = ("waiting", "good", "bad", "withdrawn", "all_good", "some_bad", "some_withdrawn", "unable")
    return {
        **{name: words.text(f"check.{name}", n="{n}") for name in names},
        "unknown": words.text("light.unknown"),
        "reason": reasons(words),
    }


def reasons(words: Translation) -> dict[str, str]:
    """Return why a check can fail, in words."""
    return {key.removeprefix("reason."): text for key, text in words.table.items() if key.startswith("reason.")}


@cache
def verifier_page() -> tuple[bytes, str]:
    """Return the checker: one file that anyone can host, the same bytes for every register; and its content policy."""
    style = (STATIC / "page.css").read_text(encoding="utf-8")
    parts = ("log.js", "claims.js", "withheld.js", "times.js", "verifier.js")
    script = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in parts)
    policy = (
        f"default-src 'none'; script-src '{source_hash(script)}'; style-src '{source_hash(style)}'; connect-src http: https:; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    tables = {}
    for language in LANGUAGES:
        words = words_in(language)
        own = {key.removeprefix("verify."): text for key, text in words.table.items() if key.startswith("verify.")}
        tables[language] = own | {"reason": reasons(words)}
    page = (
        environment()
        .get_template("verifier.html")
        .render(
            policy=policy,
            words=tables,
            style=Markup(style),  # noqa: S704  # our own file
            script=Markup(script),  # noqa: S704  # our own files
        )
    )
    return page.encode(), policy


def _measured(words: Translation) -> dict[str, str] | None:
    """Return what the model card of this version says in one line: version, day, exposed of 1,000 faces; None without one."""
    found = read_measured()
    if found is None or not found.date:
        return None
    day = words.day(date.fromisoformat(found.date))
    return {"version": found.version, "day": day, "n": words.number(round(1000 * found.rate))}


def source_hash(text: str) -> str:
    """Return what a content policy calls an inline script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def environment() -> Environment:
    """Return the templates; everything put into them is escaped."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates" / "register"),
        autoescape=select_autoescape(("html", "xml"), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=isolated,
    )
    made.filters["straight"] = straight
    return made
