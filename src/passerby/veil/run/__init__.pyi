from .agreement import (
    FrameSteps,
)
from .beside import (
    manifest_beside,
    sidecar_header,
    with_places,
    write_contact_sheets,
    write_tracks,
)
from .camera import (
    veil_camera,
    veil_frames,
)
from .covered import (
    clip_covers,
    picture_cover,
)
from .file import (
    VeiledFile,
    veil_file,
)
from .image import (
    find_on_page,
)
from .known_sizes import (
    Company,
)
from .live import (
    LiveSettings,
    LiveVeil,
)
from .rerender import (
    mend_file,
    settings_digest,
)
from .veiled import (
    HIDDEN,
    BeforeCover,
    UncoveredFaces,
    VeiledFrame,
    WholeReason,
)

__all__ = [
    "HIDDEN",
    "BeforeCover",
    "Company",
    "FrameSteps",
    "LiveSettings",
    "LiveVeil",
    "UncoveredFaces",
    "VeiledFile",
    "VeiledFrame",
    "WholeReason",
    "clip_covers",
    "find_on_page",
    "manifest_beside",
    "mend_file",
    "picture_cover",
    "settings_digest",
    "sidecar_header",
    "veil_camera",
    "veil_file",
    "veil_frames",
    "with_places",
    "write_contact_sheets",
    "write_tracks",
]
