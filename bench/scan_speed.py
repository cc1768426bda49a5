"""How long a scan of much takes, and how much memory all its processes hold together."""

from __future__ import annotations

import itertools
import json
import random
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Table

FILES, SOURCE_BYTES = 190_000, 1_000_000_000
MODELS, MODEL_BYTES = 40, 100_000_000
MOST_S, MOST_MB = 120.0, 300.0
MINIFIED, MINIFIED_BYTES = 10, 2_000_000
_SAMPLE_S = 0.25
_COMMAND = """
import resource, sys, time
from pathlib import Path
from passerby.scan import ScanSettings, scan_target
began = time.monotonic()
result = scan_target(Path(sys.argv[1]), ScanSettings(workers=int(sys.argv[3]), keep=Path(sys.argv[2])))
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
seconds = time.monotonic() - began
cpu = sum(one.ru_utime + one.ru_stime for one in used)
print(seconds, cpu, result.files, len(result.findings), len(result.unread))
"""

PYTHON = '''"""{words}"""

from __future__ import annotations

import logging
import json
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass
class {name}:
    """{words}"""

    path: Path
    limit: int = {number}
    labels: tuple[str, ...] = ({labels})

    def read(self, key: str) -> dict[str, object]:
        data = json.loads(self.path.read_text())
        found = [row for row in data.get(key, []) if row["id"] < self.limit]
        for row in found:
            log.info("%s of %s: %r", key, self.path, row)
        return {{"rows": found, "count": len(found), "words": "{words}"}}


def {lower}(items: list[int], *, most: int = {number}) -> int:
    total = 0
    for index, item in enumerate(items):
        if index > most:
            break
        total += item * {number} if item % 2 else -item
    return total
'''
JAVASCRIPT = """// {words}
import {{ readFile }} from 'node:fs/promises';
import path from 'node:path';

export class {name} {{
  constructor(root, limit = {number}) {{ this.root = root; this.limit = limit; this.labels = [{labels}]; }}
  async {lower}(key) {{
    const text = await readFile(path.join(this.root, key + '.json'), 'utf8');
    const rows = JSON.parse(text).rows.filter((row) => row.id < this.limit);
    for (const row of rows) {{ console.log(`${{key}}: ${{row.id}} of {words}`); }}
    return {{ rows, count: rows.length }};
  }}
}}

export function {lower}Of(items, most = {number}) {{
  return items.slice(0, most).reduce((sum, item) => sum + (item % 2 ? item * {number} : -item), 0);
}}
"""
TYPESCRIPT = JAVASCRIPT.replace("(root, limit = {number})", "(root: string, limit: number = {number})").replace(
    "{lower}(key)", "{lower}(key: string): Promise<unknown>"
)
JAVA = """package org.example.{lower};

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {words} */
public final class {name} {{
    private final int limit = {number};
    private final List<String> labels = List.of({labels});

    public Map<String, Object> {lower}(String key, List<Integer> items) {{
        List<Integer> found = new ArrayList<>();
        for (int item : items) {{
            if (item % 2 == 0 && item < limit) {{ found.add(item * {number}); }}
        }}
        return Map.of("rows", found, "count", found.size(), "words", "{words}");
    }}
}}
"""
_KINDS = ((".py", PYTHON), (".js", JAVASCRIPT), (".ts", TYPESCRIPT), (".java", JAVA))
_WORDS = re.findall(
    r"[a-z]+",
    "account archive batch buffer camera channel client color column counter cursor device document driver editor "
    "engine event factory feature field filter folder frame graph handler header image index input invoice item "
    "kernel layer ledger letter limit list loader market matrix message model module monitor network node number "
    "object order output packet parser person picture pixel policy portal printer queue random reader record region "
    "render report request result router sample scanner schedule schema search sensor server session signal source "
    "stream string surface switch system table target task template text ticket token tracker tree user value "
    "vector version video view window worker zone ",
)


def source_text(chance: random.Random, template: str, size_bytes: int) -> str:
    """Return source code of about a length: one template again and again, with other words and numbers."""
    parts = []
    length = 0
    while length < size_bytes:
        words = chance.sample(_WORDS, 4)
        part = template.format(
            words=" ".join(words),
            name="".join(word.capitalize() for word in words[:2]),
            lower=words[2],
            number=chance.randrange(10_000),
            labels=", ".join(f'"{word}"' for word in chance.sample(_WORDS, 6)),
        )
        parts.append(part)
        length += len(part)
    return "\n".join(parts)


