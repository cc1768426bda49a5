"""Writes the smallest binaries of each format that hold given names, by bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence


class Names:
    """A table of names, each ended by a zero byte; remembers where each begins."""

    def __init__(self, begin: bytes = b"\0") -> None:
        self.data = bytearray(begin)
        self._places: dict[str, int] = {}

    def at(self, name: str) -> int:
        if name not in self._places:
            self._places[name] = len(self.data)
            self.data += name.encode() + b"\0"
        return self._places[name]


def elf(
    needed: Sequence[str] = (),
    imports: Sequence[str] = (),
    exports: Sequence[str] = (),
    *,
    soname: str = "",
    wide: bool = True,
    order: str = "<",
    gnu_hash: bool = True,
    data: bytes = b"",
) -> bytes:
    """Return a shared library without sections, as stripped ones are; ``data`` is what it may write to."""
    names = Names()
    word = "Q" if wide else "I"
    symbols = [(0, 0)] + [(names.at(name), 0) for name in imports] + [(names.at(name), 1) for name in exports]
    table = b"".join(
        struct.pack(order + "IBBHQQ", name, 0, 0, section, 0, 0)
        if wide
        else struct.pack(order + "IIIBBH", name, 0, 0, 0, 0, section)
        for name, section in symbols
    )
    first = 1 + len(imports)
    if gnu_hash:
        chain = [2] * len(exports)
        if chain:
            chain[-1] |= 1
        hashed = struct.pack(order + "IIII" + word + "I", 1, first, 1, 0, 0, first if exports else 0)
        hashed += b"".join(struct.pack(order + "I", value) for value in chain)
    else:
        hashed = struct.pack(order + "III", 1, len(symbols), 0) + bytes(4 * len(symbols))
    places = [names.at(library) for library in needed]
    own = names.at(soname) if soname else 0
    header_bytes, segment_bytes = (64, 56) if wide else (52, 32)
    start = header_bytes + 3 * segment_bytes
    names_at = start
    table_at = names_at + len(names.data)
    hash_at = table_at + len(table)
    dynamic = [(1, place) for place in places]
    dynamic += [(14, own)] if soname else []
    dynamic += [(5, names_at), (10, len(names.data)), (6, table_at), (0x6FFFFEF5 if gnu_hash else 4, hash_at), (0, 0)]
    dynamic_at = hash_at + len(hashed)
    listed = b"".join(struct.pack(order + word * 2, *entry) for entry in dynamic)
    size_bytes = dynamic_at + len(listed)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    fields = (3, 62, 1, 0, header_bytes, 0, 0, header_bytes, segment_bytes, 3, 64 if wide else 40, 0, 0)
    header = ident + struct.pack(order + "HHI" + word * 3 + "IHHHHHH", *fields)
    segments = b""
    parts = ((1, 4, 0, size_bytes), (2, 4, dynamic_at, len(listed)), (1, 6, size_bytes, len(data)))
    for kind, flags, offset, count_bytes in parts:
        if wide:
            segments += struct.pack(
                order + "IIQQQQQQ", kind, flags, offset, offset, offset, count_bytes, count_bytes, 8
            )
        else:
            segments += struct.pack(
                order + "IIIIIIII", kind, offset, offset, offset, count_bytes, count_bytes, flags, 8
            )
    return header + segments + bytes(names.data) + table + hashed + listed + data


class _Section:
    """The one section of a PE file; grows, and knows the address of what is put into it."""

    def __init__(self) -> None:
        self.data = bytearray()

    @property
    def end(self) -> int:
        return 0x1000 + len(self.data)

    def put(self, data: bytes) -> int:
        self.data += bytes(-len(self.data) % 8)
        at = self.end
        self.data += data
        return at


def version_node(key: str, value: bytes = b"", children: Sequence[bytes] = (), *, text: bool = False) -> bytes:
    """Return one node of a version resource, not padded at its end."""
    data = key.encode("utf-16-le") + b"\0\0"
    data += bytes(-(6 + len(data)) % 4) + value
    for child in children:
        data += bytes(-(6 + len(data)) % 4) + child
    return struct.pack("<HHH", 6 + len(data), len(value) // (2 if text else 1), int(text)) + data


def version_resource(texts: Mapping[str, str]) -> bytes:
    strings = [version_node(key, value.encode("utf-16-le") + b"\0\0", text=True) for key, value in texts.items()]
    table = version_node("040904B0", children=strings, text=True)
    translation = version_node("VarFileInfo", children=[version_node("Translation", b"\x09\x04\xb0\x04")], text=True)
    info = version_node("StringFileInfo", children=[table], text=True)
    return version_node("VS_VERSION_INFO", struct.pack("<I", 0xFEEF04BD) + bytes(48), [info, translation])


def pe(
    imports: Mapping[str, Sequence[str]] | None = None,
    exports: Sequence[str] = (),
    *,
    own: str = "",
    version: Mapping[str, str] | None = None,
    namespaces: Sequence[str] = (),
    delayed: Mapping[str, Sequence[str]] | None = None,
    wide: bool = True,
    data: bytes = b"",
) -> bytes:
    """Return a library of Windows with one section, which begins with ``data``."""
    section, tables = _Section(), [(0, 0)] * 16
    word, by_number = ("<Q", 1 << 63) if wide else ("<I", 1 << 31)
    section.put(data)

    def thunks(names: Sequence[str]) -> int:
        entries = [struct.pack(word, section.put(b"\0\0" + name.encode() + b"\0")) for name in names]
        return section.put(struct.pack(word, by_number | 7) + b"".join(entries) + struct.pack(word, 0))

    if imports:
        listed = b""
        for library, names in imports.items():
            at = thunks(names)
            listed += struct.pack("<IIIII", at, 0, 0, section.put(library.encode() + b"\0"), at)
        tables[1] = (section.put(listed + bytes(20)), len(listed))
    if delayed:
        listed = b""
        for library, names in delayed.items():
            at = thunks(names)
            listed += struct.pack("<IIIIIIII", 1, section.put(library.encode() + b"\0"), 0, at, at, 0, 0, 0)
        tables[13] = (section.put(listed + bytes(32)), len(listed))
    if exports or own:
        named = [section.put(name.encode() + b"\0") for name in exports]
        names_at = section.put(b"".join(struct.pack("<I", at) for at in named))
        own_at = section.put(own.encode() + b"\0")
        count = len(exports)
        functions_at = section.put(struct.pack("<I", 0x1000) * count)
        ordinals_at = section.put(b"".join(struct.pack("<H", index) for index in range(count)))
        fields = (0, 0, 0, 0, own_at, 1, count, count, functions_at, names_at, ordinals_at)
        tables[0] = (section.put(struct.pack("<IIHHIIIIIII", *fields)), 40)
    if version:
        resource = version_resource(version)
        resource_at = section.put(resource)
        # three directories of one entry each (kind, name, language), then the leaf, all addressed from the first
        kinds = ((16, 1 << 31 | 24), (1, 1 << 31 | 48), (1033, 72))
        levels = b"".join(struct.pack("<12xHHII", 0, 1, kind, entry) for kind, entry in kinds)
        tables[2] = (section.put(levels + struct.pack("<IIII", resource_at, len(resource), 0, 0)), 88)
    if namespaces:
        heap = b"\0" + b"".join(name.encode() + b"\0" for name in namespaces)
        head = b"BSJB" + struct.pack("<HHII", 1, 1, 0, 12) + b"v4.0.30319\0\0" + struct.pack("<HH", 0, 1)
        stream = struct.pack("<II", len(head) + 20, len(heap)) + b"#Strings\0\0\0\0"
        metadata = head + stream + heap
        at = section.put(metadata)
        tables[14] = (section.put(struct.pack("<IHHII", 72, 2, 5, at, len(metadata)) + bytes(56)), 72)
    optional = struct.pack("<H", 0x20B if wide else 0x10B).ljust(24, b"\0")
    optional += struct.pack("<Q", 0x180000000) if wide else bytes(4) + struct.pack("<I", 0x10000000)
    optional = optional.ljust(108 if wide else 92, b"\0") + struct.pack("<I", 16)
    optional += b"".join(struct.pack("<II", *table) for table in tables)
    coff = struct.pack("<HHIIIHH", 0x8664 if wide else 0x14C, 1, 0, 0, 0, len(optional), 0x2022)
    listed = b".text\0\0\0" + struct.pack("<IIII", len(section.data), 0x1000, len(section.data), 0x400)
    listed += bytes(12) + struct.pack("<I", 0xE0000060)
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0" + coff + optional + listed
    return head.ljust(0x400, b"\0") + bytes(section.data)


def macho(
    loads: Sequence[str] = (),
    imports: Sequence[str] = (),
    exports: Sequence[str] = (),
    *,
    own: str = "",
    wide: bool = True,
    order: str = "<",
    data: bytes = b"",
) -> bytes:
    """Return a library of Apple's for one processor; ``data`` is what it may write to."""

    def command(kind: int, path: str) -> bytes:
        name = path.encode() + b"\0"
        name += bytes(-len(name) % 8)
        return struct.pack(order + "IIIIII", kind, 24 + len(name), 24, 0, 0, 0) + name

    commands = [command(0xC, path) for path in loads] + ([command(0xD, own)] if own else [])
    names = Names()
    listed = b""
    for group, kind in ((imports, 0x01), (exports, 0x0F)):
        for name in group:
            listed += struct.pack(order + "IBBH" + ("Q" if wide else "I"), names.at("_" + name), kind, 0, 0, 0)
    header_bytes = 32 if wide else 28
    at = header_bytes + sum(map(len, commands)) + 24 + (72 if wide else 56)
    end = at + len(listed) + len(names.data)
    places = struct.pack(order + ("QQQQ" if wide else "IIII"), 0, len(data), end, len(data))
    segment = b"__DATA".ljust(16, b"\0") + places + struct.pack(order + "IIII", 3, 3, 0, 0)
    commands.append(struct.pack(order + "II", 0x19 if wide else 0x1, 8 + len(segment)) + segment)
    count = len(imports) + len(exports)
    commands.append(struct.pack(order + "IIIIII", 2, 24, at, count, at + len(listed), len(names.data)))
    whole = b"".join(commands)
    header = struct.pack(order + "IIIIIII", 0xFEEDFACF if wide else 0xFEEDFACE, 7, 3, 6, len(commands), len(whole), 0)
    return header.ljust(header_bytes, b"\0") + whole + listed + bytes(names.data) + data


