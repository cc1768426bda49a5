from .doubts import (
    SPREAD_FRAMES,
    doubts_of_report,
    doubts_of_verify,
)
from .edit_json import (
    edit_to_json,
    parse_edit,
)
from .edits import (
    CorrectEdit,
    CoverEdit,
    DeskEdit,
    DrawnBox,
    JoinEdit,
    KeepEdit,
    SettleEdit,
    SplitEdit,
    UncoverEdit,
    UnkeepEdit,
    UnzoneEdit,
    ZoneEdit,
)
from .fields import (
    Fields,
)
from .keeping import (
    next_pieces,
)
from .known import (
    known_digest,
    known_digests,
)
from .project import (
    SIDECAR_SUFFIX,
    Project,
    outputs_of_project,
)
from .state import (
    DeskDoubt,
    DeskState,
    DeskTrack,
    KeptPerson,
    boxes_to_json,
    state_to_json,
)
from .told import (
    shows_a_part,
)

__all__ = [
    "SIDECAR_SUFFIX",
    "SPREAD_FRAMES",
    "CorrectEdit",
    "CoverEdit",
    "DeskDoubt",
    "DeskEdit",
    "DeskState",
    "DeskTrack",
    "DrawnBox",
    "Fields",
    "JoinEdit",
    "KeepEdit",
    "KeptPerson",
    "Project",
    "SettleEdit",
    "SplitEdit",
    "UncoverEdit",
    "UnkeepEdit",
    "UnzoneEdit",
    "ZoneEdit",
    "boxes_to_json",
    "doubts_of_report",
    "doubts_of_verify",
    "edit_to_json",
    "known_digest",
    "known_digests",
    "next_pieces",
    "outputs_of_project",
    "parse_edit",
    "shows_a_part",
    "state_to_json",
]
