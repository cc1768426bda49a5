"""The Act's own operative words beside the rules that rest on them: quoted from a stored copy, never from memory.

``data/quotations.yaml`` holds the words and says beside which rules they stand; ``data/excerpts`` the passages they are taken
from, with address, date and digest. What has no quotation here is a paraphrase only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from passerby.errors import RuleError
from passerby.law.reference import DATA, as_date, read_yaml
from passerby.law.values import Provision

PARAPHRASE = "Paraphrase only: no stored copy of this text is quoted here."
"""What is said where there are none."""


@dataclass(frozen=True, slots=True)
class Statute:
    """A text that is quoted.

    Attributes:
        title: For people.
        address: Where it stands on the web.
        published: The day of the Official Journal.
        read: The day on which the stored copy was read.
        terms: Of reuse.
    """

    title: str
    address: str
    published: date
    read: date
    terms: str


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words of a statute.

    Attributes:
        place: The provision, such as ``5(1)(h)(i)`` or ``Annex III 1(a)``.
        words: To the letter.
        excerpt: The passage they are taken from, by its name in ``data/excerpts``.
        statute: Which text it is.
    """

    place: str
    words: str
    excerpt: str
    statute: Statute

    @property
    def reference(self) -> str:
        """The provision as people cite it.

        >>> text = Statute("An act", "here", date(2024, 7, 12), date(2026, 11, 30), "free")
        >>> Quotation("5(2)", "shall", "5(2)", text).reference
        'Art. 5(2)'
        """
        return f"Art. {self.place}" if self.place[0].isdigit() else self.place

    @property
    def source(self) -> str:
        """Where the words stand, in one line."""
        text = self.statute
        return f"{text.title}, Official Journal of {text.published}, {text.address}, read {text.read}"


def words_beside(provision: Provision, rule: str | None) -> tuple[Quotation, ...]:
    """Return the statute's own words behind a rule: those of the rule itself, else those of its provision, else none.

    Args:
        provision: Where the rule stands.
        rule: Its id, such as ``art-05-1-h/ban``; None for the provision alone.
    """
    own = _beside().get(f"{provision.position}/{rule}", ()) if rule else ()
    return own or _beside().get(provision.id, ())


def words_of(provision: Provision) -> tuple[Quotation, ...]:
    """Return the statute's own words behind a provision and its rules, each once."""
    rules = (None, *(rule.id for rule in provision.rules))
    return tuple(dict.fromkeys(quotation for rule in rules for quotation in words_beside(provision, rule)))


def words_of_list(name: str) -> tuple[Quotation, ...]:
    """Return the statute's own words behind a list of offences, such as ``annex-ii``."""
    return _beside().get(f"offences/{name}", ())


@cache
def quotations() -> tuple[Quotation, ...]:
    """Return every quotation, in the order of the file.

    Raises:
        RuleError: the file is broken.
    """
    return tuple(quotation for quotation, _ in _entries())


@cache
def places() -> frozenset[str]:
    """Return the ids of the provisions and rules beside which something is quoted."""
    return frozenset(_beside())


@cache
def _beside() -> Mapping[str, tuple[Quotation, ...]]:
    found: dict[str, tuple[Quotation, ...]] = {}
    for quotation, beside in _entries():
        for place in beside:
            found[place] = (*found.get(place, ()), quotation)
    return found


@cache
def _entries() -> tuple[tuple[Quotation, tuple[str, ...]], ...]:
    found = []
    for name, text in read_yaml(DATA / "quotations.yaml").items():
        statute = _statute(text["source"], name)
        for place, entry in text["words"].items():
            if not entry.get("words") or not entry.get("beside"):
                raise RuleError(f"quotations.yaml: {name}: {place}: must have words, and beside which rules they stand")
            found.append((Quotation(place, entry["words"], entry["excerpt"], statute), tuple(entry["beside"])))
    return tuple(found)


def _statute(source: Mapping[str, str], name: str) -> Statute:
    where = f"quotations.yaml: {name}"
    return Statute(
        title=source["title"],
        address=source["address"],
        published=as_date(source["published"], where),
        read=as_date(source["read"], where),
        terms=source["terms"],
    )
