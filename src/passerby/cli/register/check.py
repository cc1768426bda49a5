"""``passerby register check`` and ``watch``: hold a log or a proof against its keys and rules, once or at each visit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from passerby import register
from passerby.cli.register.input import (
    JsonOption,
    KeyOption,
    LogPlace,
    PolicyOption,
    WithinOption,
    read_file,
    read_key,
    read_policy,
)
from passerby.errors import FormatError, UnfinishedError, UsageError, VerificationError

EVIDENCE = {
    "fork": "the log signed two histories, which proves it to anyone",
    "withheld": "the log signed this and does not show what it signed, which it cannot deny",
}
LOG, PROOF = "Of a log", "Of a proof"
GO_ON = "more time: --within; `passerby register watch` keeps what it read, and goes on from there at each visit"
PROOF_SUFFIX = ".tlog-proof"


def check(
    *,
    place: Annotated[
        str,
        typer.Argument(
            metavar="LOG|PROOF", help="A log: directory, http(s) URL, s3://, gs://, az://. Or a .tlog-proof file."
        ),
    ],
    vkey: KeyOption = None,
    policy: PolicyOption = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="A kind of problem that shall not count, e.g. silence.", rich_help_panel=LOG),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|INDEX",
            help="What was stated before then, or before that entry, is listed and does not count.",
            rich_help_panel=LOG,
        ),
    ] = None,
    within: WithinOption = register.WITHIN_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=LOG)] = False,
    entry: Annotated[
        Path | None,
        typer.Option(help="The entry's bytes, where the proof does not hold them.", rich_help_panel=PROOF),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Said for clarity: a proof is never checked by the network.", rich_help_panel=PROOF
        ),
    ] = False,
) -> None:
    """Check the whole log, or one proof against a key or policy that you know. Exit code 1 when anything is wrong.

    Exit code 3 when nothing is wrong in what was read, and the time was over before all of it was: of the rest nothing is said.

    Of a log each problem stands on a line of standard output; what the log itself acknowledges is listed with the reason, and
    does not count. Of a proof the entry is printed; no network is used.
    """
    if place.endswith(PROOF_SUFFIX) or _is_file(place):
        if accept or as_json or since:
            raise UsageError("--since, --accept and --json go with a log, got a proof file")
        _check_proof(Path(place), vkey, policy, entry)
        return
    if entry is not None or offline:
        raise UsageError("--entry and --offline go with a proof file, got a log")
    _check_log(place, vkey, policy, accept or [], since=_moment(since), as_json=as_json, within_s=within)


def _moment(text: str | None) -> int | datetime | None:
    """Return an entry's number, or an instant (a day is its first second; without a zone it is UTC)."""
    if text is None or (text.isascii() and text.isdigit() and len(text) < 17):
        return None if text is None else int(text)
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise UsageError(f"--since must be an entry's number or a time like 2026-11-30T12:00:00Z, got {text}") from exc


def _is_file(place: str) -> bool:
    """Whether a file is there; a place that may not be looked at is none, and said when the log is opened."""
    try:
        return Path(place).is_file()
    except OSError:
        return False


def _check_proof(file: Path, vkey: str | None, policy: Path | None, entry: Path | None) -> None:
    if (vkey is None) == (policy is None):
        raise UsageError("give --vkey or --policy", hint="a proof that brings its own key proves nothing")
    key = read_key(vkey)
    trusted = register.Policy(logs=(key,)) if key else read_policy(policy) or register.Policy()
    proof = register.Proof.parse(read_file(file))
    data = read_file(entry) if entry else proof.extra
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


def _check_log(
    place: str,
    vkey: str | None,
    policy: Path | None,
    accept: list[str],
    *,
    since: int | datetime | None,
    as_json: bool,
    within_s: float,
) -> None:
    key, held_against = read_key(vkey), read_policy(policy)
    for kind in accept:
        if kind not in register.LogProblem.KINDS:
            raise UsageError(f"kind of problem must be one of {', '.join(register.LogProblem.KINDS)}, got {kind!r}")
    try:
        reader = register.LogReader.open(place, vkey=key, policy=held_against, bridged=False, within_s=within_s)
        report = register.verify(reader, since=since)
    except (FormatError, VerificationError) as error:
        kind = "format" if isinstance(error, FormatError) else "signature"
        _print_problems([register.LogProblem(kind, error.message)], as_json=as_json, rest={})
        raise
    _print_report(report, as_json=as_json)
    counted = report.dropped + sum(problem.kind not in accept for problem in report.problems)
    if counted:
        raise VerificationError(f"{place} has problems: {counted}")
    if report.unfinished:
        raise UnfinishedError(f"{place} was not read whole in {within_s:g} s", hint=GO_ON)


