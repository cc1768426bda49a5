"""``passerby discover``: finds ONVIF cameras on the local network and writes their entries for ``city.yml``."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
import yaml

from passerby.errors import CameraError, UsageError
from passerby.files import write_atomic
from passerby.gateway import (
    FoundCamera,
    OnvifConfig,
    StreamProfile,
    discover_cameras,
    read_profiles,
    same_machine,
)

PASSWORD = "PASSERBY_CAMERA_PASSWORD"  # noqa: S105 - a variable's name, not a password


_MOST_TOLD = 20


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("discover")(find)


def find(
    *,
    hosts: Annotated[
        list[str] | None, typer.Argument(metavar="[HOST[:PORT]]...", help="Ask these instead of the network.")
    ] = None,
    user: Annotated[str | None, typer.Option(help=f"User of the cameras; the password comes from {PASSWORD}.")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, max=60, help="Seconds to wait for answers.")] = 4.0,
    stream_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--stream-host",
            metavar="HOST",
            help="A machine that may serve the cameras' streams for them.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write there instead of to standard output.")
    ] = None,
) -> None:
    """Find ONVIF cameras and print their entries as YAML. No password is written: {PASSERBY_CAMERA_PASSWORD} stands for it."""
    found = [parse_host(host) for host in hosts] if hosts else discover_cameras(timeout_s)
    typer.echo(f"{len(found)} cameras answered", err=True)
    asked = _Asked(user, os.environ.get(PASSWORD), tuple(stream_hosts or ()))
    if user is not None and found:
        _tell_who_sees(user, found)
    entries, failures = asyncio.run(_entries(found, asked))
    for failure in failures:
        typer.echo(f"error: {failure}", err=True)
    text = yaml.safe_dump({"cameras": entries}, sort_keys=False, allow_unicode=True) if entries else ""
    if output is not None and entries:
        write_atomic(output, text.encode(), overwrite=False)
        typer.echo(f"wrote {output}; add a register section and run passerby run --check", err=True)
    elif entries:
        typer.echo(text, nl=False)
    if failures or not found:
        raise typer.Exit(1)


def parse_host(text: str) -> FoundCamera:
    """Read ``HOST`` or ``HOST:PORT``; the port is 80 unless given.

    Raises:
        UsageError: it is neither.
    """
    match = re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?", text)
    if match is None:
        raise UsageError(f"host must be HOST or HOST:PORT, got {text!r}")
    return FoundCamera(match[1].strip("[]"), int(match[2] or 80))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the user gave: the cameras' login, and machines that may serve for them."""

    user: str | None
    password: str | None
    stream_hosts: tuple[str, ...]


def _tell_who_sees(user: str, found: Sequence[FoundCamera]) -> None:
    told = ", ".join(f"{one.host}:{one.port}" for one in found[:_MOST_TOLD])
    more = f" and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    typer.echo(
        f"the password of {user} is shown as a digest to {told}{more}: whoever is no camera of yours can try guesses on it; "
        "name HOSTs to ask only those",
        err=True,
    )


async def _entries(found: list[FoundCamera], asked: _Asked) -> tuple[dict[str, object], list[str]]:
    entries: dict[str, object] = {}
    failures = []
    for camera in found:
        onvif = OnvifConfig(camera.host, camera.port, asked.user, asked.password)
        try:
            streams = await read_profiles(onvif)
        except CameraError as exc:
            failures.append(exc.message)
            continue
        usable = [one for one in streams if one.encoding.upper() in {"H264", "H265", "JPEG", ""}]
        if not usable:
            failures.append(
                f"camera at {camera.host}:{camera.port} must have a stream in H.264, H.265 or JPEG, has none"
            )
            continue
        serving = urlsplit(usable[0].url).hostname or ""
        if serving not in asked.stream_hosts and not same_machine(serving, camera.host):
            failures.append(
                f"camera at {camera.host} must serve its stream itself, names {serving}; "
                f"give --stream-host {serving} if the login may go there"
            )
            continue
        entries[_name(camera, set(entries))] = _entry(camera, usable[0], asked.user)
    return entries, failures


def _name(camera: FoundCamera, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", (camera.name or camera.host).lower()).strip("-")[:50] or "camera"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _entry(camera: FoundCamera, stream: StreamProfile, user: str | None) -> dict[str, object]:
    login = {"username": user, "password": f"{{{PASSWORD}}}"} if user else {}
    words = " ".join(word for word in (camera.name, camera.hardware) if word)
    entry: dict[str, object] = {"friendly_name": words} if words else {}
    entry["inputs"] = [{"path": stream.url} | login]
    entry["onvif"] = {"host": camera.host, "port": camera.port}
    return entry
