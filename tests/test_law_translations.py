"""What the law room says is said in every language: no text without a translation, none that nobody says, the same fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from passerby import law
from passerby.cli.law.show import facts_to_text, provisions_to_text
from passerby.errors import UsageError
from passerby.languages import COMMON, LANGUAGES, Texts
from passerby.law.engine import legal_changes, rulebook_on
from passerby.law.facts.stages import stages
from passerby.law.reference import DATA, deadlines, fines, offences, read_yaml
from passerby.law.report.assessment import STANDING
from passerby.law.report.letters import COUNTS, SAID
from passerby.law.report.wording import CITED, FILLED, FOLDER, fields, wording_in
from passerby.law.report.words import CERTAINTY_MEANING, NO_ADVICE, OUTCOME_MEANING, OUTCOME_TITLE, OUTSIDE, RESERVE
from passerby.law.rules import overlay_names, read_overlay

ROOM = Path(law.__file__).parent
EXAMPLES = Path(__file__).parent.parent / "docs" / "examples" / "law"
OTHERS = [language for language in LANGUAGES if language != "en"]


def plain(text: object) -> str:
    return " ".join(str(text).split())


def said_in(path: Path) -> Iterator[str]:
    """Yield the texts that a module says by `of` and `text`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"of", "text"}:
            first = node.args[0] if node.args else node
            parts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def said_by_code() -> Iterator[str]:
    cli = ROOM.parent / "cli" / "law"
    for path in (*ROOM.joinpath("report").glob("*.py"), *cli.glob("*.py")):
        yield from said_in(path)
    for path in ROOM.joinpath("templates").glob("*.j2"):
        yield from re.findall(r'\b(?:t|say)\("([^"]*)"', path.read_text(encoding="utf-8"))
    titles = (*OUTCOME_TITLE.values(), OUTSIDE)
    yield from (*titles, *(title[:1].lower() + title[1:] for title in titles))
    yield from (*OUTCOME_MEANING.values(), *CERTAINTY_MEANING.values(), *law.Certainty, *STANDING.values())
    yield from (NO_ADVICE, RESERVE, *FILLED, *CITED, COUNTS, *SAID.values())


def said_by_questions() -> Iterator[str]:
    for fact in law.vocabulary().values():
        yield from (fact.question, fact.explanation)
        if not fact.open:
            yield from fact.values.values()
    yield from law.fact_help().values()
    yield from (stage.title for stage in stages())


def said_by_letters() -> Iterator[str]:
    data = read_yaml(DATA / "letters.yaml")
    entries = [*data["paragraphs"], *data["hints"], *data["questions"]]
    entries += [subject for kind in data["kinds"].values() for subject in kind["subjects"]]
    yield from (entry["text"] for entry in entries if "text" in entry)
    yield from (line for lines in data["addressees"].values() for line in lines if not line.startswith("{"))
    yield from (*data["blanks"].values(), data["unseen"])
    yield from (phrase for phrases in data["phrases"].values() for phrase in phrases.values())


def said_by_data() -> Iterator[str]:
    yield from (limit.text for limit in deadlines().values())
    yield from (fine.text for fine in fines().values())
    yield from (entry.title for entry in offences().lists.values())
    raw = yaml.safe_load((DATA / "liability.yaml").read_text(encoding="utf-8"))
    yield from (entry["text"] for entry in raw["claims"])
    yield from (text for entry in raw["laws"].values() for text in (entry["title"], entry["status"]))


def said_by_rules() -> Iterator[str]:
    """Yield what every position and every shipped layer says: statements, what is so otherwise, titles."""
    books = [rulebook_on(position, (), None, amended=True).book for position in law.positions()]
    for name in overlay_names():
        layer = read_overlay(name)
        yield layer.title
        books.append(rulebook_on(layer.over[0], (name,), layer.start, amended=True).book)
    for book in books:
        yield book.title
        for provision in book.provisions.values():
            yield provision.title
            for rule in provision.rules:
                yield rule.statement
                yield from [rule.otherwise] if rule.otherwise else []


def said_by_days() -> Iterator[str]:
    """Yield what layers say of days that no rule covers."""
    for name in overlay_names():
        layer = read_overlay(name)
        yield from (layer.says, *(event.text for event in layer.events))
    yield "no day"


EVERY = {
    "days": said_by_days,
    "code": said_by_code,
    "questions": said_by_questions,
    "letters": said_by_letters,
    "data": said_by_data,
    "rules": said_by_rules,
}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("source", EVERY)
def test_no_text_lacks_a_translation(source: str, language: str) -> None:
    w = wording_in(language)
    missing = list(dict.fromkeys(text for text in map(plain, EVERY[source]()) if text and text not in w.table))
    assert missing == []


