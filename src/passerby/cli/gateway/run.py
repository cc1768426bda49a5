"""``passerby run``: puts a veil in front of the cameras of a ``city.yml``."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.gateway.city_file import read_city
from passerby.errors import UsageError
from passerby.gateway import CityConfig, Runtime, keys_short, log_as_json, parse_city
from passerby.media import protect_process
from passerby.values import utc_now
from passerby.web import serve_console, shown_host

DEMO = """\
# Two drawn cameras, a register of their own, nothing else.
register:
  origin: demo.invalid/log
  operator: {name: Passerby demonstration, contact: "mailto:demo@demo.invalid"}
  purpose: {en: "To show what Passerby does", de: "Zeigen, was Passerby tut", fr: "Montrer ce que fait Passerby"}
  legal_basis: {en: "None is needed: these cameras are drawn", de: "Keine nötig: gezeichnete Kameras", fr: "Aucune"}
  position: act-2024
  heartbeat: 15m
record: {enabled: true, retain: {days: 1, max_size: 200MB}, segment: 1m}
cameras:
  hall:
    friendly_name: Drawn hall
    source: test://portrait?size=1280x720&fps=12.5&faces=3
    zones: {door: {coordinates: "0.80,0.30,0.95,0.30,0.95,0.85,0.80,0.85"}}
  quay:
    friendly_name: Drawn quay
    source: test://portrait?size=640x360&fps=12.5&faces=2&seed=7
"""


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def run(
    *,
    config: Annotated[Path | None, typer.Argument(metavar="CITY.YML", help="The configuration.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Run two drawn test cameras, with everything in a temporary folder.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the configuration and exit.")] = False,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Of the console, with --demo.")] = None,
    rtsp_port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Of RTSP, with --demo.")] = None,
) -> None:
    """Veil the cameras of a configuration, and serve what is veiled: RTSP, browser, recordings, metrics, MQTT, public record."""
    protect_process()
    if demo == (config is not None):
        raise UsageError("give a configuration or --demo", hint="docs/operate.md has a first city.yml")
    if not demo and (port is not None or rtsp_port is not None):
        raise UsageError(
            "--port and --rtsp-port go with --demo only", hint="write server.port and rtsp.port in the file"
        )
    if demo:
        with tempfile.TemporaryDirectory(prefix="passerby-demo-") as folder:
            _run(_demo(Path(folder), port, rtsp_port), None, check=check)
        return
    path = config or Path()
    _run(read_city(path), lambda: read_city(path), check=check)


def _demo(folder: Path, port: int | None, rtsp_port: int | None) -> CityConfig:
    ports = (f"server: {{port: {port or 18480}}}\n") + (f"rtsp: {{port: {rtsp_port or 18554}}}\n")
    return parse_city(DEMO + ports, folder / "city.yml")


def _run(city: CityConfig, load: Callable[[], CityConfig] | None, *, check: bool) -> None:
    if check:
        typer.echo(f"{city.path}: {len(city.cameras)} cameras, nothing wrong", err=True)
        for line in keys_short(city, utc_now()):
            typer.echo(f"warning: {line}", err=True)
        return
    log_as_json(city.logger.default)
    asyncio.run(_serve(city, load))


async def _serve(city: CityConfig, load: Callable[[], CityConfig] | None) -> None:
    runtime = Runtime(city, load)

    def ready(url: str) -> None:
        typer.echo(f"console   {url}/console/", err=True)
        typer.echo(f"public    {url}/", err=True)
        rtsp = runtime.gateway.rtsp
        typer.echo(f"rtsp      rtsp://{rtsp.config.plain_host}:{rtsp.port}/NAME, with a stream key", err=True)
        if rtsp.tls_port is not None:
            typer.echo(f"rtsps     rtsps://{shown_host(rtsp.config.host)}:{rtsp.tls_port}/NAME", err=True)
        if runtime.tls.fingerprint:
            typer.echo(f"certificate, made by itself, SHA-256 {runtime.tls.fingerprint}", err=True)
        if runtime.first_password is not None:
            typer.echo(f"account   admin   password  {runtime.first_password}   (shown this once)", err=True)
            runtime.first_password = None

    await serve_console(runtime, ready)
