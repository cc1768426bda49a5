"""Words of scan: what a component can do, what was found where, and what was not read.

Presence is not use: a finding says that something is there and what it is able to do, never that somebody does it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Protocol

from passerby.values import Digest

MEMBER = "!/"
"""Stands between an archive and what is in it, as in ``app.zip!/lib/x.py``; archives in archives repeat it."""


class Ability(enum.StrEnum):
    """What a component can do with pictures of people, in the words of the law where it has one.

    Source: Regulation (EU) 2024/1689, Article 3(35) biometric identification, (36) verification, (39) emotion
    recognition, (40) categorisation.
    """

    SEARCH = "search"
    """One against many: whose face of a list is this?"""
    GROUP = "group"
    """Sorts many faces by person, with or without names."""
    VERIFY = "verify"
    """One against one: are these two the same person?"""
    EMBED = "embed"
    """Makes descriptors of faces that can be compared."""
    PERSON = "person"
    """Finds a person again by body or clothes."""
    GAIT = "gait"
    AGE = "age"
    GENDER = "gender"
    ETHNICITY = "ethnicity"
    EMOTION = "emotion"
    GENERAL_EMBED = "general-embed"
    """Descriptors of any picture, which serve for faces as well."""
    LIVENESS = "liveness"
    LANDMARKS = "landmarks"
    DETECT = "detect"


class Rating(enum.StrEnum):
    """What decides: whether a component identifies by itself."""

    IDENTIFIES = "identifies"
    """It identifies, verifies or makes face descriptors with what it brings or fetches by itself; or that is all that it is
    for, as with the client of a service for recognising faces."""
    CAN = "can"
    """It could, when given weights, a key or a further part: the code is there, among much else."""
    DOES_NOT = "does-not"
    """It does not identify: detectors, landmarks, attributes, general networks."""


class Weights(enum.StrEnum):
    """Where a component's trained numbers are."""

    HELD = "held"
    """Found in the target."""
    FETCHED = "fetched"
    """It fetches them at run time."""
    GIVEN = "given"
    """Somebody has to bring them."""
    SERVICE = "service"
    """They are on somebody else's machine."""
    NONE = "none"
    """It needs none, or that does not apply."""


class Confidence(enum.StrEnum):
    """How sure a finding is."""

    CERTAIN = "certain"
    """A name, a digest or a call that only this component has."""
    LIKELY = "likely"
    """Structure or several weaker signs."""
    MAY_BE = "may-be"
    """It fits, and so would others."""


class FindingKind(enum.StrEnum):
    """What sort of thing was found."""

    PACKAGE = "package"
    MODEL = "model"
    STORE = "store"
    CALL = "call"
    BINARY = "binary"
    WIRING = "wiring"
    PROCESS = "process"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows a finding: one place in the target.

    Attributes:
        path: Of the file, relative to the target, with ``!/`` after each archive.
        what: One sentence without a full stop. Never a vector, label, row or key out of a store.
        line: From 1, where the file has lines.
    """

    path: str
    what: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One component in one place.

    Attributes:
        kind: What sort of thing.
        path: Where, as in :class:`Evidence`; of several places the first in order.
        title: Its name for people.
        component: Its id in the catalogue; empty where only its structure is known.
        version: As the target states it; empty where it does not.
        abilities: What it can do, in the order of :class:`Ability`.
        rating: Whether it identifies.
        confidence: How sure.
        weights: Where its trained numbers are.
        evidence: At least one place, in order.
        chain: What brought it in: package names from the target's own to this one; empty where it is not known.
        digest: Of the file, for models and binaries.
        note: What a reader should know; one sentence, or empty.
    """

    kind: FindingKind
    path: str
    title: str
    component: str = ""
    version: str = ""
    abilities: tuple[Ability, ...] = ()
    rating: Rating = Rating.DOES_NOT
    confidence: Confidence = Confidence.LIKELY
    weights: Weights = Weights.NONE
    evidence: tuple[Evidence, ...] = ()
    chain: tuple[str, ...] = ()
    digest: Digest | None = None
    note: str = ""


