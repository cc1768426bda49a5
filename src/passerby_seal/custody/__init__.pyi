from .destruction import (
    destroy_due,
    destroy_key,
    stated,
)
from .hours import (
    HOUR,
    HourKey,
    begin_of,
    check_camera,
    hour_key,
    hour_of,
    hours_ahead,
    keys_due,
    make_ahead,
)

__all__ = [
    "HOUR",
    "HourKey",
    "begin_of",
    "check_camera",
    "destroy_due",
    "destroy_key",
    "hour_key",
    "hour_of",
    "hours_ahead",
    "keys_due",
    "make_ahead",
    "stated",
]
