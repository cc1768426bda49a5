"""Infrastructure as code: permissions to identify faces, and resources that are made for it.

Policies in JSON and YAML (CloudFormation, SAM, serverless, ARM), Terraform and Bicep. A permission that is denied is none; one
to do anything at all (``*``) says nothing of faces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from passerby.errors import ScanError
from passerby.scan.calls.marks import Marked
from passerby.scan.calls.names import OF_FACES
from passerby.scan.calls.prefilter import Prefilter, shipped_prefilter
from passerby.scan.calls.sources import MOST_CODE_BYTES, suffix_of
from passerby.scan.calls.trees import find_kinds, parse
from passerby.scan.calls.uses import Language
from passerby.scan.files import read_json, read_text, read_yaml
from passerby.scan.values import (
    Ability,
    Confidence,
    Evidence,
    Finding,
    FindingKind,
    Observation,
    Rating,
    TargetFile,
    Unread,
)

_SUFFIXES = frozenset({"tf", "hcl", "json", "yaml", "yml", "template", "bicep"})
_MOST_VALUES = 500_000
_GRANTING = frozenset({"action", "actions", "type"})
_ACTION, _RESOURCE, _POLICIES = "action", "resource", "polic"
"""What stands below a key: actions and types; resources of Terraform by type; whatever has policies in its name."""
_MOST_LITERALS = 300
"""Literals of one file that are judged with what stands around them."""
_DETECTS = re.compile("[A-Za-z]{0,40}Face[A-Za-z]{0,40}")
_DENIED = re.compile(r"""\beffect["']?\s*[=:]\s*["']?deny\b""", re.IGNORECASE)
_BICEP = re.compile(r"^resource\s+\w+\s+'([^'@\n]+)@[^'\n]*'\s*=[^{\n]*\{(.*?)^\}", re.DOTALL | re.MULTILINE)
_KIND = re.compile(r"""^\s*kind\s*:\s*'([^'\n]*)'""", re.MULTILINE)


class Grant(NamedTuple):
    """Something that a file allows or makes.

    Attributes:
        text: An action, a resource's type (``TYPE?kind=KIND`` where it has a kind), or the name of a policy, as written.
        place: What to look for to find its line.
    """

    text: str
    place: str


def wants_policy(file: TargetFile) -> bool:
    """Return whether a file may hold infrastructure as code, by its name."""
    return suffix_of(file.name) in _SUFFIXES


def read_policy(file: TargetFile, prefilter: Prefilter | None = None) -> Iterable[Observation]:
    """Return one finding a component that a file of infrastructure allows or sets up.

    Args:
        file: JSON, YAML, Terraform or Bicep.
        prefilter: With the components to find; those of the catalogue unless given.
    """
    search = prefilter or shipped_prefilter()
    ids = search.components_in(file, Language.POLICY)
    if not ids:
        return ()
    try:
        text = read_text(file, MOST_CODE_BYTES if suffix_of(file.name) in {"tf", "hcl", "bicep"} else 8 << 20)
        marked = [search.marked[one] for one in sorted(ids)]
        grants = list(_grants(file, text, {word for one in marked for word in _first_words(one)}))
    except ScanError as exc:
        return (Unread(file.path, f"{exc.message.partition(': ')[0]}; permissions or resources may stand in it"),)
    found = (_finding(file.path, text, grants, one) for one in marked)
    return [one for one in found if one is not None]


def _first_words(marked: Marked) -> Iterator[str]:
    """Yield the services whose actions count, and the types of resources."""
    yield from (one.partition(":")[0] for one in marked.component.code.iam_actions)
    yield from (one.partition("?")[0] for one in marked.component.code.resources)


def _grants(file: TargetFile, text: str, words: set[str]) -> Iterator[Grant]:
    suffix = suffix_of(file.name)
    if suffix in {"tf", "hcl"}:
        yield from _terraform(text, words)
    elif suffix == "bicep":
        for found in _BICEP.finditer(text):
            kind = _KIND.search(found[2])
            yield Grant(f"{found[1]}?kind={kind[1]}" if kind else found[1], found[1])
    elif suffix == "json" or text.lstrip().startswith("{"):
        yield from _granted(read_json(file))
    else:
        yield from _granted(read_yaml(file))


def _granted(document: object) -> Iterator[Grant]:
    """Yield what a document allows or makes, without recursion; what aliases share is seen once.

    Lists of actions that stand elsewhere, as in reference data about them, allow nothing.
    """
    stack: list[tuple[object, str]] = [(document, "")]
    seen, left = set[tuple[int, str]](), _MOST_VALUES
    while stack and (left := left - 1):
        value, under = stack.pop()
        if isinstance(value, str):
            if under in (_ACTION, _POLICIES):
                yield Grant(value, value)
        elif isinstance(value, dict | list) and (id(value), under) not in seen:
            seen.add((id(value), under))
            if isinstance(value, list):
                stack += ((one, under) for one in value)
            elif str(_field(value, "effect")).lower() != "deny":
                yield from _of_table(value, under)
                stack += ((one, _below(under, key)) for key, one in value.items())


def _of_table(table: dict[object, object], under: str) -> Iterator[Grant]:
    """Yield what the keys of a table name, and a type with its kind."""
    if under in (_RESOURCE, _POLICIES):
        yield from (Grant(key, key) for key in table if isinstance(key, str))
    kind, inner = _field(table, "kind"), _field(table, "properties")
    kind = kind if isinstance(kind, str) else _field(inner if isinstance(inner, dict) else {}, "kind")
    if isinstance(made := _field(table, "type"), str) and isinstance(kind, str):
        yield Grant(f"{made}?kind={kind}", made)


def _below(under: str, key: object) -> str:
    """Return what a key makes of the values below it; functions of templates stand between a key and its values."""
    name = str(key).lower()
    if name.startswith("fn::"):
        return under
    if name in _GRANTING:
        return _ACTION
    return _POLICIES if _POLICIES in name else _RESOURCE if name == _RESOURCE else ""


def _field(table: dict[object, object], name: str) -> object:
    return next((value for key, value in table.items() if isinstance(key, str) and key.lower() == name), None)


def _terraform(text: str, words: set[str]) -> Iterator[Grant]:
    left = _MOST_LITERALS
    for node in find_kinds(parse(text, "hcl"), ("template_literal", "heredoc_template")):
        literal = node.text()
        if node.kind() == "heredoc_template":
            start, end = literal.find("{"), literal.rfind("}")
            try:
                yield from _granted(json.loads(literal[start : end + 1]))
            except (ValueError, RecursionError):
                continue
        elif left and words.intersection((literal, literal.partition(":")[0])):
            left -= 1
            outer = next((one for one in node.ancestors() if one.kind() in {"block", "object"}), None)
            if outer is not None and _DENIED.search(outer.text()[:20_000]):
                continue
            kind = outer and re.search(r'^\s*kind\s*=\s*"([^"\n]*)"', outer.text()[:20_000], re.MULTILINE)
            yield Grant(literal, literal)
            if kind:
                yield Grant(f"{literal}?kind={kind[1]}", literal)


def _finding(path: str, text: str, grants: list[Grant], marked: Marked) -> Finding | None:
    able: set[Ability] = set()
    places: set[tuple[int, str]] = set()
    exact = False
    for grant in grants:
        what, abilities = _meaning(grant, marked)
        if abilities:
            able |= abilities
            exact |= "*" not in grant.text
            places.add((text.count("\n", 0, max(0, text.find(grant.place))) + 1, what))
    if not able:
        return None
    return Finding(
        kind=FindingKind.CALL,
        path=path,
        title=marked.component.title,
        component=marked.component.id,
        abilities=tuple(sorted(able, key=list(Ability).index)),
        rating=Rating.IDENTIFIES if able.intersection(OF_FACES) else Rating.DOES_NOT,
        confidence=Confidence.CERTAIN if exact else Confidence.LIKELY,
        weights=marked.component.weights,
        evidence=tuple(Evidence(path, what, line) for line, what in sorted(places)[:12]),
        note="It is allowed or set up here; whether anything calls it is another question.",
    )


def _meaning(grant: Grant, marked: Marked) -> tuple[str, set[Ability]]:
    """Return what a grant is in one sentence, and what it makes possible: nothing, as a rule."""
    code = marked.component.code
    actions = [one for one in code.iam_actions if _allows(grant.text, one)]
    if actions:
        return f"allows {grant.text}", {ability for one in actions for ability in marked.call_of(one).abilities}
    if grant.text in code.resources:
        return f"sets up {grant.place}", {one for one in marked.component.abilities if one in OF_FACES}
    service, _, name = grant.text.partition(":")
    if any(one.startswith(f"{service}:") for one in code.iam_actions) and _DETECTS.fullmatch(name):
        return f"allows {grant.text}", {Ability.DETECT}
    return "", set()


def _allows(pattern: str, action: str) -> bool:
    """Return whether a policy's action, in which ``*`` may stand in the part after the colon, is or takes in another.

    >>> _allows("rekognition:Search*", "rekognition:SearchFaces"), _allows("*", "rekognition:SearchFaces")
    (True, False)
    """
    service, colon, name = pattern.partition(":")
    wanted, _, full = action.partition(":")
    return bool(colon) and service.lower() == wanted and fnmatchcase(full.lower(), name.lower().replace("[", "[[]"))
