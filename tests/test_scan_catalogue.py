"""The catalogue: enough of it, each entry sound, exact names alone; a broken entry is refused with what is wrong."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
import yaml
from jsonschema import Draft202012Validator

from passerby.errors import ScanError
from passerby.scan import Ability, Component, Ecosystem, Rating, Weights, read_catalogue
from passerby.scan.catalogue import component_schema, parse_component

CATALOGUE = read_catalogue()
COMPONENTS = list(CATALOGUE.components.values())
FOLDER = Path(__file__).parent.parent / "src" / "passerby" / "scan" / "catalogue" / "components"
FIRST_READ = date(2026, 11, 1)
"""The catalogue did not exist before."""

# how registries spell a name that they compare
SPELLED = {
    Ecosystem.PYPI: r"[a-z0-9]+(-[a-z0-9]+)*",
    Ecosystem.NPM: r"(@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*",
    Ecosystem.DEBIAN: r"[a-z0-9][a-z0-9+.-]+",
    Ecosystem.MAVEN: r"[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+",
    Ecosystem.GITHUB: r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+",
    Ecosystem.GO: r"[a-z0-9.-]+\.[a-z]+/[^ ]+",
    Ecosystem.DOCKER: r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+",
}
# what names of these kinds must look like; see `BinaryMarks`
LIBRARY = re.compile(r"[\w .+()*-]+\.(dll|exe|so|dylib|framework|jar|eap|aar|node|pyd)", re.IGNORECASE)

GOOD = """
id: example
title: Example
sort: library
abilities: [verify, embed]
rating: identifies
weights: held
names: {pypi: [example]}
sources: [{url: "https://example.org/", says: "compares faces", seen: 2026-11-30}]
"""


def by_id(component: Component) -> str:
    return component.id


def test_each_file_is_read_whole() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(CATALOGUE.components)


def test_components_of_each_rating_and_of_both_trades_are_there() -> None:
    assert len(COMPONENTS) >= 200
    assert sum(component.commercial for component in COMPONENTS) >= 90
    assert {component.sort for component in COMPONENTS} == set(get_args(Component.model_fields["sort"].annotation))
    assert {component.rating for component in COMPONENTS} == set(Rating)


@pytest.mark.parametrize("component", COMPONENTS, ids=by_id)
def test_names_are_as_registries_compare_them(component: Component) -> None:
    for ecosystem, names in component.names.items():
        assert names, f"{ecosystem} without a name"
        assert len(set(names)) == len(names)
        for name in names:
            assert re.fullmatch(SPELLED.get(ecosystem, r"[^\s]+"), name), f"{ecosystem}:{name}"


@pytest.mark.parametrize("component", COMPONENTS, ids=by_id)
def test_marks_can_be_compared_whole(component: Component) -> None:
    marks, code = component.binaries, component.code
    for name in marks.files:
        assert LIBRARY.fullmatch(name), name
    for symbol in marks.symbols:
        assert re.fullmatch(r"[^\s*]{6,}\*?", symbol), f"{symbol} would fit others"
    for host in code.hosts:
        assert re.fullmatch(r"(\*\.)?[a-z0-9*-]+(\.[a-z0-9*-]+)+(:[0-9]+)?(/\S*)?", host), host
    for path in code.paths:
        assert path.startswith("/"), path
        assert len(path) > 8, f"{path} would fit others"
    for action in code.iam_actions:
        assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z]+", action), action
    for module in (*code.python, *code.java):
        assert re.fullmatch(r"\w+(\.\w+)*", module), module
    if code.identifying:
        assert set(component.abilities) - {Ability.DETECT, Ability.LANDMARKS}, "what do these calls do?"


@pytest.mark.parametrize("component", COMPONENTS, ids=by_id)
def test_each_statement_has_a_public_source(component: Component) -> None:
    assert not component.title.endswith(".")
    for source in component.sources:
        assert source.url.startswith("https://")
        assert source.seen is None or source.seen >= FIRST_READ
        assert not source.says.endswith(".")


def test_few_components_rest_on_what_nobody_read() -> None:
    """Pages of makers that could not be opened; fewer is better, more needs a reason."""
    unread = [component.id for component in COMPONENTS if not any(source.seen for source in component.sources)]
    assert len(unread) <= 15, unread


@pytest.mark.parametrize("component", COMPONENTS, ids=by_id)
def test_known_weights_say_what_they_do(component: Component) -> None:
    for file in component.files:
        assert file.abilities, file.name
        assert set(file.abilities) <= set(component.abilities), file.name
    if component.weights is Weights.SERVICE:
        assert not component.files, "a service keeps its weights"


@pytest.mark.parametrize(
    "name",
    [
        "pypi:typeface-embed-react", "npm:typeface-embed-react", "npm:aws-nsm-interface-verifiably", "pypi:frigate",
        "pypi:deepstack", "pypi:clip", "npm:deepface", "npm:pico", "pypi:face", "pypi:huggingface-hub", "pypi:interface",
    ],
)  # fmt: skip
def test_names_that_only_sound_like_it_belong_to_nobody(name: str) -> None:
    ecosystem, _, package = name.partition(":")
    assert (Ecosystem(ecosystem), package) not in CATALOGUE.by_package


@pytest.mark.parametrize(
    ("name", "rating"),
    [
        ("pypi:face-recognition", Rating.IDENTIFIES), ("pypi:insightface", Rating.IDENTIFIES),
        ("pypi:deepface", Rating.IDENTIFIES), ("pypi:facenet-pytorch", Rating.IDENTIFIES),
        ("npm:@vladmandic/face-api", Rating.IDENTIFIES), ("pypi:face-recognition-models", Rating.IDENTIFIES),
        ("pypi:opencv-python", Rating.CAN), ("pypi:dlib", Rating.CAN), ("npm:@aws-sdk/client-rekognition", Rating.CAN),
        ("pypi:deface", Rating.DOES_NOT), ("pypi:mediapipe", Rating.DOES_NOT), ("pypi:retina-face", Rating.DOES_NOT),
        ("pypi:scikit-image", Rating.DOES_NOT), ("pypi:faiss-cpu", Rating.DOES_NOT), ("pypi:timm", Rating.DOES_NOT),
        ("pypi:transformers", Rating.DOES_NOT), ("pypi:torchreid", Rating.DOES_NOT),
    ],
)  # fmt: skip
def test_well_known_packages_are_rated_by_what_they_do(name: str, rating: Rating) -> None:
    ecosystem, _, package = name.partition(":")
    assert CATALOGUE.by_package[Ecosystem(ecosystem), package].rating is rating


def test_an_entry_is_read() -> None:
    component = parse_component(GOOD, "example")
    assert component.abilities == (Ability.VERIFY, Ability.EMBED)
    assert component.names == {Ecosystem.PYPI: ("example",)}
    assert component.sources[0].seen == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("id: example", "id: other", "component example must bear its file's name, got id other"),
        ("id: example", "id: Example One", "id"),
        ("title: Example\n", "", "title"),
        ("sort: library", "sort: thing", "sort"),
        ("[verify, embed]", "[verify, glance]", "abilities.1"),
        ("[verify, embed]", "[]", "abilities must be named for what is rated identifies"),
        ("[verify, embed]", "[detect]", "abilities must hold one of embed, group, search, verify for what identifies"),
        ("identifies", "maybe", "rating"),
        ("weights: held", "weights: heavy", "weights"),
        ("{pypi: [example]}", "{pip: [example]}", "names"),
        ("{pypi: [example]}", "{pypi: example}", "names"),
        ('"https://example.org/"', '"http://example.org/"', "sources.0.url"),
        ("2026-11-30", "yesterday", "sources.0.seen"),
        ("weights: held", "weights: held\ncolour: red", "colour"),
        ("weights: held", "weights: held\nfiles: [{name: a.onnx, sha256: abc}]", "files.0.sha256"),
        ("weights: held", "weights: held\ncode: {cobol: [x]}", "code.cobol"),
        ("[verify, embed]", "[verify", "component example must be YAML"),
    ],
)  # fmt: skip
def test_a_broken_entry_is_refused_with_its_place(old: str, new: str, says: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(ScanError, match=re.escape(says)) as caught:
        parse_component(GOOD.replace(old, new, 1), "example")
    assert "component example" in str(caught.value)


def test_what_can_identify_when_given_more_names_what_it_can() -> None:
    text = GOOD.replace("identifies", "can").replace("[verify, embed]", "[]")
    with pytest.raises(ScanError, match="abilities must be named for what is rated can"):
        parse_component(text, "example")


SCHEMAS = FOLDER.parent.parent / "schemas"


def plain(path: Path) -> object:
    """A component's file as a tool that knows JSON alone gets it."""
    return json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))


