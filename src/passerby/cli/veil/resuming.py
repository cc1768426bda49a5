"""Which outputs stand already, so that a run that was interrupted is finished by repeating its command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import passerby
from passerby.errors import UsageError
from passerby.files import check_target
from passerby.media import MANIFEST_SUFFIX, OutputJob, digest_named, plain_values, read_manifest
from passerby.objects import StoredPath
from passerby.veil import VeilSettings


def stands_already(job: OutputJob, settings: VeilSettings) -> bool:
    """Say whether an output is there, made of this very input with these settings by this version, and unchanged.

    Raises:
        UsageError: something else stands under its name.
        UnreadableError: the input cannot be read.
    """
    target = job.target
    try:
        size_bytes = target.stat().st_size
    except OSError:
        return False
    if not size_bytes:
        return False
    differs = _difference(job, settings)
    if differs is None:
        return True
    try:
        check_target(target, overwrite=False, inputs=[job.source.path])
    except UsageError as error:
        raise UsageError(f"{error.message}, and {differs}", hint=error.hint) from error
    return False


@dataclass(frozen=True, slots=True)
class _Made:
    """How an output was made, as its manifest says."""

    source: str
    source_version: str | None
    output: str
    output_name: str
    version: str
    settings: Any


def _read(target: Path) -> _Made | None:
    """Read the manifest of an output; None where there is none.

    Raises:
        UsageError: what stands under its name is no manifest.
    """
    try:
        told = read_manifest(target)
        one, other = told["inputs"][0], told["outputs"][0]
        return _Made(
            source=one["digest"],
            source_version=one.get("version"),
            output=other["digest"],
            output_name=other["name"],
            version=told["versions"]["passerby"],
            settings=told["settings"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as exc:
        beside = target.with_name(target.name + MANIFEST_SUFFIX)
        message = f"manifest exists already, and is none that can be read: {beside}"
        raise UsageError(message, hint="add --overwrite, or move it away") from exc


def _difference(job: OutputJob, settings: VeilSettings) -> str | None:
    """Return why an output is not the one that would be made now, in words."""
    try:
        made = _read(job.target)
    except UsageError as error:
        return error.message
    if made is None:
        return "no manifest tells how it was made"
    if not _is_source(job.source.path, made):
        return "it was made of another input"
    if _telling(made.settings) != _telling(plain_values(settings)):
        return "it was made with other settings"
    if made.version != passerby.__version__:
        return f"it was made by version {made.version}"
    return None if made.output == _digest_of(job.target) else "it was changed since"


def _is_source(source: Path, made: _Made) -> bool:
    """Say whether a manifest tells of this input; an object of the same version is not read again."""
    told = made.source_version
    if told is not None and isinstance(source, StoredPath) and source.version_and_digest()[0] == told:
        return True
    return made.source == digest_named(source).digest


def _digest_of(target: Path) -> str:
    """Return the digest of an output; that of an object stands with it."""
    known = target.version_and_digest()[1] if isinstance(target, StoredPath) else None
    return known or digest_named(target).digest


def check_manifest(target: Path, *, overwrite: bool) -> None:
    """Refuse to replace what stands under the name of an output's manifest, unless a run that was killed left it.

    Raises:
        UsageError: it is something else.
    """
    if overwrite:
        return
    made = _read(target)
    if made is not None and made.output_name != target.name:
        beside = target.with_name(target.name + MANIFEST_SUFFIX)
        raise UsageError(
            f"manifest exists already, of another output: {beside}", hint="add --overwrite, or move it away"
        )


def _telling(settings: Any) -> Any:  # noqa: ANN401 - JSON's own shape
    """Return settings without what does not change an output."""
    if not isinstance(settings, dict) or not isinstance(settings.get("write"), dict):
        return settings
    return settings | {"write": {name: value for name, value in settings["write"].items() if name != "overwrite"}}


def may_replace(target: Path, *, overwrite: bool) -> bool:
    """Say whether what stands under an output's name may be replaced: when asked for, and where it is empty."""
    try:
        return overwrite or not target.stat().st_size
    except OSError:
        return overwrite
