"""``passerby doctor``: what runs where on this machine; with ``--camera``, who can pull that camera's picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.gateway import check_camera, read_city
from passerby.gateway import keys_short
from passerby.media import protect_process
from passerby.values import utc_now
from passerby.veil import DoctorCheck, doctor_checks


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    camera: Annotated[str | None, typer.Option(help="Test who can pull this camera: its name, or its address.")] = None,
    config: Annotated[Path | None, typer.Option(help="The city.yml: a camera's name, and keys to seal to.")] = None,
    user: Annotated[str | None, typer.Option(help="For an address; password in PASSERBY_CAMERA_PASSWORD.")] = None,
    other: Annotated[
        list[str] | None, typer.Option(help="A user of somebody else; password in PASSERBY_OTHER_PASSWORD.")
    ] = None,
    onvif: Annotated[str | None, typer.Option(help="HOST:PORT of the camera's ONVIF service, for an address.")] = None,
) -> None:
    """Show what runs where: processor, detector, codecs, GPU, weights, versions. Exits 1 if something needed is missing.

    With --camera: whether its stream opens without or with another login, and who has one; exits 1 unless nobody else has.
    """
    protect_process()
    if camera is not None:
        check_camera(camera, config, user, other or [], onvif, as_json=as_json)
        return
    tell_checks(chain(doctor_checks(), _key_checks(config)), as_json=as_json)


def _key_checks(config: Path | None) -> Iterator[DoctorCheck]:
    """Yield what must be said of the keys that a city.yml's cameras seal to."""
    if config is not None:
        told = keys_short(read_city(config), utc_now())
        for line in told:
            yield DoctorCheck("sealing keys", "missing", line)
        if not told:
            yield DoctorCheck("sealing keys", "ok", "no camera seals, or keys are there for two days and more")


def tell_checks(checks: Iterable[DoctorCheck], *, as_json: bool) -> None:
    """Print each check as it is made, or all as JSON; exits 1 if something needed is missing."""
    found = []
    for check in checks:
        found.append(check)
        if not as_json:
            typer.echo(f"{check.state:8}{check.name:20}{check.detail}")
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in found], indent=1))
    missing = [check.name for check in found if check.state == "missing"]
    if missing:
        typer.echo(f"error: needed and missing or broken: {', '.join(missing)}", err=True)
        raise typer.Exit(1)
