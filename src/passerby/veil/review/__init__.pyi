from .contact import (
    add_place_pictures,
    contact_sheets,
    save_sheets,
    sheet_names,
)
from .edits import (
    RUN_DIGEST_FRAMES,
    append_tracks,
    changed_intervals,
    merge_intervals,
    run_digests,
    tracks_from_edited,
)
from .labels import (
    MOT_SUFFIXES,
    is_sidecar,
    read_labels,
    write_labels,
)
from .measured import (
    Measured,
    read_measured,
)
from .places import (
    ExposedPlace,
)
from .report import (
    CoveredWhole,
    ReviewPlace,
    VeilReport,
    doubtful_places,
    face_sizes,
)
from .report_page import (
    report_names,
    write_report,
)
from .sidecar import (
    SidecarHeader,
    TrackBox,
    check_sidecar_source,
    read_sidecar,
    read_sidecar_header,
    track_boxes,
    write_sidecar,
)
from .verification import (
    VERIFY_EVERY_FRAMES,
    VerifyResult,
    verify_file,
)

__all__ = [
    "MOT_SUFFIXES",
    "RUN_DIGEST_FRAMES",
    "VERIFY_EVERY_FRAMES",
    "CoveredWhole",
    "ExposedPlace",
    "Measured",
    "ReviewPlace",
    "SidecarHeader",
    "TrackBox",
    "VeilReport",
    "VerifyResult",
    "add_place_pictures",
    "append_tracks",
    "changed_intervals",
    "check_sidecar_source",
    "contact_sheets",
    "doubtful_places",
    "face_sizes",
    "is_sidecar",
    "merge_intervals",
    "read_labels",
    "read_measured",
    "read_sidecar",
    "read_sidecar_header",
    "report_names",
    "run_digests",
    "save_sheets",
    "sheet_names",
    "track_boxes",
    "tracks_from_edited",
    "verify_file",
    "write_labels",
    "write_report",
    "write_sidecar",
]
