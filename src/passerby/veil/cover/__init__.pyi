from .fills import (
    REVERSIBLE_WARNING,
    Noise,
)
from .painter import (
    Painter,
    exposed_share,
    with_margin,
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
    "elements_of",
    "exposed_share",
    "layout_of",
    "parse_zone",
    "with_margin",
    "zone_share",
]
