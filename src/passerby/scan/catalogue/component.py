"""One component of the catalogue, as its YAML file states it; unknown keys are refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from passerby.scan.values import Ability, Ecosystem, Rating, Weights

Name = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Names = tuple[Name, ...]
IDENTIFYING = frozenset({Ability.SEARCH, Ability.GROUP, Ability.VERIFY, Ability.EMBED})
"""Abilities that tell one face from another."""
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Source(BaseModel):
    """Where a statement about a component comes from.

    Attributes:
        url: A public page.
        says: What it says, in our words.
        seen: The day on which it or a stored copy was read; None where it was not opened and only the fact is well known.
    """

    model_config = _FROZEN
    url: Annotated[str, StringConstraints(pattern=r"^https://")]
    says: Name
    seen: date | None = None


class KnownFile(BaseModel):
    """A file of weights that is known by its digest, or by its name where nothing else bears that name.

    Attributes:
        name: As it is published.
        sha256: 64 lower-case hex digits; None where nobody here has seen the file.
        abilities: What this one file can do.
    """

    model_config = _FROZEN
    name: Name
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    abilities: tuple[Ability, ...] = ()


class BinaryMarks(BaseModel):
    """What a component looks like as a Windows, Linux or Apple binary. All are whole names, files and products without case.

    Attributes:
        files: Names of libraries, programs and frameworks, without folders and without versions at their end
            (``NBiometricClient.dll``, ``libfsdk.so``); a ``*`` stands for digits, points and ``_`` (``opencv_face4*.dll``).
        products: Product, or company with product, of a Windows version resource, whole.
        symbols: Exported or imported names that nothing else has; a trailing ``*`` stands for any ending.
    """

    model_config = _FROZEN
    files: Names = ()
    products: Names = ()
    symbols: Names = ()


class CodeMarks(BaseModel):
    r"""How source code uses a component. A module name may go on to a name inside it (``cv2.face``, ``aws-sdk.Rekognition``).

    Attributes:
        python: Modules, dotted (``insightface``, ``cv2.face``).
        javascript: Module names as they are imported.
        java: Packages or classes, dotted; also Kotlin and Scala, and dex class prefixes of apps.
        swift: Modules.
        csharp: Namespaces.
        go: Import paths.
        cpp: Headers as they are included (``opencv2/face.hpp``); also C and Objective-C.
        php: Namespaces or classes, with ``\\`` between the parts.
        ruby: Names that ``require`` takes.
        rust: Crates as ``use`` names them.
        globals: Names that a script on a page finds without an import (``faceapi``).
        services: A service's name as a general client is told it (``rekognition``, as in ``boto3.client("rekognition")`` and
            ``aws rekognition``).
        identifying: Calls that search, verify or embed, as they are written after their module or client (``compare_faces``,
            ``FaceRecognizerSF.create``). Compared without case, ``_`` and ``-`` and the endings Async, Command and Request, so
            that ``search_faces_by_image`` stands for ``SearchFacesByImageCommand`` as well.
        detecting: Calls that only detect, analyse or place landmarks.
        hosts: Host names or address prefixes of a service (``api.faceplusplus.com``); a leading ``*.`` stands for any label.
        paths: Address paths of a service's identifying calls (``/face/v1.0/identify``).
        iam_actions: Actions in cloud policies that identify (``rekognition:SearchFacesByImage``).
        resources: Types of resources in infrastructure as code that identify (``AWS::Rekognition::Collection``); with
            ``?kind=Face`` only where the resource's ``kind`` is that.
    """

    model_config = _FROZEN
    python: Names = ()
    javascript: Names = ()
    java: Names = ()
    swift: Names = ()
    csharp: Names = ()
    go: Names = ()
    cpp: Names = ()
    php: Names = ()
    ruby: Names = ()
    rust: Names = ()
    globals: Names = ()
    services: Names = ()
    identifying: Names = ()
    detecting: Names = ()
    hosts: Names = ()
    paths: Names = ()
    iam_actions: Names = ()
    resources: Names = ()


class WiringMarks(BaseModel):
    """How a camera or its event stream names a component's work.

    Attributes:
        onvif_modules: Types of ONVIF analytics modules or rules, local names.
        onvif_topics: Last parts of ONVIF event topics.
        mqtt_topics: Topic prefixes.
    """

    model_config = _FROZEN
    onvif_modules: Names = ()
    onvif_topics: Names = ()
    mqtt_topics: Names = ()


class Component(BaseModel):
    """One component that works on faces, or is often mistaken for one that does.

    Attributes:
        id: Lower case, digits and ``-``; the file's name.
        title: For people.
        maker: Who makes it; empty where nobody in particular does.
        sort: library, kit (commercial development kit), plug-in (part of a video system), system (a whole product), service (a
            cloud API), weights (trained numbers alone), camera, app.
        commercial: Whether it is sold.
        abilities: All that it can do with pictures of people. Empty for what is listed because it is mistaken for such a
            component, or works on voices: then it must be rated ``does-not``.
        rating: Whether it identifies with what it brings or fetches by itself.
        weights: Where its trained numbers are when it is installed.
        real_time: Whether it is made for streams, for recordings and pictures, or for both.
        since: First version that can do it; empty where all can.
        names: Package names by registry, as the registry compares them.
        files: Known weights.
        binaries: As a binary.
        code: In source code.
        wiring: At cameras.
        note: What a reader should know; a correction by its maker stands here.
        sources: At least one.
    """

    model_config = _FROZEN
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Name
    maker: str = ""
    sort: Literal["library", "kit", "plug-in", "system", "service", "weights", "camera", "app"]
    commercial: bool = False
    abilities: tuple[Ability, ...]
    rating: Rating
    weights: Weights
    real_time: Literal["real-time", "recorded", "both"] = "both"
    since: str = ""
    names: dict[Ecosystem, Names] = Field(default_factory=dict)
    files: tuple[KnownFile, ...] = ()
    binaries: BinaryMarks = BinaryMarks()
    code: CodeMarks = CodeMarks()
    wiring: WiringMarks = WiringMarks()
    note: str = ""
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Component:
        if self.rating is not Rating.DOES_NOT and not self.abilities:
            raise ValueError(f"abilities must be named for what is rated {self.rating}, got none")
        if self.rating is Rating.IDENTIFIES and not set(self.abilities) & IDENTIFYING:
            raise ValueError(
                f"abilities must hold one of {', '.join(sorted(IDENTIFYING))} for what identifies, got none"
            )
        return self
