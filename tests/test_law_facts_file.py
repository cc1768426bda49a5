"""Deployment files: formats, lines, and one broken file per mistake with the words its message must hold."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby import law
from passerby.errors import FactsError
from passerby.law.facts.check import find_problems
from passerby.law.facts.contradictions import CONTRADICTIONS, find_clashes
from passerby.law.facts.file import MAX_BYTES, parse_deployment, read_deployment, read_deployments
from passerby.law.facts.terms import vocabulary

BAD = Path(__file__).parent / "bad" / "facts"
EXPECTED: dict[str, list[str]] = yaml.safe_load((BAD / "expected.yaml").read_text(encoding="utf-8"))

SCHEMA = jsonschema.Draft202012Validator(law.facts_schema())


def test_every_broken_file_has_expected_words() -> None:
    assert {path.name for path in BAD.iterdir()} - {"expected.yaml"} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_broken_file_is_refused_with_words_that_help(name: str) -> None:
    path = BAD / name
    with pytest.raises(FactsError) as caught:
        read_deployment(path)
    said = f"{caught.value.message}\n{caught.value.hint}"
    assert said.startswith(f"{path}:")
    assert caught.value.hint
    assert caught.value.exit_code == 2
    for words in EXPECTED[name]:
        assert words in said


def test_all_mistakes_of_a_file_are_told_in_the_order_of_its_lines() -> None:
    data = b"actor: polis\nfunction: rbi\ntiming: post\ndelay_seconds: 4\nfria: maybe\n"
    with pytest.raises(FactsError) as caught:
        parse_deployment(data, "d.yaml")
    lines = caught.value.message.splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "4", "5"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.yaml", "title: A gate\non: 2026-11-23\nactor: police\nfria: no\noffence_max_years: 4.5\n"),
        ("d.toml", 'title = "A gate"\non = 2026-11-23\nactor = "police"\nfria = false\noffence_max_years = 4.5\n'),
        (
            "d.json",
            '{\n"title": "A gate",\n"on": "2026-11-23",\n"actor": "police", "fria": false,\n\n"offence_max_years": 4.5}\n',
        ),
    ],
)
@pytest.mark.parametrize("as_name", ["same", "-"])
def test_three_formats_say_the_same_with_or_without_an_ending(name: str, text: str, as_name: str) -> None:
    deployment = parse_deployment(text.encode(), name if as_name == "same" else "-")
    assert deployment.facts == {"actor": "police", "fria": False, "offence_max_years": 4.5}
    assert deployment.on == date(2026, 11, 23)
    assert deployment.title == "A gate"
    assert deployment.lines["actor"] == (4 if name == "d.json" else 3)
    assert deployment.lines["offence_max_years"] == (6 if name == "d.json" else 5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.yaml", "title: x\nfacts:\n  actor: police\n  function: rbi\n"),
        ("d.json", '{"title": "x",\n"facts": {\n"actor": "police",\n"function": "rbi"}}'),
        ("d.toml", 'title = "x"\n[facts]\nactor = "police"\nfunction = "rbi"\n'),
    ],
)
def test_facts_may_stand_in_a_mapping_of_their_own(name: str, text: str) -> None:
    deployment = parse_deployment(text.encode(), name)
    assert deployment.facts == {"actor": "police", "function": "rbi"}
    assert deployment.lines == {"actor": 3, "function": 4}


def test_words_that_yaml_would_turn_into_something_else_stay_what_was_written() -> None:
    deployment = parse_deployment(
        b"authorisation: requested-late\nrequest_after_hours: 010\nobjective: none\n", "d.yaml"
    )
    assert deployment.facts["objective"] == "none"
    assert deployment.facts["request_after_hours"] == 10
    with pytest.raises(FactsError, match="got the text '1:30'"):
        parse_deployment(b"request_after_hours: 1:30\n", "d.yaml")


def test_unknown_is_a_value_of_every_fact() -> None:
    text = "\n".join(f"{name}: unknown" for name in vocabulary())
    assert set(parse_deployment(text.encode(), "d.yaml").facts.values()) == {"unknown"}


def test_a_mark_at_the_start_and_windows_line_ends_do_no_harm() -> None:
    deployment = parse_deployment(b"\xef\xbb\xbfactor: police\r\nfunction: rbi\r\n", "d.yaml")
    assert deployment.facts == {"actor": "police", "function": "rbi"}


def test_text_of_all_languages_is_kept() -> None:
    title = "Łódź: «gare» 東京 — café\u00a0n°\u00a01"
    assert parse_deployment(f"title: '{title}'\nactor: police\n".encode(), "d.yaml").title == title


def test_size_is_limited_at_the_edge(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    head = b"actor: police\n#"
    path.write_bytes(head + b"x" * (MAX_BYTES - len(head)))
    assert read_deployment(path).facts == {"actor": "police"}
    path.write_bytes(head + b"x" * (MAX_BYTES - len(head) + 1))
    with pytest.raises(FactsError, match="at most 65536 bytes"):
        read_deployment(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("d.json", b'{"a":' + b"[" * 20000 + b"]" * 20000 + b"}"),
        ("d.yaml", b"a: " + b"[" * 20000 + b"]" * 20000),
        ("d.toml", b"a = " + b"[" * 20000 + b"]" * 20000),
        ("d.yaml", b"a: &x\n  b: *x\n"),
    ],
)
def test_texts_made_to_break_the_reader_are_refused(name: str, data: bytes) -> None:
    with pytest.raises(FactsError):
        parse_deployment(data, name)


def test_missing_file_and_folder_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FactsError, match="cannot be read: No such file") as missing:
        read_deployment(tmp_path / "nowhere.yaml")
    assert "passerby assess --ask" in str(missing.value.hint)
    with pytest.raises(FactsError, match="expected a file, got a folder"):
        read_deployment(tmp_path)
    with pytest.raises(FactsError, match="found none"):
        read_deployments(tmp_path)


def deployments() -> st.SearchStrategy[dict[str, law.FactValue]]:
    """Facts with values of the vocabulary that do not contradict each other."""

    def values(fact: law.Fact) -> st.SearchStrategy[law.FactValue]:
        if fact.kind == "bool":
            return st.sampled_from([True, False, "unknown"])
        if fact.kind == "number":
            return st.one_of(st.just("unknown"), st.integers(0, 10**6), st.floats(0, 10**6).map(lambda x: round(x, 2)))
        return st.sampled_from([*fact.values, "unknown"])

    names = st.lists(st.sampled_from(list(vocabulary())), min_size=1, max_size=8, unique=True)
    drawn = names.flatmap(lambda some: st.fixed_dictionaries({name: values(vocabulary()[name]) for name in some}))
    return drawn.filter(lambda facts: not find_problems(facts))


@settings(max_examples=40, deadline=None)
@given(deployments())
def test_facts_come_back_from_every_format_as_they_were_written(facts: dict[str, law.FactValue]) -> None:
    toml = "\n".join(f"{name} = {json.dumps(value)}" for name, value in facts.items())
    for name, text in (
        ("d.json", json.dumps({"facts": facts})),
        ("d.json", json.dumps(facts, indent=1)),
        ("d.toml", toml),
        ("d.yaml", law.facts_to_yaml(facts)),
        ("-", yaml.safe_dump(facts)),
    ):
        assert parse_deployment(text.encode(), name).facts == facts
    assert SCHEMA.is_valid(facts)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120), st.sampled_from(["d.yaml", "d.json", "d.toml", "-"]))
def test_any_text_is_read_or_refused(text: str, name: str) -> None:
    with contextlib.suppress(FactsError):
        parse_deployment(text.encode(), name)


def test_schema_for_editors_accepts_the_examples_and_refuses_what_is_no_fact() -> None:
    SCHEMA.check_schema(SCHEMA.schema)
    for path in (BAD.parents[2] / "docs" / "examples" / "law").iterdir():
        if path.suffix != ".toml":
            assert SCHEMA.is_valid(yaml.safe_load(path.read_text(encoding="utf-8")))
    broken: tuple[dict[str, object], ...] = (
        {"actor": "polis"},
        {"funktion": "rbi"},
        {"facts": {"fria": "yes"}},
        {"offence": "Big Theft"},
        {"facts": {}},
    )
    assert not any(SCHEMA.is_valid(wrong) for wrong in broken)


def test_contradictions_name_facts_and_values_of_the_vocabulary() -> None:
    known = vocabulary()
    for row in CONTRADICTIONS:
        assert row.fact in known
        assert row.values <= set(known[row.other].values) or known[row.other].open


def test_denied_and_unknown_facts_contradict_nothing() -> None:
    for row in CONTRADICTIONS:
        for denied in (False, "none", "unknown"):
            for other in row.values:
                assert not list(find_clashes({row.fact: denied, row.other: other}))
