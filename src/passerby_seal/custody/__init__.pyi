from .destruction import (
    destroy_due,
    destroy_key,
    stated,
)
from .hours import (
    HourKey,
    hour_key,
    hour_of,
    hours_ahead,
    keys_due,
    make_ahead,
)

__all__ = [
    "HourKey",
    "destroy_due",
    "destroy_key",
    "hour_key",
    "hour_of",
    "hours_ahead",
    "keys_due",
    "make_ahead",
    "stated",
]
