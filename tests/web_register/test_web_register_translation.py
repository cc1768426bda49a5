from __future__ import annotations

import re
import string
from datetime import UTC, datetime

import pytest
from markupsafe import Markup

from passerby.errors import UsageError
from passerby.languages import LANGUAGES, negotiate
from passerby.web.register.pages import HERE
from passerby.web.register.translation import FOLDER, Translation, element, words_in

PAGES = sorted(
    [
        HERE.parent / "languages.py",
        *(HERE / "register").glob("*.py"),
        *(HERE / "mapped").glob("*.py"),
        *(HERE / "templates" / "register").iterdir(),
        *(HERE / "static" / "register").iterdir(),
    ]
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_language_has_the_same_keys_with_the_same_fields(language: str) -> None:
    english, other = words_in("en").table, words_in(language).table
    assert sorted(other) == sorted(english)
    for key, text in other.items():
        assert fields(text) == fields(english[key]), key
        assert text.strip() == text or key == "format.thousands", key


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_text_was_left_in_english(language: str) -> None:
    english, other = words_in("en").table, words_in(language).table
    same = {key for key, text in other.items() if text == english[key] and len(text.split()) > 2}
    assert {key for key in same if not key.startswith("format.")} == set()


def test_french_puts_unbreakable_spaces_before_double_punctuation() -> None:
    for key, text in words_in("fr").table.items():
        assert not re.search(r" [:;?!»]|« ", text), key


def test_no_text_holds_markup() -> None:
    for language in LANGUAGES:
        for key, text in words_in(language).table.items():
            assert not re.search(r"[<>&]", text), key


def test_every_text_is_used() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    keys = words_in("en").table
    groups = "|".join({key.split(".")[0] for key in keys})
    used = {f"row.{key}.label" for key in re.findall(r'Row\(\s*"(\w+)"', code)}
    used |= {f"verify.{name}" for name in re.findall(r'T\.(\w+)|data-text="(\w+)"', code) for name in name if name}
    patterns = [r"row\.\w+\.label", r"verify\.(title|script)", r"reason\.\w+"]
    for literal in re.findall(rf'"((?:{groups})(?:\.[^"\s]*)?)"', code):
        whole = literal + "{name}" if literal.endswith(".") else literal
        patterns.append(re.sub(r"\\{.*?\\}", r"[a-z0-9_-]+", re.escape(whole)))
    unused = {
        key
        for key in keys
        if key not in used and not any(re.fullmatch(rf"(?:{pattern})(?:\.one|\.other)?", key) for pattern in patterns)
    }
    assert unused == set()


def test_numbers_days_and_spans_follow_the_language() -> None:
    at = datetime(2026, 3, 1, 7, 5, tzinfo=UTC)
    english, french, german = (words_in(language) for language in LANGUAGES)
    assert [w.number(1_234_567) for w in (english, french, german)] == ["1,234,567", "1\u202f234\u202f567", "1.234.567"]
    assert english.moment(at) == "1 March 2026, 07:05 UTC"
    assert french.moment(at) == "1er mars 2026 à 07 h 05 UTC"
    assert german.moment(at) == "1. März 2026, 07:05 Uhr UTC"
    assert [english.span(s) for s in (5, 90, 3600, 5400, 86_400, 180_000)] == [
        "5 s",
        "1 min",
        "1 h",
        "1 h 30 min",
        "1 day",
        "2 days 2 h",
    ]
    assert (french.span(86_400), german.span(172_800)) == ("1 jour", "2 Tage")


def test_french_counts_nothing_as_one() -> None:
    assert "0 caméra figure" in str(words_in("fr").count("page.cameras", 0))
    assert "0 cameras stand" in str(words_in("en").count("page.cameras", 0))


def test_values_are_escaped_in_texts_and_elements() -> None:
    assert "&lt;b&gt;" in words_in("en").say("page.title", operator="<b>")
    assert words_in("en").say("page.title", operator=Markup("<b>x</b>")).endswith("<b>x</b>")
    assert element("data", "<i>", value='"><script>') == '<data value="&#34;&gt;&lt;script&gt;">&lt;i&gt;</data>'


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"), ("fr", "fr"), ("de-CH, fr;q=0.9", "de"), ("it, es", "en"), ("fr;q=0.2, de;q=0.7", "de"), ("*", "en"),
        ("fr;q=0, de;q=0", "en"), ("garbage;;;q=x, fr", "fr"), ("fr;q=9, de", "de"), ("x" * 10_000 + ",fr", "en"),
    ],
)  # fmt: skip
def test_language_is_chosen_by_what_the_browser_accepts(accept: str, language: str) -> None:
    assert negotiate(accept) == language


def test_usual_language_is_the_operators_choice() -> None:
    assert negotiate("it", "de") == "de"


def test_words_of_the_operator_are_shown_in_the_readers_language_where_given() -> None:
    words = words_in("de")
    assert words.pick({"de": "a", "en": "b"}) == ("de", "a")
    assert words.pick({"fr": "a", "en": "b"}) == ("en", "b")
    assert words.pick({"sv": "a", "it": "b"}) == ("it", "b")


def test_language_without_translation_is_refused() -> None:
    with pytest.raises(UsageError, match="must be one of en, fr, de, got 'xx'"):
        Translation("xx")


def test_translations_are_plain_files() -> None:
    assert sorted(path.name for path in FOLDER.glob("register.*.toml")) == [
        f"register.{language}.toml" for language in sorted(LANGUAGES)
    ]