class Ecosystem(enum.StrEnum):
    """A registry of packages whose names mean something; spelled as in package URLs (purl) where these have one."""

    PYPI = "pypi"
    NPM = "npm"
    DEBIAN = "deb"
    ALPINE = "apk"
    RPM = "rpm"
    MAVEN = "maven"
    """``group:artifact``; Gradle's coordinates are the same."""
    COCOAPODS = "cocoapods"
    SWIFT = "swift"
    NUGET = "nuget"
    GO = "golang"
    CARGO = "cargo"
    GEM = "gem"
    CONDA = "conda"
    DOCKER = "docker"
    """An image that a compose file or a Dockerfile names, without its tag."""
    GITHUB = "github"
    """``owner/name``: a dependency straight from a repository."""


@dataclass(frozen=True, slots=True)
class PackageMention:
    """A package that a manifest, lock file, bill of materials or installed metadata names.

    Names are as the registry compares them (PyPI: lower case, runs of ``-_.`` are one ``-``).

    Attributes:
        ecosystem: Which registry.
        name: In that registry.
        version: Where one is stated, else empty.
        evidence: The place that names it.
        installed: Its files are here, not only its name.
        requires: Names of packages of the same ecosystem that it needs, as far as this place says.
        root: The target's own manifest names it directly; False where a package here needs it, which says nothing of whether
            it is here as well; None where this place cannot say.
        own: This place is the package's own manifest in a source tree, so that its name may be somebody's working title.
        chain: What brought it in, from the top to this one, where this place says so by itself.
    """

    ecosystem: Ecosystem
    name: str
    version: str
    evidence: Evidence
    installed: bool = False
    requires: tuple[str, ...] = ()
    root: bool | None = None
    own: bool = False
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Unread:
    """Something that was not read, or not to its end.

    Attributes:
        path: Where, as in :class:`Evidence`.
        reason: One sentence without a full stop: what kept it from being read.
        hides: Whether it could hide a finding. Formats that are named and not read do; a link that leads nowhere does not.
    """

    path: str
    reason: str
    hides: bool = True


Observation = Finding | PackageMention | Unread


class TargetFile(Protocol):
    """One regular file of a target, on a disk or inside archives. Nothing of it is ever run."""

    @property
    def path(self) -> str:
        """Relative to the target, ``/`` between folders, ``!/`` after each archive; control characters are escaped."""

    @property
    def name(self) -> str:
        """The last part of the path, as it is spelled."""

    @property
    def size_bytes(self) -> int:
        """How long it is; counted, not believed."""

    def head(self, count_bytes: int = 4096) -> bytes:
        """Return the first bytes, fewer where the file ends."""

    def open(self) -> BinaryIO:
        """Return it as a stream that can be read and sought; the caller closes it."""

    def read(self, most_bytes: int) -> bytes:
        """Return all of it.

        Raises:
            ScanError: it is longer than ``most_bytes``.
        """

    def digest(self) -> Digest:
        """Return its SHA-256 digest, computed once."""


class Reader(NamedTuple):
    """One way to read a file of a target; each wing gives a tuple of them.

    Attributes:
        name: For messages and the cache.
        version: Raised when its answers change, so that cached ones are thrown away.
        wants: Judges by name, size and first bytes; cheap, since every file is asked.
        read: Returns what is in it, in any order. Errors of the format are an :class:`Unread`, never an exception;
            whatever escapes becomes one in ``run``, with the reader's name.
    """

    name: str
    version: int
    wants: Callable[[TargetFile], bool]
    read: Callable[[TargetFile], Iterable[Observation]]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything that one scan has to say, the same whatever the order and number of workers.

    Attributes:
        target: As it was named.
        findings: In order of rating, path and title.
        unread: In order.
        files: How many files were read.
        size_bytes: Of them together, as unpacked.
        packages: How many different packages were named.
        suppressed: Findings that a suppression covers, each with its reason and end date.
    """

    target: str
    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    files: int = 0
    size_bytes: int = 0
    packages: int = 0
    suppressed: tuple[tuple[Finding, str], ...] = field(default=())
