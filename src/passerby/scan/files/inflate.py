"""Decompresses in pieces of bounded size; nothing here knows how long its input says that it is."""

from __future__ import annotations

import bz2
import enum
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 1 << 18
_MOST_DICTIONARY_BYTES = 128 << 20
_MOST_ZSTD_WINDOW_LOG = 27
"""128 MiB. Source: RFC 8878, 3.1.1.1.2, asks decoders for 8 MiB; ``zstd`` itself refuses above 128 MiB unless asked."""

DAMAGED = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstd.ZstdError)
"""What reading a damaged archive raises: not a mistake of ours."""


class Packing(enum.StrEnum):
    """How bytes are compressed."""

    GZIP = "gzip"
    DEFLATE = "deflate"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZMA = "lzma"
    ZSTD = "zstd"


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib with the interface of the others."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(piece) < max_length
        return piece


def _zstd() -> _Unpacker:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MOST_ZSTD_WINDOW_LOG})


_MAKE: dict[Packing, Callable[[], _Unpacker]] = {
    Packing.GZIP: lambda: _Zlib(16 + zlib.MAX_WBITS),
    Packing.DEFLATE: lambda: _Zlib(-zlib.MAX_WBITS),
    Packing.BZIP2: bz2.BZ2Decompressor,
    Packing.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_DICTIONARY_BYTES),
    Packing.LZMA: lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MOST_DICTIONARY_BYTES),
    Packing.ZSTD: _zstd,
}


def inflate_one(packing: Packing, packed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield one compressed stream in pieces of at most 256 KiB, and stop where it ends, whatever follows.

    Raises:
        EOFError: the input ends before the stream does.
        ValueError, OSError, zlib.error, lzma.LZMAError, ZstdError: it is damaged, or needs too much memory.
    """
    unpacker = _MAKE[packing]()
    for data in packed:
        piece = unpacker.decompress(data, PIECE_BYTES)
        if piece:
            yield piece
        while not unpacker.eof and not unpacker.needs_input:
            piece = unpacker.decompress(b"", PIECE_BYTES)
            if piece:
                yield piece
        if unpacker.eof:
            return
    raise EOFError("it ends in the middle of its compressed data")


def inflate_all(packing: Packing, packed: Iterator[bytes]) -> Iterator[bytes]:
    """Yield streams that stand one after another, as ``gzip``, ``bzip2``, ``xz`` and ``zstd`` join them, in pieces.

    Zeros between and after them are padding.

    Raises:
        EOFError: the input ends before the stream does.
        ValueError, OSError, zlib.error, lzma.LZMAError, ZstdError: it is damaged, or something else follows.
    """
    rest = b""
    while True:
        unpacker = _MAKE[packing]()
        while not unpacker.eof:
            if not rest and unpacker.needs_input:
                rest = next(packed, b"")
                if not rest:
                    raise EOFError("it ends in the middle of its compressed data")
            piece = unpacker.decompress(rest, PIECE_BYTES)
            rest = b""
            if piece:
                yield piece
        rest = _past_zeros(unpacker.unused_data, packed)
        if not rest:
            return


def _past_zeros(rest: bytes, packed: Iterator[bytes]) -> bytes:
    rest = rest.lstrip(b"\0")
    while not rest:
        data = next(packed, b"")
        if not data:
            return b""
        rest = data.lstrip(b"\0")
    return rest
