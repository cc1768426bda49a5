"""Every name that the probe of ``bench/same.py`` takes from Passerby, and the small tools that its parts share.

A name that moved gets its new path in front of the old one; nothing else in the probe knows where anything stands.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import secrets
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

NAMES: dict[str, tuple[str, ...]] = {
    # veil
    "veil_file": ("passerby.veil:veil_file",),
    "veil_frames": ("passerby.veil:veil_frames",),
    "LiveVeil": ("passerby.veil:LiveVeil",),
    "LiveSettings": ("passerby.veil:LiveSettings",),
    "Detector": ("passerby.veil:Detector",),
    "FindSettings": ("passerby.veil:FindSettings",),
    "Frame": ("passerby.media:Frame",),
    # law
    "positions": ("passerby.law:positions",),
    "Deployment": ("passerby.law:Deployment",),
    "assess_all": ("passerby.law:assess_all",),
    "assess_deployment": ("passerby.law:assess_deployment",),
    "assessment_to_json": ("passerby.law:assessment_to_json",),
    "assessment_to_text": ("passerby.law:assessment_to_text",),
    "assessment_to_html": ("passerby.law:assessment_to_html",),
    "dump_json": ("passerby.law:dump_json",),
    # register
    "Log": ("passerby.register:Log",),
    "FileSigner": ("passerby.register:FileSigner",),
    "Reader": ("passerby.register:LogReader", "passerby.register:Reader"),
    "Witness": ("passerby.register:Witness",),
    "Policy": ("passerby.register:Policy",),
    "build": ("passerby.register:entry_from_fields", "passerby.register:build"),
    "commit": ("passerby.register:commit",),
    "kinds": ("passerby.register:entry_kinds", "passerby.register:kinds"),
    "verify": ("passerby.register:verify",),
    # the citizen's pages
    "Follower": ("passerby.web:LogFollower", "passerby.web.register_follow:Follower"),
    "Place": ("passerby.web:SiteAddresses", "passerby.web.register_follow:Place"),
    "write_site": ("passerby.web:write_site", "passerby.web.register_site:write_site"),
    "copy_log": ("passerby.web:copy_log", "passerby.web.register_site:copy_log"),
    # gateway
    "Scene": ("passerby.gateway.picture.scene:Scene", "passerby.gateway.scene:Scene"),
    "SceneSettings": ("passerby.gateway.picture.scene:SceneSettings", "passerby.gateway.scene:SceneSettings"),
    "LiveEncoder": ("passerby.gateway.picture.encoder:LiveEncoder", "passerby.gateway.encode:LiveEncoder"),
    "EncodeConfig": ("passerby.gateway.config:EncodeConfig", "passerby.gateway.values:EncodeConfig"),
    "Reason": ("passerby.gateway:CoverReason", "passerby.gateway:Reason"),
    "Slates": ("passerby.gateway.picture.slate:Slates", "passerby.gateway.slate:Slates"),
    "nal_units": ("passerby.media.h264.units:nal_units", "passerby.gateway.h264:nal_units"),
    "parameters_of": ("passerby.media.h264.parameter_sets:find_parameter_sets", "passerby.gateway.h264:parameters_of"),
    "AccessUnit": ("passerby.gateway.stream.relay:AccessUnit", "passerby.gateway.relay:AccessUnit"),
    "init_segment": ("passerby.gateway.stream.fmp4:init_segment", "passerby.gateway.fmp4:init_segment"),
    "read_fragments": ("passerby.gateway.stream.fragments:fragments", "passerby.gateway.boxes:fragments"),
    "retimed": ("passerby.gateway.stream.fragments:retimed", "passerby.gateway.boxes:retimed"),
    "GopCutter": ("passerby.gateway.stream.gops:GopCutter", "passerby.gateway.gops:GopCutter"),
    "LiveFeed": ("passerby.gateway.stream.mse:LiveFeed", "passerby.gateway.live:LiveFeed"),
    "HlsFeed": ("passerby.gateway.stream.hls:HlsFeed", "passerby.gateway.hls:HlsFeed"),
    "payloads": ("passerby.gateway.rtsp.rtp:payloads",),
    "packets": ("passerby.gateway.rtsp.rtp:packets",),
    "sender_report": ("passerby.gateway.rtsp.rtp:sender_report",),
    "goodbye": ("passerby.gateway.rtsp.rtp:goodbye",),
    "Broadcast": ("passerby.gateway.rtsp.broadcast:Broadcast",),
    "Session": ("passerby.gateway.rtsp.broadcast:RtspSession", "passerby.gateway.rtsp.broadcast:Session"),
}
"""Name to the paths ``module:attribute`` where it may stand, tried in order."""
CLOCKS = ("utc_now",)
"""Names of Passerby's clock in any of its modules."""
START = datetime(2026, 1, 1, tzinfo=UTC)
Digests = dict[str, str]


