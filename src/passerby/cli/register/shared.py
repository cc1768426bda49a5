"""``passerby register run`` and ``register gateway``: one log that many gateways write, through its one writer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from passerby import register
from passerby.cli.register.input import KEY_HINT, typed
from passerby.errors import UsageError
from passerby.web import bind_path, bind_port, serve_app

_Path = Annotated[Path, typer.Argument(metavar="DIR", help="The log's directory, as made by init.")]
MOST = 200
"""Connections at once: as many gateways and a few strangers; of all together at most 100 MB are held."""
_CAMERA = re.compile(r"[0-9a-f]{32}")


def add_to(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="Which gateways may write a shared log (see run).")
    group.command("add")(add)
    group.command("remove")(remove)
    group.command("list")(listed)
    app.add_typer(group, name="gateway")
    app.command("run")(run)


def run(
    *,
    path: _Path,
    listen: Annotated[
        str | None,
        typer.Option(help="unix:/PATH, or HOST:PORT with TLS; left out: unix:DIR/socket.", metavar="ADDRESS"),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PEM chain, for HOST:PORT.")
    ] = None,
    key: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="PEM key of the certificate.")] = None,
) -> None:
    """Write a log for many gateways until interrupted: takes what they submit, and answers when it is durable."""
    tls = _tls(certificate, key)
    address = listen or f"unix:{path.resolve() / 'socket'}"
    if address.startswith("unix:") == (tls is not None):
        raise UsageError(
            f"{address} must be unix:/PATH without a certificate, or HOST:PORT with one",
            hint="beyond this machine gateways submit over TLS only: give --certificate and --key",
        )
    intake = register.Intake(path)  # which holds the log: whoever left a socket behind is gone
    try:
        with bind_path(Path(address.removeprefix("unix:"))) if tls is None else bind_port(*_host(address)) as listener:
            known = len(intake.book.gateways())
            writing = f"writing {intake.origin} for {known} gateways on {address}"
            serve_app(
                register.submission_app(intake),
                listener,
                tls=tls,
                most=MOST,
                ready=lambda: typer.echo(writing, err=True),
            )
    finally:
        intake.close()


def add(
    *,
    path: _Path,
    vkey: Annotated[str, typer.Argument(help="The gateway's key, as its log or its error says: name+hash+base64.")],
    camera: Annotated[
        list[str] | None, typer.Option(help="A camera that stands in the log already and is this gateway's now.")
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Let it state anew who the operator is, and the grace time.")
    ] = False,
) -> None:
    """Let a gateway submit, or change its key or rights. A writer that runs takes it at once."""
    with typed(KEY_HINT):
        key = register.VerifierKey.parse(vkey)
    for given in camera or ():
        if not _CAMERA.fullmatch(given):
            raise UsageError(f"camera must be 32 hex digits, got {given!r}")
    book = register.SubmissionBook(path)
    try:
        book.admit(register.GatewayRights(key, operator), camera or ())
    finally:
        book.close()
    typer.echo(f"{key.name} may submit", err=True)


def remove(*, path: _Path, name: Annotated[str, typer.Argument(help="Of the gateway.")]) -> None:
    """Take nothing more from a gateway. Its cameras stay its own; a writer that runs takes it at once."""
    book = register.SubmissionBook(path)
    try:
        book.bar(name)
    finally:
        book.close()


def listed(*, path: _Path) -> None:
    """Print each gateway that may submit: cameras, rights, key."""
    book = register.SubmissionBook(path)
    try:
        for gateway in book.gateways():
            right = "states the operator" if gateway.operator else "-"
            typer.echo(f"{gateway.key.name}\t{book.cameras(gateway.key.name)} cameras\t{right}\t{gateway.key}")
    finally:
        book.close()


def _tls(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if certificate is not None and key is not None:
        return certificate, key
    if certificate is not None or key is not None:
        raise UsageError("--certificate and --key must both be given, or neither")
    return None


def _host(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise UsageError(f"address must be HOST:PORT or unix:/PATH, got {address!r}")
    return host.strip("[]"), int(port)
