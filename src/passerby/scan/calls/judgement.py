"""What the uses of one file say about one component."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from passerby.scan.calls.marks import Call, Marked
from passerby.scan.calls.names import OF_FACES, words_of
from passerby.scan.calls.uses import Language, Origin, Use, UseSort
from passerby.scan.catalogue import names_embedder
from passerby.scan.values import Ability, Confidence, Evidence, Finding, FindingKind, Rating, Weights

BUILT_IN = 3
"""Different calls of one component, each of three words or more, that a script names without an import."""
MOST_EVIDENCE = 12
"""Places of one component that are shown of one file."""
_UNCALLED = "It is imported or addressed; no call of it was seen here."
_ACTION = re.compile(r"[a-z0-9-]{2,40}:[A-Za-z*?]{1,80}")
_WEIGHTS = re.compile(
    r"https?://\S+/(?P<name>[\w.+{}-]{1,120}\.(?:onnx|h5|keras|pth?|ckpt|dat|tflite|pb|zip|bin|safetensors|caffemodel|t7|npz|params|mnn)"
    r"(?:\.bz2|\.gz|\.xz)?)(?:\?\S*)?"
)
_LABEL = r"\-A-Za-z0-9_"


@dataclass(slots=True)
class _Case:
    """What was seen of one component in one file."""

    calls: dict[tuple[int, str], None] = field(default_factory=dict)
    others: dict[tuple[int, str], None] = field(default_factory=dict)
    linked: bool = False
    imported: bool = False
    sure: list[Call] = field(default_factory=list)
    likely: list[Call] = field(default_factory=list)
    addressed: bool = False
    fetched: bool = False
    named_weights: tuple[Ability, ...] = ()

    def see(self, use: Use, what: str, *, decides: bool = True) -> None:
        """Keep a place; those that decide are shown before imports and calls that only detect."""
        places = self.calls if decides else self.others
        if len(places) < MOST_EVIDENCE:
            places.setdefault((use.line, what))

    def places(self) -> list[tuple[int, str]]:
        """Return the places that are shown, in order."""
        return sorted([*self.calls, *self.others][:MOST_EVIDENCE])


def judge_uses(path: str, uses: Iterable[Use], marked: Iterable[Marked], language: Language) -> list[Finding]:
    """Return one finding a component that a file uses.

    Args:
        path: Of the file, as it is shown.
        uses: In order of the text.
        marked: Components whose names stand in the file.
        language: Of the file, which says what its imports mean.
    """
    kept = list(uses)
    found = (_finding(path, kept, one, language) for one in marked)
    return [one for one in found if one is not None]


def _finding(path: str, uses: list[Use], marked: Marked, language: Language) -> Finding | None:
    case = _Case()
    for use in uses:
        if use.sort is UseSort.IMPORT:
            _imported(use, marked, language, case)
        elif use.sort is UseSort.NAME:
            _named(use, marked, language, case)
        else:
            _written(use, marked, case)
    _loose(uses, marked, language, case)
    return _said(path, marked, case)


def _loose(uses: list[Use], marked: Marked, language: Language, case: _Case) -> None:
    """Take calls whose owner is not known, where the component is known to be in play."""
    loose = [use for use in uses if use.sort is UseSort.NAME and not use.origin.module]
    called = [(use, call) for use in loose if (call := marked.call_in(use.origin.tail, known=False)) is not None]
    if case.linked or (language is Language.JAVASCRIPT and _built_in(marked, {call for _, call in called})):
        for use, call in called:
            (case.sure if case.linked and call.unmistakable else case.likely).append(call)
            case.see(use, f"calls {_shown('.'.join(use.origin.tail[-2:]))}", decides=call.identifies)


def _built_in(marked: Marked, calls: set[Call]) -> bool:
    """Return whether a script names so many of a component's own calls that it holds the component, as built scripts do."""
    own = {call.parts for call in calls if call.identifies and call.unmistakable}
    return bool(marked.component.code.javascript) and len(own) >= BUILT_IN


def judge_built(path: str, text: str, marked: Iterable[Marked]) -> list[Finding]:
    """Return findings of a script that is too long for a tree: components of which it names several calls as whole words.

    Args:
        path: Of the file, as it is shown.
        text: The script.
        marked: Components whose names stand in the file.
    """
    found = []
    for one in marked:
        names = {name: one.call_of(name) for name in one.component.code.identifying if len(words_of(name)) > 2}
        there = {name: call for name, call in names.items() if _stands_in(name, text)}
        if _built_in(one, set(there.values())):
            case = _Case(likely=list(there.values()))
            for name in sorted(there):
                case.see(
                    Use(UseSort.NAME, Origin("", (name,)), None, text.count("\n", 0, text.index(name))), f"names {name}"
                )
            found.append(_said(path, one, case))
    return [one for one in found if one is not None]


def _stands_in(name: str, text: str) -> bool:
    """Return whether a name stands in a text as a whole word; many times faster than one expression."""
    at = text.find(name)
    while at >= 0:
        around = text[max(0, at - 1) : at] + text[at + len(name) : at + len(name) + 1]
        if not any(one.isalnum() or one in "_$" for one in around):
            return True
        at = text.find(name, at + 1)
    return False


