"""The statement of an export: one page in each language, in HTML and PDF, with every name as it is written."""

from __future__ import annotations

import html
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from passerby.desk.export.keep_order import KeepDecision
from passerby.desk.export.statement import DeskStatement, clear_line, statement_html, statement_pdf, statement_texts
from passerby.desk.project.state import DeskState
from passerby.errors import UsageError
from passerby.languages import LANGUAGES
from passerby.values import Digest
from passerby.veil import Measured, VeilReport
from passerby.veil.review.measured import MissRow

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DIGEST = Digest("sha256:" + "ab" * 32)
REPORT = VeilReport(
    "Łódź \u2013 œuvre <b>.mp4", DIGEST, "Straße_veiled.mp4", DIGEST, "none", DIGEST, 640, 360, 1500, 100, 900, 0.0123, 3.0,
    settings={"cover": {"style": "solid"}}, zones=("door", "window"),
)  # fmt: skip
STATE = DeskState(1500, (), (), (), None, (), 0, (), (), 0, 0, 1, 0)
MEASURED = Measured(
    "1",
    "annotated clips of streets",
    tuple(MissRow(low, high, 1000, 1000 // low) for low, high in ((8, 12), (12, 20), (20, 40), (40, 64), (64, None))),
)
DECISION = KeepDecision("3, 7", "8\u201360, 90\u2013120", "accès demandé", "SHA256:abc")
STATEMENT = DeskStatement(REPORT, STATE, DECISION, MEASURED, NOW)


def test_every_language_says_the_same_things() -> None:
    keys = {language: set(statement_texts(language).table) for language in LANGUAGES}
    assert keys["fr"] == keys["de"] == keys["en"]
    braces = {
        language: {key: sorted(re.findall(r"{\w+}", text)) for key, text in statement_texts(language).table.items()}
        for language in LANGUAGES
    }
    own = {key for key in keys["en"] if key.startswith(("title", "made", "clear", "head", "row", "misses", "limits"))}
    assert all(braces["en"][key] == braces[other][key] for key in own for other in ("fr", "de"))
    with pytest.raises(UsageError, match="language must be one of en, fr, de, got 'xx'"):
        statement_texts("xx")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_who_is_left_clear_first_and_escapes_names(language: str) -> None:
    texts = statement_texts(language)
    page = statement_html(STATEMENT, texts)
    body = page.index("<p class=")
    assert page[body:].startswith(f'<p class="clear">{clear_line(DECISION, texts)}')
    assert "Łódź \u2013 œuvre &lt;b&gt;.mp4" in page
    assert "<b>" not in page
    assert "SHA256:abc" in page
    assert {"en": "12.5 %", "fr": "12,5 %", "de": "12,5 %"}[language] in page
    nobody = DeskStatement(REPORT, STATE, None, None, NOW)
    assert html.escape(clear_line(None, texts)) in statement_html(nobody, texts)
    assert html.escape(texts.text("misses.none")) in statement_html(nobody, texts)


@pytest.mark.parametrize(
    ("language", "reason", "style"),
    [
        ("en", "Why: subject access.", "Faces are covered by: one colour"),
        ("fr", "Motif : droit d'accès.", "Les visages sont masqués par : une couleur unie"),
        ("de", "Grund: Auskunft an die Person.", "Gesichter sind verdeckt durch: eine Farbe"),
    ],
)
def test_usual_reasons_and_styles_are_said_in_the_language(language: str, reason: str, style: str) -> None:
    texts = statement_texts(language)
    assert reason in clear_line(KeepDecision("3", "8\u201360", "subject access"), texts)
    assert style in statement_html(STATEMENT, texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_is_one_page_with_its_fonts_inside_and_the_same_bytes_each_time(language: str) -> None:
    texts = statement_texts(language)
    pdf = statement_pdf(STATEMENT, texts)
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    assert b"DejaVuSans" in pdf
    assert b"/FontFile2" in pdf
    streams = [
        zlib.decompress(part) for part in re.findall(rb"/FlateDecode[^>]*>>\s*stream\n(.*?)\nendstream", pdf, re.S)[:1]
    ]
    assert streams
    heights = [float(y) for y in re.findall(rb"([0-9.]+) Td", streams[0])]
    assert min(heights) > 28, "all of it stands on the page"
    assert statement_pdf(STATEMENT, texts) == pdf


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_that_is_no_utf_8_is_shown_as_far_as_it_goes(language: str) -> None:
    """Old disks have names in Latin-1; Python holds such a byte as half a character that nothing can write."""
    named = replace(REPORT, source="caf\udce9.mp4", output="caf\udce9_veiled.mp4")
    statement, texts = replace(STATEMENT, report=named), statement_texts(language)
    page = statement_html(statement, texts)
    assert page.encode().count("caf\ufffd".encode()) == 4  # title, heading, input, output
    assert statement_pdf(statement, texts).startswith(b"%PDF")
