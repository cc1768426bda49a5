from .fills import (
    REVERSIBLE_WARNING,
    Noise,
)
from .painter import (
    Painter,
    bare_share,
    grown,
)
from .pixels import (
    Space,
    elements_of,
    layout_of,
)
from .plan import (
    Plan,
)
from .zones import (
    parse_zone,
    zone_share,
)

__all__ = [
    "REVERSIBLE_WARNING",
    "Noise",
    "Painter",
    "Plan",
    "Space",
    "bare_share",
    "elements_of",
    "grown",
    "layout_of",
    "parse_zone",
    "zone_share",
]
