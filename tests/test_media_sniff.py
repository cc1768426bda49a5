"""What a file holds is judged by its bytes, whatever its name."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from passerby.errors import UnreadableError
from passerby.media import Content, ContentKind, sniff_file
from passerby.media.content import HEAD_BYTES, sniff_bytes


@pytest.mark.parametrize(
    ("format_", "kind", "name"),
    [
        ("JPEG", ContentKind.PICTURE, "JPEG"),
        ("PNG", ContentKind.PICTURE, "PNG"),
        ("WEBP", ContentKind.PICTURE, "WebP"),
        ("TIFF", ContentKind.PICTURE, "TIFF"),
        ("GIF", ContentKind.PICTURE, "GIF"),
        ("BMP", ContentKind.PICTURE, "BMP"),
        ("JPEG2000", ContentKind.UNSUPPORTED, "JPEG 2000"),
        ("AVIF", ContentKind.PICTURE, "AVIF"),
    ],
)
def test_pictures_by_their_bytes(tmp_path: Path, format_: str, kind: ContentKind, name: str) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.txt", format=format_)
    assert sniff_file(tmp_path / "a.txt") == Content(kind, name)


@pytest.mark.parametrize(
    ("muxer", "codec", "kind", "name"),
    [
        ("mp4", "libx264", ContentKind.CLIP, "MP4"),
        ("mov", "libx264", ContentKind.CLIP, "MOV"),
        ("matroska", "libx264", ContentKind.CLIP, "Matroska"),
        ("webm", "libvpx", ContentKind.CLIP, "WebM"),
        ("avi", "mpeg4", ContentKind.CLIP, "AVI"),
        ("mpegts", "libx264", ContentKind.CLIP, "MPEG transport stream"),
        ("flv", "libx264", ContentKind.CLIP, "Flash video"),
        ("asf", "mpeg4", ContentKind.CLIP, "Windows Media"),
        ("mxf", "mpeg2video", ContentKind.CLIP, "MXF"),
        ("mpeg", "mpeg1video", ContentKind.CLIP, "MPEG programme stream"),
        ("apng", "apng", ContentKind.CLIP, "animated PNG"),
    ],
)
def test_clips_as_ffmpeg_writes_them(tmp_path: Path, muxer: str, codec: str, kind: ContentKind, name: str) -> None:
    with av.open(str(tmp_path / "a.jpg"), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=Fraction(25))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 64, 64
        stream.pix_fmt = "rgb24" if codec == "apng" else "yuv420p"
        for _ in range(8):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert sniff_file(tmp_path / "a.jpg") == Content(kind, name)


@pytest.mark.parametrize(
    ("head", "kind", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ContentKind.PICTURE, "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", ContentKind.PICTURE, "HEIC"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", ContentKind.UNSUPPORTED, "Canon CR3 raw"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0isommp42", ContentKind.OTHER, "an MPEG-4 sound file"),
        (b"\0\0\0\x18ftypxxxx\0\0\0\0mp42isom", ContentKind.CLIP, "MP4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", ContentKind.CLIP, "MOV"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", ContentKind.CLIP, "MOV"),
        (b"\0\0\0\0ftyp", ContentKind.CLIP, "MP4"),
        (b"OggS\0\x02", ContentKind.OTHER, "an Ogg sound file"),
        (b"OggS\0\x02" + bytes(22) + b"\x01\x2a\x80theora", ContentKind.CLIP, "Ogg"),
        (b"\0\0\0\x01\x67\x64\0\x1f", ContentKind.CLIP, "H.264 stream"),
        (b"\0\0\0\x01\x40\x01\x0c", ContentKind.CLIP, "HEVC stream"),
        (b"\0\0\x01\0\x01\0\x10\x10", ContentKind.UNKNOWN, "data of an unknown format"),
        (b"DHAV\xfd\0\0\0", ContentKind.CLIP, "Dahua recording"),
        (b"RIFF\0\0\0\0WAVEfmt ", ContentKind.OTHER, "a WAVE sound file"),
        (b"II+\0\x08\0\0\0", ContentKind.UNSUPPORTED, "BigTIFF"),
        (b"", ContentKind.OTHER, "an empty file (zero bytes)"),
        (bytes(100), ContentKind.OTHER, "nothing but zero bytes"),
        (b"#!/bin/sh\necho\t1\n", ContentKind.OTHER, "text"),
        ("Zażółć gęślą jaźń".encode(), ContentKind.OTHER, "text"),
        (b'{"a": 1}', ContentKind.OTHER, "text"),
        (b"<svg xmlns='x'/>", ContentKind.OTHER, "XML text (an SVG drawing, a report)"),
        (b"%PDF-1.7", ContentKind.BUNDLE, "a PDF document"),
        (b"abc\0\x01\x02", ContentKind.UNKNOWN, "data of an unknown format"),
    ],
)
def test_other_beginnings(head: bytes, kind: ContentKind, name: str) -> None:
    assert sniff_bytes(head) == Content(kind, name)


def test_text_is_text_where_the_head_ends_inside_a_letter() -> None:
    assert sniff_bytes(("a" + "ż" * HEAD_BYTES).encode()[:HEAD_BYTES]).name == "text"


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_have_a_name(head: bytes) -> None:
    content = sniff_bytes(head)
    assert content.name
    assert content.kind in ContentKind


def test_the_longest_prefix_of_a_real_file_is_enough() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    for length in range(3, 40):
        assert sniff_bytes(buffer.getvalue()[:length]).kind is ContentKind.PICTURE


def test_what_is_no_file_is_unreadable(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in [tmp_path, tmp_path / "pipe", Path("/dev/null")]:
        with pytest.raises(UnreadableError, match="folder, device or pipe"):
            sniff_file(path)
    with pytest.raises(UnreadableError, match="No such file"):
        sniff_file(tmp_path / "nowhere")
    with pytest.raises(UnreadableError, match="cannot read"):
        sniff_file(tmp_path / "loop")
