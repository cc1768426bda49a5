from .contact import (
    contact_sheets,
    save_sheets,
    sheet_names,
    with_pictures,
)
from .edits import (
    RUN_FRAMES,
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
    write_coco,
    write_mot,
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
    check_source,
    read_sidecar,
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
    "RUN_FRAMES",
    "VERIFY_EVERY_FRAMES",
    "CoveredWhole",
    "ExposedPlace",
    "ReviewPlace",
    "SidecarHeader",
    "VeilReport",
    "VerifyResult",
    "append_tracks",
    "changed_intervals",
    "check_source",
    "contact_sheets",
    "doubtful_places",
    "face_sizes",
    "is_sidecar",
    "merge_intervals",
    "read_labels",
    "read_sidecar",
    "report_names",
    "run_digests",
    "save_sheets",
    "sheet_names",
    "track_boxes",
    "tracks_from_edited",
    "verify_file",
    "with_pictures",
    "write_coco",
    "write_mot",
    "write_report",
    "write_sidecar",
]
