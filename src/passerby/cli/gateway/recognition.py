"""Asks a camera, by ONVIF, whether it recognises faces by itself; for ``passerby scan --camera`` and ``doctor --camera``."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace

import typer

from passerby.cli.gateway.discover import PASSWORD, parse_host
from passerby.errors import UsageError
from passerby.gateway import OnvifConfig, read_analytics
from passerby.scan import Evidence, Finding, ScanResult, Unread, faces_in_onvif, read_catalogue

_SILENT = "it names no analytics module and no rule: it has none, or does not tell"


def onvif_at(address: str, user: str | None) -> OnvifConfig:
    """Return where a camera is asked. The password comes from the environment, or is asked for at a terminal.

    Args:
        address: ``HOST`` or ``HOST:PORT``.
        user: Of the camera; None asks without a login.

    Raises:
        UsageError: it is no such address, or there is no password.
    """
    found = parse_host(address)
    if user is None:
        return OnvifConfig(found.host, found.port, None, None)
    password = os.environ.get(PASSWORD)
    if password is None and sys.stdin.isatty():
        password = typer.prompt(f"Password of {user} at {address}", hide_input=True, err=True)
    if password is None:
        raise UsageError(f"{PASSWORD} must be set in the environment, is not")
    return OnvifConfig(found.host, found.port, user, password)


def camera_faces(onvif: OnvifConfig) -> ScanResult:
    """Return what of a camera's own analytics names faces.

    Raises:
        CameraError: it does not answer, refuses, or tells nothing.
    """
    name = f"camera {onvif.host}:{onvif.port}"
    told = asyncio.run(read_analytics(onvif))
    findings = faces_in_onvif(told.modules, told.rules, told.topics, read_catalogue())
    unread = () if told.modules or told.rules else (Unread(name, _SILENT),)
    return ScanResult(name, tuple(_placed(finding, name) for finding in findings), unread)


def _placed(finding: Finding, name: str) -> Finding:
    return replace(finding, path=name, evidence=tuple(Evidence(name, one.what) for one in finding.evidence))
