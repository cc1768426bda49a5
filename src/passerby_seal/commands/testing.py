"""``passerby seal test``: whether a gateway seals what it covers, shown by an authority's own test face.

A gateway that knew which camera is tested, and when, could be honest for that minute. So the plan is fixed by a commitment
before the face is shown, and revealed with the result: whatever was opened outside of the plan shows.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from passerby.errors import UsageError
from passerby.register import (
    Commitment,
    Entry,
    Reveal,
    SealTestAnnounced,
    SealTestOpened,
    SealTestPlanned,
    commit,
    encode_entry,
    format_instant,
    new_identifier,
    new_salt,
)
from passerby.values import digest_bytes, utc_now
from passerby_seal.commands.given import (
    PackPaths,
    opened_pack,
    read_file,
    read_plan,
    read_public,
    recorded_in,
    roots_on_record,
    write,
)
from passerby_seal.custody import check_camera, hour_of
from passerby_seal.pieces import MOST_TEST_PIECES
from passerby_seal.refusals import NotOnRecordError

SHOWN_MOST = timedelta(minutes=10)
"""A face is shown to a camera for a few minutes at most: a wider plan would let anybody's face be opened as a test."""
SLACK = timedelta(seconds=30)
"""Between the authority's clock and the camera's."""
_PIECE = re.compile(r"piece-([0-9]{1,9})\.json")
_Plan = Annotated[Path, typer.Option("--plan", help="As `seal test plan` wrote it; secret until the result.")]


def add_to(group: typer.Typer) -> None:
    """Add the group and its commands."""
    made = typer.Typer(no_args_is_help=True, help="Test openings: is what is covered sealed, and nothing else opened?")
    for command in (plan, announce, result):
        made.command(command.__name__)(command)
    group.add_typer(made, name="test")


def plan(
    *,
    camera: Annotated[str, typer.Option(help="Its identifier in the register.")],
    begin: Annotated[datetime, typer.Option(help="When the face will be shown, UTC.", formats=["%Y-%m-%dT%H:%M:%S"])],
    seconds: Annotated[int, typer.Option(help="For how long.", min=1)] = 60,
    face: Annotated[Path, typer.Option(help="The picture of the test face: drawn or synthetic, nobody's.")],
    reveal_days: Annotated[int, typer.Option(help="Within how many days the plan is revealed.", min=1, max=365)] = 30,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the plan is kept, secret.")],
) -> None:
    """As an authority, plan a test. Prints the entry for the operator to append before the face is shown; it names no camera."""
    check_camera(camera)
    at, begins = utc_now(), begin.replace(tzinfo=UTC)
    reveal_by = at + timedelta(days=reveal_days)
    if not at < begins < reveal_by or timedelta(seconds=seconds) > SHOWN_MOST:
        raise UsageError(
            f"a test face is shown later than now, before the plan is revealed, for {SHOWN_MOST.seconds} seconds at most",
            hint=f"now is {format_instant(at)}, and it is revealed by {format_instant(reveal_by)}",
        )
    if hour_of(begins) != hour_of(begins + timedelta(seconds=seconds) - timedelta.resolution):
        raise UsageError("a test face is shown within one full hour: keys are of hours, and a test opens nothing else")
    value = json.dumps({
        "begin": begins.isoformat(), "camera": camera, "face": digest_bytes(read_file(face)), "seconds": seconds,
    })  # fmt: skip
    salt = new_salt()
    details = Commitment(digest=commit(value, salt), reveal_by=reveal_by)
    entry = SealTestPlanned(at=at, test=new_identifier(), details=details)
    write(out, json.dumps({"test": entry.test, "salt": salt, "value": value}).encode())
    _print(entry)