class ProbeError(Exception):
    """The probe cannot do what it was asked for."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the probe was told.

    Attributes:
        cases: Folder of the law's worked cases.
        scenarios: A further file of them, or None.
        footage: Folder of the annotated footage, or None.
        work: An empty folder for files.
        quick: Take a part of each input only.
    """

    cases: Path
    scenarios: Path | None
    footage: Path | None
    work: Path
    quick: bool


def take(name: str) -> Any:  # noqa: ANN401 - the probe must read two trees, so no tree's types can stand here
    """Return what stands under a name, from the first of its paths that there is.

    Raises:
        ProbeError: there is none.
    """
    for path in NAMES[name]:
        module, _, attribute = path.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute, None)
        except ModuleNotFoundError as exc:
            if not (exc.name or "").startswith("passerby"):
                raise
            continue
        if found is not None:
            return found
    raise ProbeError(f"{name} must stand at one of {', '.join(NAMES[name])}; add its new path to NAMES")


def check_source(source: Path) -> None:
    """Refuse to go on with another Passerby than the one asked for.

    Raises:
        ProbeError: Python found another.
    """
    found = Path(str(importlib.import_module("passerby").__file__)).resolve()
    if found.parent.parent != source.resolve():
        raise ProbeError(f"passerby must come from {source}, got {found}")


def digest(*parts: bytes | str) -> str:
    """Return the SHA-256 of some parts, each with its length, in hex."""
    running = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        running.update(len(data).to_bytes(8, "big") + data)
    return running.hexdigest()


def digest_files(folder: Path, name: str) -> Digests:
    """Return a digest for each file below a folder, and one of the names and modes of all."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {f"{name}/{path.relative_to(folder)}": digest(path.read_bytes()) for path in paths}
    modes = [f"{path.relative_to(folder)} {path.stat().st_mode & 0o777:04o}" for path in paths]
    return {**found, f"{name}: names and modes": digest(*modes)}


def drawn(name: str) -> Callable[[int], bytes]:
    """Return a source of bytes that look random and are the same in every run, one after another."""
    count = 0

    def more(wanted: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{name} {count}".encode()).digest(wanted)

    return more


def fix_chance() -> None:
    """Make keys, salts and identifiers the same in every run of this process, for good: it is a probe's."""
    key, salt, number = drawn("urandom"), drawn("secrets"), drawn("randbits")
    replacements: Iterable[tuple[object, str, object]] = (
        (os, "urandom", key),
        (secrets, "token_bytes", lambda wanted=32: salt(wanted)),
        (secrets, "token_hex", lambda wanted=32: salt(wanted).hex()),
        (secrets, "randbits", lambda bits: int.from_bytes(number((bits + 7) // 8), "big") & ((1 << bits) - 1)),
    )
    for module, name, replacement in replacements:
        setattr(module, name, replacement)
    beside = drawn("names of files that are being written")
    for writer in ("passerby.files", "passerby.media.whole"):
        if writer in sys.modules:  # these draw names that nobody sees; how many must not decide what keys come after
            own = SimpleNamespace(token_hex=lambda wanted: beside(wanted).hex())
            sys.modules[writer].secrets = own  # type: ignore[attr-defined]


def fix_clock() -> None:
    """Let every module of Passerby that was loaded read one and the same instant from its clock, for good.

    The writer of a log takes no clock from its caller, so that it is set from outside; see ``CLOCKS``.

    Raises:
        ProbeError: no module has such a clock.
    """
    found = 0
    for name, module in list(sys.modules.items()):
        for clock in CLOCKS:
            if name.partition(".")[0] == "passerby" and hasattr(module, clock):
                setattr(module, clock, lambda: START)
                found += 1
    if not found:
        raise ProbeError(f"a module of Passerby must have one of {', '.join(CLOCKS)}; add its new name to CLOCKS")
