"""Every kind of entry that may stand in the log. What an entry is worth: the operator states it, from that moment on.

All kinds carry ``kind``, ``v`` (the version of that kind's form) and ``at`` (when, by the operator's own clock). Forms may
gain optional fields within a version; anything else is a new version. The published JSON Schemas are made from these.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from passerby.register.fields import (
    Commitment,
    Count,
    DigestText,
    EntryPart,
    Hex32,
    Identifier,
    Instant,
    Line,
    Seconds,
    Text,
    Url,
    Words,
)
from passerby.register.seal_entries import SealAnnounced, SealHeld, SealTestAnnounced, SealTestOpened, SealTestPlanned
from passerby.register.stated import OfCamera, OfCase, Stated, StatedSpan

Position = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""The name of a position of the law, as ``passerby assess`` knows it, for example ``act-2024``."""
KeyText = Annotated[str, Field(min_length=1, max_length=4000)]
"""A key or a signature, in the spelling of its own tool."""
FindingKind = Literal["schema", "order", "time", "silence", "late-reveal", "wrong-reveal", "statistics"]
"""What verifiers name of what was stated, as opposed to damage and rewriting."""
HeartbeatSeconds = Annotated[int, Field(ge=60, le=86_400)]
Approvals = Annotated[int, Field(ge=1, le=100)]


class OperatorStated(Stated):
    """Who runs the cameras of this log. An organisation, never a person. A later one replaces an earlier one."""

    kind: Literal["operator.stated"] = "operator.stated"
    name: Line
    contact: Url
    page: Url | None = None
    authority: Line | None = None
    """The data protection authority that people can complain to."""
    authority_contact: Url | None = None
    grace_s: Seconds = 0
    """How long cameras may run while this log cannot be written; 0: not at all."""


class KeyAdded(Stated):
    """A key that counts from now on. Changing the log's own key is this entry with use ``log`` and ``replaces``."""

    kind: Literal["key.added"] = "key.added"
    holder: Literal["operator", "authority", "auditor"]
    name: Line
    use: Literal["log", "approve", "seal", "cosign", "report"]
    key: KeyText
    """A verifier key for ``log`` and ``cosign``; otherwise the public key in the spelling of its own tool."""
    replaces: KeyText | None = None


class KeyRetired(Stated):
    """A key that no longer counts."""

    kind: Literal["key.retired"] = "key.retired"
    key: KeyText
    reason: Literal["rotated", "lost", "compromised", "expired", "holder-left"]


class CameraPlace(EntryPart):
    """Where a camera stands, as exactly as the operator publishes it. Degrees times 1,000,000, WGS 84."""

    model_config = ConfigDict(title="Place")  # as the published schemas name it

    latitude_e6: Annotated[int, Field(ge=-90_000_000, le=90_000_000)]
    longitude_e6: Annotated[int, Field(ge=-180_000_000, le=180_000_000)]


RecognitionName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z/-]{0,62}$")]
"""A standard's name of a rule, module or event topic that recognises faces, or ``own-rule`` and its like for a maker's own."""
RecognitionNames = Annotated[tuple[RecognitionName, ...], Field(max_length=8)]


class CameraRegistered(OfCamera):
    """A camera and what governs it."""

    kind: Literal["camera.registered"] = "camera.registered"
    label: Line
    purpose: Words
    legal_basis: Words
    position: Position
    retention_h: Count
    """Hours that veiled recordings are kept; 0: none are made."""
    sealed_h: Count = 0
    """Hours that sealed originals are kept; 0: none are made."""
    heartbeat_s: HeartbeatSeconds = 3600
    place: CameraPlace | None = None
    contact: Url | None = None
    """Only where it differs from the operator's."""
    recognises: RecognitionNames | None = None
    """By what the camera itself offers to recognise faces, as it answered; empty: it names nothing; left out: not asked."""


class CameraChanged(OfCamera):
    """What changed about a camera; fields left out stay as they were."""

    kind: Literal["camera.changed"] = "camera.changed"
    label: Line | None = None
    purpose: Words | None = None
    legal_basis: Words | None = None
    position: Position | None = None
    retention_h: Count | None = None
    sealed_h: Count | None = None
    heartbeat_s: HeartbeatSeconds | None = None
    place: CameraPlace | None = None
    contact: Url | None = None
    recognises: RecognitionNames | None = None


class CameraRetired(OfCamera):
    """The camera is gone for good; its identifier is never used again."""

    kind: Literal["camera.retired"] = "camera.retired"
    reason: Line


class RunningStarted(OfCamera):
    """A camera runs from now on, with exactly this software, weights and configuration."""

    kind: Literal["running.started"] = "running.started"
    mode: Literal["veil", "veil-and-seal", "cover-whole"]
    software: Line
    configuration: DigestText
    weights: DigestText


class RunningStopped(OfCamera):
    """A camera stopped on purpose; one that fails without a word shows as silence."""

    kind: Literal["running.stopped"] = "running.stopped"
    reason: Literal["planned", "configuration", "update", "fault", "retired", "order"]


class Heartbeat(StatedSpan, OfCamera):
    """One camera's counts over a span that follows the last one without a gap. Counts only: who passed is unknown."""

    kind: Literal["heartbeat"] = "heartbeat"
    frames: Count
    faces_covered: Count
    """Faces that were covered, each track counted once."""
    covered_whole_s: Seconds = 0
    stalled_s: Seconds = 0
    down_s: Seconds = 0
    tracks_sealed: Count = 0
    sealed_roots: Annotated[tuple[Hex32, ...], Field(min_length=1, max_length=64)] | None = None
    """Roots of RFC 6962 trees over the digests of what was sealed since the last one; left out where nothing was."""
    pieces_sealed: Count | None = None
    """Pieces in these trees, rounded as the faces are."""
    unsealed_faces: Count | None = None
    """Times a face was covered in a picture and not sealed, because it could not be, rounded as the faces are."""


