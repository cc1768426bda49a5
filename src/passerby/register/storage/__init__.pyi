from .directory_store import (
    DirectoryStore,
    FileHold,
)
from .exchange import (
    WITHIN_S,
    Exchanges,
)
from .places import (
    HttpSource,
    open_source,
    open_store,
)
from .settings import (
    WriterSettings,
)
from .store import (
    Hold,
    LogSource,
    Store,
    as_storage_errors,
)

__all__ = [
    "WITHIN_S",
    "DirectoryStore",
    "Exchanges",
    "FileHold",
    "Hold",
    "HttpSource",
    "LogSource",
    "Store",
    "WriterSettings",
    "as_storage_errors",
    "open_source",
    "open_store",
]
