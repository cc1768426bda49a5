"""``passerby veil --seal``: faces of a clip kept beside its output, locked to several authorities together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from passerby import sealing
from passerby.cli.veil.options import VeilOptions
from passerby.errors import UsageError
from passerby.media import OutputJob, SourceKind

if TYPE_CHECKING:
    from passerby.veil import UncoveredFaces


class FilesSealing(Protocol):
    """What the distribution ``passerby-seal`` gives."""

    failed: str

    def before_cover(self, faces: UncoveredFaces) -> None:
        """Seal the faces of a frame that is about to be covered."""

    def finish(self) -> None:
        """End the pack."""

    def told(self) -> str:
        """Return what was done, for people."""


class PackBeside(Protocol):
    """A pack that is being written: told of frames, where it lies until it is whole, where it will stand."""

    sealing: FilesSealing
    beside: Path
    target: Path


def check_seal(options: VeilOptions, jobs: list[OutputJob]) -> None:
    """Refuse what cannot be sealed, before anything is written.

    Raises:
        UsageError: sealing is not installed, or goes not with another option or input.
        ConfigError: the policy cannot be used.
    """
    if options.seal is None:
        return
    for name, value in (
        ("--tracks-in", options.tracks_in),
        ("--mend", options.mend),
        ("--keep", options.keep),
        ("--until-clean", options.until_clean),
        ("--preview", options.preview),
    ):
        if value:
            raise UsageError(
                f"--seal goes without {name}, got both",
                hint="what is sealed is what the detector follows while the clip is veiled",
            )
    _policy(options.seal, files=True)
    for job in jobs:
        if job.source.kind is not SourceKind.CLIP:
            raise UsageError(
                f"--seal takes clips, got {job.source.path.name}",
                hint="a picture has no tracks, and a camera is sealed by the gateway; veil these without --seal",
            )


@contextmanager
def sealed_beside(policy: Path | None, output: Path, *, overwrite: bool) -> Iterator[PackBeside | None]:
    """Write a pack beside an output, where one is asked for.

    Raises:
        PasserbyError: it cannot be begun.
    """
    if policy is None:
        yield None
        return
    seal_beside = sealing.load("files").seal_beside
    with seal_beside(_policy(policy), output, overwrite=overwrite) as pack:
        yield pack


def _policy(path: Path, *, files: bool = False) -> Any:  # noqa: ANN401  # a type of the other distribution
    policy = sealing.load("keys").read_policy(path)
    if files and policy.custodian.key is None:
        raise UsageError(
            f"{path} must name the custodian's key for files, got none",
            hint="passerby seal key makes one; its public part goes under custodian: as key:",
        )
    return policy
