"""Names of packages as their registries compare them, and the texts that state them: requirements, package URLs, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from passerby.scan.values import Ecosystem, Evidence, PackageMention

_LONGEST = 2_000
_NAME = re.compile(r"[A-Za-z0-9@_][\w@./:+~-]{0,213}", re.ASCII)
_VERSION = re.compile(r"[\w.+~:!-]{1,100}", re.ASCII)
_EXACT = re.compile(r"(?:={1,3}\s*)?[v=]?(\d[\w.+!-]*)", re.ASCII)
_REQUIREMENT = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?=$|[<>=!~@;(])(.*)", re.ASCII
)
_WHEEL = re.compile(r"/([A-Za-z0-9_.]+)-(\d[\w.+!]*)-[\w.]+-[\w.]+-[\w.]+\.whl$", re.ASCII)
_SDIST = re.compile(r"/([A-Za-z0-9_.-]+)-(\d[\w.+!]*)\.(?:tar\.gz|zip|tgz)$", re.ASCII)
_GITHUB = re.compile(r"(?:github:|github\.com[/:])([\w.-]+)/([\w.-]+)", re.ASCII)
_GITHUB_SHORT = re.compile(r"([\w.-]+)/([\w.-]+?)(?:#.*)?", re.ASCII)


class Requirement(NamedTuple):
    """One requirement as PEP 508 writes them.

    Attributes:
        name: As the registry compares it.
        version: The one that is demanded exactly, else empty.
        address: Where it is fetched from, when that is stated.
        optional: It belongs to an extra.
    """

    name: str
    version: str
    address: str = ""
    optional: bool = False


def comparable(ecosystem: Ecosystem, name: str) -> str:
    """Return a name as its registry compares it.

    >>> comparable(Ecosystem.PYPI, "Face_Recognition"), comparable(Ecosystem.DOCKER, "docker.io/exadel/compreface-core:1.2.0")
    ('face-recognition', 'exadel/compreface-core')

    Source:
        PyPI: PEP 503; NuGet, GitHub and conda compare without case; crates.io takes ``-`` and ``_`` for one.
    """
    name = name.strip()
    match ecosystem:
        case Ecosystem.PYPI:
            return re.sub(r"[-_.]+", "-", name).lower()
        case Ecosystem.CARGO:
            return name.replace("_", "-").lower()
        case Ecosystem.DOCKER:
            name = re.sub(r":[^/]*$", "", name.partition("@")[0].lower())
            return re.sub(r"^(?:(?:index\.)?docker\.io/)?(?:library/(?=[^/]+$))?", "", name)
        case Ecosystem.SWIFT | Ecosystem.GITHUB:
            return (
                re.sub(r"^(?:https?://)?(?:www\.)?github\.com[/:]", "", name.lower())
                .removesuffix("/")
                .removesuffix(".git")
            )
        case Ecosystem.GO:
            return re.sub(r"/v\d+$", "", name)
        case Ecosystem.COCOAPODS:
            return name.partition("/")[0]
        case Ecosystem.DEBIAN:
            return name.partition(":")[0].lower()
        case Ecosystem.NUGET | Ecosystem.CONDA | Ecosystem.RPM | Ecosystem.ALPINE:
            return name.lower()
    return name


def mention(
    ecosystem: Ecosystem,
    name: str,
    version: str,
    evidence: Evidence,
    *,
    installed: bool = False,
    requires: tuple[str, ...] = (),
    root: bool | None = None,
    own: bool = False,
    chain: tuple[str, ...] = (),
) -> Iterator[PackageMention]:
    """Give one mention, or none where the name is one that no registry could bear; see :class:`PackageMention`."""
    name = comparable(ecosystem, name)
    if _NAME.fullmatch(name):
        needed = tuple(sorted({comparable(ecosystem, other) for other in requires}))
        yield PackageMention(
            ecosystem,
            name,
            version if _VERSION.fullmatch(version) else "",
            evidence,
            installed=installed,
            requires=needed,
            root=root,
            own=own,
            chain=chain,
        )


def shown(name: str, version: str = "") -> str:
    """Return a name and its version for a sentence: nothing that a registry could not bear, so nothing that hides in it.

    >>> shown("insightface", "0.7.3"), shown("a b", "1")
    ('insightface 0.7.3', 'a package')
    """
    if not _NAME.fullmatch(name):
        return "a package"
    return f"{name} {version}" if version and _VERSION.fullmatch(version) else name


def exact_version(constraint: str) -> str:
    """Return the version that a constraint demands exactly, or an empty text.

    >>> exact_version("==0.7.3"), exact_version("1.2.3"), exact_version("^1.2.3")
    ('0.7.3', '1.2.3', '')
    """
    found = _EXACT.fullmatch(constraint.strip())
    return found[1] if found and "*" not in constraint else ""


def parse_requirement(text: str) -> Requirement | None:
    """Read one requirement, or None where it is none.

    >>> parse_requirement("Deep_Face[gpu]==0.0.79 ; python_version > '3'")
    Requirement(name='deep-face', version='0.0.79', address='', optional=False)
    >>> parse_requirement("insightface is a library") is None
    True

    Source: PEP 508.
    """
    found = _REQUIREMENT.fullmatch(text.strip()) if len(text) < _LONGEST else None
    if not found:
        return None
    constraint, _, marker = found[2].partition(";")
    constraint = constraint.strip()
    name = comparable(Ecosystem.PYPI, found[1])
    optional = bool(re.search(r"\bextra\s*==", marker))
    if constraint.startswith("@"):
        address = constraint[1:].strip()
        return Requirement(name, wheel_name(address)[1], address, optional)
    return Requirement(name, exact_version(constraint.strip("() ")), "", optional)


def wheel_name(address: str) -> tuple[str, str]:
    """Return the project and version that the file name at the end of an address states, or empty texts.

    >>> wheel_name("https://example.org/a/insightface-0.7.3-cp311-cp311-linux_x86_64.whl")
    ('insightface', '0.7.3')
    """
    path = "/" + address.partition("#")[0].partition("?")[0]
    found = _WHEEL.search(path) or _SDIST.search(path)
    return (comparable(Ecosystem.PYPI, found[1]), found[2]) if found else ("", "")


def github_name(address: str, *, short: bool = False) -> str:
    """Return ``owner/name`` of an address that leads to GitHub, or an empty text.

    >>> github_name("git+https://github.com/deepinsight/insightface.git@v0.7")
    'deepinsight/insightface'

    Args:
        address: A URL, or ``git@github.com:owner/name``.
        short: ``owner/name`` alone means GitHub, as in ``package.json``.
    """
    found = _GITHUB.search(address)
    if not found and short and not address.startswith((".", "/", "~", "@")):
        found = _GITHUB_SHORT.fullmatch(address)
    return comparable(Ecosystem.GITHUB, f"{found[1]}/{found[2]}") if found else ""


def parse_purl(text: str) -> tuple[Ecosystem, str, str] | None:
    """Return registry, name and version of a package URL, or None where it is none or of a registry that is not known here.

    >>> parse_purl("pkg:npm/%40vladmandic/face-api@1.7.13?x=1")
    (<Ecosystem.NPM: 'npm'>, '@vladmandic/face-api', '1.7.13')

    Source: purl-spec (ECMA-427), and its types.
    """
    scheme, _, rest = text.strip().partition(":")
    kind, _, rest = rest.lstrip("/").partition("/")
    path = rest.partition("#")[0].partition("?")[0]
    kind = {"oci": "docker"}.get(kind.lower(), kind.lower())
    if scheme.lower() != "pkg" or kind not in set(Ecosystem):
        return None
    ecosystem = Ecosystem(kind)
    head, at, version = path.rpartition("@")
    if not at or "/" in version:
        head, version = path, ""
    parts = [unquote(part) for part in head.split("/") if part]
    if not parts:
        return None
    match ecosystem:
        case Ecosystem.MAVEN:
            name = ":".join(parts)
        case Ecosystem.NPM | Ecosystem.DOCKER | Ecosystem.GITHUB | Ecosystem.GO | Ecosystem.SWIFT | Ecosystem.CARGO:
            name = "/".join(parts)
        case _:
            name = parts[-1]
    return ecosystem, comparable(ecosystem, name), unquote(version)