def go_modules(*modules: tuple[str, str]) -> bytes:
    """Return what Go writes into a program about the modules that it is built of, the program's own first."""
    lines = "".join(
        f"{'dep' if index else 'mod'}\t{path}\t{version}\th1:x=\n" for index, (path, version) in enumerate(modules)
    )
    text = bytes(16) + f"path\t{modules[0][0]}/cmd\n{lines}".encode() + bytes(16)
    header = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    return header + b"\x08go1.22.1" + bytes([len(text) & 127 | 128, len(text) >> 7]) + text


def fat(*slices: bytes) -> bytes:
    """Return one file for several processors."""
    at = 8 + 20 * len(slices)
    header = struct.pack(">II", 0xCAFEBABE, len(slices))
    for part in slices:
        header += struct.pack(">IIIII", 7, 3, at, len(part), 0)
        at += len(part)
    return header + b"".join(slices)


def dex(types: Sequence[str], strings: Sequence[str] = ()) -> bytes:
    """Return a dex file that uses types (``Lcom/example/A;``) and holds other texts."""
    texts = [*types, *strings]
    strings_at = 112
    types_at = strings_at + 4 * len(texts)
    data_at = types_at + 4 * len(types)
    places, data = b"", b""
    for text in texts:
        places += struct.pack("<I", data_at + len(data))
        length = len(text)
        data += bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
        data += text.encode() + b"\0"
    header = b"dex\n035\0".ljust(56, b"\0") + struct.pack("<IIII", len(texts), strings_at, len(types), types_at)
    return header.ljust(112, b"\0") + places + b"".join(struct.pack("<I", index) for index in range(len(types))) + data


def class_file(own: str, uses: Sequence[str] = (), texts: Sequence[str] = ()) -> bytes:
    """Return a class file of Java with its names in the table of constants."""
    constants = b""
    count = 1
    for name in (own, *uses):
        constants += b"\x01" + struct.pack(">H", len(name)) + name.encode() + b"\x07" + struct.pack(">H", count)
        count += 2
    constants += b"\x05" + bytes(8)
    count += 2
    for text in texts:
        constants += b"\x01" + struct.pack(">H", len(text)) + text.encode()
        count += 1
    return (
        b"\xca\xfe\xba\xbe"
        + struct.pack(">HHH", 0, 61, count)
        + constants
        + struct.pack(">HHHHHHH", 33, 2, 0, 0, 0, 0, 0)
    )
