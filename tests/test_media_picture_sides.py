"""What a laden picture carries beside its pixels is not in the veiled one; another program, exiftool, looks too."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from passerby.config import PORTRAIT
from passerby.media import read_picture, write_picture

SECRETS = [
    f"SECRET-{name}"
    for name in (
        "MAKE", "SERIAL", "OWNER", "DESCRIPTION", "USERCOMMENT", "ARTIST", "XMPCREATOR", "XMPTITLE", "KEYWORD", "CAPTION",
        "COMMENT", "PROFILE", "TRAILER", "TEXT", "ZTEXT", "ITEXT", "CHUNK", "SEGMENT", "THUMBNAIL", "VIDEO", "SECOND",
    )
]  # fmt: skip
LOOKS = {
    "ExifTool", "System", "File", "Composite", "JFIF", "PNG", "RIFF", "ICC-header", "ICC_Profile",
}  # fmt: skip
"""Groups of exiftool that describe the file itself. In TIFF the pixels' own description stands in IFD0."""
TIFF_TAGS = {
    "ImageWidth", "ImageHeight", "BitsPerSample", "Compression", "PhotometricInterpretation", "StripOffsets",
    "SamplesPerPixel", "RowsPerStrip", "StripByteCounts", "PlanarConfiguration", "SubfileType",
}  # fmt: skip


@pytest.fixture
def exiftool() -> str:
    found = shutil.which("exiftool")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("exiftool is missing: run scripts/install-test-tools")
    pytest.skip("exiftool is missing: run scripts/install-test-tools")


def run(*command: str | Path) -> str:
    result = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=True, timeout=120)
    return result.stdout


def tags(exiftool: str, path: Path) -> dict[str, object]:
    """Everything that exiftool finds, also unknown and embedded, as Group:Tag."""
    found = json.loads(run(exiftool, "-j", "-a", "-G1", "-s", "-u", "-U", "-ee", "-b", path))[0]
    return dict(found)


def extras(exiftool: str, path: Path) -> list[str]:
    names = [name.split(":") for name in tags(exiftool, path) if ":" in name]
    return [
        f"{group}:{name}" for group, name in names if group not in LOOKS and not (group == "IFD0" and name in TIFF_TAGS)
    ]


def profile() -> bytes:
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    place = data.index("No copyright".encode("utf-16-be"))
    secret = "SECRET-PROFILE".encode("utf-16-be")
    data[place : place + len(secret)] = secret
    return bytes(data)


def scene() -> Image.Image:
    with Image.open(PORTRAIT) as portrait:
        return portrait.convert("RGB").crop((150, 40, 310, 140))


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


WANTED = {
    "EXIF:Model": "One", "EXIF:Copyright": "CC BY", "EXIF:ExposureTime": "1/250", "EXIF:FNumber": "2.8", "EXIF:ISO": "200",
    "EXIF:FocalLength": "35", "EXIF:OffsetTimeOriginal": "+01:00",
}  # fmt: skip


