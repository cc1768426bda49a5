from .equality import (
    ALPHA,
    Equality,
    GroupDifference,
    compare,
    holm,
)
from .jeffreys import (
    LEVEL,
    Estimated,
    interval,
    upper_without_errors,
)
from .pages import (
    drawn,
    read_schema,
    render_page,
)
from .plain_words import (
    equality_words,
    percent,
)
from .plots import (
    COLOURS,
    LINES,
    MARKS,
    rates_plot,
    short,
    svg_axes,
    svg_figure,
)

__all__ = [
    "ALPHA",
    "COLOURS",
    "LEVEL",
    "LINES",
    "MARKS",
    "Equality",
    "Estimated",
    "GroupDifference",
    "compare",
    "drawn",
    "equality_words",
    "holm",
    "interval",
    "percent",
    "rates_plot",
    "read_schema",
    "render_page",
    "short",
    "svg_axes",
    "svg_figure",
    "upper_without_errors",
]
