"""What MP4 and MOV files say of a sphere: read from FFmpeg's side data, written anew into a finished file.

Both versions are written, for players know the one or the other: ``st3d`` and ``sv3d`` in the sample entry, and the XML of
version 1 in a ``uuid`` box of the track.

Source: Spherical Video RFC versions 1 and 2 (google/spatial-media); FFmpeg 8.1, ``libavutil/spherical.h`` and ``stereo3d.h``;
ISO/IEC 14496-12, 4.2 (boxes), 8.5.2 (sample entries) and 8.7.5 (chunk offsets).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from passerby.media.spheres.sphere import Sphere, StereoLayout, part_of_sphere

_EQUIRECTANGULAR, _TILE = 0, 2  # AVSphericalProjection
_STEREO_TYPES = {1: StereoLayout.BESIDE, 2: StereoLayout.OVER}  # AVStereo3DType
_ST3D = {StereoLayout.MONO: 0, StereoLayout.OVER: 1, StereoLayout.BESIDE: 2}
_XML_STEREO = {StereoLayout.MONO: "mono", StereoLayout.OVER: "top-bottom", StereoLayout.BESIDE: "left-right"}
_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_PIECE_BYTES = 8 << 20


def sphere_of_side_data(spherical: bytes, stereo: bytes | None) -> Sphere | None:
    """Return what FFmpeg found in a clip: its ``AVSphericalMapping`` and ``AVStereo3D``; None for other projections."""
    if len(spherical) < 32:
        return None
    projection, yaw, pitch, roll = struct.unpack_from("<I3i", spherical)
    if projection not in {_EQUIRECTANGULAR, _TILE}:
        return None
    left, top, right, bottom = (bound / 2**32 for bound in struct.unpack_from("<4I", spherical, 16))
    part = part_of_sphere(left, top, 1 - left - right, 1 - top - bottom)
    kind = struct.unpack_from("<I", stereo)[0] if stereo and len(stereo) >= 4 else 0
    turn = (yaw / 65536, pitch / 65536, roll / 65536)
    layout = _STEREO_TYPES.get(kind, StereoLayout.MONO)
    return Sphere(part.left, part.top, part.width, part.height, layout, turn)


def say_sphere(path: Path, sphere: Sphere) -> None:
    """Tell players that a finished MP4 or MOV shows a sphere, in place.

    Args:
        path: The file, written whole.
        sphere: What it shows.

    Raises:
        OSError: the disk refuses.
        ValueError: it is no such file.
    """
    with path.open("r+b") as file:
        start, length = _find_moov(file)
        file.seek(start)
        moov = file.read(length)
        more = len(_with_sphere(moov, sphere, 0, 0)) - length
        told = _with_sphere(moov, sphere, start + length, more)
        _move_up(file, start + length, more)
        file.seek(start)
        file.write(told)


def _find_moov(file: BinaryIO) -> tuple[int, int]:
    place = 0
    while head := file.read(16):
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:
            break
        if head[4:8] == b"moov":
            return place, length
        place += length
        file.seek(place)
    raise ValueError("there is no moov box")


def _move_up(file: BinaryIO, start: int, more: int) -> None:
    """Move all from a place on towards the end, the last piece first."""
    stop = file.seek(0, 2)
    while stop > start:
        begin = max(start, stop - _PIECE_BYTES)
        file.seek(begin)
        piece = file.read(stop - begin)
        file.seek(begin + more)
        file.write(piece)
        stop = begin


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of boxes one behind another."""
    place = 0
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big") or len(data) - place
        yield data[place + 4 : place + 8], data[place + 8 : place + max(8, length)]
        place += max(8, length)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def _with_sphere(data: bytes, sphere: Sphere, behind: int, more: int, *, in_video: bool = False) -> bytes:
    """Return boxes in which the video track tells of a sphere, and chunks behind a place are found so much further on."""
    made = b""
    for name, content in _boxes(data):
        told = content
        if name in _PARENTS:
            video = in_video or (name == b"trak" and b"vmhd" in content)
            told = _with_sphere(content, sphere, behind, more, in_video=video)
            if name == b"trak" and video:
                told += _box(b"uuid", _UUID + _xml(sphere))
        elif name == b"stsd" and in_video:
            entries = b"".join(_box(entry, inside + _sv3d(sphere)) for entry, inside in _boxes(content[8:]))
            told = content[:8] + entries
        elif name in {b"stco", b"co64"}:
            told = _offsets(content, "I" if name == b"stco" else "Q", behind, more)
        made += _box(name, told)
    return made


def _offsets(content: bytes, kind: str, behind: int, more: int) -> bytes:
    count = int.from_bytes(content[4:8], "big")
    places = struct.unpack_from(f">{count}{kind}", content, 8)
    return content[:8] + struct.pack(f">{count}{kind}", *(at + more if at >= behind else at for at in places))


def _sv3d(sphere: Sphere) -> bytes:
    yaw, pitch, roll = (round(angle * 65536) for angle in sphere.turn_deg)
    shares = (sphere.top, 1 - sphere.top - sphere.height, sphere.left, 1 - sphere.left - sphere.width)
    bounds = (min(2**32 - 1, max(0, round(share * 2**32))) for share in shares)
    header = _box(b"prhd", struct.pack(">I3i", 0, yaw, pitch, roll))
    projection = _box(b"proj", header + _box(b"equi", struct.pack(">5I", 0, *bounds)))
    source = _box(b"svhd", bytes(4) + b"\0")
    stereo = _box(b"st3d", bytes(4) + bytes([_ST3D[sphere.stereo]])) if sphere.stereo else b""
    return stereo + _box(b"sv3d", source + projection)


def _xml(sphere: Sphere) -> bytes:
    fields = {
        "Spherical": "true",
        "Stitched": "true",
        "StitchingSoftware": "unknown",
        "ProjectionType": "equirectangular",
        "StereoMode": _XML_STEREO[sphere.stereo],
    }
    said = "".join(f"<GSpherical:{name}>{value}</GSpherical:{name}>" for name, value in fields.items())
    return (
        '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        f'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">{said}</rdf:SphericalVideo>'
    ).encode()
