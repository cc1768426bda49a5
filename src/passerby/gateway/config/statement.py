"""What the register states about a camera: its own section over the register's, with a digest of what it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from passerby.gateway.config.camera import CameraConfig, CoverTimeConfig
from passerby.gateway.config.words import DAYS
from passerby.values import Digest, digest_bytes


@dataclass(frozen=True, slots=True)
class SealTerms:
    """What the register announces of a camera that keeps faces locked.

    Attributes:
        retention_h: Hours that they are kept.
        needed: How many authorities open together.
        authorities: Name, role and digest of the key of each.
        custodian: Name, and whether it is an authority or the operator itself.
        policy: Digest of the whole policy, as packs name it; terms that are the same have the same.
    """

    retention_h: int
    needed: int
    authorities: tuple[tuple[str, str, str], ...]
    custodian: tuple[str, Literal["authority", "operator"]]
    policy: Digest | None = field(default=None, compare=False)


class _Key(Protocol):
    @property
    def digest(self) -> str: ...


class _Authority(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def key(self) -> _Key: ...


class _Custodian(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def who(self) -> Literal["authority", "operator"]: ...


class _Policy(Protocol):
    """As the file of authorities is read, where sealing is installed."""

    @property
    def needed(self) -> int: ...
    @property
    def authorities(self) -> Sequence[_Authority]: ...
    @property
    def custodian(self) -> _Custodian: ...
    @property
    def retention_s(self) -> int: ...
    @property
    def digest(self) -> Digest: ...


def seal_terms(policy: _Policy) -> SealTerms:
    """Return what is announced of a policy; a begun hour of retention counts as one."""
    return SealTerms(
        -(-policy.retention_s // 3600),
        policy.needed,
        tuple((one.name, one.role, one.key.digest) for one in policy.authorities),
        (policy.custodian.name, policy.custodian.who),
        policy.digest,
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """What the register states about a camera.

    Attributes:
        label: In public words.
        purpose: By language.
        legal_basis: By language.
        position: Of the law.
        retention_h: Hours that recordings are kept; 0 for none.
        heartbeat_s: Time between two statements of counts.
        place_e6: Latitude and longitude in millionths of a degree, or None.
        contact: Where it differs from the operator's.
        configuration: Digest of all settings that matter for what is covered and kept; no secret goes into it.
        seal: How faces are kept locked; None where none are.
    """

    label: str
    purpose: tuple[tuple[str, str], ...]
    legal_basis: tuple[tuple[str, str], ...]
    position: str
    retention_h: int
    heartbeat_s: int
    place_e6: tuple[int, int] | None
    contact: str | None
    configuration: Digest
    seal: SealTerms | None = None


def digest_of(camera: CameraConfig) -> Digest:
    """Digest what decides what is covered and kept; addresses and logins are the operator's secret and stay out."""
    encode = asdict(camera.output)
    told: dict[str, object] = {
        "veil": asdict(camera.veil),
        "lookahead_frames": camera.privacy.lookahead_frames,
        "schedules": [_schedule(one) for one in camera.privacy.cover_times],
        "ptz": camera.ptz,
        "on_overload": camera.privacy.on_overload,
        "max_fps": float(encode.pop("max_fps")),
        "encode": encode,
        "record_days": float(camera.record.retain.days) if camera.record.enabled else None,
        "pushed": len(camera.push),
    }
    if camera.seal is not None:
        told["sealed"] = True
    return digest_bytes(json.dumps(told, sort_keys=True, default=_plain).encode())


def _schedule(one: CoverTimeConfig) -> dict[str, object]:
    return {"start": one.start, "end": one.end, "days": sorted({DAYS.index(day) for day in one.days})}


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)
