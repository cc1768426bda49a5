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
from passerby.law.report.letters import WIDTH, describe
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


def draft(name: str, kind: law.LetterKind, to: law.Addressee | None = None) -> law.Letter:
    deployment = law.read_deployment(EXAMPLES / name)
    verdict = law.assess(deployment.facts, position="act-2024")
    return law.draft_letter(deployment.facts, verdict, kind=kind, to=to)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("kind", "to"), WAYS)
def test_every_letter_is_whole(name: str, kind: law.LetterKind, to: law.Addressee) -> None:
    letter = draft(name, kind, to)
    assert letter.text.startswith("[Your name]")
    assert letter.text.rstrip().endswith("[Your name]")
    assert letter.bases
    assert "{" not in letter.text
    text = law.letter_to_text(letter)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "Not legal advice" in text
    assert all(basis.article in text for basis in letter.bases)


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
