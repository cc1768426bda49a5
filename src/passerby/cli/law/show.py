"""How provisions and facts are printed in a terminal: 80 columns, no colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from passerby import law

_WIDTH = 80


def provisions_to_text(w: law.Wording, provisions: Sequence[law.Provision]) -> str:
    """Return provisions with source, certainty, prose and rules, one after another."""
    return "\n\n".join("\n".join(_provision(w, provision)) for provision in provisions) + "\n"


def lists_to_text(w: law.Wording, lists: Sequence[law.OffenceList]) -> str:
    """Return offence lists with source and certainty."""
    lines: list[str] = []
    for entry in lists:
        head = f"{entry.name}  {w.of(entry.title)}"
        lines += [
            *_fold(head),
            "=" * min(_WIDTH, len(head)),
            *_fold(w.text("Source: {source}", source=w.cite(entry.reference))),
        ]
        lines += [_certainty(w, entry.certainty), w.text("From: {day}", day=w.day(entry.start)), ""]
        lines += [f"- {offence}" for offence in sorted(entry.offences)] + [""]
        lines += [*_own_words(w, law.words_of_list(entry.name)), ""]
    return "\n".join(lines)


def facts_to_text(w: law.Wording, names: Sequence[str], *, full: bool) -> str:
    """Return facts with kind, values and default.

    Args:
        w: The texts of a language; names and values stay as a facts file has them.
        names: Names of the vocabulary.
        full: Also tell the longer help and every value of an open list.
    """
    lines = [line for name in names for line in (*_fact(w, law.vocabulary()[name], full=full), "")]
    if not full:
        count = w.text(
            "{n} facts. unknown is a value of every fact. More on one: passerby law facts NAME", n=len(names)
        )
        lines += _fold(count)
    return "\n".join(lines).rstrip() + "\n"


def _certainty(w: law.Wording, certainty: law.Certainty) -> str:
    return w.text("Certainty: {certainty}", certainty=w.of(certainty))


def _provision(w: law.Wording, provision: law.Provision) -> Iterator[str]:
    head = f"{provision.position}  {w.cite(provision.article)}  {w.of(provision.title)}"
    yield from _fold(head)
    yield "=" * min(_WIDTH, len(head))
    yield from _fold(w.text("Source: {source}", source=w.cite(provision.reference)))
    if provision.guideline:
        yield from _fold(w.text("Guidelines: {paragraphs}", paragraphs=provision.guideline))
    yield _certainty(w, provision.certainty)
    yield w.text("File: {path}", path=provision.path)
    yield ""
    yield from _markdown(w, provision.text)
    yield ""
    yield from _own_words(w, law.words_of(provision))


def _own_words(w: law.Wording, quotations: Sequence[law.Quotation]) -> Iterator[str]:
    """Tell what the statute says to the letter, and where that stands."""
    if not quotations:
        yield from _fold(w.of(law.PARAPHRASE))
        return
    yield w.of("The statute's own words")
    for quotation in quotations:
        yield from _fold(f"{w.cite(quotation.reference)}: {quotation.words}", "  ", "    ")
    for source, terms in dict.fromkeys((q.source, q.statute.terms) for q in quotations):
        yield from _fold(w.text("Source: {source}", source=f"{source}. {terms}"), "  ", "    ")


def _markdown(w: law.Wording, text: str) -> Iterator[str]:
    """Fold the prose and say statements in the language; leave rules and headings as they are written."""
    fenced = False
    paragraph: list[str] = []
    for line in text.strip().splitlines():
        opens = line.startswith("```")
        if fenced or opens or not line or line[0] in "#>-*|":
            yield from _fold(" ".join(paragraph))
            paragraph = []
            yield _statement(w, line) if line.startswith("> ") and not fenced else line
        else:
            paragraph.append(line.strip())
        fenced ^= opens
    yield from _fold(" ".join(paragraph))


def _statement(w: law.Wording, line: str) -> str:
    words = line.removeprefix("> ")
    if words.startswith("Otherwise: "):
        return "> " + w.text("Otherwise: {statement}", statement=w.of(words.removeprefix("Otherwise: ")))
    return f"> {w.of(words)}"


def _fact(w: law.Wording, fact: law.Fact, *, full: bool) -> Iterator[str]:
    kind = {"bool": w.of("true or false"), "number": w.of("a number"), "choice": w.of("one of these words")}[fact.kind]
    default = None if fact.default is None else law.value_to_yaml(fact.default)
    usual = "" if default is None else w.text(", {value} where it is not given", value=default)
    yield from _fold(f"{fact.name}: {kind}{usual}")
    yield from _fold(w.of(fact.question), "    ")
    yield from _fold(f"{w.of(fact.explanation)} ({w.cite(fact.source)})", "    ")
    if full:
        yield from _fold(w.of(law.fact_help()[fact.name]), "    ")
    if fact.open and not full:
        told = w.text(
            "an offence in words joined by hyphens; passerby law facts {name} lists those known", name=fact.name
        )
        yield from _fold(told, "      ")
        return
    for word, meaning in fact.values.items():
        yield from _fold(f"{word}: {w.of(meaning)}", "      ", "          ")


def _fold(text: str, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
