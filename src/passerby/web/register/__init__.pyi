from .camera import (
    CameraHistory,
)
from .follow import (
    LogFollower,
    SiteAddresses,
)
from .pages import (
    verifier_page,
)
from .rows import (
    contact_of,
    shown_address,
)
from .server import (
    register_app,
    serve_register,
)
from .site import (
    copy_log,
    write_site,
)
from .status import (
    Light,
    status_of,
)
from .translation import (
    Translation,
    words_in,
)
from .view import (
    plain_label,
)

__all__ = [
    "CameraHistory",
    "Light",
    "LogFollower",
    "SiteAddresses",
    "Translation",
    "contact_of",
    "copy_log",
    "plain_label",
    "register_app",
    "serve_register",
    "shown_address",
    "status_of",
    "verifier_page",
    "words_in",
    "write_site",
]
