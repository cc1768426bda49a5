"""What people type for ``passerby register``, ``witness`` and ``authority``: wrong input is wrong use, never a finding."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from passerby.errors import EntryError, FormatError, UsageError
from passerby.register import Entry, Log, Policy, VerifierKey, open_in_turn, personal_texts

MAX_FILE_BYTES = 20_000_000
"""Source: no file of a log has more than 17 MB."""
NAME_HINT = "a name is an address without https://, with no space and no plus, like cameras.example.org/log"
KEY_HINT = "a log's key is what `passerby register init` printed: name+hash+base64"
LogPlace = Annotated[str, typer.Argument(metavar="LOG", help="A directory, an http(s) URL, or s3://, gs://, az://.")]
KeyOption = Annotated[str | None, typer.Option(help="The log's key, as you know it from elsewhere: name+hash+base64.")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="A tlog-policy file: which logs and witnesses count.")
]
PublicOption = Annotated[
    bool,
    typer.Option("--yes-public", help="Words that look like a person's are meant to stand in public for ever."),
]
WithinOption = Annotated[
    float,
    typer.Option(
        "--within",
        min=1,
        max=86_400,
        metavar="SECONDS",
        help="How long a server or object store is asked, all in all; exit code 3 after.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def typed(hint: str | None = None) -> Iterator[None]:
    """Turn what does not fit its form into wrong use (exit code 2).

    Args:
        hint: What to do, where the error itself says nothing.
    """
    try:
        yield
    except (EntryError, FormatError) as exc:
        raise UsageError(exc.message, hint=exc.hint or hint) from exc


def read_key(text: str | None) -> VerifierKey | None:
    """Return a log's key as it was typed.

    Raises:
        UsageError: it is none.
    """
    with typed(KEY_HINT):
        return None if text is None else VerifierKey.parse(text)


def read_policy(path: Path | None) -> Policy | None:
    """Return the policy in a file.

    Raises:
        UsageError: it is none.
    """
    if path is None:
        return None
    try:
        return Policy.parse(read_file(path).decode())
    except (UnicodeDecodeError, FormatError) as exc:
        raise UsageError(f"{path} must be a policy file: {exc}", hint="see docs/register.md, Witnesses") from exc


def read_file(path: Path) -> bytes:
    """Return the bytes of a file that was named; whoever names a pipe means it, but it ends at a bound.

    Raises:
        UsageError: it cannot be read, or is too long.
    """
    try:
        with path.open("rb") as file:
            found = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}") from exc
    if len(found) > MAX_FILE_BYTES:
        raise UsageError(f"{path} must be at most {MAX_FILE_BYTES} bytes")
    return found


def ask_public(entries: Iterable[Entry], *, yes: bool) -> None:
    """Ask about words that look like a person's before they stand in public for ever.

    Args:
        entries: About to be appended.
        yes: Somebody said already that they may.

    Raises:
        UsageError: they may not, or nobody is there to be asked.
    """
    found = [line for entry in entries for line in personal_texts(entry)]
    if not found or yes:
        return
    for line in found:
        typer.echo(f"note: {line}", err=True)
    if not sys.stdin.isatty() or not typer.confirm("Nothing is ever taken out of a log. Publish it?", err=True):
        raise UsageError(
            f"words of a public entry must not be a person's: {found[0]}",
            hint="leave it out; or, where it is meant for the public for ever: --yes-public. Nothing was written",
        )


def check_index(index: int, size: int) -> int:
    """Return the number of an entry as it was typed.

    Raises:
        UsageError: the log has no such entry.
    """
    if not 0 <= index < size:
        raise UsageError(f"entry must be from 0 to {size - 1}, got {index}" if size else "log has no entry yet")
    return index


def open_log(path: Path) -> Log:
    """Open a log for writing; a gateway or ``register run`` that writes it lets go of it meanwhile.

    Raises:
        UsageError: there is none.
        RegisterError: as ``open_in_turn``.
    """
    try:
        owner = (path / "private").stat().st_uid
    except FileNotFoundError as exc:
        raise UsageError(
            f"{path} holds no log that can be written", hint="make one with `passerby register init`"
        ) from exc
    except OSError:
        owner = 0  # to open it says why it cannot be looked into
    if os.geteuid() == 0 != owner:  # what the superuser writes there the log's own process could not read
        raise UsageError(
            f"{path} must be written by the user that it belongs to, number {owner}, not by the superuser",
            hint=f"sudo -u '#{owner}' passerby ...",
        )
    return open_in_turn(path)
