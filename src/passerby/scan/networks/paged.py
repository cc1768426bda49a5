"""A file read at any place, by pages, so that a few bytes here and there of gigabytes cost little memory and time."""

from __future__ import annotations

from collections import OrderedDict
from typing import BinaryIO

_PAGE_BITS = 14
_PAGE = 1 << _PAGE_BITS
_PAGES = 512
"""Pages that are kept: 8 MiB."""


class PagedFile:
    """Any place of a file.

    Args:
        stream: Seekable; stays open.
        size_bytes: Of the file.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self._stream = stream
        self._pages: OrderedDict[int, bytes] = OrderedDict()
        self.size_bytes = size_bytes

    def bytes_at(self, start: int, count: int) -> bytes:
        """Return bytes at a place, fewer where the file ends, none outside of it."""
        if not 0 <= start < self.size_bytes:
            return b""
        number, offset = start >> _PAGE_BITS, start & (_PAGE - 1)
        page = self._pages.get(number) or self._load(number)
        if offset + count <= len(page):
            return page[offset : offset + count]
        parts = [page[offset:]]
        left = count - len(parts[0])
        while left > 0 and len(page) == _PAGE:
            number += 1
            page = self._pages.get(number) or self._load(number)
            parts.append(page[:left])
            left -= len(parts[-1])
        return b"".join(parts)

    def _load(self, number: int) -> bytes:
        self._stream.seek(number * _PAGE)
        page = self._stream.read(_PAGE)
        self._pages[number] = page
        if len(self._pages) > _PAGES:
            self._pages.popitem(last=False)
        return page
