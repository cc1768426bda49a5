"""``passerby register``: make a log, write to it, read it, prove an entry of it; its other commands stand beside."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from passerby import register
from passerby.cli.old_names import add_old_name
from passerby.cli.register import pages as register_pages
from passerby.cli.register import shared, witness
from passerby.cli.register.check import check, watch
from passerby.cli.register.compare import compare
from passerby.cli.register.input import (
    NAME_HINT,
    KeyOption,
    LogPlace,
    PolicyOption,
    PublicOption,
    ask_public,
    check_index,
    open_log,
    read_file,
    read_key,
    read_policy,
    typed,
)
from passerby.errors import EntryError, UsageError

_LogPath = Annotated[Path, typer.Argument(metavar="DIR", help="The log's directory, as made by init.")]


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="The public, append-only log of cameras, changes and openings.")
    commands: list[Callable[..., None]] = [
        init, append, policy, rotate, reveal, acknowledge, withdraw, show, prove, check, watch, compare, schema,
    ]  # fmt: skip
    for command in commands:
        group.command(command.__name__)(command)
    add_old_name(group, "verify", check, old="register verify", new="register check")
    register_pages.add_commands(group)
    witness.add_to(group)
    shared.add_to(group)
    app.add_typer(group, name="register")


def init(
    *,
    path: _LogPath,
    origin: Annotated[str, typer.Option(help="The log's name: its URL without https://.")],
    policy: PolicyOption = None,
    public: Annotated[str | None, typer.Option(help="Put the log's files there instead of DIR/public.")] = None,
) -> None:
    """Make a new log: key, settings, empty tree. Prints the verifier key, which is what others must know."""
    with typed(NAME_HINT):
        log = register.Log.create(path, origin=origin, policy=read_policy(policy), public=public)
    with log:
        typer.echo(str(log.key))
    typer.echo(f"public files: {public or path / 'public'}; the key stays in {path / 'private'}", err=True)


def append(
    *,
    path: _LogPath,
    file: Annotated[
        str, typer.Argument(help="A JSON file with one entry or a list of them; - for standard input.")
    ] = "-",
    witnessed: Annotated[
        bool, typer.Option("--witnessed", help="Wait until the witnesses' quorum has signed.")
    ] = False,
    yes_public: PublicOption = False,
) -> None:
    """Append entries. `at` is filled in where it is missing. Prints each index once the entry is durable and signed."""
    found = _load_json(file)
    fields = found if isinstance(found, list) else [found]
    now = register.format_instant(datetime.now(UTC))
    with typed("see `passerby register schema KIND`"):
        entries = [register.entry_from_fields({"at": now, **_mapping(each)}) for each in fields]
        for entry in entries:
            register.encode_entry(entry)  # not too long
    ask_public(entries, yes=yes_public)
    with open_log(path) as log, typed():
        for receipt in log.append_many(entries, witnessed=witnessed, public_text=True):
            typer.echo(receipt.index)


def policy(
    *,
    path: _LogPath,
    file: Annotated[Path, typer.Argument(help="A tlog-policy file with the witnesses and the quorum.")],
) -> None:
    """Name the log's witnesses and their quorum, and ask them. A remark about it stands in the log; prints its index."""
    named = read_policy(file) or register.Policy()
    with open_log(path) as log:
        typer.echo(log.name_witnesses(named).index)
    with open_log(path) as log:  # which asks them at once
        failures = log.witness_failures
    for failure in failures:
        typer.echo(f"note: no signature yet from {failure}", err=True)


def rotate(*, path: _LogPath) -> None:
    """Change the log's key. The old key signs the entry that names the new one; prints the new verifier key."""
    with open_log(path) as log:
        log.rotate()
        typer.echo(str(log.key))
        if log.policy.witnesses:
            typer.echo(
                "next: give this key to each witness (`passerby register witness add-log`); until then: unwitnessed",
                err=True,
            )


def reveal(
    *,
    path: _LogPath,
    index: Annotated[int, typer.Argument(help="Of the entry that holds the commitment.")],
    yes_public: PublicOption = False,
) -> None:
    """Append the entry that reveals a commitment made by this log's writer. Prints its index."""
    with open_log(path) as log:
        details = getattr(log.entry(check_index(index, log.size)), "details", None)
        if not isinstance(details, register.Commitment):
            raise UsageError(f"entry {index} must hold a commitment, holds none")
        entry = log.salts.reveal(index, details)
        ask_public([entry], yes=yes_public)
        typer.echo(log.append(entry, public_text=True).index)


