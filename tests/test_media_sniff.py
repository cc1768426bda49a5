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
from passerby.media import Content, Kind, sniff
from passerby.media.content import HEAD_BYTES, sniff_bytes


@pytest.mark.parametrize(
    ("format_", "kind", "name"),
    [
        ("JPEG", Kind.PICTURE, "JPEG"),
        ("PNG", Kind.PICTURE, "PNG"),
        ("WEBP", Kind.PICTURE, "WebP"),
        ("TIFF", Kind.PICTURE, "TIFF"),
        ("GIF", Kind.UNSUPPORTED, "GIF"),
        ("BMP", Kind.UNSUPPORTED, "BMP"),
        ("JPEG2000", Kind.UNSUPPORTED, "JPEG 2000"),
        ("AVIF", Kind.UNSUPPORTED, "AVIF"),
    ],
)
def test_pictures_by_their_bytes(tmp_path: Path, format_: str, kind: Kind, name: str) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.txt", format=format_)
    assert sniff(tmp_path / "a.txt") == Content(kind, name)


@pytest.mark.parametrize(
    ("muxer", "codec", "kind", "name"),
    [
        ("mp4", "libx264", Kind.CLIP, "MP4"),
        ("mov", "libx264", Kind.CLIP, "MOV"),
        ("matroska", "libx264", Kind.CLIP, "Matroska"),
        ("webm", "libvpx", Kind.CLIP, "WebM"),
        ("avi", "mpeg4", Kind.CLIP, "AVI"),
        ("mpegts", "libx264", Kind.UNSUPPORTED, "MPEG transport stream"),
        ("flv", "libx264", Kind.UNSUPPORTED, "Flash video"),
        ("asf", "mpeg4", Kind.UNSUPPORTED, "Windows Media"),
        ("mxf", "mpeg2video", Kind.UNSUPPORTED, "MXF"),
        ("mpeg", "mpeg1video", Kind.UNSUPPORTED, "MPEG programme stream"),
        ("apng", "apng", Kind.PICTURE, "PNG"),
    ],
)
def test_clips_as_ffmpeg_writes_them(tmp_path: Path, muxer: str, codec: str, kind: Kind, name: str) -> None:
    with av.open(str(tmp_path / "a.jpg"), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=Fraction(25))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 64, 64
        stream.pix_fmt = "rgb24" if codec == "apng" else "yuv420p"
        for _ in range(8):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert sniff(tmp_path / "a.jpg") == Content(kind, name)


@pytest.mark.parametrize(
    ("head", "kind", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Kind.UNSUPPORTED, "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Kind.UNSUPPORTED, "HEIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", Kind.UNSUPPORTED, "Canon raw"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0isommp42", Kind.OTHER, "an MPEG-4 sound file"),
        (b"\0\0\0\x18ftypxxxx\0\0\0\0mp42isom", Kind.CLIP, "MP4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", Kind.CLIP, "MOV"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", Kind.CLIP, "MOV"),
        (b"\0\0\0\0ftyp", Kind.CLIP, "MP4"),
        (b"OggS\0\x02", Kind.UNSUPPORTED, "Ogg"),
        (b"RIFF\0\0\0\0WAVEfmt ", Kind.OTHER, "a WAVE sound file"),
        (b"II+\0\x08\0\0\0", Kind.UNSUPPORTED, "BigTIFF"),
        (b"", Kind.OTHER, "an empty file (zero bytes)"),
        (bytes(100), Kind.OTHER, "nothing but zero bytes"),
        (b"#!/bin/sh\necho\t1\n", Kind.OTHER, "text"),
        ("Zażółć gęślą jaźń".encode(), Kind.OTHER, "text"),
        (b'{"a": 1}', Kind.OTHER, "text"),
        (b"<svg xmlns='x'/>", Kind.OTHER, "XML text (an SVG drawing, a report)"),
        (b"%PDF-1.7", Kind.OTHER, "a PDF document"),
        (b"abc\0\x01\x02", Kind.OTHER, "data of an unknown format"),
    ],
)
def test_other_beginnings(head: bytes, kind: Kind, name: str) -> None:
    assert sniff_bytes(head) == Content(kind, name)


def test_text_is_text_where_the_head_ends_inside_a_letter() -> None:
    assert sniff_bytes(("a" + "ż" * HEAD_BYTES).encode()[:HEAD_BYTES]).name == "text"


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_have_a_name(head: bytes) -> None:
    content = sniff_bytes(head)
    assert content.name
    assert content.kind in Kind


def test_the_longest_prefix_of_a_real_file_is_enough() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    for length in range(3, 40):
        assert sniff_bytes(buffer.getvalue()[:length]).kind is Kind.PICTURE


def test_what_is_no_file_is_unreadable(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in [tmp_path, tmp_path / "pipe", Path("/dev/null")]:
        with pytest.raises(UnreadableError, match="folder, device or pipe"):
            sniff(path)
    with pytest.raises(UnreadableError, match="No such file"):
        sniff(tmp_path / "nowhere")
    with pytest.raises(UnreadableError, match="cannot read"):
        sniff(tmp_path / "loop")
