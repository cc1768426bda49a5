"""Shows that two states of the code do the same, to the last bit: this checkout, and a commit before it.

    python bench/same.py                                    all parts, against the commit before the rooms were moved
    python bench/same.py --quick                            a part of each input
    python bench/same.py --base HEAD --only law register    what is not committed yet, some parts

Both run here and now: one machine, one interpreter, one set of libraries, one probe (``same_probe.py``), one after the other.
Exits with 1 where anything differs, with 2 when used wrongly.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROBE = ROOT / "bench" / "same_probe.py"
BASE = "b9de118"
"""The last commit before the rooms were moved."""
PARTS = ("files", "live", "law", "register", "fragments", "rtsp")
NEED_FOOTAGE = {"files", "live"}
ASSETS = Path("src", "passerby", "assets")
NAMED = 12
"""Items that differ are named up to here, for each part; ``--json`` names them all."""
Digests = dict[str, str]


class WrongUseError(Exception):
    """The script was asked for what it cannot do."""


@dataclass(frozen=True, slots=True)
class Part:
    """What came out for one part.

    Attributes:
        name: Of the part.
        items: Names of all items of both sides.
        different: Those that are not the same on both, or missing on one.
        seconds: Of both runs.
    """

    name: str
    items: tuple[str, ...]
    different: tuple[str, ...]
    seconds: float

    @property
    def same(self) -> bool:
        """Whether there was something to compare and nothing differs."""
        return bool(self.items) and not self.different


def main() -> None:
    told = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the worktree goes also then
    try:
        commit = check(told)
        with base_tree(commit) as tree:
            parts = [compared(part, tree, told) for part in told.only]
    except WrongUseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    show(parts, commit)
    if told.json:
        told.json.write_text(json.dumps(rows(parts), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.exit(0 if all(part.same for part in parts) else 1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", metavar="COMMIT", default=BASE, help=f"what to compare with; {BASE} without")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    parser.add_argument("--only", metavar="PART", nargs="+", choices=PARTS, default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="two clips, every tenth picture, every fifth case")
    parser.add_argument("--cases", type=Path, default=ROOT / "tests" / "law_cases", help="folder of worked cases")
    parser.add_argument("--scenarios", type=Path, help="a further file of worked cases")
    told = parser.parse_args()
    told.cases = told.cases.resolve()
    told.scenarios = told.scenarios.resolve() if told.scenarios else None
    return told


def check(told: argparse.Namespace) -> str:
    """Return the full name of the commit to compare with.

    Raises:
        WrongUseError: something that is needed is not there.
    """
    footage = os.environ.get("PASSERBY_FOOTAGE")
    needing = [part for part in told.only if part in NEED_FOOTAGE]
    if needing and not (footage and (Path(footage) / "videos_gt").is_dir()):
        others = " ".join(part for part in PARTS if part not in NEED_FOOTAGE)
        raise WrongUseError(
            f"PASSERBY_FOOTAGE must name a folder with videos_gt for {', '.join(needing)}, got {footage}; "
            f"without footage ask for --only {others}"
        )
    if not (ROOT / ASSETS / "centerface.onnx").is_file():
        raise WrongUseError(f"{ASSETS} must hold the built assets, got none; pip install -e . builds them")
    if told.scenarios and not told.scenarios.is_file():
        raise WrongUseError(f"--scenarios must be a file, got {told.scenarios}")
    try:
        return git("rev-parse", "--verify", "--quiet", f"{told.base}^{{commit}}").strip()
    except subprocess.CalledProcessError as error:
        raise WrongUseError(f"--base must be a commit of this repository, got {told.base}") from error


def git(*words: str) -> str:
    """Run git in this checkout and return what it prints."""
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True).stdout


@contextmanager
def base_tree(commit: str) -> Iterator[Path]:
    """Check a commit out into a temporary folder, with this checkout's built assets, and take it away afterwards."""
    with tempfile.TemporaryDirectory(prefix="passerby-same-") as folder:
        tree = Path(folder) / "base"
        git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            for asset in (ROOT / ASSETS).iterdir():
                if asset.is_file() and not (tree / ASSETS / asset.name).exists():
                    shutil.copy2(asset, tree / ASSETS / asset.name)
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def compared(part: str, tree: Path, told: argparse.Namespace) -> Part:
    """Run one part on both trees and compare."""
    began = time.monotonic()
    before, now = (probed(part, where / "src", told) for where in (tree, ROOT))
    items = tuple(dict.fromkeys((*before, *now)))
    different = tuple(item for item in items if before.get(item) != now.get(item))
    done = Part(part, items, different, time.monotonic() - began)
    print(f"{part}: {len(items)} items in {done.seconds:.0f} s", file=sys.stderr, flush=True)
    return done


def probed(part: str, source: Path, told: argparse.Namespace) -> Digests:
    """Run the probe for one part with Passerby from one tree; end this script where it fails."""
    command = [sys.executable, str(PROBE), part, "--source", str(source), "--cases", str(told.cases)]
    command += ["--scenarios", str(told.scenarios)] if told.scenarios else []
    command += ["--quick"] if told.quick else []
    env = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=env, cwd=tempfile.gettempdir())
    if run.returncode:
        print(f"error: part {part} failed with passerby from {source}", file=sys.stderr)
        sys.exit(1)
    found: Digests = json.loads(run.stdout)[part]
    return found


def show(parts: Sequence[Part], commit: str) -> None:
    """Print the table, and the items that differ."""
    print(f"this checkout against {commit[:7]}\n")
    print("| part | items | equal | different | s | same |\n|---|---|---|---|---|---|")
    for part in parts:
        equal, different = len(part.items) - len(part.different), len(part.different)
        answer = "yes" if part.same else "NO"
        print(f"| {part.name} | {len(part.items)} | {equal} | {different} | {part.seconds:.0f} | {answer} |")
    for part in parts:
        for item in part.different[:NAMED]:
            print(f"differs: {part.name}: {item}")
        if len(part.different) > NAMED:
            print(f"differs: {part.name}: and {len(part.different) - NAMED} more; --json names them")


def rows(parts: Sequence[Part]) -> list[dict[str, object]]:
    """Return the figures: items compared and items that differ, by part, and each item that differs."""
    made: list[dict[str, object]] = []
    for part in parts:
        count, different = len(part.items), len(part.different)
        made.append(
            {"figure": f"{part.name}: items compared", "value": count, "must": "at least 1", "holds": count > 0}
        )
        made.append(
            {"figure": f"{part.name}: items that differ", "value": different, "must": "0", "holds": different == 0}
        )
        made += [
            {"figure": f"{part.name}: {item}", "value": "differs", "must": "the same", "holds": False}
            for item in part.different
        ]
    return made


if __name__ == "__main__":
    main()
