"""Lists the catalogue: what each component is called, who makes it, what it can do, and who says so."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from passerby.scan.catalogue import Catalogue, Component
from passerby.scan.report.json_values import Json
from passerby.scan.report.words import ABILITY_SHORT, CORRECTION, RATING_WORDS, counted

CATALOGUE_SCHEMA = "passerby-catalogue/1"


def catalogue_to_text(catalogue: Catalogue, *, width: int | None = None) -> str:
    """Return the catalogue as a table, or where no width is given as one line a component, parted by tabs."""
    components = catalogue.components.values()
    end = f"{counted(len(components), 'component', 'components')}. {CORRECTION} says how one is added or corrected."
    if width is None:
        return "".join("\t".join(_cells(component)) + "\n" for component in components)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for name in ("id", "title, maker", "able to", "class", "source"):
        table.add_column(name, overflow="fold")
    for component in components:
        name, title, maker, *rest = _cells(component)
        table.add_row(*(Text(cell) for cell in (name, f"{title}\n{maker}".strip(), *rest)))
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None, legacy_windows=False)
    console.print(table)
    console.print(Text(end))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def catalogue_to_json(catalogue: Catalogue) -> dict[str, Json]:
    """Return the catalogue as JSON values."""
    return {
        "schema": CATALOGUE_SCHEMA,
        "digest": catalogue.digest,
        "correction": CORRECTION,
        "components": [component.model_dump(mode="json") for component in catalogue.components.values()],
    }


def _cells(component: Component) -> tuple[str, ...]:
    return (
        component.id,
        component.title,
        component.maker,
        ", ".join(ABILITY_SHORT[ability] for ability in component.abilities),
        RATING_WORDS[component.rating],
        component.sources[0].url,
    )
