"""The catalogue's marks of code, ready to be compared with what a file uses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from passerby.scan.calls.names import IDENTIFYING, OF_FACES, abilities_of, canonical, words_of
from passerby.scan.calls.uses import Language, Origin, service_origin
from passerby.scan.catalogue import Catalogue, Component, KnownFile
from passerby.scan.values import Ability, Rating, Weights

_SEPARATOR = {Language.JAVASCRIPT: "/", Language.GO: "/", Language.CPP: "\0", Language.PHP: "\\", Language.RUBY: "/"}
_TELLING_NAME = 10
"""Characters from which on a file's name is a name: ``model.onnx`` just misses."""
_SHORT_WORD = 4
_BUILDS = re.compile(r"(?:[.-](?:min|esm|cjs|umd|iife|node|nobundle|global|prod))*\.[cm]?[jt]sx?$")


@dataclass(frozen=True, slots=True)
class Call:
    """One name of a component's calls.

    Attributes:
        parts: Canonical, as many as the mark has after its module or client.
        abilities: What it does.
        identifies: Whether it searches, groups, verifies or embeds faces.
        telling: Whether it says enough where its owner is not known: two words or more.
        unmistakable: Whether it does so beyond doubt in a file that imports the component: three words or two names.
    """

    parts: tuple[str, ...]
    abilities: tuple[Ability, ...]
    identifies: bool
    telling: bool
    unmistakable: bool

    def within(self, names: tuple[str, ...], owners: int) -> bool:
        """Return whether canonical names, one after the other, are these and go on past ``owners`` of them."""
        size = len(self.parts)
        return any(
            names[at : at + size] == self.parts for at in range(max(0, owners - size + 1), len(names) - size + 1)
        )


@dataclass(frozen=True, slots=True)
class Marked:
    """One component with its calls.

    Attributes:
        component: Of the catalogue.
        calls: What is written after its modules or clients.
        alone: Whether an import by itself says something: not where most use the module for something else.
    """

    component: Component
    calls: tuple[Call, ...]
    alone: bool

    def after_module(self, origin: Origin, language: Language) -> tuple[str, ...] | None:
        """Return the last name of one of the component's modules or services and what follows; None: the origin is another."""
        code = self.component.code
        if any(origin.module == service_origin(name).module for name in code.services):
            return ("", *origin.tail)
        if not origin.module:
            return _after_global(origin.tail, code.globals)
        best: tuple[str, ...] | None = None
        for mark in getattr(code, language, ()):
            tail = _after_mark(mark, origin, language)
            if tail is not None and (best is None or len(tail) + 1 < len(best)):
                best = (re.split(r"[./\\]", mark)[-1], *tail)
        return best

    def identifying_file(self, file: KnownFile) -> bool:
        """Return whether a known file of weights identifies, and has a name that nothing else bears."""
        return len(file.name) >= _TELLING_NAME and bool(self.abilities_of_file(file))

    def abilities_of_file(self, file: KnownFile) -> tuple[Ability, ...]:
        """Return what identifying a known file of weights can do."""
        return tuple(able for able in file.abilities or self.component.abilities if able in OF_FACES)

    def speaks(self, origin: Origin) -> bool:
        """Return whether importing a module says something: not a short word, which may be anybody's own module."""
        return self.alone and (len(origin.module) > _SHORT_WORD or not origin.module.isalpha())

    def call_of(self, words: str) -> Call:
        """Return the identifying call that an address path or a permission stands for."""
        return _call(words.rstrip("/").rpartition("/")[2].rpartition(":")[2], self.component, identifies=True)

    def call_in(self, tail: tuple[str, ...], *, known: bool) -> Call | None:
        """Return the call that names speak of; identifying ones first.

        Args:
            tail: As written.
            known: Whether they follow the component's own module; otherwise only telling names count.
        """
        names = tuple(canonical(name) for name in tail)
        for call in self.calls:
            if (known or call.telling) and call.within(names, int(known)):
                return call
        return None


def _after_global(tail: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...] | None:
    for name in names:
        parts = tuple(name.split("."))
        start = 1 if tail[:1] in {("window",), ("globalThis",), ("self",)} else 0
        if tail[start : start + len(parts)] == parts:
            return tail[start + len(parts) - 1 :]
    return None


def _after_mark(mark: str, origin: Origin, language: Language) -> tuple[str, ...] | None:
    separator = _SEPARATOR.get(language, ".")
    module = origin.module
    if module == mark or module.startswith(mark + separator):
        return origin.tail
    if language is Language.JAVASCRIPT and _published(module, mark):
        return origin.tail
    if separator == "." or mark.startswith(f"{module}."):
        inner = "." if separator == "." else "\0"
        parts = (*module.split(inner), *origin.tail)
        marked = tuple(mark.split(".")) if separator == "." else (module, *mark[len(module) + 1 :].split("."))
        if parts[: len(marked)] == marked:
            return parts[len(marked) :]
    return None


def _published(module: str, mark: str) -> bool:
    """Return whether a script's address is a published file of a package: on a network, installed or built."""
    if not module.startswith(("http:", "https:", "/", "./", "../", "npm:", "jsr:")):
        return False
    path = module.partition("?")[0]
    if re.search(rf"[/:]{re.escape(mark)}(?:@[^/]*)?(?:/|$)", path) and (":" in path or "node_modules/" in path):
        return True
    name = path.rpartition("/")[2]
    build = _BUILDS.search(name)
    return bool(
        build and "." in build.group().strip(".") and name[: build.start()] == _BUILDS.sub("", mark.rpartition("/")[2])
    )


def marked_components(catalogue: Catalogue) -> dict[str, Marked]:
    """Return every component that has marks of code, by id."""
    return {one.id: _mark(one) for one in catalogue.components.values()}


def _mark(component: Component) -> Marked:
    code = component.code
    calls = [_call(name, component, identifies=True) for name in code.identifying]
    calls += [_call(name, component, identifies=False) for name in code.detecting]
    general = component.rating is Rating.CAN and component.weights is Weights.GIVEN
    silent = component.rating is Rating.DOES_NOT and set(component.abilities) <= {Ability.GENERAL_EMBED}
    return Marked(component, tuple(calls), alone=not (general or silent))


def _call(name: str, component: Component, *, identifies: bool) -> Call:
    parts = name.split(".")
    able = component.abilities
    if identifies:
        abilities = abilities_of(name, able, IDENTIFYING)
    else:
        other = tuple(one for one in able if one not in IDENTIFYING) or (Ability.DETECT,)
        abilities = abilities_of(name, other, (Ability.DETECT,))
    words = len(words_of(name)) + 2 * (len(parts) > 1)
    names = tuple(canonical(part) for part in parts)
    return Call(
        names,
        abilities,
        identifies=identifies and bool(set(abilities) & set(OF_FACES)),
        telling=words > 1,
        unmistakable=words > 2,
    )
