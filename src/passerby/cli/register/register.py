"""``passerby register``: make a log, write to it, read it, verify it, watch it, prove an entry of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from passerby import register
from passerby.cli.register import pages as register_pages
from passerby.cli.register.input import NAME_HINT, check_index, open_log, read_key, read_policy, typed
from passerby.errors import FormatError, UsageError, VerificationError
from passerby.files import write_atomic

_LogPath = Annotated[Path, typer.Argument(metavar="DIR", help="The log's directory, as made by init.")]
_Place = Annotated[str, typer.Argument(metavar="LOG", help="A directory, an http(s) URL, or s3://, gs://, az://.")]
_Vkey = Annotated[str | None, typer.Option(help="The log's key, as you know it from elsewhere: name+hash+base64.")]
_PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="A tlog-policy file: which logs and witnesses count.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="The public, append-only log of cameras, changes and openings.")
    commands: list[Callable[..., None]] = [
        init, append, policy, rotate, reveal, show, prove, check, verify, watch, schema,
    ]  # fmt: skip
    for command in commands:
        group.command(command.__name__)(command)
    register_pages.add_commands(group)
    app.add_typer(group, name="register")


def init(
    *,
    path: _LogPath,
    origin: Annotated[str, typer.Option(help="The log's name: its URL without https://.")],
    policy: _PolicyFile = None,
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
) -> None:
    """Append entries. `at` is filled in where it is missing. Prints each index once the entry is durable and signed."""
    found = _load_json(file)
    fields = found if isinstance(found, list) else [found]
    now = register.format_instant(datetime.now(UTC))
    with typed("see `passerby register schema KIND`"):
        entries = [register.entry_from_fields({"at": now, **_mapping(each)}) for each in fields]
        for entry in entries:
            register.encode_entry(entry)  # not too long
    with open_log(path) as log:
        for receipt in log.append_many(entries, witnessed=witnessed):
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
    with register.Log.open(path) as log:  # which asks them at once
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
                "next: give this key to each witness (`passerby witness add-log`); until then: unwitnessed", err=True
            )


def reveal(
    *, path: _LogPath, index: Annotated[int, typer.Argument(help="Of the entry that holds the commitment.")]
) -> None:
    """Append the entry that reveals a commitment made by this log's writer. Prints its index."""
    with open_log(path) as log:
        details = getattr(log.entry(check_index(index, log.size)), "details", None)
        if not isinstance(details, register.Commitment):
            raise UsageError(f"entry {index} must hold a commitment, holds none")
        typer.echo(log.append(log.salts.reveal(index, details)).index)


def show(
    *,
    place: _Place,
    start: Annotated[int, typer.Argument(help="First entry.")] = 0,
    stop: Annotated[int | None, typer.Argument(help="One past the last entry; left out: the end.")] = None,
    vkey: _Vkey = None,
    policy: _PolicyFile = None,
) -> None:
    """Print entries, one JSON a line, each checked against the signed root."""
    reader = register.LogReader.open(place, vkey=read_key(vkey), policy=read_policy(policy))
    end = reader.size if stop is None else min(stop, reader.size)
    if not 0 <= start <= end:
        raise UsageError(f"entries must be from 0 to {reader.size}, the first before the last, got {start} to {end}")
    for index, raw in enumerate(reader.raws(start, end), start):
        typer.echo(json.dumps({"index": index, "entry": json.loads(raw)}, ensure_ascii=False))


def prove(
    *,
    place: _Place,
    index: Annotated[int, typer.Argument(help="Of the entry.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write there instead of to standard output.")] = None,
    vkey: _Vkey = None,
    policy: _PolicyFile = None,
) -> None:
    """Write the proof of one entry (C2SP tlog-proof, with the entry in it): a file that can be checked without the log."""
    reader = register.LogReader.open(place, vkey=read_key(vkey), policy=read_policy(policy))
    text = reader.prove(check_index(index, reader.size)).to_text()
    if out is None:
        sys.stdout.write(text)
        return
    write_atomic(out, text.encode(), mode=0o644)
    typer.echo(f"wrote {out}", err=True)


