"""The sign that hangs beside a camera: one A5 drawing with the camera's page as a QR code, to print without any program."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from functools import lru_cache

import segno
from markupsafe import Markup, escape

from passerby.languages import straight
from passerby.web.register.translation import Translation

WIDTH_MM, HEIGHT_MM = 148, 210
"""Source: ISO 216, A5."""
QUIET_MODULES = 4
"""Source: ISO/IEC 18004, the quiet zone."""
CODE_MM = 84


def draw_sign(
    words: Translation, *, address: str, label: str, operator: str, covered: bool, purpose: str | None = None
) -> Markup:
    """Return the sign as an SVG drawing.

    Args:
        words: The language.
        address: The camera's public page.
        label: The camera's name.
        operator: Who runs it.
        covered: Whether the register says that faces are covered.
        purpose: What the camera is for, where the register says so.
    """
    lines: list[tuple[str, float, str]] = [(words.text("sign.heading"), 11, "bold")]
    lines += [(line, 7, "normal") for line in wrapped(label, 30, 2)]
    covers = words.text("sign.text" if covered else "sign.text_other")
    lines += [(line, 5.2, "normal") for line in wrapped(f"{words.text('said')} {covers}", 44, 3)]
    if purpose:
        lines += [(line, 5.2, "normal") for line in wrapped(words.text("sign.purpose", purpose=purpose), 44, 2)]
    top = Markup("").join(placed(lines, 18))
    foot = [(line, 4.6, "normal") for line in wrapped(words.text("sign.operator", operator=operator), 48, 2)]
    foot += [(line, 3.6, "normal") for line in broken(address)]
    scan = Markup("").join(placed([(line, 5.2, "bold") for line in wrapped(words.text("sign.scan"), 38, 2)], 72))
    bottom = Markup("").join(placed(foot, 182))
    return Markup(  # noqa: S704  # the frame is ours, every text in it is escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" '
        f'viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}" role="img" lang="{words.language}">'
        f"<title>{escape(words.text('sign.title'))}: {escape(straight(label))}</title>"
        f'<rect width="{WIDTH_MM}" height="{HEIGHT_MM}" fill="#ffffff"/>'
        f'<rect x="4" y="4" width="{WIDTH_MM - 8}" height="{HEIGHT_MM - 8}" rx="4" fill="none" stroke="#000000" '
        f'stroke-width="1.2"/>'
        f"{top}{scan}{code(address)}{bottom}</svg>"
    )


def wrapped(text: str, width: int, most: int) -> list[str]:
    """Return a text in at most so many lines; what does not fit ends in an ellipsis."""
    return textwrap.wrap(str(straight(text)), width, max_lines=most, placeholder=" …") or [text[:width]]


def broken(address: str) -> list[str]:
    """Return an address in lines, broken before the part that names the camera.

    >>> broken("https://cameras.example.org/c/0a1b/")
    ['https://cameras.example.org/', 'c/0a1b/']
    """
    head, _, camera = address.rpartition("/c/")
    return [*wrapped(f"{head}/", 60, 3), f"c/{camera}"]


def placed(lines: list[tuple[str, float, str]], top_mm: float) -> Iterator[Markup]:
    """Yield lines of text, centred, below each other."""
    y = top_mm
    for text, size, weight in lines:
        yield Markup(
            '<text x="{}" y="{}" font-family="sans-serif" font-size="{}" font-weight="{}" text-anchor="middle" fill="#000000">'
            "{}</text>"
        ).format(WIDTH_MM / 2, round(y, 1), size, weight, text)
        y += size * 1.45


@lru_cache(maxsize=256)  # the page and the drawing of one camera follow each other
def code(address: str) -> str:
    """Return an address as a QR code, black on white with its quiet zone, as SVG."""
    rows = segno.make(address, error="q", micro=False).matrix
    modules = len(rows) + 2 * QUIET_MODULES
    path = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(rows, QUIET_MODULES)
        for x, dark in enumerate(row, QUIET_MODULES)
        if dark
    )
    scale = CODE_MM / modules
    return (
        f'<g transform="translate({(WIDTH_MM - CODE_MM) / 2} 86) scale({scale:.5f})">'
        f'<rect width="{modules}" height="{modules}" fill="#ffffff"/><path d="{path}" fill="#000000"/></g>'
    )
