"""Why sealing or reading a seal was refused: one class a reason, so that a caller and a test can tell them apart."""

from __future__ import annotations

from passerby.errors import SealError


class SealPolicyError(SealError):
    """Who may open how cannot be used as it is written."""

    exit_code = 2


class SealFormatError(SealError):
    """Bytes are no pack, box, share or key of the format: cut off, malformed, or beyond its bounds."""
