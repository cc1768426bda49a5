"""The readers of source code and of infrastructure as code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from passerby.errors import ScanError
from passerby.scan.calls.javascript import javascript_uses
from passerby.scan.calls.judgement import judge_addresses, judge_built, judge_uses
from passerby.scan.calls.lexical import lexical_uses
from passerby.scan.calls.marks import Marked
from passerby.scan.calls.policies import read_policy, wants_policy
from passerby.scan.calls.prefilter import Prefilter, shipped_prefilter
from passerby.scan.calls.python import python_uses
from passerby.scan.calls.sources import CodePart, Dialect, decoded, dialect_of, parts_of
from passerby.scan.calls.uses import Language, Origin, Use, UseSort
from passerby.scan.values import Finding, Observation, Rating, Reader, TargetFile, Unread

MOST_BUILT_BYTES = 32 << 20


def read_source(file: TargetFile, prefilter: Prefilter | None = None) -> Iterable[Observation]:
    """Return one finding a component that a source file uses.

    Args:
        file: Source code, a notebook or a page.
        prefilter: With the components to find; those of the catalogue unless given.
    """
    dialect = dialect_of(file)
    if dialect is None:
        return ()
    search = prefilter or shipped_prefilter()
    ids = search.components_in(file, dialect.language)
    if not ids:
        return ()
    try:
        uses = [use for part in parts_of(file) for use in _uses(part, dialect)]
    except ScanError as exc:
        marked = [search.marked[one] for one in sorted(ids & search.marked.keys())]
        if not marked:
            return ()
        named = ", ".join(one.component.title for one in marked[:3])
        unread = Unread(file.path, f"{exc.message.partition(': ')[0]}; names of {named} stand in it")
        return (unread, *_built(file, marked, dialect))
    marked = [search.marked[one] for one in sorted(ids & search.marked.keys())]
    found = judge_uses(file.path, uses, marked, dialect.language)
    return (
        found if any(one.rating is Rating.IDENTIFIES for one in found) else [*found, *judge_addresses(file.path, uses)]
    )


def _built(file: TargetFile, marked: list[Marked], dialect: Dialect) -> list[Finding]:
    """Return what a long script holds; built scripts are long, and often hold all that they need."""
    if dialect.language is not Language.JAVASCRIPT or file.size_bytes > MOST_BUILT_BYTES:
        return []
    return judge_built(file.path, decoded(file.read(MOST_BUILT_BYTES)), marked)


def _uses(part: CodePart, dialect: Dialect) -> Iterator[Use]:
    for one in part.included:
        yield Use(UseSort.IMPORT, Origin(one), None, part.first_line)
    if dialect.language is Language.PYTHON:
        found = python_uses(part.text)
    elif dialect.language is Language.JAVASCRIPT:
        found = javascript_uses(part.text, dialect.grammar)
    else:
        found = lexical_uses(part.text, dialect.language)
    for use in found:
        yield use._replace(first_line=use.first_line + part.first_line)


READERS = (
    Reader("code", 1, lambda file: dialect_of(file) is not None, read_source),
    Reader("policies", 2, wants_policy, read_policy),
)
"""What reads source code; see :class:`passerby.scan.values.Reader`."""