def _print_report(report: register.LogReport, *, as_json: bool) -> None:
    rest = {
        "origin": report.checkpoint.origin,
        "size": report.checkpoint.size,
        "read": report.read,
        "unfinished": report.unfinished,
        "root": report.checkpoint.root.hex(),
        "key": report.key,
        "own_word": report.own_word,
        "witnessed": report.witnessed,
        "witnesses": list(report.witnesses),
        "kinds": report.kinds,
        "dropped": report.dropped,
        "withdrawn": list(report.withdrawn),
        "acknowledged": [_as_json(problem) for problem in report.acknowledged],
        "earlier": [_as_json(problem) for problem in report.earlier],
    }
    _print_problems(report.problems, as_json=as_json, rest=rest)
    if as_json:
        return
    for line in report.withdrawn:
        typer.echo(line)
    for problem in report.acknowledged:
        typer.echo(str(problem))
    for problem in report.earlier:
        typer.echo(f"{problem} (before --since)")
    _say_summary(report)


def watch(
    *,
    place: LogPlace,
    state: Annotated[Path, typer.Option(file_okay=False, help="Where the last checkpoint is kept between visits.")],
    vkey: KeyOption = None,
    policy: PolicyOption = None,
    silence_h: Annotated[float, typer.Option(help="Hours without a new entry after which the log is silent.")] = 3.0,
    within: WithinOption = register.WITHIN_S,
    as_json: JsonOption = False,
) -> None:
    """Visit a log: is it what it was, and does what it says hold together? What is found stays until the log acknowledges it.

    Exit codes: 0 all well, 1 something is wrong, 2 wrong use, 3 no visit was possible, or not all entries are read yet: nothing
    is said of these.
    """
    visit = register.watch(
        place, state, vkey=read_key(vkey), policy=read_policy(policy), silence_h=silence_h, within_s=within
    )
    _print_visit(visit, as_json=as_json)
    counted = visit.dropped + len(visit.problems)
    if counted:
        raise VerificationError(f"{place} has problems: {counted}", hint=f"what was seen is kept in {state}")
    if visit.unread:
        raise UnfinishedError(
            f"{place} was not read whole: {visit.unread} entries are not read yet",
            hint="the next visit goes on from there",
        )


def _print_visit(visit: register.LogVisit, *, as_json: bool) -> None:
    old, new = (point.size if point else None for point in (visit.old, visit.new))
    rest = {
        "old": old,
        "new": new,
        "read": visit.read,
        "unread": visit.unread,
        "bundles": {"looked": visit.bundles.looked, "total": visit.bundles.total},
        "dropped": visit.dropped,
        "acknowledged": [_as_json(problem) for problem in visit.acknowledged],
        "evidence": list(visit.evidence),
    }
    _print_problems(visit.problems, as_json=as_json, rest=rest)
    for problem in () if as_json else visit.acknowledged:
        typer.echo(str(problem))
    if not as_json and visit.new:
        typer.echo(
            f"size {new}, was {'never seen' if old is None else old}; {visit.read} entries read so far; "
            f"{visit.bundles.looked} of {visit.bundles.total} bundles of entries looked at now",
            err=True,
        )
    for name in () if as_json else visit.evidence:
        typer.echo(f"evidence: {EVIDENCE[name.partition('-')[0]]}: {name}", err=True)
    if visit.own_word:
        typer.echo("the log's key is its own word from the first visit: compare it with --vkey", err=True)


def _print_problems(problems: Iterable[register.LogProblem], *, as_json: bool, rest: dict[str, Any]) -> None:
    if as_json:
        typer.echo(json.dumps({**rest, "problems": [_as_json(problem) for problem in problems]}, ensure_ascii=False))
        return
    for problem in problems:
        typer.echo(str(problem))


def _as_json(problem: register.LogProblem) -> dict[str, Any]:
    listed: dict[str, Any] = {"kind": problem.kind, "entry": problem.index, "text": problem.text}
    if problem.explained:
        listed["acknowledged"] = {"entry": problem.explained.index, "reason": problem.explained.reason}
    return listed


def _say_summary(report: register.LogReport) -> None:
    if report.unfinished:
        typer.echo(
            f"not finished: {report.read} of {report.checkpoint.size} entries were read; of the rest nothing is said, nor "
            "whether it explains what was found",
            err=True,
        )
    witnessed = f"witnessed by {', '.join(report.witnesses)}" if report.witnessed else "unwitnessed"
    if report.time_s is not None:
        witnessed += f" by {register.format_instant(datetime.fromtimestamp(report.time_s, UTC))}"
    typer.echo(
        f"{report.checkpoint.origin}: {report.checkpoint.size} entries, {witnessed}, signed by {report.key}", err=True
    )
    if report.own_word:
        typer.echo("the key is the log's own word: give --vkey or --policy to know whose log it is", err=True)
