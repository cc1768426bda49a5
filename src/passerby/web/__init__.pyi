from .console import (
    serve_console,
)
from .desk import (
    DESK_ICON,
    serve_desk,
)
from .listening import (
    bind_path,
    bind_port,
    serve_app,
    shown_host,
)
from .mapped import (
    MATCH_WITHIN_M,
    Compared,
    Comparison,
    compare_map,
    compared_fields,
    letter_about,
    read_map,
)
from .proxies import (
    networks_of,
)
from .register import (
    LogFollower,
    SiteAddresses,
    copy_log,
    serve_register,
    verifier_page,
    words_in,
    write_site,
)

__all__ = [
    "DESK_ICON",
    "MATCH_WITHIN_M",
    "Compared",
    "Comparison",
    "LogFollower",
    "SiteAddresses",
    "bind_path",
    "bind_port",
    "compare_map",
    "compared_fields",
    "copy_log",
    "letter_about",
    "networks_of",
    "read_map",
    "serve_app",
    "serve_console",
    "serve_desk",
    "serve_register",
    "shown_host",
    "verifier_page",
    "words_in",
    "write_site",
]
