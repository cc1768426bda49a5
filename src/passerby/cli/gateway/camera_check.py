"""``passerby doctor --camera``: does the stream open without or with other logins, who has one, where does it look."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import typer

from passerby.cli.gateway.city_file import read_city
from passerby.cli.gateway.recognition import camera_faces
from passerby.errors import CameraError, UsageError
from passerby.gateway import (
    AccessReport,
    CameraConfig,
    CameraLogin,
    DescribeAnswer,
    InputConfig,
    OnvifConfig,
    check_camera_access,
    watch_poses,
)

OWN = "PASSERBY_CAMERA_PASSWORD"
OTHER = "PASSERBY_OTHER_PASSWORD"


def check_camera(
    camera: str, config: Path | None, user: str | None, others: list[str], onvif: str | None, *, as_json: bool
) -> None:
    """Test one camera and print what was found; exits 1 unless nobody else can pull it.

    Args:
        camera: A name in the configuration, or an address.
        config: The configuration, for a name.
        user: For an address; the password comes from the environment.
        others: Users whose login somebody else may have; their password comes from the environment.
        onvif: ``HOST:PORT`` of the camera's ONVIF service, for an address.
        as_json: Print JSON.

    Raises:
        UsageError: neither name nor address, or a password is missing.
    """
    found, service = _target(camera, config, user, onvif)
    if found.input.username is not None:
        typer.echo(
            f"the password of {found.input.username} is shown to {urlsplit(found.input.url).netloc}: "
            "as a digest, or as it is where no digest is asked for",
            err=True,
        )
    report = asyncio.run(check_camera_access(found, service, [CameraLogin(name, _password(OTHER)) for name in others]))
    if report is None:
        raise UsageError("camera must be on the network to be tested, is not")
    position = asyncio.run(_position(service)) if service is not None and service.ptz else ""
    faces = _faces(service)
    if as_json:
        told = {"exclusive": report.exclusive, "method": report.method, "faces": faces}
        typer.echo(json.dumps(asdict(report) | told, indent=1))
    else:
        _print(report, position)
        for words in faces:
            typer.echo(words)
    if report.exclusive != "tested":
        raise typer.Exit(1)


def _target(
    camera: str, config: Path | None, user: str | None, onvif: str | None
) -> tuple[CameraConfig, OnvifConfig | None]:
    if "://" not in camera:
        if config is None:
            raise UsageError(f"camera must be an address, or a name with --config, got {camera!r}")
        city = read_city(config)
        found = city.cameras.get(camera)
        if found is None:
            names = ", ".join(city.cameras)
            raise UsageError(f"camera must be one of {names}, got {camera!r}")
        return found, city.onvif.get(camera)
    if "@" in camera.partition("://")[2].partition("/")[0]:
        raise UsageError(f"address must be without a login; give --user, and the password in {OWN}")
    source = InputConfig(camera, username=user, password=_password(OWN) if user else None)
    host, _, port = (onvif or "").partition(":")
    if onvif is not None and not (port or "80").isdecimal():
        raise UsageError(f"onvif must be HOST or HOST:PORT, got {onvif!r}")
    service = OnvifConfig(host, int(port or 80), user, source.password) if onvif else None
    return CameraConfig("camera", source), service


def _password(name: str) -> str:
    found = os.environ.get(name)
    if found is None:
        raise UsageError(f"{name} must be set in the environment, is not")
    return found


async def _position(service: OnvifConfig) -> str:
    try:
        async with aclosing(watch_poses(service, 0.0)) as found:
            async for pose in found:
                return "moving" if pose.moving else str(list(pose.position or ()))
    except CameraError as exc:
        return exc.message
    return ""


def _faces(service: OnvifConfig | None) -> list[str]:
    """Return what the camera works out of faces by itself, in sentences."""
    if service is None:
        return ["whether it recognises faces by itself was not asked: no ONVIF service is given"]
    try:
        result = camera_faces(service)
    except CameraError as exc:
        return [f"whether it recognises faces by itself is not known: {exc.message}"]
    found = [f"{one.title.lower()}: {', '.join(place.what for place in one.evidence)}" for one in result.findings]
    found += [one.reason for one in result.unread]
    return found or ["none of its own analytics names faces"]


def _print(report: AccessReport, position: str) -> None:
    says = {
        DescribeAnswer.OPEN: "opens",
        DescribeAnswer.REFUSED: "is refused",
        DescribeAnswer.NO_ANSWER: "gives no answer",
    }
    typer.echo(f"with its own login the stream {says[report.own]}")
    typer.echo(f"without a login the stream {says[report.nobody]}")
    for user, answer in report.others:
        typer.echo(f"with the login of {user} the stream {says[answer]}")
    if report.users is None:
        typer.echo(f"its users are not known: {report.note}")
    else:
        for one in report.users:
            typer.echo(f"it has the user {one.name} ({one.level})")
    if position:
        typer.echo(f"it looks at {position}")
    typer.echo(f"exclusive access: {report.exclusive}")
    if report.exclusive == "not-exclusive":
        typer.echo(
            "hint: give the camera one account, for Passerby alone, and put it into a network that only Passerby reaches",
            err=True,
        )