def announce(
    *,
    packs: PackPaths,
    plan_path: _Plan,
    piece: Annotated[list[int], typer.Option(help="Number of a piece that the test face is in; may be given again.")],
    requester: Annotated[Path, typer.Option(help="File with the public key that shares are released to.")],
    log: Annotated[str, typer.Option(help="The register: each piece must stand on record there.")],
    vkey: Annotated[str | None, typer.Option(help="The log's key, as you know it from elsewhere.")] = None,
) -> None:
    """Name the pieces of a planned test. Prints the entry for the operator to append; shares are released under its proof."""
    test, told = read_plan(plan_path)
    numbers = tuple(dict.fromkeys(piece))
    if len(numbers) > MOST_TEST_PIECES:
        raise UsageError(
            f"pieces of a test must be at most {MOST_TEST_PIECES}, got {len(numbers)}",
            hint="name the others in no test",
        )
    with opened_pack(packs) as pack:
        if pack.context.camera != told.camera:
            raise UsageError(f"pack must be of the planned camera {told.camera}, is of {pack.context.camera}")
        roots = roots_on_record(log, told.camera, vkey)
        for number in numbers:
            if recorded_in(pack, number, roots) is None:
                raise NotOnRecordError(
                    f"piece {number} must stand on record, its root is in no heartbeat of that camera",
                    hint="wait for the next heartbeat; one that never comes is what the test was to find out",
                )
        stated_in = sorted({str(recorded_in(pack, number, roots)) for number in numbers})
        digests = tuple(pack.check_piece(number).digest for number in numbers)
    key = read_public(requester)
    _print(SealTestAnnounced(at=utc_now(), camera=told.camera, test=test, pieces=digests, requester=key.digest))
    typer.echo(f"releasing asks for proofs of the heartbeats, too: entries {', '.join(stated_in)}", err=True)


def result(
    *,
    packs: PackPaths,
    plan_path: _Plan,
    opened: Annotated[Path, typer.Option(help="The folder that `seal combine` wrote.")],
    planned: Annotated[int, typer.Option(help="Index of the entry test.planned.")],
    same_face: Annotated[bool, typer.Option("--same-face/--another-face", help="What you see in the pieces.")],
) -> None:
    """Write down what the test found. Passed only if each piece shows the test face, at the time that was planned.

    Prints the result and the reveal of the plan, for the operator to append.
    """
    test, told = read_plan(plan_path)
    with opened_pack(packs) as pack:
        numbers = sorted(_numbers(opened))
        digests = tuple(pack.piece(number).digest for number in numbers)
        late = [
            number for number in numbers if not _within(_began(opened, number), told.begin - SLACK, told.end + SLACK)
        ]
    for number in late:
        typer.echo(f"piece {number} is not of the time that was planned", err=True)
    at = utc_now()
    passed = same_face and not late
    _print(
        SealTestOpened(at=at, camera=told.camera, test=test, pieces=digests, passed=passed),
        Reveal(at=at, entry=planned, salt=told.salt, value=told.value),
    )
    if not passed:
        raise typer.Exit(1)


def _numbers(opened: Path) -> list[int]:
    """Return the numbers of the pieces in a folder.

    Raises:
        UsageError: it is none as `seal combine` writes it.
    """
    names = [path.name for path in opened.glob("piece-*.json")]
    numbers = [int(found[1]) for name in names if (found := _PIECE.fullmatch(name))]
    if not numbers or len(numbers) < len(names):
        odd = [name for name in names if not _PIECE.fullmatch(name)]
        raise UsageError(
            f"{opened} must be a folder of opened pieces, {f'holds {odd[0]}' if odd else 'holds none'}",
            hint="give the folder of `seal combine -o`, as it was written",
        )
    return numbers


def _began(opened: Path, number: int) -> datetime:
    try:
        return datetime.fromtimestamp(json.loads(read_file(opened / f"piece-{number}.json"))["begin_ms"] / 1000, UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError) as exc:
        raise UsageError(f"{opened} must hold pieces as `seal combine` wrote them, got another piece {number}") from exc


def _within(at: datetime, begin: datetime, end: datetime) -> bool:
    return begin <= at <= end


def _print(*entries: Entry) -> None:
    spelled = [json.loads(encode_entry(entry)) for entry in entries]
    typer.echo(json.dumps(spelled, indent=1))
    typer.echo("next: the operator appends this, `passerby register append LOG FILE --witnessed`", err=True)
