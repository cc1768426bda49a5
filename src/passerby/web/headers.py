"""Headers that every page of ours has, whoever serves it."""

from __future__ import annotations

EVERY_PAGE = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    "X-Frame-Options": "DENY",
}
"""Source: WHATWG Fetch and HTML; RFC 7034 (``X-Frame-Options``, for browsers that know no ``frame-ancestors``)."""
