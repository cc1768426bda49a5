"""Writes reports: JSON after ``schemas/report.schema.json``, and one page that needs nothing else to be read."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import passerby
from passerby.files import write_atomic
from passerby.values import writable_text
from passerby.veil.review.measured import MEASURED, MissRow, read_measured
from passerby.veil.review.report import NOT_ANONYMOUS, SizeRow, VeilReport

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent.parent
SCHEMA = HERE / "schemas" / "report.schema.json"
FORMAT, VERSION = "passerby-report", 1


def report_json(
    reports: Sequence[VeilReport],
    failures: Sequence[tuple[str, str]] = (),
    skipped: Sequence[tuple[str, str]] = (),
    *,
    measures: Path = MEASURED,
) -> dict[str, Any]:
    """Return a run as the published schema has it.

    Args:
        reports: One for each file that was veiled.
        failures: Name and error of each file that was not.
        skipped: Path and reason of each file in a named folder that is no footage.
        measures: Where the benchmark's finding lies.
    """
    known = read_measured(measures)
    return {
        "format": FORMAT,
        "version": VERSION,
        "passerby": passerby.__version__,
        "statement": NOT_ANONYMOUS,
        "measured": None
        if known is None
        else {
            "material": known.material,
            "version": known.version,
            "date": known.date,
            "not_by": list(known.not_by),
            "rows": [_plain(row) | {"rate": row.rate} for row in known.rows],
        },
        "files": [_file_json(report) for report in reports],
        "failures": [{"source": name, "error": error} for name, error in failures],
        "skipped": [{"source": name, "reason": reason} for name, reason in skipped],
    }


def _file_json(report: VeilReport) -> dict[str, Any]:
    row = _plain(report)
    row["sizes"] = [_plain(size) for size in report.sizes]
    row["whole"] = [_plain(whole) for whole in report.whole]
    row["places"] = []
    for place in report.places:
        found = _plain(place) | {"box": list(place.box), "time_s": None if math.isnan(place.time_s) else place.time_s}
        del found["picture"]
        row["places"].append(found)
    row["exclude_zones"] = [{"name": name, "share": share} for name, share in report.exclude_zones]
    return row | {"copied_share": report.copied_share, "tracks": report.tracks}


def _plain(value: Any) -> dict[str, Any]:  # noqa: ANN401  # any of the frozen values above
    found = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: list(item) if isinstance(item, tuple) else item for name, item in found.items()}


def write_report(
    path: Path,
    reports: Sequence[VeilReport],
    failures: Sequence[tuple[str, str]] = (),
    skipped: Sequence[tuple[str, str]] = (),
) -> tuple[Path, Path]:
    """Write the page and, beside it, the JSON.

    Args:
        path: The page, or the JSON when it ends in ``.json``; the other one gets the same name with its own ending.
        reports: One for each file that was veiled.
        failures: Name and error of each file that was not.
        skipped: Path and reason of each file in a named folder that is no footage.

    Returns:
        Page and JSON.

    Raises:
        OutputError: they cannot be written.
    """
    page, data = report_names(path)
    # names may be any bytes, what is written may not
    text = json.dumps(
        report_json(reports, failures, skipped), indent=1, allow_nan=False, default=str, ensure_ascii=False
    )
    write_atomic(data, (writable_text(text) + "\n").encode())
    write_atomic(page, writable_text(report_page(reports, failures, skipped)).encode())
    return page, data


def report_names(path: Path) -> tuple[Path, Path]:
    """Return where page and JSON go.

    >>> [name.name for name in report_names(Path("r.json"))], report_names(Path("r"))[1].name
    (['r.html', 'r.json'], 'r.json')
    """
    return path.with_suffix(".html") if path.suffix == ".json" else path, path.with_suffix(".json")


def report_page(
    reports: Sequence[VeilReport],
    failures: Sequence[tuple[str, str]] = (),
    skipped: Sequence[tuple[str, str]] = (),
    *,
    measures: Path = MEASURED,
) -> str:
    """Return the page: one HTML text with its pictures inside; arguments as in :func:`report_json`."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            reports=reports,
            failures=failures,
            skipped=skipped,
            measured=read_measured(measures),
            statement=NOT_ANONYMOUS,
            version=passerby.__version__,
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["percent"] = lambda share, digits=1: f"{100 * share:.{digits}f} %"
    environment.filters["clock"] = _clock
    environment.filters["png"] = lambda data: "data:image/png;base64," + base64.b64encode(data).decode()
    environment.filters["size"] = _size
    environment.filters["told"] = _told
    return environment


def _told(value: object) -> str:
    """Return a setting in words; what is off or empty is left out.

    >>> _told({"style": "solid", "fill": [1, 2, 3], "image": None, "mask_scale": 1.3, "keep": []})
    'style solid, fill 1 2 3, mask scale 1.3'
    >>> _told({"thorough": True, "threshold": None}), _told({"detector": None})
    ('thorough', 'defaults')
    """
    if isinstance(value, dict):
        rows = {
            str(key).replace("_", " "): item for key, item in value.items() if item not in (None, False, [], {}, "")
        }
        return ", ".join(key if item is True else f"{key} {_told(item)}" for key, item in rows.items()) or "defaults"
    if isinstance(value, list | tuple):
        return " ".join(_told(item) for item in value)
    return str(value)


def _clock(time_s: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> _clock(3725.04)
    '1:02:05.04'
    """
    if math.isnan(time_s):
        return "unknown"
    hundredths = round(time_s * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"


def _size(row: SizeRow | MissRow) -> str:
    return f"{row.low_px} px and more" if row.high_px is None else f"{row.low_px} to {row.high_px} px"