@pytest.mark.parametrize("language", OTHERS)
def test_fields_agree_and_nothing_is_left_in_english(language: str) -> None:
    w, common = wording_in(language), Texts(language).table
    for english, told in w.table.items():
        if english not in common:
            assert fields(told) == fields(english), english
            assert told == told.strip()
            assert "  " not in told
            assert not re.search(r"[<>]", told), english
            assert told != english or len(english.split()) < 3, english


def test_every_language_has_the_same_texts() -> None:
    tables = [set(wording_in(language).table) - set(Texts(language).table) for language in OTHERS]
    assert tables[0] == tables[1]
    assert sorted(path.name for path in FOLDER.iterdir()) == [f"law.{language}.toml" for language in sorted(OTHERS)]
    assert len({frozenset(Texts(language).table) for language in LANGUAGES}) == 1
    assert sorted(path.name for path in COMMON.iterdir()) == [
        f"common.{language}.toml" for language in sorted(LANGUAGES)
    ]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("on", [None, date(2025, 2, 1), date(2026, 11, 30)])
def test_a_report_says_nothing_in_english(language: str, on: date | None) -> None:
    w = wording_in(language)
    for deployment in law.read_deployments(EXAMPLES):
        one = law.assess_deployment(deployment, law.positions(), on=on)
        page = law.assessment_to_html(one, language)
        assert f'<html lang="{language}">' in page
        assert re.findall(r'<span lang="en">(.*?)</span>', page) == []
        for verdict in one.verdicts:
            assert [note for note in verdict.notes if not w.knows(note)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_changes_facts_and_provisions_are_told_in_the_language(language: str) -> None:
    w = wording_in(language)
    for change in legal_changes(date(2000, 1, 1), date(2040, 1, 1), law.positions()):
        assert w.knows(change.text), change.text
        assert not change.says or w.knows(change.says)
    told = law.changes_to_text(law.changes_between(date(2025, 1, 1), date(2031, 1, 1), law.positions()), language)
    assert not re.search(r"\b(begins|ended|moved|January|The rules|was its last day)\b", told)
    facts = facts_to_text(w, tuple(law.vocabulary()), full=False)
    assert not any(fact.question in " ".join(facts.split()) for fact in law.vocabulary().values())
    shown = " ".join(provisions_to_text(w, law.provisions()).split())
    english = [rule.statement for provision in law.provisions() for rule in provision.rules if rule.statement in shown]
    assert english == []


def test_french_puts_unbreakable_spaces_before_double_punctuation() -> None:
    for english, told in wording_in("fr").table.items():
        assert not re.search(r" [:;?!»]|« ", told), english
        assert "'" not in told, english


def test_terms_are_those_of_the_official_versions() -> None:
    told = {language: "\n".join(wording_in(language).table.values()) for language in OTHERS}
    for french in ("base de données de référence", "identification biométrique à distance", "accessible au public",
                   "strictement nécessaire", "fins répressives", "analyse d\u2019impact sur les droits fondamentaux",
                   "autorité de surveillance du marché", "déployeur", "à haut risque"):  # fmt: skip
        assert french in told["fr"]
    for german in ("Referenzdatenbank", "biometrische Fernidentifizierung", "öffentlich zugänglich", "unbedingt erforderlich",
                   "Strafverfolgung", "Grundrechte-Folgenabschätzung", "Marktüberwachungsbehörde", "Betreiber",
                   "Hochrisiko"):  # fmt: skip
        assert german in told["de"]


def test_a_filled_sentence_is_found_and_what_is_filled_in_is_said_in_the_language_too() -> None:
    w = wording_in("de")
    assert w.of("Not so: a court") == "Nicht so: ein Gericht"
    assert w.knows("offence_max_years (3) does not reach 4 (Art. 5).")
    assert not w.knows("Nobody ever wrote this.")
    assert w.of("Nobody ever wrote this.") == "Nobody ever wrote this."
    assert wording_in("en").knows("Nobody ever wrote this.")


def test_citations_are_written_as_the_language_does() -> None:
    assert wording_in("fr").cite("GDPR Art. 15(1); guidelines ¶295") == "RGPD Art. 15(1); lignes directrices ¶295"
    assert wording_in("de").cite("Annex III 1(a), recital 33") == "Anhang III 1(a), Erwägungsgrund 33"
    assert wording_in("en").cite("LED Art. 14") == "LED Art. 14"


def test_language_without_texts_is_refused() -> None:
    with pytest.raises(UsageError, match="must be one of en, fr, de, got 'it'"):
        law.wording_in("it")