def check(
    *,
    file: Annotated[Path, typer.Argument(help="A .tlog-proof file.")],
    vkey: _Vkey = None,
    policy: _PolicyFile = None,
    entry: Annotated[Path | None, typer.Option(help="The entry's bytes, where the proof does not hold them.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Said for clarity: this never uses the network.")] = True,
) -> None:
    """Check a proof file against a key or policy that you know. Prints the entry. Uses no network."""
    del offline
    if (vkey is None) == (policy is None):
        raise UsageError("give --vkey or --policy", hint="a proof that brings its own key proves nothing")
    key = read_key(vkey)
    trusted = register.Policy(logs=(key,)) if key else read_policy(policy) or register.Policy()
    proof = register.Proof.parse(_read(file))
    data = _read(entry) if entry else proof.extra
    if data is None:
        raise UsageError("proof does not hold its entry", hint="give the entry's bytes with --entry")
    proven = register.require(proof, data, trusted)
    register.decode_entry(data)
    typer.echo(data.decode())
    seen = f"witnessed by {', '.join(proven.witnesses)}" if proven.witnesses else "unwitnessed"
    if proven.time_s is not None:
        seen += f" by {register.format_instant(datetime.fromtimestamp(proven.time_s, UTC))}"
    typer.echo(
        f"entry {proven.index} of {proven.checkpoint.origin}, at size {proven.checkpoint.size}, {seen}", err=True
    )


def verify(
    *,
    place: _Place,
    vkey: _Vkey = None,
    policy: _PolicyFile = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="A kind of problem that shall not count, e.g. silence.")
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Check the whole log. Exit code 0: nothing wrong; 1: something is, each problem on a line of standard output."""
    key, held_against = read_key(vkey), read_policy(policy)
    for kind in accept or []:
        if kind not in register.LogProblem.KINDS:
            raise UsageError(f"kind of problem must be one of {', '.join(register.LogProblem.KINDS)}, got {kind!r}")
    try:
        report = register.verify(register.LogReader.open(place, vkey=key, policy=held_against, bridged=False))
    except (FormatError, VerificationError) as error:
        kind = "format" if isinstance(error, FormatError) else "signature"
        _print_problems([register.LogProblem(kind, error.message)], as_json=as_json, rest={})
        raise
    counted = [problem for problem in report.problems if problem.kind not in (accept or [])]
    rest = {
        "origin": report.checkpoint.origin,
        "size": report.checkpoint.size,
        "root": report.checkpoint.root.hex(),
        "key": report.key,
        "own_word": report.own_word,
        "witnessed": report.witnessed,
        "witnesses": list(report.witnesses),
        "kinds": report.kinds,
        "dropped": report.dropped,
    }
    _print_problems(report.problems, as_json=as_json, rest=rest)
    if not as_json:
        _say_summary(report)
    if counted or report.dropped:
        raise VerificationError(f"{place} has problems: {len(counted) + report.dropped}")


def watch(
    *,
    place: _Place,
    state: Annotated[Path, typer.Option(file_okay=False, help="Where the last checkpoint is kept between visits.")],
    vkey: _Vkey = None,
    policy: _PolicyFile = None,
    silence_h: Annotated[float, typer.Option(help="Hours without a new entry after which the log is silent.")] = 3.0,
    as_json: _AsJson = False,
) -> None:
    """Visit a log and compare it with the last visit. Exit code 1 on rollback, fork, silence, or anything else wrong."""
    visit = register.watch(place, state, vkey=read_key(vkey), policy=read_policy(policy), silence_h=silence_h)
    sizes = {"old": visit.old.size if visit.old else None, "new": visit.new.size if visit.new else None}
    _print_problems(visit.problems, as_json=as_json, rest=sizes)
    if visit.problems:
        raise VerificationError(
            f"{place} has problems: {len(visit.problems)}", hint=f"what was seen is kept in {state}"
        )
    if not as_json:
        typer.echo(f"size {sizes['new']}, was {sizes['old'] if visit.old else 'never seen'}", err=True)
    if visit.own_word:
        typer.echo("the log's key is its own word from the first visit: compare it with --vkey", err=True)


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


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}") from exc


def _load_json(file: str) -> object:
    raw = sys.stdin.buffer.read() if file == "-" else _read(Path(file))
    try:
        return json.loads(raw)
    except ValueError as exc:
        raise UsageError(f"{'standard input' if file == '-' else file} must be JSON: {exc}") from exc


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"entry must be a JSON object, got {type(value).__name__}")
    return value


def _print_problems(problems: Iterable[register.LogProblem], *, as_json: bool, rest: dict[str, Any]) -> None:
    if as_json:
        listed = [{"kind": p.kind, "entry": p.index, "text": p.text} for p in problems]
        typer.echo(json.dumps({**rest, "problems": listed}, ensure_ascii=False))
        return
    for problem in problems:
        typer.echo(str(problem))


def _say_summary(report: register.LogReport) -> None:
    witnessed = f"witnessed by {', '.join(report.witnesses)}" if report.witnessed else "unwitnessed"
    typer.echo(
        f"{report.checkpoint.origin}: {report.checkpoint.size} entries, {witnessed}, signed by {report.key}", err=True
    )
    if report.own_word:
        typer.echo("the key is the log's own word: give --vkey or --policy to know whose log it is", err=True)