def lade(exiftool: str, path: Path) -> None:
    """Let exiftool write EXIF with a thumbnail and a place, XMP, IPTC and a comment."""
    thumbnail = path.with_name("thumbnail.jpg")
    plain = jpeg(scene().resize((40, 24)))
    comment = b"SECRET-THUMBNAIL"
    thumbnail.write_bytes(plain[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + plain[2:])
    values = {
        "EXIF:Make": "SECRET-MAKE", "EXIF:SerialNumber": "SECRET-SERIAL", "EXIF:OwnerName": "SECRET-OWNER",
        "EXIF:ImageDescription": "SECRET-DESCRIPTION", "EXIF:UserComment": "SECRET-USERCOMMENT",
        "EXIF:Artist": "SECRET-ARTIST", "XMP-dc:Creator": "SECRET-XMPCREATOR", "XMP-dc:Title": "SECRET-XMPTITLE",
        "GPSLatitude": "50.0614", "GPSLatitudeRef": "N", "GPSLongitude": "19.9383", "GPSLongitudeRef": "E",
        "XMP-exif:GPSLatitude": "50.0614", "EXIF:DateTimeOriginal": "2020:01:02 03:04:05",
    }  # fmt: skip
    values |= WANTED
    if path.suffix in {".jpg", ".tif"}:
        values |= {"IPTC:Keywords": "SECRET-KEYWORD", "IPTC:Caption-Abstract": "SECRET-CAPTION"}
    if path.suffix == ".jpg":
        values["Comment"] = "SECRET-COMMENT"
    options = [f"-{name}={value}" for name, value in values.items()]
    if path.suffix != ".tif":
        options.append(f"-ThumbnailImage<={thumbnail}")
    run(exiftool, "-q", "-overwrite_original", *options, path)
    thumbnail.unlink()
    assert "GPS" in run(exiftool, "-G1", "-s", "-GPSLatitude", path), "exiftool wrote what it was told"


def laden_jpeg(exiftool: str, path: Path) -> None:
    path.write_bytes(jpeg(scene()))
    scene().save(path, "JPEG", icc_profile=profile())
    lade(exiftool, path)
    data = path.read_bytes()
    segments = b"".join(
        bytes([0xFF, code]) + struct.pack(">H", 2 + len(text)) + text
        for code, text in [
            (0xE5, b"SECRET-SEGMENT"),
            (0xEB, b"JP\0\0SECRET-SEGMENT"),
            (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version='1.0' GCamera:MotionPhoto='1'/>"),
            (0xE2, b"MPF\0II*\0\x08\0\0\0\0\0"),
            (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
        ]
    )
    second = jpeg(scene().rotate(180)) + b"SECRET-SECOND"
    video = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42SECRET-VIDEO" + bytes(500)
    path.write_bytes(data[:2] + segments + data[2:] + second + video + b"SECRET-TRAILER")


def laden_png(exiftool: str, path: Path) -> None:
    scene().save(path, "PNG", icc_profile=profile())
    lade(exiftool, path)
    data = path.read_bytes()
    chunks = b"".join(
        struct.pack(">I", len(text)) + name + text + struct.pack(">I", zlib.crc32(name + text))
        for name, text in [
            (b"tEXt", b"Comment\0SECRET-TEXT"),
            (b"zTXt", b"Note\0\0" + zlib.compress(b"SECRET-ZTEXT")),
            (b"iTXt", b"Note\0\0\0\0\0SECRET-ITEXT"),
            (b"tIME", bytes([7, 228, 1, 2, 3, 4, 5])),
            (b"seCr", b"SECRET-CHUNK"),
        ]
    )
    path.write_bytes(data[:33] + chunks + data[33:] + b"SECRET-TRAILER")


def laden_webp(exiftool: str, path: Path) -> None:
    scene().save(path, "WEBP", icc_profile=profile(), lossless=True)
    lade(exiftool, path)
    chunk = b"seCr" + struct.pack("<I", 12) + b"SECRET-CHUNK"
    data = path.read_bytes() + chunk
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:] + b"SECRET-TRAILER")


def laden_tiff(exiftool: str, path: Path) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[65000], info.tagtype[65000] = "SECRET-CHUNK", 2
    scene().save(path, "TIFF", icc_profile=profile(), tiffinfo=info)
    lade(exiftool, path)
    path.write_bytes(path.read_bytes() + b"SECRET-TRAILER")


LADEN = {".jpg": laden_jpeg, ".png": laden_png, ".webp": laden_webp, ".tif": laden_tiff}


def secrets_in(path: Path) -> set[str]:
    data = path.read_bytes()
    wide = data.decode("utf-16-be", "ignore") + data[1:].decode("utf-16-be", "ignore")
    return {name for name in SECRETS if name.encode() in data or name in wide}


@pytest.mark.tool
@pytest.mark.parametrize("suffix", LADEN)
def test_nothing_beside_the_pixels_is_passed_on(tmp_path: Path, exiftool: str, suffix: str) -> None:
    source = tmp_path / f"a{suffix}"
    LADEN[suffix](exiftool, source)
    assert len(secrets_in(source)) >= 7, "the input is laden"
    digest = source.read_bytes()
    picture = read_picture(source)
    assert picture.notes, "it says that something was left out"
    for target in [f"b{suffix}", "c.png", "d.jpg", "e.webp", "f.tif"]:
        write_picture(picture, tmp_path / target)
        assert secrets_in(tmp_path / target) == set()
        assert extras(exiftool, tmp_path / target) == []
    assert source.read_bytes() == digest, "the input is untouched"


@pytest.mark.tool
@pytest.mark.parametrize("suffix", LADEN)
def test_kept_metadata_is_the_allow_list_and_no_more(tmp_path: Path, exiftool: str, suffix: str) -> None:
    source = tmp_path / f"a{suffix}"
    LADEN[suffix](exiftool, source)
    picture = read_picture(source)
    write_picture(picture, tmp_path / f"b{suffix}", keep_metadata=True)
    found = tags(exiftool, tmp_path / f"b{suffix}")
    kept = {name.split(":")[1]: found[name] for name in extras(exiftool, tmp_path / f"b{suffix}")}
    expected: dict[str, object] = {"Make": "SECRET-MAKE", "Model": "One", "Copyright": "CC BY"}
    if suffix == ".tif":
        expected["ModifyDate"] = "2020:01:02 03:04:05"
    else:
        expected |= {"DateTimeOriginal": "2020:01:02 03:04:05", "OffsetTimeOriginal": "+01:00"}
        expected |= {"ExposureTime": "1/250", "FNumber": 2.8, "ISO": 200, "FocalLength": "35.0 mm"}
    assert kept == expected
    assert secrets_in(tmp_path / f"b{suffix}") == {"SECRET-MAKE"}


def test_kept_text_that_is_odd_is_left_out(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "x" * 201
    exif[0x0110] = "two\nlines"
    exif[0x8298] = "fine"
    exif[0x8769] = {0x9003: "yesterday, with a friend", 0x8827: 10**6}
    scene().save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert read_picture(tmp_path / "a.jpg").kept == ((0x8298, "fine"),)


def test_notes_name_what_was_left_out(tmp_path: Path, exiftool: str) -> None:
    laden_jpeg(exiftool, tmp_path / "a.jpg")
    notes = read_picture(tmp_path / "a.jpg").notes
    for words in [
        "EXIF left out", "XMP left out", "IPTC left out", "comment left out", "gain map (HDR) left out",
        "further pictures (multi-picture format) left out", "video of a motion photograph left out",
        "further pictures behind the end left out", "bytes behind the end left out",
    ]:  # fmt: skip
        assert any(words in note for note in notes), words


def test_of_a_multi_picture_file_only_the_first_is_written(tmp_path: Path) -> None:
    scene().save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[scene().rotate(180)])
    with Image.open(tmp_path / "a.mpo") as image:
        assert getattr(image, "n_frames", 1) == 2, "the input holds two"
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.mpo").read_bytes())
    picture = read_picture(tmp_path / "a.jpg")
    assert "further pictures (multi-picture format) left out" in picture.notes
    write_picture(picture, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.format == "JPEG"
        assert np.abs(np.asarray(image).astype(int) - picture.rgb).mean() < 3
    data = (tmp_path / "b.jpg").read_bytes()
    assert data.count(b"\xff\xd8\xff") == 1
    assert data.endswith(b"\xff\xd9")


def test_pixels_under_a_cut_off_end_do_not_survive(tmp_path: Path) -> None:
    # what is known as aCropalypse: a smaller PNG written over a larger one
    big, small = io.BytesIO(), io.BytesIO()
    scene().save(big, "PNG")
    scene().crop((0, 0, 20, 20)).save(small, "PNG")
    left = small.getvalue() + big.getvalue()[len(small.getvalue()) :]
    (tmp_path / "a.png").write_bytes(left)
    picture = read_picture(tmp_path / "a.png")
    assert any("bytes behind the end left out" in note for note in picture.notes)
    write_picture(picture, tmp_path / "b.png")
    written = (tmp_path / "b.png").read_bytes()
    assert written.endswith(b"IEND\xaeB`\x82")
    assert len(written) < len(small.getvalue()) + 100
