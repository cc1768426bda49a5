"""Models by structure: how many embedders of faces are found in each format, and how many other networks are taken for one.

Networks get random weights in a throw-away environment (``scan_networks.py``, ``scan_others.py``, ``scan_keras.py``), are written
in each format, read as files, and deleted. Nothing is trained, and nothing is run on a picture.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from figures import Table
from passerby.scan import Finding, Rating, Unread
from passerby.scan.files import DiskFile
from passerby.scan.models import READERS

HERE = Path(__file__).parent
TORCH = ("torch==2.14.1", "torchvision==0.29.1", "onnx", "onnxscript", "safetensors", "openvino")
MORE = ("timm", "open-clip-torch", "segmentation-models-pytorch", "requests")
ALONE = ("facenet-pytorch", "torchreid")
"""Without what they need: only their architectures are built."""
KERAS = ("tensorflow-cpu", "h5py")
WORKERS = {"torch": "scan_exports.py", "keras": "scan_keras.py"}


class Answer(NamedTuple):
    """What was said of one file."""

    name: str
    form: str
    embedder: bool
    taken: bool
    said: str


def environment(kind: str, folder: Path) -> Path:
    """Return the Python of an environment; ``PASSERBY_SCAN_TORCH`` and ``PASSERBY_SCAN_KERAS`` name one that is there."""
    given = os.environ.get(f"PASSERBY_SCAN_{kind.upper()}")
    if given:
        return Path(given)
    where = folder / kind
    venv.create(where, with_pip=True)
    python = where / "bin" / "python"
    for packages in (TORCH, MORE) if kind == "torch" else (KERAS,):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    if kind == "torch":
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", *ALONE], check=True)
    return python


@contextmanager
def worker(kind: str, python: Path, out: Path) -> Iterator[tuple[list[tuple[str, bool]], subprocess.Popen[str]]]:
    """Start a worker and give its networks' names with it."""
    quiet = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [python, HERE / WORKERS[kind], out],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **quiet},
    ) as process:
        yield [(name, embedder) for name, embedder in _answer(process)], process
        assert process.stdin
        process.stdin.close()


def _answer(process: subprocess.Popen[str]) -> list[tuple[str, bool]]:
    assert process.stdout
    for line in process.stdout:
        if line.startswith("["):
            return [(str(name), bool(embedder)) for name, embedder in json.loads(line)]
    raise SystemExit("the worker ended before it said what it can build")


def written(process: subprocess.Popen[str], number: int) -> dict[str, str]:
    """Have one network written; return its files by format, and what failed."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{number}\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("{"):
            found: dict[str, str] = json.loads(line)
            return found
    return {"built failed": "the worker ended"}


def judged(path: Path) -> tuple[bool, str]:
    """Return whether a file is taken for an embedder of faces, and what was said."""
    (reader,) = READERS
    file = DiskFile(path, path.name)
    said = list(reader.read(file)) if reader.wants(file) else []
    taken = any(isinstance(one, Finding) and one.rating is Rating.IDENTIFIES for one in said)
    words = [
        f"{one.title}: {one.evidence[0].what}" if isinstance(one, Finding) else str(getattr(one, "reason", one))
        for one in said
    ]
    assert all(isinstance(one, Finding | Unread) for one in said)
    return taken, "; ".join(words) or "not asked for"


def measure(kind: str, which: str, folder: Path) -> list[Answer]:
    """Build, write, read and delete the networks of one kind and set."""
    python = environment(kind, folder)
    out = folder / "out"
    answers: list[Answer] = []
    out.mkdir(exist_ok=True)
    with worker(kind, python, out) as (cases, process):
        for number, (name, embedder) in enumerate(cases):
            if which != "all" and (number % 2 == 1) != (which == "held"):
                continue
            for form, path in written(process, number).items():
                if form.endswith(" failed"):
                    print(f"  {name}: {form}: {path}", file=sys.stderr, flush=True)
                    continue
                taken, said = judged(Path(path))
                answers.append(Answer(name, form, embedder, taken, said))
                if taken != embedder:
                    print(f"  {name} as {form}: {said}", file=sys.stderr, flush=True)
            shutil.rmtree(out)
            out.mkdir()
    return answers


def rows(table: Table, which: str, answers: list[Answer]) -> None:
    """Print a row of each format, and of all."""
    count: Counter[tuple[str, bool, bool]] = Counter()
    for answer in answers:
        for form in (answer.form, "all"):
            count[form, answer.embedder, answer.taken] += 1
    for form in [*sorted({answer.form for answer in answers}), "all"]:
        found, missed = count[form, True, True], count[form, True, False]
        wrong, right = count[form, False, True], count[form, False, False]
        table.row(
            f"models, {which}, {form}: embedders missed",
            missed / max(1, found + missed),
            0.10,
            ours=f"{found} of {found + missed} found",
        )
        table.row(
            f"models, {which}, {form}: others taken for one",
            wrong / max(1, wrong + right),
            0.01,
            ours=f"{wrong} of {wrong + right}",
        )


def run(table: Table, which: str, kinds: list[str]) -> None:
    """Measure one of the two sets, or both."""
    with tempfile.TemporaryDirectory(prefix="passerby-scan-") as folder:
        answers = [answer for kind in kinds for answer in measure(kind, which, Path(folder))]
    rows(table, which, answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(WORKERS), help="torch, keras; both by default")
    parser.add_argument(
        "--set", choices=["tune", "held", "all"], default="all", help="every second network, the others, or all"
    )
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if unknown := set(chosen.kinds) - set(WORKERS):
        parser.error(f"kinds must be of {', '.join(WORKERS)}, got {', '.join(sorted(unknown))}")
    run(Table(chosen.json), chosen.set, list(chosen.kinds))


if __name__ == "__main__":
    main()
