"""Rule files: one broken file per mistake, with the line and the words of its message; and what good ones promise."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from passerby import law
from passerby.errors import RuleError
from passerby.law.reference import ROOM, as_date, deadlines, fines, offences, read_yaml, thresholds
from passerby.law.rules.book import Book, load_book, position_names
from passerby.law.rules.clauses import Literal, parse_clauses, split_atom
from passerby.law.rules.file import read_rule_file
from passerby.law.rules.overlay import overlay_names, read_overlay
from passerby.law.rules.sections import read_sections

BAD = Path(__file__).parent / "bad" / "law"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((BAD / "expected.yaml").read_text(encoding="utf-8"))
POSITION = "---\ntitle: Testland\nstatus: law\n---\n# Testland\n"
GOOD = (
    "---\narticle: Art. 1\ntitle: A test\nreference: a test\ncertainty: quoted\napplies: always\n---\n\n"
    "## ban\n> It is banned.\n\n```asp\nfinding(prohibited) :- fact(actor, police).\n```\n"
)


def load(tmp_path: Path, article: str, overlay: str | None = None) -> Book:
    folder = tmp_path / "positions" / "testland"
    folder.mkdir(parents=True)
    (folder / "position.md").write_text(POSITION, encoding="utf-8")
    (folder / "art-01.md").write_text(article, encoding="utf-8")
    if overlay is None:
        return load_book("testland", root=tmp_path)
    layer = tmp_path / "overlays" / "layer"
    layer.mkdir(parents=True)
    (layer / "overlay.md").write_text(overlay, encoding="utf-8")
    return load_book("testland", ["layer"], root=tmp_path)


def test_every_broken_file_is_expected_and_there() -> None:
    assert {path.stem for path in BAD.glob("*.md")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_broken_file_is_refused_with_file_line_and_words(tmp_path: Path, name: str) -> None:
    text = (BAD / f"{name}.md").read_text(encoding="utf-8")
    layer = name.startswith("overlay-")
    with pytest.raises(RuleError) as caught:
        load(tmp_path, GOOD if layer else text, text if layer else None)
    wanted = EXPECTED[name]
    message = caught.value.message
    if wanted["line"] is not None:
        file = "overlays/layer/overlay.md" if layer else "positions/testland/art-01.md"
        assert message.startswith(f"{file}:{wanted['line']}: "), message
    for words in wanted["says"]:
        assert words in message
    assert wanted.get("hint", "") in (caught.value.hint or "")


def test_good_file_loads(tmp_path: Path) -> None:
    book = load(tmp_path, GOOD)
    assert [clause.head for clause in book.clauses] == ["finding(prohibited)"]
    assert book.clauses[0].body == (Literal("fact(actor,police)", positive=True),)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    (tmp_path / "positions" / "testland" / "art-02.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match=r"positions/testland/art-02.md:1: file must be readable UTF-8 text"):
        load_book("testland", root=tmp_path)


@pytest.mark.parametrize("missing", ["title", "status"])
def test_position_without_title_or_status_is_refused(tmp_path: Path, missing: str) -> None:
    load(tmp_path, GOOD)
    text = "\n".join(line for line in POSITION.splitlines() if not line.startswith(missing))
    (tmp_path / "positions" / "testland" / "position.md").write_text(text, encoding="utf-8")
    with pytest.raises(RuleError, match=f"must have {missing}"):
        load_book("testland", root=tmp_path)


def test_unknown_names_get_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="position must be one of") as caught:
        law.assess({}, position="act-2042")
    assert caught.value.hint == "did you mean act-2024?"
    with pytest.raises(RuleError, match="overlay must be one of") as caught:
        law.assess({}, overlays=["examples/olympic-optin"])
    assert caught.value.hint == "did you mean examples/olympic-opt-in?"
    with pytest.raises(RuleError, match=r"folder with a file overlay\.md"):
        law.assess({}, overlays=[tmp_path])
    with pytest.raises(RuleError, match="must be laid over act-2024, got parliament-2023"):
        law.assess({}, position="parliament-2023", overlays=["examples/olympic-opt-in"])


def test_a_folder_of_ones_own_is_laid_over(tmp_path: Path) -> None:
    layer = tmp_path / "our-town"
    layer.mkdir()
    (layer / "overlay.md").write_text("---\ntitle: Our town\nover: [act-2024]\n---\n", encoding="utf-8")
    rule = GOOD.replace("finding(prohibited)", "finding(prohibited_by_other_law)")
    (layer / "section-1.md").write_text(rule.replace("police", "private"), encoding="utf-8")
    facts = {"role": "deployer", "actor": "private", "purpose": "statistics", "function": "generic-analytics"}
    verdict = law.assess(facts, overlays=[layer])
    assert verdict.outcome is law.Outcome.PROHIBITED
    assert verdict.overlays == ("our-town",)
    assert verdict.fine is None
    assert law.assess(facts).outcome is law.Outcome.NOT_REGULATED


BASE = (
    GOOD.replace("certainty: quoted", "certainty: secondary")
    + "\n## ban-of-watching\n> Watching is banned.\n> Otherwise: Watching is free.\n*certainty: memory; guideline: ¶1*\n\n"
    "```asp\nfinding(prohibited) :- fact(actor, private).\n```\n\n## free\n> It is free.\n\n"
    "```asp\nfinding(not_regulated) :- fact(actor, household).\n```\n"
)
OVER = GOOD[: GOOD.index("---\n\n")] + "extends: oldland/art-01\ndisables: [free]\n---\n"


def extended(tmp_path: Path, text: str) -> Book:
    old = tmp_path / "positions" / "oldland"
    old.mkdir(parents=True)
    (old / "position.md").write_text(POSITION, encoding="utf-8")
    (old / "art-01.md").write_text(BASE, encoding="utf-8")
    return load(tmp_path, text)


def test_a_file_that_extends_another_holds_only_what_differs(tmp_path: Path) -> None:
    words = (
        "\n## ban\n> Nobody may.\n\n## added\n> New here.\n\n```asp\nfinding(high_risk) :- fact(actor, school).\n```\n"
    )
    book = extended(tmp_path, OVER + words)
    assert list(book.rules) == ["art-01/ban", "art-01/added", "art-01/ban-of-watching"], "without what it disables"
    provision, ban = book.rules["art-01/ban"]
    assert (ban.statement, ban.certainty) == ("Nobody may.", "quoted"), "its own words, as sure as its own file"
    assert [clause.path for clause in book.heads["finding(prohibited)"]] == ["positions/oldland/art-01.md"] * 2
    watching = book.rules["art-01/ban-of-watching"][1]
    assert (watching.otherwise, watching.certainty, watching.guideline) == ("Watching is free.", "memory", None)
    assert provision.position == "testland"
    assert "## ban-of-watching\n> Watching is banned." in provision.text, "the whole provision can be read in one place"
    assert provision.text.count("```asp") == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OVER.replace("oldland/art-01", "oldland/art-02"), "positions/testland/art-01.md:7: base must be a rule file"),
        (OVER.replace("oldland", "testland"), "must not extend itself"),
        (
            OVER.replace("[free]", "[fre]"),
            "positions/testland/art-01.md:8: disabled heading must be one of the base, got fre",
        ),
        (
            OVER + "\n## ban\n",
            "positions/testland/art-01.md:11: rule ban must say what differs from the base, got nothing",
        ),
        (OVER + "\n## new\n> New.\n", "rule new must have a block"),
    ],
)
def test_a_file_that_extends_wrongly_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        extended(tmp_path, text)
    assert says in caught.value.message


def test_a_mistake_in_what_is_taken_over_is_told_where_it_stands(tmp_path: Path) -> None:
    extended(tmp_path, OVER)
    base = tmp_path / "positions" / "oldland" / "art-01.md"
    base.write_text(BASE.replace("(actor, police)", "(acter, police)"), encoding="utf-8")
    with pytest.raises(RuleError, match=r"positions/oldland/art-01.md:13: fact must be"):
        load_book("testland", root=tmp_path)


def test_no_file_repeats_what_its_base_says() -> None:
    repeated = []
    for path in (ROOM / "positions").glob("*/*.md"):
        lines = path.read_text(encoding="utf-8").splitlines()
        base = next((line.partition(": ")[2] for line in lines if line.startswith("extends: ") and "/" in line), None)
        if base is not None:
            above = read_rule_file(ROOM / "positions" / f"{base}.md", position="x", shown=base).provision
            known = {rule.id.partition("/")[2]: rule for rule in above.rules}
            _, own = read_sections(lines, 0, str(path))
            for section in own:
                if (rule := known.get(section.id)) is not None:
                    same = [" ".join(section.quote) and " ".join(section.quote) in above.text.replace("\n> ", " ")]
                    same.append(section.block is not None and "\n".join(section.block).strip() == rule.asp.strip())
                    repeated += [f"{path}:{section.line}"] * any(same)
    assert not repeated, "what is the same stands in the base alone"


@pytest.mark.parametrize("position", position_names())
def test_every_position_is_whole(position: str) -> None:
    for provision in law.provisions(position):
        assert provision.path.endswith(".md")
        assert provision.reference
        assert all(rule.statement.endswith((".", "?")) for rule in provision.rules), provision.id
    book = load_book(position)
    duties = {split_atom(head)[1][0].replace("_", "-") for head in book.heads if head.startswith("duty(")}
    assert duties, "each text asks something of somebody"


def test_every_deadline_and_fine_belongs_to_a_rule() -> None:
    books = [load_book(position) for position in position_names()]
    heads = {head for book in books for head in book.heads}
    assert {f"duty({name.replace('-', '_')})" for name in deadlines()} <= heads
    tiers = {
        (book.position, split_atom(head)[1][0].replace("_", "-"))
        for book in books
        for head in book.heads
        if head[:5] == "fine("
    }
    assert tiers == set(fines())


def test_overlays_are_read_with_what_they_are_written_for() -> None:
    for name in overlay_names():
        for position in read_overlay(name).over:
            assert load_book(position, [name]).overlays == (name,)


def test_annex_ii_is_closed_and_inside_the_warrant_list() -> None:
    lists = offences().lists
    assert len(lists["annex-ii"].offences) == 17, "16 entries, of which one names two offences"
    assert lists["annex-ii"].offences < lists["arrest-warrant"].offences
    assert offences().membership("burglary") == frozenset()
    assert offences().membership("human-trafficking") == offences().membership("trafficking-in-human-beings")


def test_thresholds_hold_from_their_day_on() -> None:
    years = thresholds()["annex-ii-years"]
    assert years.on(None) == years.on(date(2024, 8, 1)) == 4
    assert years.on(date(2000, 1, 1)) == 4, "before its first day a number is read as its first"


def test_broken_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="cannot be read"):
        read_yaml(tmp_path / "absent.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1\nb: 2", encoding="utf-8")
    with pytest.raises(RuleError, match=r"broken.yaml:2: is no YAML"):
        read_yaml(tmp_path / "broken.yaml")
    with pytest.raises(RuleError, match="must be written YYYY-MM-DD and exist, got 2026-02-30"):
        as_date("2026-02-30", "here")


def test_clauses_are_read_with_their_lines() -> None:
    first, second = parse_clauses("a :- b.\n\na :- not c(d).", path="x.md", line=10, rule="x/a", group="always")
    assert (first.line, second.line) == (10, 12)
    assert second.body == (Literal("c(d)", positive=False),)
    assert str(second.body[0]) == "not c(d)"


def test_the_page_on_the_law_keeps_to_what_is_there(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "law.md").read_text(encoding="utf-8")
    example = page.split("````\n")[1]
    (tmp_path / "art-05-1-f.md").write_text(example, encoding="utf-8")
    shown = read_rule_file(tmp_path / "art-05-1-f.md", position="act-2024", shown="docs/law.md")
    real = next(p for p in law.provisions("act-2024") if p.path.endswith("art-05-1-f.md"))
    assert shown.provision.rules[0].asp == next(r.asp for r in real.rules if r.id == shown.provision.rules[0].id)
    for name in (*overlay_names(), *(f"`{word.value}`" for word in law.Certainty)):
        assert name in page, name
    cases = "".join(path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "law_cases").glob("*.yaml"))
    for name in ("day-before-bans", "day-of-bans", "day-of-fines", "recorded-2027-amended"):
        assert name.removesuffix("amended") in page
        assert f"- id: {name}\n" in cases
