"""What docs/pictures.md states is what the code does."""

from __future__ import annotations

from pathlib import Path

from PIL import ExifTags

from passerby.media.content import _BRANDS, _PREFIXES, PICTURE_NAMES, ContentKind
from passerby.media.pictures.metadata import _INSIDE, _MAIN
from passerby.media.pictures.picture import MAX_FILE_BYTES, MAX_PIXELS
from passerby.media.pictures.quality import _HIGHEST, _LOWEST, WEBP_QUALITY

TEXT = (Path(__file__).parent.parent / "docs" / "pictures.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}")[1].split("\n## ")[0]


def test_kept_metadata_is_what_the_page_lists() -> None:
    written = {word.strip(" .") for word in section("Kept with").split("\n")[1].split(". ")[0].split(",")}
    names = {ExifTags.TAGS[tag] for tag in [*_MAIN, *_INSIDE]}
    renamed = {"ISOSpeedRatings": "PhotographicSensitivity"}  # EXIF 2.3 gave the tag its new name
    assert written == {renamed.get(name, name) for name in names}


def test_limits_are_what_the_page_states() -> None:
    assert f"{MAX_PIXELS // 1_000_000} million pixels and {MAX_FILE_BYTES // 1_000_000} MB" in TEXT
    assert f"({_LOWEST} to {_HIGHEST})" in TEXT
    assert f"quality {WEBP_QUALITY}" in TEXT


def test_formats_are_what_the_page_lists() -> None:
    for name in PICTURE_NAMES:
        assert name in section("Read and written")
    refused = {name for _, kind, name in _PREFIXES if kind is ContentKind.UNSUPPORTED} | set(_BRANDS.values())
    pictures = {"GIF", "HEIC", "AVIF", "JPEG 2000", "JPEG XL", "Photoshop"}
    assert pictures <= refused
    for name in pictures:
        assert name in section("Refused by name")
