from .contact import (
    contact_sheets,
    save_sheets,
    sheet_names,
    with_pictures,
)
from .edits import (
    RUN_FRAMES,
    added,
    changed_runs,
    merged,
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
    Left,
)
from .report import (
    Place,
    VeilReport,
    Whole,
    doubtful_places,
    sizes_of,
)
from .report_page import (
    report_names,
    write_report,
)
from .sidecar import (
    Header,
    check_source,
    marks_of,
    read_sidecar,
    write_sidecar,
)
from .verification import (
    EVERY,
    Verdict,
    verify_file,
)

__all__ = [
    "EVERY",
    "MOT_SUFFIXES",
    "RUN_FRAMES",
    "Header",
    "Left",
    "Place",
    "VeilReport",
    "Verdict",
    "Whole",
    "added",
    "changed_runs",
    "check_source",
    "contact_sheets",
    "doubtful_places",
    "is_sidecar",
    "marks_of",
    "merged",
    "read_labels",
    "read_sidecar",
    "report_names",
    "run_digests",
    "save_sheets",
    "sheet_names",
    "sizes_of",
    "tracks_from_edited",
    "verify_file",
    "with_pictures",
    "write_coco",
    "write_mot",
    "write_report",
    "write_sidecar",
]