def acknowledge(
    *,
    path: _LogPath,
    finding: Annotated[str, typer.Argument(metavar="KIND", help="What check names, e.g. silence.")],
    indexes: Annotated[list[int], typer.Argument(metavar="ENTRY...", help="The entries that it is named about.")],
    reason: Annotated[str, typer.Option(help="Why, in one line for everybody to read; no person's name.")],
    yes_public: PublicOption = False,
) -> None:
    """Explain findings of check and watch. They stay listed, with the reason, and count no more. Prints each entry's index."""
    if finding not in register.LogProblem.EXPLAINABLE:
        known = ", ".join(register.LogProblem.EXPLAINABLE)
        raise UsageError(
            f"finding must be one of {known}, got {finding!r}", hint="damage cannot be explained, only mended"
        )
    now = register.format_instant(datetime.now(UTC))
    with typed():
        entries = [
            register.entry_from_fields(
                {"kind": "finding.acknowledged", "at": now, "finding": finding, "entry": index, "reason": reason}
            )
            for index in indexes
        ]
    ask_public(entries, yes=yes_public)
    with open_log(path) as log:
        found = {(problem.kind, problem.index) for problem in register.verify(register.LogReader.open(path)).problems}
        for index in indexes:
            check_index(index, log.size)
            if finding != "time" and (finding, index) not in found:  # what was ahead of a watcher's clock no longer is
                raise UsageError(
                    f"entry {index} must be found to be {finding}, is not", hint="see `passerby register check`"
                )
        for receipt in log.append_many(entries, public_text=True):
            typer.echo(receipt.index)


def withdraw(
    *,
    path: _LogPath,
    indexes: Annotated[list[int], typer.Argument(metavar="ENTRY...", help="The entries that hold something personal.")],
    reason: Annotated[str, typer.Option(help="Why, in one line for everybody to read; no person's name.")],
) -> None:
    """Take entries out of sight in which something personal was published. Prints the index of each entry that says so.

    A signed list of hashes stands in their place: every proof still verifies, and everybody sees that, and why. Other
    people's copies of the log are out of reach: ask their holders, and empty the caches before your server.
    """
    with open_log(path) as log, typed():
        ask_public([register.Remark(at=datetime.now(UTC), text=reason)], yes=False)
        for index in log.withdraw([check_index(index, log.size) for index in indexes], reason):
            typer.echo(index)


def show(
    *,
    place: LogPlace,
    start: Annotated[int, typer.Argument(help="First entry.")] = 0,
    stop: Annotated[int | None, typer.Argument(help="One past the last entry; left out: the end.")] = None,
    vkey: KeyOption = None,
    policy: PolicyOption = None,
) -> None:
    """Print entries, one JSON a line, each checked against the signed root."""
    reader = register.LogReader.open(place, vkey=read_key(vkey), policy=read_policy(policy))
    end = reader.size if stop is None else min(stop, reader.size)
    if not 0 <= start <= end:
        raise UsageError(f"entries must be from 0 to {reader.size}, the first before the last, got {start} to {end}")
    unfit = 0
    for index, raw in enumerate(reader.raws(start, end), start):
        try:
            register.decode_entry(raw)
            shown = {"index": index, "entry": json.loads(raw)}
        except EntryError as exc:
            unfit += 1
            shown = {"index": index, "text": raw.decode(errors="replace"), "problem": exc.message}
        typer.echo(json.dumps(shown, ensure_ascii=False))
    if unfit:
        raise EntryError(f"{place} holds entries that fit no form: {unfit}", hint="each is shown with why")


def prove(
    *,
    place: LogPlace,
    index: Annotated[int, typer.Argument(help="Of the entry.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write there instead of to standard output.")] = None,
    vkey: KeyOption = None,
    policy: PolicyOption = None,
) -> None:
    """Write the proof of one entry (C2SP tlog-proof, with the entry in it): a file that can be checked without the log."""
    reader = register.LogReader.open(place, vkey=read_key(vkey), policy=read_policy(policy))
    text = reader.prove(check_index(index, reader.size)).to_text()
    if out is None:
        sys.stdout.write(text)
        return
    register.DirectoryStore(out.parent).put_all({out.name: text.encode()})
    typer.echo(f"wrote {out}", err=True)


def schema(
    *,
    kind: Annotated[str | None, typer.Argument(help="For example heartbeat; left out: the list of kinds.")] = None,
) -> None:
    """Print the JSON Schema of one kind of entry, or the kinds."""
    if kind is None:
        typer.echo("\n".join(register.entry_kinds()))
        return
    with typed():
        typer.echo(json.dumps(register.entry_schema(kind), indent=2, ensure_ascii=False))


def _load_json(file: str) -> object:
    raw = sys.stdin.buffer.read() if file == "-" else read_file(Path(file))
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{'standard input' if file == '-' else file} must be JSON: {exc}") from exc


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"entry must be a JSON object, got {type(value).__name__}")
    return value
