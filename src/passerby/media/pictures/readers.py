"""Opens the pictures of a file without decoding them: the one that a still holds, or each page of a TIFF.

What was judged by its first bytes is read as that and nothing else. Raw photographs dress as TIFF: their first page is a small
copy, and the picture itself lies where no page is; they are refused.

Source: TIFF 6.0 and its supplements 1 (SubIFDs) and 2; DNG 1.7; Google's motion photograph format for ``mpvd``.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from passerby.errors import UnreadableError, UnsupportedError
from passerby.media.pictures.hints import DNG_COMMAND, RAW_COMMAND, SAVE_PLAIN_COLOURS, SAVE_WHOLE_NUMBERS

MOST_PAGES = 2000
"""Pages of a TIFF. Source: a choice; scanners' batches hold some hundred."""
_SUB_FOLDERS, _DNG_VERSION, _KIND, _PHOTOMETRIC, _PLANAR = 330, 50706, 254, 262, 284
_BITS, _SAMPLE_FORMAT, _PROFILE = 258, 339, 34675
_SMALLER, _MASK = 1, 4  # bits of the kind of a page
_OF_A_SENSOR = {32803, 34892}  # colour filter array, linear raw
_MOST_FOLDERS = 16
_NCLX = re.compile(rb"colrnclx(..)(..)", re.DOTALL)
_HDR = {16, 18}  # transfers: PQ, HLG


def _heif(file: IO[bytes]) -> Image.Image:
    from pillow_heif import HeifImageFile  # 26 MB of libraries that most runs do not need

    opened: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]
    return opened


