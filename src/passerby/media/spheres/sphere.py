"""Pictures that show a whole sphere, or a part of one, by longitude across and latitude down (equirectangular).

Source: Google Photo Sphere XMP (GPano), Spherical Video RFC versions 1 and 2 (``sv3d``, ``st3d``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

_GPANO = "http://ns.google.com/photos/1.0/panorama/"
_EQUIRECTANGULAR = re.compile(rb"ProjectionType\s*(?:=\s*[\"']|>)\s*equirectangular", re.IGNORECASE)
_NUMBER = rb"\s*(?:=\s*[\"']|>)\s*(\d{1,7})"
MOST_PIXELS = 1_000_000
"""A panorama that says it is wider or higher is not believed. Source: a choice."""


class StereoLayout(IntEnum):
    """How the pictures for two eyes lie in one. Source: Spherical Video V2 RFC, ``st3d``."""

    MONO = 0
    OVER = 1
    """Left eye above, right eye below."""
    BESIDE = 2
    """Left eye left, right eye right."""


@dataclass(frozen=True, slots=True)
class Sphere:
    """What part of the sphere a picture shows.

    Attributes:
        left: Longitude of its left edge, 0 to 1 of the way round.
        top: Latitude of its upper edge, 0 (zenith) to 1 (nadir).
        width: Share of the way round that it shows, above 0 to 1.
        height: Share of the way from zenith to nadir that it shows, above 0 to 1.
        stereo: One picture, or one for each eye.
        turn_deg: By how much players turn the sphere first: yaw, pitch, roll.
    """

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    stereo: StereoLayout = StereoLayout.MONO
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def is_round(self) -> bool:
        """Whether its right edge meets its left one."""
        return self.width > 0.999

    def as_xmp(self, width_px: int, height_px: int) -> bytes:
        """Return the XMP that tells players of a still picture of this size what it shows, and nothing else."""
        fields = {
            "ProjectionType": "equirectangular",
            "UsePanoramaViewer": "True",
            "FullPanoWidthPixels": round(width_px / self.width),
            "FullPanoHeightPixels": round(height_px / self.height),
            "CroppedAreaImageWidthPixels": width_px,
            "CroppedAreaImageHeightPixels": height_px,
            "CroppedAreaLeftPixels": round(self.left * width_px / self.width),
            "CroppedAreaTopPixels": round(self.top * height_px / self.height),
        }
        said = " ".join(f'GPano:{name}="{value}"' for name, value in fields.items())
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
            f'xmlns:GPano="{_GPANO}" {said}/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
        ).encode()


def sphere_of_xmp(xmp: bytes, size: tuple[int, int]) -> Sphere | None:
    """Return what part of the sphere a still picture shows by its XMP, or None where it shows none.

    Args:
        xmp: The packet, as found in the file.
        size: Width and height of the picture, pixels.

    >>> sphere_of_xmp(Sphere(top=0.25, height=0.5).as_xmp(400, 100), (400, 100))
    Sphere(left=0.0, top=0.25, width=1.0, height=0.5, stereo=<StereoLayout.MONO: 0>, turn_deg=(0.0, 0.0, 0.0))
    """
    if not _EQUIRECTANGULAR.search(xmp):
        return None
    names = ("FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaLeftPixels", "CroppedAreaTopPixels")
    full_w, full_h, left, top = (_number(xmp, name) for name in names)
    part_w, part_h = _number(xmp, "CroppedAreaImageWidthPixels"), _number(xmp, "CroppedAreaImageHeightPixels")
    if not (full_w and full_h) or max(full_w, full_h) > MOST_PIXELS:
        full_w, full_h, left, top, part_w, part_h = *size, 0, 0, *size
    return part_of_sphere(
        (left or 0) / full_w, (top or 0) / full_h, (part_w or full_w) / full_w, (part_h or full_h) / full_h
    )


def part_of_sphere(left: float, top: float, width: float, height: float) -> Sphere:
    """Return what a picture shows by shares of the whole way; what makes no sense counts as the whole sphere.

    >>> part_of_sphere(0.5, 0, 0.9, 1) == Sphere()
    True
    """
    inside = 0 <= left < 1 and 0 <= top < 1 and width > 0.01 and height > 0.01
    if not inside or left + width > 1.001 or top + height > 1.001:
        return Sphere()
    return Sphere(left, top, min(width, 1.0), min(height, 1.0))


def _number(xmp: bytes, name: str) -> int | None:
    found = re.search(name.encode() + _NUMBER, xmp)
    return int(found[1]) if found else None
