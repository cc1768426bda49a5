"""Every figure that ``passerby veil`` is held to, beside its peer, in one run. See README.md.

python bench/veil.py                     all rows, from PASSERBY_FOOTAGE or, without it, from the demo clip and drawn clips
python bench/veil.py real hard --computed    what stays bare and what is wasted, in a few minutes
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import veil_quality
import veil_speed
from figures import Table
from veil_bench import Bench

ROWS = {**veil_quality.ROWS, **veil_speed.ROWS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="which rows; all without")
    parser.add_argument(
        "--runs", type=int, default=1, help="runs of each timed command, taken in turn; the median counts"
    )
    parser.add_argument(
        "--computed", action="store_true", help="compute covers of clips in this process instead of reading outputs"
    )
    parser.add_argument("--only", metavar="WORD", default="", help="of hard clips, those whose name holds this")
    parser.add_argument(
        "--arithmetic", choices=("f32", "bf16", "int8"), help="of computed covers; each is another draw of luck"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure there, too")
    told = parser.parse_args()
    if told.arithmetic and not told.computed:
        parser.error("--arithmetic needs --computed")
    data = os.environ.get("PASSERBY_FOOTAGE")
    table = Table(told.json)
    arithmetic = told.arithmetic or "the arithmetic taken here"
    table.begin(f"computed in one process, {arithmetic}" if told.computed else "read from the pixels of outputs")
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(
            Path(data) if data else None,
            Path(work),
            table,
            runs=told.runs,
            computed=told.computed,
            only=told.only,
            arithmetic=told.arithmetic,
        )
        for name in told.rows or ROWS:
            ROWS[name](bench)


if __name__ == "__main__":
    main()
