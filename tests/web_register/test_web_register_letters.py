"""The page of letters about a camera: reachable, in the reader's language, filled in from the register and from nothing else."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from passerby import law
from passerby.languages import LANGUAGES
from passerby.register import CameraChanged
from passerby.web.register.documents import find
from passerby.web.register.pages import CitizenPages, LogSummary
from passerby.web.register.translation import words_in

if TYPE_CHECKING:
    from tests.web_register.conftest import City

BASE = "https://cameras.example.org/"


def page_of(city: City, path: str) -> str:
    seen = LogSummary("cameras.example.org/log", len(city.entries), "cameras.example.org/log+00000000+AAAA", 0, False)
    document = find(CitizenPages(city.state(), seen, city.now, base_url=BASE), path, "en")
    assert document is not None, path
    return document.body.decode()


def letters_in(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'<pre class="card letter"[^>]*>(.*?)</pre>', page, re.DOTALL)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_camera_page_leads_to_its_letters_in_every_language(city: City, language: str) -> None:
    city.usual()
    folder = f"{language}/c/{city.name(0)}/"
    assert f'<a href="letters.html">{words_in(language).text("letters.link")}' in page_of(city, folder)
    page = page_of(city, f"{folder}letters.html")
    assert f'<html lang="{language}"' in page
    for other in LANGUAGES:
        assert f'hreflang="{other}" href="../../../{other}/c/{city.name(0)}/letters.html"' in page
    letters = letters_in(page)
    assert len(letters) == 3
    w = law.wording_in(language)
    assert all(w.of("Dear Sir or Madam,") in letter for letter in letters)
    assert w.of("Questions about a camera system") in letters[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_hold_what_the_register_states_and_cite_its_entries(city: City, language: str) -> None:
    city.usual()
    state = city.state()
    assert state.operator is not None
    page = page_of(city, f"{language}/c/{city.name(0)}/letters.html")
    operator, address = state.operator.entry, f"{BASE}c/{city.name(0)}/"
    for letter in letters_in(page):
        assert operator.name in letter
        assert address in letter
    wanted = operator.authority or law.wording_in(language).of("[name of the data protection authority]")
    assert wanted in letters_in(page)[2]
    assert f'data-entry="{state.operator.index}"' in page


def test_what_the_register_does_not_say_is_not_guessed(city: City) -> None:
    city.usual()
    letters = letters_in(page_of(city, f"c/{city.name(0)}/letters.html"))
    assert "looks for faces in order to cover them" in letters[1]
    assert "Article 15 of the General Data Protection Regulation" in letters[0]
    assert "Article 14 of Directive (EU) 2016/680" in letters[0], (
        "whether the operator is an authority, the register does not say"
    )
    city.add(CameraChanged(at=city.now, camera=city.name(0), recognises=("FaceRecognition",)))
    changed = letters_in(page_of(city, f"c/{city.name(0)}/letters.html"))
    assert "the system films people" in changed[1], "a camera that offers to recognise may do more than cover"


def test_camera_that_was_never_registered_has_letters_too(city: City) -> None:
    city.operator().start(0)
    letters = letters_in(page_of(city, f"c/{city.name(0)}/letters.html"))
    assert all("[place]" in letter for letter in letters)
