"""``passerby law``: the positions side by side, the rules and their sources, the vocabulary of facts, letters to send.

Exit codes: 0 done, 1 failed, 2 wrong use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from passerby import law
from passerby.cli.law.assess import (
    JsonOption,
    LangOption,
    OnOption,
    OverlayOption,
    PositionOption,
    read_language,
    read_options,
    read_overlays,
)
from passerby.cli.law.changes import print_changes
from passerby.cli.law.show import facts_to_text, lists_to_text, provisions_to_text
from passerby.errors import UsageError
from passerby.files import write_atomic
from passerby.languages import FALLBACK_LANGUAGE
from passerby.values import utc_now


def add_to(app: typer.Typer) -> None:
    """Add the commands ``law compare``, ``law show``, ``law changes``, ``law facts`` and ``law letter``."""
    room = typer.Typer(help="Compare positions, read the rules, list the facts, draft letters.", no_args_is_help=True)
    room.command("compare")(_compare)
    room.command("show")(_show)
    room.command("changes")(print_changes)
    room.command("facts")(_facts)
    room.command("letter")(_letter)
    app.add_typer(room, name="law")


def _compare(
    *,
    source: Annotated[
        str, typer.Argument(metavar="FILE|FOLDER", help="One deployment, - for standard input, or a folder.")
    ],
    position: PositionOption = None,
    on: OnOption = None,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
    lang: LangOption = FALLBACK_LANGUAGE,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write the page.")] = None,
) -> None:
    """Put the positions side by side for one deployment, or as a matrix for a folder of them."""
    positions, day = read_options(position, on, every=not position)
    overlays, w = read_overlays(overlay), read_language(lang)
    folder = Path(source)
    deployments = law.read_deployments(folder) if folder.is_dir() else (law.read_deployment(source),)
    rows = tuple(law.assess_deployment(one, positions, on=day, overlays=overlays) for one in deployments)
    if html is not None:
        of_folder = w.text("{n} deployments in {folder}", n=len(rows), folder=folder.name)
        write_atomic(html, law.comparison_to_html(rows, of_folder if folder.is_dir() else rows[0].title, lang).encode())
        typer.echo(f"wrote {html}", err=True)
    if as_json:
        typer.echo(law.dump_json(law.comparison_to_json(rows)), nl=False)
    elif folder.is_dir():
        typer.echo(law.comparison_to_text(rows, lang), nl=False)
    else:
        typer.echo(law.side_by_side_to_text(rows[0], lang), nl=False)


def _show(
    *,
    article: Annotated[
        str, typer.Argument(metavar="ART", help="An article or rule, such as '5(1)(h)', 26 or art-05-3/authorised.")
    ],
    position: PositionOption = None,
    overlay: OverlayOption = None,
    lang: LangOption = FALLBACK_LANGUAGE,
) -> None:
    """Print a provision or an offence list: our words, where it stands, how sure that is, and the rule that the program runs.

    In another language titles, statements and headings are said in it; a file's prose and the statute's words stay as they are.
    """
    w = read_language(lang)
    lists = law.find_offence_lists(article)
    if lists:
        typer.echo(lists_to_text(w, lists), nl=False)
        return
    positions, _ = read_options(position, None, every=not position)
    overlays = read_overlays(overlay)
    found = law.find_provisions(article, positions, overlays)
    typer.echo(provisions_to_text(w, found), nl=False)


def _facts(
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="FACT", help="One fact, with everything known about it.")
    ] = None,
    as_json: JsonOption = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print a JSON Schema of deployment files, for editors.")
    ] = False,
    lang: LangOption = FALLBACK_LANGUAGE,
) -> None:
    """List the facts that describe a deployment: their values, defaults, what they mean, and where the law says so."""
    known, w = law.vocabulary(), read_language(lang)
    if name is not None and name not in known:
        close = law.nearest_word(name, known)
        raise UsageError(
            f"'{name}' is no fact of the vocabulary" + (f"; the nearest is '{close}'" if close else ""),
            hint=f"passerby law facts {close}" if close else "passerby law facts lists the names",
        )
    if schema:
        typer.echo(law.dump_json(law.facts_schema()), nl=False)
    elif as_json:
        content = law.vocabulary_to_json((name,) if name else tuple(known))
        typer.echo(law.dump_json(content), nl=False)
    else:
        typer.echo(facts_to_text(w, (name,) if name else tuple(known), full=name is not None), nl=False)


def _letter(
    *,
    camera: Annotated[
        str, typer.Option("--camera", metavar="FACTS", help="What you know of the camera; - for standard input.")
    ],
    kind: Annotated[law.LetterKind, typer.Option("--kind", help="What to write.")] = law.LetterKind.ACCESS_REQUEST,
    to: Annotated[
        law.Addressee | None, typer.Option("--to", help="Operator or authority; default: where such a letter goes.")
    ] = None,
    lang: LangOption = FALLBACK_LANGUAGE,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The day of the letter, YYYY-MM-DD; default: today.")
    ] = None,
) -> None:
    """Draft a letter that a citizen may send, with its articles. What the sender fills in stands in square brackets."""
    read_language(lang)
    _, day = read_options(None, on, every=False)
    deployment = law.read_deployment(camera)
    # unlike an assessment, a letter is sent: it must rest on what binds on that day
    sent = day or deployment.on or utc_now().date()
    verdict = law.assess_deployment(deployment, on=sent).verdicts[0]
    letter = law.draft_letter(deployment.facts, verdict, kind=kind, to=to, language=lang)
    typer.echo(law.letter_to_text(letter), nl=False)
