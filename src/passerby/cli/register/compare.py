"""``passerby register compare``: which cameras of a map stand in public registers, and what to write about the others."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.register.input import WithinOption
from passerby.cli.register.pages import known_language
from passerby.errors import OutputError, UsageError
from passerby.files import write_atomic
from passerby.languages import FALLBACK_LANGUAGE, LANGUAGES
from passerby.register import WITHIN_S
from passerby.values import utc_now
from passerby.web import (
    MATCH_WITHIN_M,
    Compared,
    Comparison,
    LogFollower,
    compare_map,
    compared_fields,
    letter_about,
    read_map,
    words_in,
)


def compare(
    *,
    city: Annotated[
        Path, typer.Argument(metavar="MAP", help="GeoJSON of OpenStreetMap's cameras (man_made=surveillance).")
    ],
    registers: Annotated[
        list[str], typer.Argument(metavar="REGISTER...", help="Directories, http(s) URLs, s3://, gs://, az://.")
    ],
    within_m: Annotated[
        float, typer.Option(min=1, max=500, help="Metres that mapped and stated place of one camera may lie apart.")
    ] = MATCH_WITHIN_M,
    letters: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder to write the letters to, one text file a camera.")
    ] = None,
    language: Annotated[
        str, typer.Option(help=f"Language of the letters: {', '.join(LANGUAGES)}.")
    ] = FALLBACK_LANGUAGE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the letters in it.")] = False,
    within: WithinOption = WITHIN_S,
) -> None:
    """Hold mapped cameras against registers: on record, silent, or not on record, with the letter to send for each.

    The registers are read whole, so that no register learns which places were asked about, and nothing is kept.
    """
    spoken = known_language(language)
    mapped = read_map(city)
    if not mapped.cameras:
        raise UsageError(
            f"{city} must hold cameras with man_made=surveillance and a place, got none in {mapped.left_out} features"
        )
    now = utc_now()
    followers = [LogFollower(place, within_s=within) for place in registers]
    try:
        found = compare_map(mapped.cameras, followers, now, within_m)
        texts = [letter_about(words_in(spoken), each, followers, now) for each in found.cameras]
        if letters is not None:
            _write_letters(letters, found, texts)
        if as_json:
            _print_json(found, texts, now, left_out=mapped.left_out)
        else:
            _print_table(found)
        _say_summary(found, followers, left_out=mapped.left_out, letters=letters)
    finally:
        for follower in followers:
            follower.close()


def _write_letters(folder: Path, found: Comparison, texts: Sequence[str | None]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(f"{folder} cannot be made: {exc.strerror}") from exc
    names: Counter[str] = Counter()
    for each, text in zip(found.cameras, texts, strict=True):
        if text is not None:
            name = re.sub(r"[^A-Za-z0-9]+", "-", each.mapped.name).strip("-")[:60] or "camera"
            names[name] += 1
            again = f"-{names[name]}" if names[name] > 1 else ""
            write_atomic(folder / f"{name}{again}.txt", text.encode())


def _print_json(found: Comparison, texts: Sequence[str | None], now: datetime, *, left_out: int) -> None:
    cameras = [compared_fields(each, now) | {"letter": text} for each, text in zip(found.cameras, texts, strict=True)]
    not_mapped = [
        {"camera": s.history.camera, "label": s.label, "page": s.page, "latitude": s.latitude, "longitude": s.longitude}
        for s in found.not_mapped
    ]
    told = {
        "cameras": cameras, "not_mapped": not_mapped, "without_place": found.without_place, "left_out": left_out,
    }  # fmt: skip
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _print_table(found: Comparison) -> None:
    for each in found.cameras:
        typer.echo(f"{each.standing:13}  {each.mapped.name}  {_beside(each)}".rstrip())
    for stated in found.not_mapped:
        typer.echo(f"{'not mapped':13}  {stated.label}  {stated.page}")


def _beside(each: Compared) -> str:
    if each.stated is None:
        return each.mapped.operator
    removed = "removed; " if each.stated.history.retired else ""
    return f"{removed}{each.stated.label}, {each.distance_m:.0f} m  {each.stated.page}"


def _say_summary(found: Comparison, followers: Sequence[LogFollower], *, left_out: int, letters: Path | None) -> None:
    standings = Counter(str(each.standing) for each in found.cameras)
    counted = ", ".join(f"{standings[name]} {name}" for name in ("on record", "silent", "not on record"))
    typer.echo(f"{len(found.cameras)} mapped cameras: {counted}", err=True)
    typer.echo(
        f"of the registers' cameras {len(found.not_mapped)} are not mapped, {found.without_place} state no place",
        err=True,
    )
    if left_out:
        typer.echo(f"left out of the map: {left_out} features that are no camera or have no place", err=True)
    for follower in followers:
        if follower.reader.own_word:
            typer.echo(f"note: the key of {follower.seen.origin} is that register's own word", err=True)
    if letters is None and standings["silent"] + standings["not on record"]:
        typer.echo("the letters to send: --letters FOLDER", err=True)
