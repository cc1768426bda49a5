"""How provisions and facts are printed in a terminal: 80 columns, no colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from passerby import law

_WIDTH = 80


def provisions_to_text(provisions: Sequence[law.Provision]) -> str:
    """Return provisions with source, certainty, prose and rules, one after another."""
    return "\n\n".join("\n".join(_provision(provision)) for provision in provisions) + "\n"


def lists_to_text(lists: Sequence[law.OffenceList]) -> str:
    """Return offence lists with source and certainty."""
    lines: list[str] = []
    for entry in lists:
        lines += [*_fold(f"{entry.name}  {entry.title}"), "=" * min(_WIDTH, len(entry.name) + 2 + len(entry.title))]
        lines += [*_fold(f"Source: {entry.reference}"), f"Certainty: {entry.certainty}", f"From: {entry.start}", ""]
        lines += [f"- {offence}" for offence in sorted(entry.offences)] + [""]
        lines += [*_own_words(law.words_of_list(entry.name)), ""]
    return "\n".join(lines)


def facts_to_text(names: Sequence[str], *, full: bool) -> str:
    """Return facts with kind, values and default.

    Args:
        names: Names of the vocabulary.
        full: Also tell the longer help and every value of an open list.
    """
    lines = [line for name in names for line in (*_fact(law.vocabulary()[name], full=full), "")]
    if not full:
        lines.append(f"{len(names)} facts. unknown is a value of every fact. More on one: passerby law facts NAME")
    return "\n".join(lines).rstrip() + "\n"


def _provision(provision: law.Provision) -> Iterator[str]:
    head = f"{provision.position}  {provision.article}  {provision.title}"
    yield from _fold(head)
    yield "=" * min(_WIDTH, len(head))
    yield from _fold(f"Source: {provision.reference}")
    if provision.guideline:
        yield from _fold(f"Guidelines: {provision.guideline}")
    yield f"Certainty: {provision.certainty}"
    yield f"File: {provision.path}"
    yield ""
    yield from _markdown(provision.text)
    yield ""
    yield from _own_words(law.words_of(provision))


def _own_words(quotations: Sequence[law.Quotation]) -> Iterator[str]:
    """Tell what the statute says to the letter, and where that stands."""
    if not quotations:
        yield law.PARAPHRASE
        return
    yield "The statute's own words"
    for quotation in quotations:
        yield from _fold(f"{quotation.reference}: {quotation.words}", "  ", "    ")
    for source, terms in dict.fromkeys((q.source, q.statute.terms) for q in quotations):
        yield from _fold(f"Source: {source}. {terms}", "  ", "    ")


def _markdown(text: str) -> Iterator[str]:
    """Fold the prose; leave rules, headings, lists and quotations as they are written."""
    fenced = False
    paragraph: list[str] = []
    for line in text.strip().splitlines():
        opens = line.startswith("```")
        if fenced or opens or not line or line[0] in "#>-*|":
            yield from _fold(" ".join(paragraph))
            paragraph = []
            yield line
        else:
            paragraph.append(line.strip())
        fenced ^= opens
    yield from _fold(" ".join(paragraph))


def _fact(fact: law.Fact, *, full: bool) -> Iterator[str]:
    default = "" if fact.default is None else f", {law.value_to_yaml(fact.default)} where it is not given"
    kind = {"bool": "true or false", "number": "a number", "choice": "one of these words"}[fact.kind]
    yield from _fold(f"{fact.name}: {kind}{default}")
    yield from _fold(fact.question, "    ")
    yield from _fold(f"{fact.explanation} ({fact.source})", "    ")
    if full:
        yield from _fold(law.fact_help()[fact.name], "    ")
    if fact.open and not full:
        yield from _fold(
            f"an offence in words joined by hyphens; passerby law facts {fact.name} lists those known", "      "
        )
        return
    for word, meaning in fact.values.items():
        yield from _fold(f"{word}: {meaning}", "      ", "          ")


def _fold(text: str, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
