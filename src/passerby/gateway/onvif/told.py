"""What a device tells of itself is data: names are kept plain, addresses are taken apart, and neither is ever a template."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

from passerby.errors import CameraError

_ADDRESS = re.compile(r"(?:rtsps?|https?)://[!-z|~]{1,500}")
_NOWHERE = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1", "localhost"})  # noqa: S104 - told by a camera, not bound to


def told_text(value: object, most: int = 100) -> str:
    r"""Return a text that a device told, without braces and what cannot be printed, cut at a length.

    >>> told_text("Hall\x1b[2J {PASSERBY_X}\u202e")
    'Hall[2J PASSERBY_X'
    """
    return "".join(one for one in str(value) if one.isprintable() and one not in "{}")[:most].strip()


def told_address(url: str, host: str) -> str:
    """Return the address of a stream that a device told: without login; at the device where it tells one that reaches nobody.

    Args:
        url: As it came.
        host: Where the device was asked.

    Raises:
        CameraError: it is no address of a stream, or holds what no address may.

    >>> told_address("rtsp://u:p@0.0.0.0/main", "192.0.2.7")
    'rtsp://192.0.2.7:554/main'
    """
    if _ADDRESS.fullmatch(url) is None:
        raise CameraError(f"camera at {host} must tell the address of a stream, tells something else")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise CameraError(f"camera at {host} must tell the address of a stream, tells something else") from exc
    place = parts.netloc.rpartition("@")[2]
    if parts.hostname is None or (parts.hostname in _NOWHERE and parts.hostname != host):
        place = f"[{host}]" if ":" in host else host
        place += f":{port or 554}"
    return parts._replace(netloc=place).geturl()


def same_machine(told: str, asked: str) -> bool:
    """Return whether a host that a device told is the one that was asked, by name or by the addresses of that name.

    What was told is compared and never looked up: a name of the device's choice could mean another machine tomorrow.
    """
    told, asked = told.strip("[]").lower(), asked.strip("[]").lower()
    if told == asked:
        return True
    try:
        found = socket.getaddrinfo(asked, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return told in {str(address[0]).partition("%")[0] for *_, address in found}