def _imported(use: Use, marked: Marked, language: Language, case: _Case) -> None:
    tail = marked.after_module(use.origin, language)
    if tail is None:
        return
    case.linked = True
    call = marked.call_in(tail, known=True)
    if call is not None and call.identifies:
        case.likely.append(call)
    case.imported |= marked.speaks(use.origin)
    if case.imported or call is not None:
        case.see(use, f"imports {_shown(str(use.origin))}", decides=False)


def _named(use: Use, marked: Marked, language: Language, case: _Case) -> None:
    tail = marked.after_module(use.origin, language)
    if tail is None:
        return
    case.linked = True
    call = marked.call_in(tail, known=True)
    if call is not None:
        case.sure.append(call)
        case.see(use, f"calls {_shown(str(use.origin).removeprefix('service:'))}", decides=call.identifies)
    elif marked.alone and use.origin.module.startswith("service:"):
        case.imported = True
        case.see(use, f"makes a client of {_shown(use.origin.module.removeprefix('service:'))}", decides=False)


def _written(use: Use, marked: Marked, case: _Case) -> None:
    text = use.origin.tail[0]
    code = marked.component.code
    host = next((one for one in code.hosts if _has_host(text, one)), None)
    path = next((one for one in code.paths if _has_path(text, one)), None)
    if host is not None and (not code.paths or "face" in host):
        case.addressed = True
        case.see(use, f"names the address {host}")
    if path is not None and (host is not None or path.strip("/").count("/") > 1):
        case.likely.append(marked.call_of(path))
        case.see(use, f"names the address path {path}")
    if _ACTION.fullmatch(text):
        _allow(text, marked, case, use)
    _name_weights(text, marked, case, use)


def _allow(text: str, marked: Marked, case: _Case, use: Use) -> None:
    actions = [one for one in marked.component.code.iam_actions if fnmatchcase(one, text)]
    if actions:
        case.sure.extend(marked.call_of(one) for one in actions)
        case.see(use, f"names the permission {text}")


def _name_weights(text: str, marked: Marked, case: _Case, use: Use) -> None:
    name = re.split(r"[/\\]", text.partition("?")[0])[-1]
    for file in marked.component.files:
        if file.name == name and marked.identifying_file(file):
            case.named_weights = marked.abilities_of_file(file)
            case.fetched |= text.startswith(("http:", "https:"))
            case.see(use, f"names the weights {file.name}")


def _has_host(text: str, mark: str) -> bool:
    """Return whether a literal holds a host name, or the beginning of an address, as a whole; ``*`` is any label or value."""
    if max(mark.split("*"), key=len) not in text:
        return False
    labels = re.escape(mark.removeprefix("*.")).replace(r"\*", rf"[{_LABEL}{{}}]+")
    before = rf"(?:[{_LABEL}{{}}]+\.)*" if mark.startswith("*.") else ""
    return re.search(rf"(?<![{_LABEL}.]){before}{labels}(?![{_LABEL}]|\.[{_LABEL}])", text) is not None


def _has_path(text: str, mark: str) -> bool:
    return mark in text and re.search(rf"{re.escape(mark)}(?![{_LABEL}])", text) is not None


def _shown(name: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in name)[:120]


def _said(path: str, marked: Marked, case: _Case) -> Finding | None:
    component = marked.component
    calls = [*case.sure, *case.likely]
    abilities = {able for one in calls for able in one.abilities}.union(case.named_weights)
    weights = component.weights
    if case.named_weights and not any(one.identifies for one in calls):
        weights = Weights.FETCHED if case.fetched else Weights.GIVEN
    if abilities:
        rating = Rating.IDENTIFIES if abilities.intersection(OF_FACES) else Rating.DOES_NOT
    elif case.imported or case.addressed:
        rating, abilities = component.rating, set(component.abilities)
    else:
        return None
    return Finding(
        kind=FindingKind.CALL,
        path=path,
        title=component.title,
        component=component.id,
        abilities=tuple(sorted(abilities, key=list(Ability).index)),
        rating=rating,
        confidence=_confidence(case, calls),
        weights=weights,
        evidence=tuple(Evidence(path, what, line) for line, what in case.places()),
        note=_UNCALLED if abilities == set(component.abilities) and not calls else "",
    )


def _confidence(case: _Case, calls: list[Call]) -> Confidence:
    """Return how sure a finding is: as sure as its identifying calls, else as its others."""
    deciding = {one for one in calls if one.identifies} or set(() if case.named_weights else calls)
    return Confidence.CERTAIN if deciding.intersection(case.sure) else Confidence.LIKELY


def judge_addresses(path: str, uses: Iterable[Use]) -> list[Finding]:
    """Return one finding where a file names addresses of weights by a name that only networks for descriptors of faces bear.

    Args:
        path: Of the file, as it is shown.
        uses: Of its texts.
    """
    places = set()
    for use in uses:
        found = _WEIGHTS.fullmatch(use.origin.tail[0]) if use.sort is UseSort.TEXT else None
        if found is not None and names_embedder(found["name"]):
            places.add((use.line, f"fetches the weights {_shown(found['name'])}"))
    if not places:
        return []
    return [
        Finding(
            kind=FindingKind.CALL,
            path=path,
            title="Weights of a face recogniser",
            abilities=(Ability.EMBED,),
            rating=Rating.IDENTIFIES,
            confidence=Confidence.LIKELY,
            weights=Weights.FETCHED,
            evidence=tuple(Evidence(path, what, line) for line, what in sorted(places)[:MOST_EVIDENCE]),
        )
    ]
