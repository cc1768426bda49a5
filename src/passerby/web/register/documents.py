"""Which page stands at which path. A folder of files and the server both ask here, so both hold the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from passerby.languages import LANGUAGES
from passerby.web.register.pages import PAGE_POLICY, STATIC, STATIC_FILES, Address, CitizenPages, verifier_page

HTML = "text/html; charset=utf-8"
MEDIA_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
DRAWING_POLICY = "default-src 'none'"
_PATH = re.compile(
    rf"(?:(?P<language>{'|'.join(LANGUAGES)})/)?"
    r"(?P<folder>(?:c/(?P<camera>[0-9a-f]{32})/|part/(?P<part>[1-9][0-9]{0,4})/)?)(?P<file>[a-z]+\.[a-z]+)?"
)


@dataclass(frozen=True, slots=True)
class PageDocument:
    """What stands at a path.

    Attributes:
        body: Its bytes.
        media_type: What it is.
        policy: Its content policy.
        language: Of its words, or None.
        negotiated: Whether another reader may get another language at the same path.
    """

    body: bytes
    media_type: str
    policy: str
    language: str | None = None
    negotiated: bool = False


def find(pages: CitizenPages, path: str, language: str) -> PageDocument | None:
    """Return what stands at a path.

    Args:
        pages: All pages.
        path: Below the first page, without a slash in front.
        language: For paths that name none.
    """
    if path == "verify.html":
        body, policy = verifier_page()
        return PageDocument(body, HTML, policy)
    folder, _, name = path.rpartition("/")
    if folder == "static/register" and name in STATIC_FILES:
        return PageDocument((STATIC / name).read_bytes(), MEDIA_TYPES[name.rpartition(".")[2]], DRAWING_POLICY)
    found = _PATH.fullmatch(path)
    if not found:
        return None
    named = found["language"] is not None
    at = Address(found["language"] or language, found["folder"], named)
    made = page_at(pages, at, found["camera"], int(found["part"] or 1), found["file"] or "index.html")
    if made is None:
        return None
    text, media_type, policy = made
    return PageDocument(text.encode(), media_type, policy, at.language, not named)


def page_at(pages: CitizenPages, at: Address, camera: str | None, part: int, file: str) -> tuple[str, str, str] | None:
    """Return a page's text, media type and content policy, or None where there is none."""
    if camera is not None:
        if camera not in pages.state.cameras:
            return None
        match file:
            case "index.html":
                return pages.camera(at, camera), HTML, PAGE_POLICY
            case "letters.html":
                return pages.letters(replace(at, file=file), camera), HTML, PAGE_POLICY
            case "sign.html":
                return pages.sign(at, camera), HTML, PAGE_POLICY
            case "sign.svg":
                return pages.drawing(at, camera), "image/svg+xml", DRAWING_POLICY
            case _:
                return None
    if file == "index.html" and part <= pages.parts:
        return pages.operator(at, part), HTML, PAGE_POLICY
    if file == "feed.atom" and not at.folder:
        return pages.feed(at), "application/atom+xml; charset=utf-8", DRAWING_POLICY
    return None


def missing(pages: CitizenPages, language: str, depth: int) -> PageDocument:
    """Return the page for paths where nothing stands, so many folders deep."""
    at = Address(language, "x/" * depth)
    return PageDocument(pages.missing(at).encode(), HTML, PAGE_POLICY, language, negotiated=True)


def every_path(pages: CitizenPages) -> Iterator[str]:
    """Yield all paths of the pages, as files."""
    yield "verify.html"
    yield from (f"static/register/{name}" for name in STATIC_FILES)
    for prefix in ("", *(f"{language}/" for language in LANGUAGES)):
        yield f"{prefix}index.html"
        yield f"{prefix}feed.atom"
        yield from (f"{prefix}part/{number}/index.html" for number in range(2, pages.parts + 1))
        for camera in sorted(pages.state.cameras):
            for name in ("index.html", "letters.html", "sign.html", "sign.svg"):
                yield f"{prefix}c/{camera}/{name}"
