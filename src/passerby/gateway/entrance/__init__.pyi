from .admission import (
    Admission,
    Visit,
)
from .doorway import (
    Doorway,
    listen_on,
)
from .limits import (
    RateLimit,
    Shares,
    TooManyError,
)
from .places import (
    ConnectionPlaces,
    connection_places,
    divided_places,
)

__all__ = [
    "Admission",
    "ConnectionPlaces",
    "Doorway",
    "RateLimit",
    "Shares",
    "TooManyError",
    "Visit",
    "connection_places",
    "divided_places",
    "listen_on",
]
