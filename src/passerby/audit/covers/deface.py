"""What ``deface`` covers, from its own detector in a process of its own, run on decoded frames.

Its MP4s are scaled to multiples of 16 and some have other frame counts; read by index and pixel they look worse than they are.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.audit.covers.pixels import Mask
from passerby.errors import AuditError, UsageError

WORKER = Path(__file__).with_name("deface_worker.py")
Rectangles = list[list[int]]
"""Rows x0, y0, x1, y1, whole pixels, ends exclusive."""


def deface_python(command: str = "deface") -> str:
    """Return the interpreter that the command ``deface`` runs in.

    Raises:
        UsageError: it is not installed.
    """
    found = shutil.which(command)
    if found is None:
        raise UsageError(
            "deface must be installed to be compared with, got no command of that name",
            hint="python3 -m venv d && d/bin/pip install deface==1.5.0, then put d/bin on the PATH",
        )
    with Path(found).open("rb") as file:
        first = file.readline(4096).decode(errors="replace").strip()
    if first.startswith("#!") and Path(first[2:].strip()).is_file():
        return first[2:].strip()
    return str(Path(found).resolve().parent / "python")


def ask_deface(python: str, pictures: Iterable[tuple[int, NDArray[np.uint8]]]) -> Iterator[tuple[int, Rectangles]]:
    """Run deface's detector on pictures, shape (H, W, 3), red first; yield each one's number and what is covered.

    Raises:
        AuditError: it gives no answer.
    """
    with subprocess.Popen(
        [python, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        told, answers = process.stdin, process.stdout
        if told is None or answers is None:
            raise AuditError("deface's process must have pipes, got none")
        try:
            for index, rgb in pictures:
                try:
                    told.write(np.array(rgb.shape[:2], "<u4").tobytes() + np.ascontiguousarray(rgb).tobytes())
                    told.flush()
                    answer = answers.readline()
                except BrokenPipeError:
                    answer = b""
                if not answer:
                    raise AuditError(
                        f"deface's detector must answer for frame {index}, got nothing", hint=f"try {python} {WORKER}"
                    )
                yield index, json.loads(answer)
        finally:
            process.kill()


def painted(boxes: Rectangles, width: int, height: int) -> Mask:
    """Return the mask of some rectangles.

    >>> painted([[1, 0, 3, 1]], 4, 2).astype(int).tolist()
    [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    mask = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask
