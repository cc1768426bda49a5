"""``passerby law changes``: what changed in force between two days, in the law or for one deployment.

Exit codes: 0 told, whether something changed or not; 1 failed; 2 wrong use.
"""

from __future__ import annotations

from typing import Annotated

import typer

from passerby import law
from passerby.cli.law.assess import JsonOption, LangOption, PositionOption, read_language, read_options
from passerby.errors import UsageError
from passerby.languages import FALLBACK_LANGUAGE
from passerby.values import utc_now


def print_changes(
    *,
    facts: Annotated[
        str | None,
        typer.Argument(metavar="FACTS", help="A deployment: what changed for it. Without: everything, in every State."),
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="DATE", help="The first day, YYYY-MM-DD.")],
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="The last day; default: today.")] = None,
    position: PositionOption = None,
    as_json: JsonOption = False,
    lang: LangOption = FALLBACK_LANGUAGE,
) -> None:
    """Print what changed in force between two days, both included: rules, national laws, and the answer for a deployment."""
    positions, _ = read_options(position, None, every=facts is None and not position)
    read_language(lang)
    first = law.parse_day(since, "--since")
    last = law.parse_day(until, "--until") if until else utc_now().date()
    if last < first:
        raise UsageError(f"--since must not lie after --until, got {first} after {last}", hint="give --until DATE")
    changes = law.changes_between(first, last, positions, law.read_deployment(facts) if facts is not None else None)
    told = law.dump_json(law.changes_to_json(changes)) if as_json else law.changes_to_text(changes, lang)
    typer.echo(told, nl=False)
