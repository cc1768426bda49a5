"""The manifest says which file was made from which, how and by what, in its published form."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import passerby
from passerby.errors import OutputError, UnreadableError, UsageError
from passerby.media import FileDigest, build_manifest, digest_named, library_versions, write_manifest
from passerby.media.manifest import SCHEMA, plain_values
from passerby.values import Digest, digest_bytes
from passerby.veil.settings import CoverSettings, VeilSettings

WEIGHTS = digest_bytes(b"weights")


def schema() -> dict[str, Any]:
    return dict(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "Jan Kowalski"
    folder.mkdir()
    (folder / "in.mp4").write_bytes(b"bare")
    (folder / "in_veiled.mp4").write_bytes(b"veiled")
    return folder / "in.mp4", folder / "in_veiled.mp4"


def built(pair: tuple[Path, Path], settings: object = None, weights: Digest | None = WEIGHTS) -> dict[str, Any]:
    source, target = pair
    told = VeilSettings() if settings is None else settings
    return build_manifest(inputs=[digest_named(source)], outputs=[digest_named(target)], settings=told, weights=weights)


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_manifest_is_what_was_asked_for(pair: tuple[Path, Path]) -> None:
    path = write_manifest(built(pair), pair[1], overwrite=False)
    assert path.name == "in_veiled.mp4.manifest.json"
    text = path.read_text(encoding="utf-8")
    read = json.loads(text)
    jsonschema.validate(read, schema())
    assert read["inputs"] == [{"name": "in.mp4", "bytes": 4, "digest": "sha256:" + hashlib.sha256(b"bare").hexdigest()}]
    assert read["outputs"][0]["digest"] == "sha256:" + hashlib.sha256(b"veiled").hexdigest()
    assert read["weights"] == WEIGHTS
    assert read["settings"]["cover"]["style"] == "solid"
    assert read["settings"]["cover"]["fill"] == [112, 112, 112]
    assert read["created"].endswith("Z")
    assert "Kowalski" not in text, "folders often name people"


def test_versions_of_what_decodes_encodes_and_detects_are_in_it(pair: tuple[Path, Path]) -> None:
    found = built(pair)["versions"]
    assert found["passerby"] == passerby.__version__
    assert {"python", "av", "ffmpeg", "numpy", "openvino", "pillow"} <= set(found)
    assert found["ffmpeg"][0].isdigit()
    assert found == library_versions()


def test_files_in_settings_become_name_and_digest(pair: tuple[Path, Path], tmp_path: Path) -> None:
    image = tmp_path / "cover.png"
    image.write_bytes(b"a cover")
    told = replace(VeilSettings(), cover=CoverSettings(image=image, keep=frozenset({7, 3})))
    cover = built(pair, told)["settings"]["cover"]
    assert cover["image"] == {"name": "cover.png", "digest": digest_bytes(b"a cover")}
    assert cover["keep"] == [3, 7]


def test_no_detector_is_null(pair: tuple[Path, Path]) -> None:
    assert built(pair, weights=None)["weights"] is None


def test_output_under_a_temporary_name_is_called_by_its_own(tmp_path: Path) -> None:
    (tmp_path / ".passerby-00.png").write_bytes(b"x")
    assert digest_named(tmp_path / ".passerby-00.png", name="a.png") == FileDigest("a.png", 1, digest_bytes(b"x"))


def test_name_that_is_no_text_is_made_readable(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")  # Latin-1, as old disks have it
    path.write_bytes(b"x")
    found = build_manifest(inputs=[], outputs=[digest_named(path)], settings={}, weights=None)
    written = write_manifest(found, path, overwrite=False)
    assert json.loads(written.read_bytes())["outputs"][0]["name"] == "caf\ufffd.png"


def test_existing_manifest_is_replaced_only_when_asked(pair: tuple[Path, Path]) -> None:
    write_manifest(built(pair), pair[1], overwrite=False)
    with pytest.raises(UsageError, match="exists already"):
        write_manifest(built(pair), pair[1], overwrite=False)
    write_manifest(built(pair, {"other": 1}), pair[1], overwrite=True)
    assert '"other": 1' in (pair[1].parent / "in_veiled.mp4.manifest.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"weights": "md5:0"}, "weights"),
        ({"outputs": []}, "outputs"),
        ({"more": 1}, "more"),
        ({"schema": "passerby-manifest-2"}, "schema"),
        ({"created": "yesterday"}, "created"),
        ({"inputs": [{"name": "/home/jan/in.mp4", "bytes": 1, "digest": WEIGHTS}]}, "inputs"),
        ({"inputs": [{"name": "in.mp4", "bytes": -1, "digest": WEIGHTS}]}, "inputs"),
        ({"versions": {"passerby": "1"}}, "versions"),
    ],
)
def test_schema_refuses(pair: tuple[Path, Path], change: dict[str, Any], place: str) -> None:
    manifest = json.loads(json.dumps(built(pair))) | change
    errors = list(jsonschema.Draft202012Validator(schema()).iter_errors(manifest))
    assert errors
    assert place in str(errors[0].json_path) + errors[0].message


def test_manifest_that_would_not_fit_is_not_written(pair: tuple[Path, Path]) -> None:
    with pytest.raises(OutputError, match="does not fit its schema"):
        built(pair, weights=Digest("md5:0"))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"nowhere\.mp4"):
        digest_named(tmp_path / "nowhere.mp4")


def test_plain_values() -> None:
    class Colour(StrEnum):
        RED = "red"

    @dataclass
    class Told:
        colour: Colour
        pair: tuple[float, None]

    assert plain_values(Told(Colour.RED, (0.5, None))) == {"colour": "red", "pair": [0.5, None]}
    with pytest.raises(TypeError, match="plain values, got object"):
        plain_values(object())
