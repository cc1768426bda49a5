"""Files of trained numbers: PyTorch (zip, legacy, whole modules, TorchScript), safetensors, TensorFlow.js manifests.

They know names and shapes of tensors, and no graph. PyTorch's pickles are walked, see ``pickles``.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zipfile
from collections import Counter
from typing import BinaryIO

from passerby.scan.networks.jsons import MOST_JSON_BYTES, inside, known_shape_of, manifest_tensors, text_of
from passerby.scan.networks.network import MOST_NAME, MOST_PARAMETERS, BrokenModelError, Network, Op, Parameter
from passerby.scan.networks.pickles import walk_pickle

_MOST_PICKLE_BYTES = 64 << 20
_MOST_CODE_BYTES = 4 << 20
_MOST_MEMBERS = 100_000
_MOST_DIRECTORY = 16 << 20
_ZIP_TAIL = 65_557 + 76
"""Where a zip says how long its list of members is. Source: APPNOTE.TXT 6.3.10, 4.3.14 to 4.3.16."""
_LEGACY_PICKLES = 4
"""A legacy file begins with a magic number, a version and a description of the machine, each pickled; then comes the object."""
_CALLS = {
    b"torch.prelu(": Op.PRELU,
    b"torch._convolution(": Op.CONV,
    b"torch.conv2d(": Op.CONV,
    b"torch.batch_norm(": Op.NORM,
    b"torch.linear(": Op.LINEAR,
    b"torch.addmm(": Op.LINEAR,
    b"torch.softmax(": Op.SOFTMAX,
    b"torch.layer_norm(": Op.LAYER_NORM,
}
"""What TorchScript's own text of a network calls."""


def open_zip(stream: BinaryIO, size_bytes: int) -> zipfile.ZipFile:
    """Return a zip whose list of members is short enough to be read whole, as ``zipfile`` does.

    Raises:
        BrokenModelError: it is none, or the list is too long.
        zipfile.BadZipFile: it is broken otherwise.
    """
    stream.seek(max(0, size_bytes - _ZIP_TAIL))
    tail = stream.read(_ZIP_TAIL)
    end = tail.rfind(b"PK\x05\x06")
    length = int.from_bytes(tail[end + 12 : end + 16], "little")
    if end >= 76 and tail[end - 20 : end - 16] == b"PK\x06\x07":
        length = int.from_bytes(tail[end - 36 : end - 28], "little")
    if end < 0 or length > _MOST_DIRECTORY:
        raise BrokenModelError("its zip is broken, or its list of members is too long")
    return zipfile.ZipFile(stream)


def read_torch_zip(stream: BinaryIO, size_bytes: int) -> Network:
    """Return the tensors of a PyTorch zip: a state dict, a whole module, or TorchScript.

    Raises:
        BrokenModelError: it is none, or exceeds a bound.
    """
    try:
        with open_zip(stream, size_bytes) as archive:
            members = archive.infolist()[:_MOST_MEMBERS]
            pickled = next((one for one in members if one.filename.rpartition("/")[2] == "data.pkl"), None)
            if pickled is None:
                raise BrokenModelError("it is a zip without PyTorch's data.pkl")
            with archive.open(pickled) as inner:
                contents = walk_pickle(inner, _MOST_PICKLE_BYTES)  # type: ignore[arg-type]  # zipfile's stream lacks what a disk's has
            ops = _script_ops(archive, members)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, struct.error) as exc:
        raise BrokenModelError("its zip is broken, encrypted or ends too soon") from exc
    form = "TorchScript" if ops else "PyTorch"
    return Network(form, ops=ops, parameters=tuple(contents.parameters), names=tuple(sorted(contents.imports)[:1000]))


def _script_ops(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> dict[Op, int]:
    ops: Counter[Op] = Counter()
    left = _MOST_CODE_BYTES
    for member in members:
        if "/code/" in member.filename and member.filename.endswith(".py") and left > 0:
            with archive.open(member) as inner:
                text = inner.read(left)
            left -= len(text)
            for call, op in _CALLS.items():
                ops[op] += text.count(call)
    return dict(ops)


def read_pickle(stream: BinaryIO, form: str = "PyTorch (legacy)") -> Network:
    """Return the tensors of a legacy PyTorch file, or of a plain pickle that holds tensors.

    Raises:
        BrokenModelError: it is no pickle, or exceeds a bound.
    """
    names: set[str] = set()
    for number in range(_LEGACY_PICKLES):
        if number and not stream.read(1):
            break
        stream.seek(-1 if number else 0, os.SEEK_CUR)
        contents = walk_pickle(stream)
        names |= contents.imports
        if contents.parameters:
            return Network(form, parameters=tuple(contents.parameters), names=tuple(sorted(names)[:1000]))
        if contents.imports:
            break
    return Network(form, names=tuple(sorted(names)[:1000]))


def read_safetensors(stream: BinaryIO, size_bytes: int) -> Network:
    """Return the tensors of a safetensors file.

    Raises:
        BrokenModelError: its header is broken, or exceeds a bound.
    """
    head = stream.read(8)
    length = int.from_bytes(head, "little")
    if len(head) < 8 or length > min(MOST_JSON_BYTES, size_bytes - 8):
        raise BrokenModelError("its header reaches beyond its end, or is too long")
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError) as exc:
        raise BrokenModelError("its header is no JSON, or too deep") from exc
    if not isinstance(header, dict) or len(header) > MOST_PARAMETERS:
        raise BrokenModelError("its header is no list of tensors, or too long")
    names = tuple(text_of(value) for value in (header.pop("__metadata__", None) or {}).values())[:64]
    rows = [(inside(one, "data_offsets"), name, inside(one, "shape")) for name, one in header.items()]
    rows.sort(key=lambda row: row[0] if isinstance(row[0], list) and all(isinstance(n, int) for n in row[0]) else [0])
    parameters = tuple(Parameter(name[:MOST_NAME], known_shape_of(shape)) for _, name, shape in rows)
    return Network("safetensors", parameters=parameters, names=names)


def manifest_network(manifest: object) -> Network:
    """Return the tensors of a TensorFlow.js weights manifest that stands alone, as face-api.js publishes its own."""
    parameters = tuple(Parameter(name, shape) for name, shape in manifest_tensors(manifest))[:MOST_PARAMETERS]
    return Network("TensorFlow.js weights", parameters=parameters)


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers inside names by their value.

    >>> sorted(["b.10", "b.9"], key=natural)
    ['b.9', 'b.10']
    """
    return [(int(part), "") if part.isdecimal() and len(part) < 10 else (0, part) for part in re.split(r"(\d+)", name)]