_READERS: dict[str, Callable[[IO[bytes]], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "HEIC": _heif,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}


def open_page(data: bytes, format_: str, page: int = 0) -> Image.Image:
    """Open one picture of a file, without decoding it; the caller closes it.

    Args:
        data: The file.
        format_: As ``sniff_bytes`` names it.
        page: From 0; of a TIFF.

    Raises:
        UnsupportedError: it moves, is raw, or has samples that are not understood; hints hold templates of commands.
    """
    image = _opened(data, format_, page)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if _PROFILE in image.tag_v2:
            image.info["icc_profile"] = image.tag_v2[_PROFILE]
        else:
            image.info.pop("icc_profile", None)  # it is the first page's
        _check_samples(image)
    elif format_ in {"HEIC", "AVIF"}:
        image.info["nclx"] = _code_points(data)
    elif format_ != "GIF" and getattr(image, "is_animated", False):
        message = f"picture must be a single still, got an animated {format_}"
        raise UnsupportedError(message, hint="turn it into a clip first: ffmpeg -i {file} {stem}.mp4")
    return image


def pages_of(data: bytes, format_: str) -> Iterator[int]:
    """Yield which pages of a file are pictures of their own: one for all but TIFF.

    Raises:
        UnsupportedError: a raw photograph, or more pages than ``MOST_PAGES``.
        UnreadableError: no page is one.
    """
    if format_ != "TIFF":
        yield 0
        return
    with _opened(data, format_) as image:
        if not isinstance(image, TiffImagePlugin.TiffImageFile):
            return
        count = image.n_frames
        if count > MOST_PAGES:
            message = f"TIFF must have at most {MOST_PAGES} pages, got {count}"
            raise UnsupportedError(message, hint="split it first: tiffsplit {file}")
        kinds = []
        for page in range(count):
            _seek(image, page)
            _check_raw(image, data)
            kinds.append(int(image.tag_v2.get(_KIND, 0)))
    whole = [page for page, kind in enumerate(kinds) if not kind & (_SMALLER | _MASK)]
    if not whole:
        message = "picture must be developed, got a raw photograph with a preview"
        raise UnsupportedError(message, hint=f"develop it first: {RAW_COMMAND}")
    yield from whole


def _opened(data: bytes, format_: str, page: int = 0) -> Image.Image:
    try:
        image = _READERS[format_](io.BytesIO(data))
    except SyntaxError as exc:
        raise _not_understood(exc, data) from exc
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _seek(image, page)
    return image


def _seek(image: TiffImagePlugin.TiffImageFile, page: int) -> None:
    try:
        image.seek(page)
    except SyntaxError as exc:
        raise _not_understood(exc, b"") from exc


def _not_understood(exc: SyntaxError, data: bytes) -> Exception:
    """Tell samples that are no picture of ours from a file that is broken: Pillow says both alike."""
    if any(folder.get(_PHOTOMETRIC) in _OF_A_SENSOR for folder in _folders(data, (_first_folder(data),))):
        return UnsupportedError(
            "picture must be developed, got a raw photograph", hint=f"develop it first: {RAW_COMMAND}"
        )
    if str(exc) not in {"unknown pixel mode", "unknown data organization", "Unsupported BMP pixel depth (0)"}:
        return exc
    return UnsupportedError("picture must have samples of 8 or 16 bits that are whole numbers", hint=SAVE_WHOLE_NUMBERS)


def _code_points(data: bytes) -> tuple[int, int]:
    """Return primaries and transfer of a HEIF picture by ITU-T H.273, 2 where it does not say.

    Raises:
        UnsupportedError: its colours are HDR.
    """
    place = 0
    while place + 8 <= len(data) and data[place + 4 : place + 8] != b"meta":
        place += max(8, int.from_bytes(data[place : place + 4], "big"))
    said = _NCLX.search(data[place : place + int.from_bytes(data[place : place + 4], "big")])
    if said is None:
        return 2, 2
    primaries, transfer = int.from_bytes(said[1], "big"), int.from_bytes(said[2], "big")
    if transfer in _HDR:
        raise UnsupportedError("picture must have ordinary colours, got HDR (PQ or HLG)", hint=SAVE_PLAIN_COLOURS)
    return primaries, transfer


def _check_raw(image: TiffImagePlugin.TiffImageFile, data: bytes) -> None:
    tags = image.tag_v2
    if _DNG_VERSION in tags:
        raise UnsupportedError(
            "picture must be developed, got a raw photograph (DNG)", hint=f"develop it first: {DNG_COMMAND}"
        )
    if tags.get(_PHOTOMETRIC) in _OF_A_SENSOR or any(
        folder.get(_PHOTOMETRIC) in _OF_A_SENSOR for folder in _sub_folders(tags, data)
    ):
        raise UnsupportedError(
            "picture must be developed, got a raw photograph", hint=f"develop it first: {RAW_COMMAND}"
        )


def _sub_folders(
    tags: TiffImagePlugin.ImageFileDirectory_v2, data: bytes
) -> Iterator[TiffImagePlugin.ImageFileDirectory_v2]:
    """Yield the folders below a page, in which raw photographs keep their samples."""
    offsets = tags.get(_SUB_FOLDERS, ())
    return _folders(data, offsets if isinstance(offsets, tuple) else (offsets,))


def _first_folder(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big")


def _folders(data: bytes, offsets: Sequence[int]) -> Iterator[TiffImagePlugin.ImageFileDirectory_v2]:
    """Yield the folders of a TIFF at some places; broken ones are left out."""
    for offset in offsets[:_MOST_FOLDERS]:
        file = io.BytesIO(data)
        try:
            folder = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
            file.seek(offset)
            folder.load(file)
            yield folder
        except (OSError, SyntaxError, ValueError, TypeError, struct.error, LookupError):
            continue


def _check_samples(image: TiffImagePlugin.TiffImageFile) -> None:
    tags = image.tag_v2
    bits = set(tags.get(_BITS, (1,)))
    if bits - {1, 2, 4, 8, 16} or len(bits) > 1 or set(tags.get(_SAMPLE_FORMAT, (1,))) - {1, 4}:
        message = f"TIFF samples must be whole numbers of 8 or 16 bits, got {sorted(bits)} bits, kind {tags.get(_SAMPLE_FORMAT)}"
        raise UnsupportedError(message, hint=SAVE_WHOLE_NUMBERS)
    if bits == {16} and tags.get(_PHOTOMETRIC) == 0:
        raise UnsupportedError("16-bit TIFF must have black as zero", hint=SAVE_WHOLE_NUMBERS)
    if bits == {16} and tags.get(_PLANAR) == 2 and len(tags.get(_BITS, ())) > 1:
        raise UnsupportedError("16-bit TIFF must hold its colours side by side, got planes", hint=SAVE_WHOLE_NUMBERS)
    if not image.tile:
        raise UnreadableError("TIFF page has no pixels")
