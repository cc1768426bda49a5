"""What a store of vectors is like, and the finding that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.scan.values import Confidence, Evidence, Finding, FindingKind, Rating, TargetFile

NARROWEST, WIDEST = 96, 1024
"""Source: descriptors of faces in use have 128 (dlib, face-api.js), 192 (MobileFaceNet), 256 to 1024 numbers."""
SAMPLE = 16
"""Vectors whose length is taken."""
_UNIT = 0.01
_LEAST, _MOST = 0.5, 2.5
_ALIKE = 1.5
_VECTORS = re.compile(
    r"embed|encoding|descriptor|feature|template|vector|biometr|(?:^|[-_.])(?:feat|vec|emb)s?(?:[-_.]|$)", re.I
)
_FACES = re.compile(r"face|facial|biometr|(?:^|_)person|people", re.I)


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What may be said of a store.

    Attributes:
        form: What kind of store, as a phrase with its article.
        dimension: Numbers in a vector.
        count: Vectors in it; None where that is not counted.
        at_least: ``count`` is only a lower bound.
        metric: How it compares, where it says so.
        unit: Whether the vectors of a sample have length one; None where no sample was taken.
        faces: Names in its schema, or of its file, speak of faces or people.
    """

    form: str
    dimension: int
    count: int | None = None
    at_least: bool = False
    metric: str = ""
    unit: bool | None = None
    faces: bool = False


def speaks_of_faces(name: str) -> bool:
    """Tell whether a name of a schema or file speaks of faces or people.

    >>> speaks_of_faces("face_encoding"), speaks_of_faces("surface"), speaks_of_faces("interface_id")
    (True, False, False)
    """
    return bool(_FACES.search(re.sub(r"(?i)surface|interface|typeface|facet", "", name)))


def unit_length(vectors: NDArray[np.floating]) -> bool | None:
    """Tell whether all vectors of a sample, shape (N, D), have length one within a hundredth; None where none can be told."""
    if vectors.size == 0 or not np.isfinite(vectors).all():
        return None
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return bool((np.abs(lengths - 1) < _UNIT).all())


def like_descriptors(vectors: NDArray[np.floating]) -> bool:
    """Tell whether all vectors of a sample have lengths as descriptors have: near one and alike (dlib's lie at 1.2 to 1.6).

    Pictures, depths and features of other networks as plain arrays have not.
    """
    if vectors.size == 0 or not np.isfinite(vectors).all():
        return False
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return bool(lengths.min() > _LEAST and lengths.max() < min(_MOST, lengths.min() * _ALIKE))


def speaks_of_vectors(name: str) -> bool:
    """Tell whether a name of a schema or file speaks of vectors or of faces.

    >>> speaks_of_vectors("known_encodings.pickle"), speaks_of_vectors("motorcycle_disp.npz")
    (True, False)
    """
    return bool(_VECTORS.search(name)) or speaks_of_faces(name)


def as_finding(file: TargetFile, facts: StoreFacts) -> Iterator[Finding]:
    """Yield the finding of a store whose vectors are as wide as descriptors of faces, and none of others."""
    if not NARROWEST <= facts.dimension <= WIDEST:
        return
    faces = facts.faces or speaks_of_faces(file.name)
    counted = "" if facts.count is None else f" of {'at least ' if facts.at_least else ''}{facts.count:,} vectors"
    parts = [f"is {facts.form}{counted} with {facts.dimension} numbers each"]
    if facts.metric:
        parts.append(f"compared by {facts.metric}")
    if facts.unit is not None:
        parts.append("of length one in a sample" if facts.unit else "not of length one in a sample")
    why = "names of the file or its schema speak of faces" if faces else "it fits descriptors of faces, and much else"
    yield Finding(
        FindingKind.STORE,
        file.path,
        f"Vectors that may be templates ({facts.form.removeprefix('a ').removeprefix('an ')})",
        rating=Rating.CAN,
        confidence=Confidence.MAY_BE,
        evidence=(Evidence(file.path, ", ".join(parts)),),
        note=f"may be a store of templates: {why}; what is in it was not opened",
    )