def minified(chance: random.Random) -> str:
    return "".join(
        f"var {a}{n}=function(e,t){{return e.{b}?t({n},e.{c}):new {b}(e,[{n},t])}};"
        for n, (a, b, c) in enumerate(chance.sample(_WORDS, 3) for _ in range(MINIFIED_BYTES // 70))
    )[:MINIFIED_BYTES]


def make_sources(folder: Path, files: int, size_bytes: int) -> None:
    """Write source files of four languages, in folders of a hundred; some are minified."""
    chance = random.Random(15)  # noqa: S311 - text to read, no secret
    each = (size_bytes - MINIFIED * MINIFIED_BYTES) // files
    texts = [
        (suffix, source_text(chance, template, max(200, int(each * chance.uniform(0.2, 1.5)))))
        for suffix, template in _KINDS
        for _ in range(60)
    ]
    for number in range(files):
        suffix, text = texts[number % len(texts)]
        where = folder / f"{number // 10_000:02}" / f"part{number // 100 % 100:02}"
        where.mkdir(parents=True, exist_ok=True)
        mark = "#" if suffix == ".py" else "//"
        (where / f"{_WORDS[number % len(_WORDS)]}_{number}{suffix}").write_text(f"{mark} {number}\n{text}", "utf-8")
    for number in range(MINIFIED):
        (folder / f"bundle{number}.min.js").write_text(minified(chance), "utf-8")


def make_models(folder: Path, count: int, size_bytes: int) -> None:
    """Write models of random numbers: safetensors, and ONNX whose one node is a convolution."""
    folder.mkdir()
    noise = random.Random(16).randbytes(1 << 20)  # noqa: S311 - numbers to hash, no secret
    for number in range(count):
        size = size_bytes - number
        with (folder / f"model{number}.{'safetensors' if number % 2 else 'onnx'}").open("wb") as file:
            file.write(safetensors_head(size) if number % 2 else onnx_head(size))
            for place in range(0, size, len(noise)):
                file.write(noise[: min(len(noise), size - place)])


def safetensors_head(size: int) -> bytes:
    head = json.dumps({"layer.weight": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(head)) + head


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx_head(size: int) -> bytes:
    """Everything before the raw bytes of the one initialiser, which the caller writes."""
    node = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"Conv")
    tensor = b"\x08" + varint(size) + b"\x10\x02" + field(8, b"w") + varint(9 << 3 | 2) + varint(size)
    body = field(1, node) + field(2, b"g") + varint(5 << 3 | 2) + varint(len(tensor) + size) + tensor
    return b"\x08\x08" + varint(7 << 3 | 2) + varint(len(body) + size) + body


def speed(table: Table, folder: Path, *, files: int, models: int, workers: int) -> None:
    """Scan many source files and long models twice, and take the memory of all processes meanwhile."""
    target = folder / "target"
    make_sources(target, files, SOURCE_BYTES * files // FILES)
    make_models(target / "models", models, MODEL_BYTES)
    time.sleep(3)  # files that were just written are not believed to stay as they are
    what = f"{files:,} source files and {models} models"
    most_s = MOST_S * files / FILES
    for run in ("first", "second"):
        seconds, used_s, peak_mb, said = scan_of(target, folder / "keep", workers)
        table.row(f"speed, {run} scan of {what}: seconds", seconds, most_s, ours=said, other=f"{most_s:.0f} s")
        told = f"{used_s:.1f} s in all"
        table.row(f"speed, {run} scan: processor seconds for each of two", used_s / 2, most_s, ours=told)
        table.row(f"memory, {run} scan: MB of all processes (PSS)", peak_mb, MOST_MB, ours=f"{peak_mb:.0f} MB")


def scan_of(target: Path, keep: Path, workers: int) -> tuple[float, float, float, str]:
    """Return seconds, processor seconds, the most memory at once in MB, and what was found."""
    command = [sys.executable, "-c", _COMMAND, str(target), str(keep), str(workers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ran:
        peak = 0.0
        while ran.poll() is None:
            peak = max(peak, sum(map(proportional_mb, tree(ran.pid))))
            time.sleep(_SAMPLE_S)
        said = (ran.stdout.read() if ran.stdout else "").split()
    if ran.returncode:
        raise SystemExit("the scan failed")
    return float(said[0]), float(said[1]), peak, f"{said[2]} files, {said[3]} findings, {said[4]} not read"


def tree(pid: int) -> Iterator[int]:
    """Yield a process and those below it."""
    yield pid
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return
    for child in itertools.chain.from_iterable(text.split() for text in lists):
        yield from tree(int(child))


def proportional_mb(pid: int) -> float:
    """Return a process's memory, what it shares divided among those that share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
