"""What docs/pictures.md states is what the code does."""

from __future__ import annotations

from pathlib import Path

from PIL import ExifTags

from passerby.media.content import BRANDS, PICTURE_NAMES, PREFIXES, ContentKind
from passerby.media.pictures.metadata import INSIDE_TAGS, MAIN_TAGS
from passerby.media.pictures.picture import MAX_FILE_BYTES, MAX_PIXELS
from passerby.media.pictures.quality import HIGHEST_QUALITY, LOWEST_QUALITY, WEBP_QUALITY

TEXT = (Path(__file__).parent.parent / "docs" / "pictures.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}")[1].split("\n## ")[0]


def test_kept_metadata_is_what_the_page_lists() -> None:
    written = {word.strip(" .") for word in section("Kept with").split("\n")[1].split(". ")[0].split(",")}
    names = {ExifTags.TAGS[tag] for tag in [*MAIN_TAGS, *INSIDE_TAGS]}
    renamed = {"ISOSpeedRatings": "PhotographicSensitivity"}  # EXIF 2.3 gave the tag its new name
    assert written == {renamed.get(name, name) for name in names}


def test_limits_are_what_the_page_states() -> None:
    assert f"{MAX_PIXELS // 1_000_000} million pixels and {MAX_FILE_BYTES // 1_000_000} MB" in TEXT
    assert f"({LOWEST_QUALITY} to {HIGHEST_QUALITY})" in TEXT
    assert f"quality {WEBP_QUALITY}" in TEXT


def test_formats_are_what_the_page_lists() -> None:
    for name in PICTURE_NAMES:
        assert name in section("Read and written")
    refused = {name for _, kind, name in PREFIXES if kind is ContentKind.UNSUPPORTED} | set(BRANDS.values())
    pictures = {"BigTIFF", "MNG", "JNG", "JPEG 2000", "JPEG XL", "Photoshop"}
    assert pictures <= refused
    for name in pictures:
        assert name in section("Refused by name")