def test_the_published_schema_is_that_of_the_code_and_says_what_each_field_means() -> None:
    published = (SCHEMAS / "component.schema.json").read_text(encoding="utf-8")
    assert published == component_schema(), "docs/catalogue.md says how it is written"
    schema = json.loads(published)
    Draft202012Validator.check_schema(schema)
    for part in (schema, *(one for one in schema["$defs"].values() if "properties" in one)):
        for name, field in part["properties"].items():
            assert field.get("description"), name


def test_each_component_fits_the_published_schema_and_broken_ones_do_not() -> None:
    validator = Draft202012Validator(json.loads((SCHEMAS / "component.schema.json").read_text(encoding="utf-8")))
    for path in sorted(FOLDER.iterdir()):
        assert [fault.message for fault in validator.iter_errors(plain(path))] == [], path.name
    good = yaml.safe_load(GOOD)
    assert not validator.is_valid(good | {"colour": "red"})
    assert not validator.is_valid(good | {"sources": []})
    assert not validator.is_valid(good | {"rating": "maybe"})


def test_makers_are_told_how_to_correct_an_entry() -> None:
    text = (FOLDER.parents[4] / "docs" / "catalogue.md").read_text(encoding="utf-8")
    for rating in Rating:
        assert f"`{rating}`" in text
    assert "## Correct an entry" in text
    assert "public page" in text
