"""Direction marks in names and texts turn around nothing beside them: isolated on pages, gone where nothing can hold them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from passerby.register import Fault, Remark
from passerby.web.register.documents import every_path, find
from passerby.web.register.pages import CitizenPages, LogSummary

if TYPE_CHECKING:
    from tests.web_register.conftest import City

MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INSIDE = re.compile("<bdi[^>]*>[^<]*</bdi>")


def hostile(words: str) -> str:
    return f"{words} " + "".join(f"{mark}gnp.{place}" for place, mark in enumerate(MARKS))


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_marks_stand_in_elements_of_their_own_or_nowhere(city: City, language: str) -> None:
    city.operator(hostile("Ville")).register(0, hostile("Quai")).start(0).heartbeat(0, 0)
    at = city.begin
    city.add(
        Fault(at=at, camera=city.name(0), begin=at, end=at, what="down", cause=hostile("cause")),
        Remark(at=at, entry=1, text=hostile("remark")),
    )
    seen = LogSummary("cameras.example.org/log", len(city.entries), "cameras.example.org/log+00000000+AAAA", 0, False)
    pages = CitizenPages(city.state(), seen, city.now, base_url="https://cameras.example.org/", log_url="./")
    held = 0
    for path in every_path(pages):
        document = find(pages, path, language)
        assert document is not None
        if "json" in document.media_type:
            continue
        text = document.body.decode()
        if "html" in document.media_type:
            held += len(INSIDE.findall(text))
            text = INSIDE.sub("", text)
        assert not [mark for mark in MARKS if mark in text], path
    assert held, "they are shown where they can be held"
