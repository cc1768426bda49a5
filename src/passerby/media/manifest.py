"""The manifest beside a veiled file: which file was made from which, how, and by what, checkable by anyone.

It holds digests, sizes, settings and versions. Files appear by name, never with their folders, which often name people.
The form is published in ``schemas/manifest.schema.json``. A manifest proves nothing about who wrote it; sign it
(``ssh-keygen -Y sign``) where that matters.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

import passerby
from passerby.errors import OutputError, UnreadableError
from passerby.files import write_atomic
from passerby.objects import StoredPath
from passerby.values import Digest, digest_file, utc_now, writable_text

if TYPE_CHECKING:
    import jsonschema

SCHEMA = Path(__file__).parent / "schemas" / "manifest.schema.json"
MANIFEST_SUFFIX = ".manifest.json"
"""Behind the whole name of the output: ``clip_veiled.mp4.manifest.json``."""
_LIBRARIES = ("av", "numpy", "openvino", "pillow", "pillow-heif", "tifffile", "onnxruntime", "onnxruntime-gpu")
_MOST_BYTES = 4 << 20
"""Of a manifest that is read; ours have a few thousand."""


@dataclasses.dataclass(frozen=True, slots=True)
class FileDigest:
    """A file's bare name, size and digest.

    Attributes:
        name: Without its folder.
        size_bytes: Its size.
        digest: Of its whole content.
        version: An object store's name of this version; None for a file.
    """

    name: str
    size_bytes: int
    digest: Digest
    version: str | None = None


def digest_named(path: Path, *, name: str | None = None, digest: Digest | None = None) -> FileDigest:
    """Take a file's size and digest.

    Args:
        path: The file.
        name: What to call it, for a file that still has its temporary name.
        digest: Its digest where that is known, so that it is not read once more.

    Raises:
        UnreadableError: the file cannot be read.
    """
    try:
        readable = writable_text(name or path.name)  # a name may be any bytes, JSON may not
        version = path.version_and_digest()[0] if isinstance(path, StoredPath) else None
        return FileDigest(readable, path.stat().st_size, digest or digest_file(path), version)
    except OSError as exc:
        raise UnreadableError(f"cannot read {path}: {exc.strerror or exc}") from exc


def build_manifest(
    *,
    inputs: Iterable[FileDigest],
    outputs: Iterable[FileDigest],
    settings: object,
    weights: Digest | None,
    encoder: str = "",
    clear: str = "",
) -> dict[str, Any]:
    """Put a manifest together.

    Args:
        inputs: What was veiled; empty for a camera.
        outputs: What was written.
        settings: The job's settings: a dataclass or mapping; paths in it become name and digest.
        weights: The detector's weights; None where none ran.
        encoder: What encoded a clip; "" where nothing is said of it.
        clear: Who is left clear, why and who decided it, in words: the first line of the manifest; "" where nobody is.

    Raises:
        UnreadableError: a file named in the settings cannot be read.
        OutputError: the manifest does not fit its own schema.
    """
    told = plain_values(settings)
    manifest = {
        "schema": "passerby-manifest-1",
        "created": utc_now().isoformat().replace("+00:00", "Z"),
        "inputs": [_entry(one) for one in inputs],
        "outputs": [_entry(one) for one in outputs],
        "settings": told if isinstance(told, dict) else {"settings": told},
        "versions": library_versions(),
        "weights": weights,
    }
    if encoder:
        manifest["encoder"] = encoder
    if clear:
        manifest["clear"] = clear
    error = next(_validator().iter_errors(manifest), None)
    if error is not None:
        raise OutputError(f"manifest does not fit its schema at {error.json_path}: {error.message}")
    return manifest


def write_manifest(manifest: Mapping[str, Any], target: Path, *, overwrite: bool) -> Path:
    """Write a manifest beside an output and return its path, whole or not at all.

    Args:
        manifest: From ``build_manifest``.
        target: The output that it is about.
        overwrite: Replace an existing manifest.

    Raises:
        UsageError: it exists.
        OutputError: it cannot be written.
    """
    path = target.with_name(target.name + MANIFEST_SUFFIX)
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(path, text.encode(), overwrite=overwrite)
    return path


def read_manifest(target: Path) -> Any:  # noqa: ANN401 - JSON's own shape
    """Return what the manifest beside an output holds, as JSON has it: nothing of its form is checked.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        ValueError: it is no JSON, or far too long.
    """
    with target.with_name(target.name + MANIFEST_SUFFIX).open("rb") as file:
        return json.loads(file.read(_MOST_BYTES))


@functools.cache
def library_versions() -> dict[str, str]:
    """Return the versions of Passerby, Python, FFmpeg and the libraries that decode, encode and detect."""
    found = {"passerby": passerby.__version__, "python": platform.python_version(), "system": platform.system()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["ffmpeg"] = str(av.ffmpeg_version_info)
    return found


def plain_values(value: object) -> Any:  # noqa: ANN401 - JSON's own shape
    """Return settings as JSON values: dataclasses as objects, sets sorted, paths as name and digest.

    >>> plain_values({"keep": frozenset({2, 1})})
    {'keep': [1, 2]}
    """
    if isinstance(value, Enum):
        return plain_values(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return {"name": value.name, "digest": digest_named(value).digest}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain_values(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain_values(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain_values(one) for one in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain_values(one) for one in value]
    raise TypeError(f"settings must be plain values, got {type(value).__name__}")


def _entry(file: FileDigest) -> dict[str, Any]:
    entry = {"name": file.name, "bytes": file.size_bytes, "digest": file.digest}
    return entry | ({"version": file.version} if file.version else {})


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    import jsonschema  # a quarter of the time that starting a command takes; needed once, at its end

    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