class Fault(StatedSpan, OfCamera):
    """A span in which a camera did not work as it should."""

    kind: Literal["fault"] = "fault"
    what: Literal["covered-whole", "stalled", "down"]
    cause: Line
    """A short name of the cause, for example ``detector-stalled``."""


class SelfTest(OfCamera):
    """A synthetic face went through the live path, or was shown to the detector at its input."""

    kind: Literal["selftest"] = "selftest"
    passed: bool
    runs: Annotated[int, Field(ge=1, le=2**53 - 1)] = 1
    """Runs since the last such entry, all with this result."""
    what: Line = "synthetic-face"


class SpotCheck(OfCamera):
    """What an auditor found on the spot. The report itself is the auditor's to publish; here stands its digest."""

    kind: Literal["spotcheck"] = "spotcheck"
    auditor: Line
    passed: bool
    report: DigestText
    signature: KeyText | None = None
    """The auditor's signature over the report, in the spelling of the auditor's key."""


class AccessTested(OfCamera):
    """Whether anything but Passerby can pull the camera's picture."""

    kind: Literal["access.tested"] = "access.tested"
    exclusive: Literal["tested", "not-exclusive", "untested"]
    method: Line | None = None


class RequestReceived(OfCase):
    """An authority asks for one sealed track. Which one, and why, is fixed by the commitment and revealed by its date."""

    kind: Literal["request.received"] = "request.received"
    position: Position
    details: Commitment
    camera: Identifier | None = None
    """Left out where naming the camera would harm the investigation; the revealed details then name it."""


class RequestDecided(OfCase):
    """The authorities granted a request, with their signatures counted; a refusal is its own kind."""

    kind: Literal["request.decided"] = "request.decided"
    outcome: Literal["granted", "granted-in-part"]
    approvals: Approvals
    needed: Approvals
    warrant: DigestText
    details: Commitment | None = None


class RequestRefused(OfCase):
    """A request was refused, and by whom: the law's own conditions, or the authorities."""

    kind: Literal["request.refused"] = "request.refused"
    by: Literal["law", "authorities"]
    provision: Line | None = None


class RequestWithdrawn(OfCase):
    """The requester took a request back."""

    kind: Literal["request.withdrawn"] = "request.withdrawn"


class RequestOpened(OfCase):
    """A track is opened. This entry stands in the log before any share is released."""

    kind: Literal["request.opened"] = "request.opened"
    tracks: Annotated[int, Field(ge=1, le=1000)] = 1
    warrant: DigestText


class RequestNotified(OfCase):
    """The person was told, or why that is put off, and until when."""

    kind: Literal["request.notified"] = "request.notified"
    outcome: Literal["told", "put-off", "not-known"]
    until: Instant | None = None


class RequestDeleted(OfCase):
    """What had been collected for a refused or withdrawn request is deleted."""

    kind: Literal["request.deleted"] = "request.deleted"
    items: Count


class RetentionShredded(StatedSpan):
    """The keys of a span of sealed tracks are destroyed: nothing of it can be opened any more, by anyone."""

    kind: Literal["retention.shredded"] = "retention.shredded"
    camera: Identifier | None = None
    keys: Count


class YearStatistics(Stated):
    """One year's counts, as the law asks for them."""

    kind: Literal["statistics.year"] = "statistics.year"
    year: Annotated[int, Field(ge=2000, le=9999)]
    cameras: Count
    requests: Count
    granted: Count
    refused: Count
    withdrawn: Count
    opened: Count
    notified: Count


class Reveal(Stated):
    """Shows what a commitment fixed: anyone can check that ``commit(value, salt)`` is the digest of that entry."""

    kind: Literal["reveal"] = "reveal"
    entry: Count
    """Index of the entry that holds the commitment."""
    salt: Hex32
    value: Annotated[str, Field(max_length=30_000)]


class Remark(Stated):
    """A correction or remark about an earlier entry. Nothing is ever taken out of the log."""

    kind: Literal["remark"] = "remark"
    entry: Count | None = None
    text: Text


class FindingAcknowledged(Stated):
    """The operator explains something that verifiers name. It stays listed, with the reason, and counts no more."""

    kind: Literal["finding.acknowledged"] = "finding.acknowledged"
    finding: FindingKind
    entry: Count
    """Index of the entry that the finding is about; it stands before this one."""
    reason: Line


class BundleWithdrawn(Stated):
    """A bundle of entries is withheld, because something personal had been published in it; a signed list stands in its place."""

    kind: Literal["bundle.withdrawn"] = "bundle.withdrawn"
    bundle: Count
    """Of 256 entries each, from 0."""
    withdrawn: Annotated[int, Field(ge=1, le=256)]
    """How many of its entries; the others are still shown."""
    list: DigestText
    """Of the list of its leaf hashes (docs/register.md)."""
    reason: Line


Entry = (
    OperatorStated | KeyAdded | KeyRetired | CameraRegistered | CameraChanged | CameraRetired | RunningStarted
    | RunningStopped | Heartbeat | Fault | SelfTest | SpotCheck | AccessTested | RequestReceived | RequestDecided
    | RequestRefused | RequestWithdrawn | RequestOpened | RequestNotified | RequestDeleted | RetentionShredded
    | YearStatistics | Reveal | Remark | FindingAcknowledged | BundleWithdrawn | SealAnnounced | SealHeld
    | SealTestPlanned | SealTestAnnounced | SealTestOpened
)  # fmt: skip
