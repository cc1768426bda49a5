"""Java and Kotlin as shipped, in dex and class files: which of the catalogue's packages and classes they name.

Source: Android, Dalvik executable format; Java Virtual Machine Specification, chapter 4.
"""

from __future__ import annotations

import functools
import re
import struct

import numpy as np

from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.marks import Marks
from passerby.scan.binaries.window import BinaryFaultError, Window

DEX_MAGIC, CLASS_MAGIC = b"dex\n0", b"\xca\xfe\xba\xbe"
_MOST_HITS = 100_000


@functools.cache
def _expression(names: frozenset[str]) -> re.Pattern[bytes]:
    whole = b"|".join(re.escape(name.encode()) for name in sorted(names, key=lambda name: (-len(name), name)))
    return re.compile(b"L(" + whole + rb")(?=[/;$])")


def read_dex(window: Window, marks: Marks, gathered: Gathered) -> None:
    """Gather the packages and classes of the catalogue that a dex file defines or uses.

    Only names of types count, not texts that look like one.

    Raises:
        BinaryFaultError: its tables cannot be read.
    """
    strings, strings_at, types, types_at = window.unpack("<IIII", 56, "the header")
    string_places = np.frombuffer(window.at(strings_at, strings * 4, "the table of strings"), "<u4")
    type_strings = np.frombuffer(window.at(types_at, types * 4, "the table of types"), "<u4")
    if type_strings.size and int(type_strings.max()) >= string_places.size:
        raise BinaryFaultError("a type has no name")
    starts = set(string_places[type_strings].tolist())
    data = window.at(0, window.size_bytes, "the file")
    for count, match in enumerate(_expression(frozenset(marks.classes)).finditer(data)):
        if count > _MOST_HITS:
            break
        # a string begins with its length, of one byte below 128 and of two below 16,384
        if match.start() - 1 in starts or match.start() - 2 in starts:
            gathered.classes.add(match[1].decode())


def read_class(window: Window, marks: Marks, gathered: Gathered) -> None:
    """Gather the packages and classes of the catalogue that a class file is, or uses.

    Raises:
        BinaryFaultError: its table of constants cannot be read.
    """
    data = window.at(0, window.size_bytes, "the file")
    whole = _expression(frozenset(marks.classes))
    for name in _class_names(data):
        # an array of objects is spelled [Lname; and a class is its name alone
        if match := whole.match(name.lstrip(b"[") if name[:1] == b"[" else b"L" + name + b";"):
            gathered.classes.add(match[1].decode())


_LENGTHS = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}


def _class_names(data: bytes) -> list[bytes]:
    try:
        (count,) = struct.unpack_from(">H", data, 8)
        place, index, texts, classes = 10, 1, {}, []
        while index < count:
            tag = data[place]
            if tag == 1:
                (length,) = struct.unpack_from(">H", data, place + 1)
                texts[index] = data[place + 3 : place + 3 + length]
                place += 3 + length
            else:
                if tag == 7:
                    classes.append(struct.unpack_from(">H", data, place + 1)[0])
                place += 1 + _LENGTHS[tag]
            index += 2 if tag in (5, 6) else 1
    except (struct.error, IndexError, KeyError) as exc:
        raise BinaryFaultError("its table of constants is cut off or wrong") from exc
    return [texts[one] for one in classes if one in texts]
