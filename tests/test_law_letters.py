"""Letters: each kind to each place it goes, its articles, the facts it speaks of, and nobody invented."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from passerby import law
from passerby.cli import main
from passerby.errors import UsageError
from passerby.languages import LANGUAGES
from passerby.law.report.letters import WIDTH, Regime, describe, regime_of
from passerby.law.report.wording import wording_in
from passerby.law.report.words import steps
from passerby.values import utc_now

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples" / "law"
NAMES = sorted(path.name for path in EXAMPLES.iterdir())
DATA = Path(law.__file__).parent / "data" / "letters.yaml"
WAYS = [
    (law.LetterKind.ACCESS_REQUEST, law.Addressee.OPERATOR),
    (law.LetterKind.QUESTION, law.Addressee.OPERATOR),
    (law.LetterKind.QUESTION, law.Addressee.AUTHORITY),
    (law.LetterKind.COMPLAINT, law.Addressee.AUTHORITY),
]


def draft(name: str, kind: law.LetterKind, to: law.Addressee | None = None, language: str = "en") -> law.Letter:
    deployment = law.read_deployment(EXAMPLES / name)
    verdict = law.assess(deployment.facts, position="act-2024")
    return law.draft_letter(deployment.facts, verdict, kind=kind, to=to, language=language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("kind", "to"), WAYS)
def test_every_letter_is_whole(name: str, kind: law.LetterKind, to: law.Addressee, language: str) -> None:
    letter = draft(name, kind, to, language)
    mine = wording_in(language).of("[Your name]")
    assert letter.text.startswith(mine)
    assert letter.text.rstrip().endswith(mine)
    assert letter.bases
    assert "{" not in letter.text
    text = law.letter_to_text(letter)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert wording_in(language).of("Not legal advice.") in text
    assert all(wording_in(language).cite(basis.article) in " ".join(text.split()) for basis in letter.bases)


def test_access_request_rests_on_article_15_and_for_the_police_on_their_own_directive() -> None:
    mall = draft("mall-shoplifters.yaml", law.LetterKind.ACCESS_REQUEST)
    assert "Article 15 of the General" in " ".join(mall.text.split())
    assert any(basis.article.startswith("GDPR Art. 15") for basis in mall.bases)
    assert "within one month" in " ".join(mall.text.split())
    assert "Article 9(2)" in mall.text
    police = draft("market-every-weekend.yaml", law.LetterKind.ACCESS_REQUEST)
    assert "Article 14 of Directive (EU) 2016/680" in " ".join(police.text.split())
    assert not any(basis.article.startswith("GDPR") for basis in police.bases)


def test_blurring_camera_gets_no_paragraph_on_templates() -> None:
    assert "templates" not in draft("face-blur.yaml", law.LetterKind.ACCESS_REQUEST).text


def test_complaint_names_both_remedies_and_the_reasons_of_the_verdict() -> None:
    letter = draft("market-every-weekend.yaml", law.LetterKind.COMPLAINT)
    text = " ".join(letter.text.split())
    assert "Article 85 of the Artificial Intelligence Act" in text
    assert "that is prohibited" in text
    verdict = law.assess(law.read_deployment(EXAMPLES / "market-every-weekend.yaml").facts, position="act-2024")
    assert verdict.reasons[0].statement in text
    failing = [step.statement for step in steps(verdict.reasons) if not step.holds]
    assert failing
    assert [statement for statement in failing if statement in text]
    assert "Article 77 of the General Data Protection Regulation" in " ".join(
        draft("mall-shoplifters.yaml", law.LetterKind.COMPLAINT).text.split()
    )


def test_complaint_about_open_facts_says_that_it_depends() -> None:
    text = " ".join(draft("station-not-yet-decided.yaml", law.LetterKind.COMPLAINT).text.split())
    assert "it depends on points that are open" in text
    assert "Prohibited would follow" in text


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_complaint_supposes_little_and_in_words(language: str) -> None:
    """Of a camera of which nothing is known no breach is told; what little is supposed is told as question and answer."""
    verdict = law.assess({}, on=date(2026, 11, 30))
    nothing = law.draft_letter({}, verdict, kind=law.LetterKind.COMPLAINT, language=language)
    assert law.wording_in(language).of("What decides it is not public; please establish it.") in " ".join(nothing.rows)
    assert not any(row.startswith("- ") for row in nothing.rows)
    facts = law.read_deployment(EXAMPLES / "station-not-yet-decided.yaml").facts
    known = law.draft_letter(facts, law.assess(facts), kind=law.LetterKind.COMPLAINT, language=language)
    assert any(row.startswith("- ") for row in known.rows)
    for letter in (nothing, known):
        assert not [name for name in law.vocabulary() if f"{name}: " in letter.text]


def test_complaint_names_the_act_only_where_it_binds_on_that_day() -> None:
    facts = law.read_deployment(EXAMPLES / "mall-shoplifters.yaml").facts
    early = law.assess(facts, on=date(2026, 11, 23))
    assert early.outcome == law.Outcome.NOT_REGULATED
    letter = law.draft_letter(facts, early, kind=law.LetterKind.COMPLAINT)
    assert "Artificial Intelligence Act" not in " ".join(letter.text.split())
    assert not any(basis.article.startswith("AI Act") for basis in letter.bases)
    assert any("rests on data protection" in " ".join(hint.split()) for hint in letter.hints)
    later = law.draft_letter(facts, law.assess(facts, on=date(2027, 12, 2)), kind=law.LetterKind.COMPLAINT)
    assert "as in force on 2 December 2027, that counts as high-risk" in " ".join(later.text.split())


def test_letter_of_the_command_is_read_on_its_day(capsys: pytest.CaptureFixture[str]) -> None:
    def letter(*options: str) -> str:
        camera = str(EXAMPLES / "market-every-weekend.yaml")
        with pytest.raises(SystemExit) as caught:
            main(["law", "letter", "--camera", camera, "--kind", "complaint", *options])
        assert not caught.value.code
        return " ".join(capsys.readouterr().out.split())

    assert "as in force on 2 February 2025" in letter("--on", "2025-02-02")
    before, text, after = utc_now().date(), letter(), utc_now().date()
    assert any(f"as in force on {wording_in('en').day(today)}" in text for today in (before, after))


def test_questions_are_those_on_which_the_verdict_turns() -> None:
    letter = draft("station-not-yet-decided.yaml", law.LetterKind.QUESTION, law.Addressee.AUTHORITY)
    verdict = law.assess(law.read_deployment(EXAMPLES / "station-not-yet-decided.yaml").facts, position="act-2024")
    text = " ".join(letter.text.split())
    assert verdict.unknown
    for name in verdict.unknown:
        assert law.vocabulary()[name].question in text


@pytest.mark.parametrize(
    ("kind", "to"),
    [(law.LetterKind.COMPLAINT, law.Addressee.OPERATOR), (law.LetterKind.ACCESS_REQUEST, law.Addressee.AUTHORITY)],
)
def test_letter_that_goes_elsewhere_is_refused(kind: law.LetterKind, to: law.Addressee) -> None:
    with pytest.raises(UsageError, match=f"a letter of kind {kind} must go to"):
        draft("mall-shoplifters.yaml", kind, to)


def test_phrases_cover_the_vocabulary_and_articles_have_a_certainty() -> None:
    data = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    for name, phrases in data["phrases"].items():
        assert set(phrases) == set(law.vocabulary()[name].values) - {"unknown"}
    for entry in (*data["paragraphs"], *data["questions"]):
        assert ("article" in entry) == ("certainty" in entry)
    assert describe({}) == "the system films people"


def test_conditions_of_letters_and_liability_use_facts_and_words_of_the_vocabulary() -> None:
    known = law.vocabulary()
    letters = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    claims = yaml.safe_load(DATA.with_name("liability.yaml").read_text(encoding="utf-8"))["claims"]
    entries = [*letters["paragraphs"], *letters["questions"], *letters["hints"], *claims]
    for entry in entries:
        when = entry.get("when", {})
        for facts in (when.get(key, {}) for key in ("facts", "only", "unless")):
            for name, values in facts.items():
                assert set(values) <= set(known[name].domain()), (name, values)


def test_nobody_is_invented() -> None:
    text = DATA.read_text(encoding="utf-8")
    assert not re.search(r"\b(Mr|Mrs|Ms|Dr)\.? [A-Z]", text)
    assert "@" not in text


POLICE = {"actor": "police", "purpose": "law-enforcement", "function": "rbi", "timing": "real-time", "space": "public"}


@pytest.mark.parametrize(
    ("changed", "regime"),
    [
        ({}, Regime.LED),
        ({"purpose": "work-management"}, Regime.GDPR),
        ({"purpose": "access-control"}, Regime.GDPR),
        ({"purpose": "unknown"}, Regime.OPEN),
        ({"actor": "private"}, Regime.GDPR),
        ({"actor": "on-behalf-of-police"}, Regime.LED),
        ({"actor": "public-authority"}, Regime.LED),
        ({"actor": "public-authority", "purpose": "statistics"}, Regime.GDPR),
        ({"actor": "unknown"}, Regime.OPEN),
        ({"actor": "eu-agency"}, Regime.EU),
    ],
)
def test_law_of_a_letter_follows_the_purpose_and_not_the_actor_alone(changed: dict[str, str], regime: Regime) -> None:
    facts: dict[str, law.FactValue] = {**POLICE, **changed}
    assert regime_of(facts) is regime
    for kind, to in WAYS:
        letter = law.draft_letter(facts, law.assess(facts), kind=kind, to=to)
        laws = {basis.article.split()[0] for basis in letter.bases} & {"GDPR", "LED", "EUDPR"}
        named = {Regime.LED: {"LED"}, Regime.GDPR: {"GDPR"}, Regime.EU: {"EUDPR"}}.get(regime, {"GDPR"})
        assert laws == named
        assert (regime is Regime.OPEN) == any("leave it open" in " ".join(hint.split()) for hint in letter.hints)


@pytest.mark.parametrize("kind", list(law.LetterKind))
@pytest.mark.parametrize(
    "function", ["emotion", "bio-categorisation", "generic-analytics", "anonymisation", "face-scraping"]
)
def test_no_letter_argues_with_templates_where_nobody_is_identified(kind: law.LetterKind, function: str) -> None:
    facts: dict[str, law.FactValue] = {"actor": "employer", "purpose": "work-management", "function": function}
    text = " ".join(law.draft_letter(facts, law.assess(facts), kind=kind).text.split())
    assert "emplates" not in text
    assert "Article 9" not in text
    shop: dict[str, law.FactValue] = {**POLICE, "actor": "private"}
    watched = law.draft_letter(shop, law.assess(shop), kind=law.LetterKind.COMPLAINT)
    assert "Templates of all who pass" in watched.text
    trait: dict[str, law.FactValue] = {**facts, "function": "bio-categorisation", "attribute": "religion"}
    told = law.draft_letter(trait, law.assess(trait), kind=law.LetterKind.COMPLAINT)
    assert "among the data that Article 9(1)" in " ".join(told.text.split())


def test_letter_about_emotions_asks_for_the_ground_and_names_article_50_only_from_its_day() -> None:
    facts: dict[str, law.FactValue] = {
        "actor": "private", "purpose": "commercial", "function": "emotion", "emotion_context": "other", "role": "deployer",
    }  # fmt: skip
    letters = {
        on: law.draft_letter(facts, law.assess(facts, on=on), kind=law.LetterKind.ACCESS_REQUEST)
        for on in (date(2026, 8, 1), date(2026, 8, 2), date(2026, 11, 29))
    }
    named = {on: any("Art. 50(3)" in basis.article for basis in letter.bases) for on, letter in letters.items()}
    assert named == {date(2026, 8, 1): False, date(2026, 8, 2): True, date(2026, 11, 29): True}
    assert all("Article 6(1)" in " ".join(letter.text.split()) for letter in letters.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_known_of_the_camera_stands_in_the_letter(language: str) -> None:
    facts = law.read_deployment(EXAMPLES / "face-blur.yaml").facts
    known = law.LetterCamera(
        operator="City of Example", contact="privacy@example.org", authority="The Authority", authority_contact="a@b.example",
        place="50.1, 8.6", camera="Gate", page="https://example.org/c/1/",
    )  # fmt: skip
    for kind, to in WAYS:
        letter = law.draft_letter(facts, law.assess(facts), kind=kind, to=to, language=language, known=known)
        text = " ".join(letter.text.split())
        wanted = {"City of Example", "50.1, 8.6", '"Gate"', "https://example.org/c/1/"}
        wanted |= {"The Authority", "a@b.example"} if to is law.Addressee.AUTHORITY else {"privacy@example.org"}
        assert {words for words in wanted if words not in text} == set()
        assert wording_in(language).of("[name of the operator]") not in text
