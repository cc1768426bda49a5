"""Which file is read how: by its name, its suffix or its folder, and bills of materials by their first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from passerby.errors import ScanError
from passerby.scan.packages import (
    cyclonedx,
    dotnet,
    images,
    installed,
    jvm,
    native,
    node,
    python_locks,
    python_manifests,
    spdx,
)
from passerby.scan.values import Observation, Reader, TargetFile, Unread

Reading = Callable[[TargetFile], Iterator[Observation]]

_NAMES: dict[str, Reading] = {
    "pyproject.toml": python_manifests.read_pyproject,
    "setup.cfg": python_manifests.read_setup_cfg,
    "setup.py": python_manifests.read_setup_py,
    "pipfile": python_manifests.read_pipfile,
    "pipfile.lock": python_locks.read_pipfile_lock,
    "poetry.lock": python_locks.read_toml_lock,
    "uv.lock": python_locks.read_toml_lock,
    "pdm.lock": python_locks.read_toml_lock,
    "conda-lock.yml": python_manifests.read_environment,
    "metadata": installed.read_metadata,
    "pkg-info": installed.read_metadata,
    "package.json": node.read_package_json,
    "package-lock.json": node.read_npm_lock,
    ".package-lock.json": node.read_npm_lock,
    "npm-shrinkwrap.json": node.read_npm_lock,
    "yarn.lock": node.read_yarn_lock,
    "pnpm-lock.yaml": node.read_pnpm_lock,
    "bun.lock": node.read_bun_lock,
    "control": installed.read_debian,
    "pom.xml": jvm.read_pom,
    "pom.properties": jvm.read_pom_properties,
    "build.gradle": jvm.read_gradle,
    "build.gradle.kts": jvm.read_gradle,
    "gradle.lockfile": jvm.read_gradle_lock,
    "buildscript-gradle.lockfile": jvm.read_gradle_lock,
    "packages.config": dotnet.read_project,
    "packages.lock.json": dotnet.read_nuget_lock,
    "project.assets.json": dotnet.read_deps_json,
    "directory.packages.props": dotnet.read_project,
    "directory.build.props": dotnet.read_project,
    "go.mod": native.read_go_mod,
    "go.sum": native.read_go_sum,
    "cargo.toml": native.read_cargo_toml,
    "cargo.lock": native.read_cargo_lock,
    "podfile": native.read_podfile,
    "podfile.lock": native.read_podfile_lock,
    "manifest.lock": native.read_podfile_lock,
    "package.resolved": native.read_package_resolved,
    "package.swift": native.read_swift_manifest,
    "cartfile": native.read_swift_manifest,
    "gemfile": native.read_gemfile,
    "gemfile.lock": native.read_gemfile_lock,
}
_SUFFIXES: tuple[tuple[str, Reading], ...] = (
    (".dockerfile", images.read_dockerfile),
    (".versions.toml", jvm.read_version_catalogue),
    (".deps.json", dotnet.read_deps_json),
    (".nuspec", dotnet.read_nuspec),
    (".csproj", dotnet.read_project),
    (".fsproj", dotnet.read_project),
    (".vbproj", dotnet.read_project),
    (".spdx.yml", spdx.read_spdx_yaml),
    (".spdx.yaml", spdx.read_spdx_yaml),
    (".yml", images.read_yaml_names),
    (".yaml", images.read_yaml_names),
    (".sh", images.read_commands),
)
_PLACES: tuple[tuple[re.Pattern[str], Reading], ...] = (
    (re.compile(r"(?:^|[/!])var/lib/dpkg/(?:status|status\.d/[^/]+)$"), installed.read_debian),
    (re.compile(r"(?:^|[/!])lib/apk/db/installed$"), installed.read_alpine),
    (
        re.compile(r"(?:^|[/!])(?:var/lib|usr/lib/sysimage)/rpm/(?:rpmdb\.sqlite|Packages|Packages\.db)$"),
        installed.read_rpm,
    ),
    (re.compile(r"(?:^|[/!])conda-meta/[^/]+\.json$"), installed.read_conda_meta),
    (re.compile(r"\.egg-info/requires\.txt$"), installed.read_egg_requires),
    (re.compile(r"(?:^|[/!])vendor/modules\.txt$"), native.read_go_vendor),
    (re.compile(r"(?:^|[/!])(?:Docker|Container)file(?:\.[^/]*)?$"), images.read_dockerfile),
    (re.compile(r"(?:^|[/!])pylock(?:\.[^/]+)?\.toml$"), python_locks.read_toml_lock),
    (
        re.compile(r"(?:^|[/!])(?:[^/]*[-_.])?(?:environment|conda|env)(?:[-_.][^/]*)?\.ya?ml$"),
        python_manifests.read_environment,
    ),
)
_PLACE_ENDS = (
    "status",
    "installed",
    ".json",
    ".txt",
    ".toml",
    ".yml",
    ".yaml",
    "rpmdb.sqlite",
    "packages",
    "packages.db",
)
_BILL_SIGNS = (b"cyclonedx", b"bomformat", b"spdxref-", b"spdxversion", b"spdx.org/rdf")


def _bill(file: TargetFile) -> Reading | None:
    """Return how a bill of materials is read, judged by its first bytes; None where it is none."""
    head = file.head().lower()
    if not any(sign in head for sign in _BILL_SIGNS):
        return None
    if file.name.lower().endswith((".json", ".jsonld")) or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        cyclone = b"cyclonedx" in head or b"bomformat" in head
        return cyclonedx.read_cyclonedx_json if cyclone else spdx.read_spdx_json
    if b"cyclonedx.org/schema/bom" in head:
        return cyclonedx.read_cyclonedx_xml
    if b"spdxversion:" in head:
        return spdx.read_tag_value
    return None


def _reading(file: TargetFile) -> Reading | None:
    name = file.name.lower()
    known = _NAMES.get(name)
    if known:
        return known
    if name.endswith(_PLACE_ENDS) or "file" in name or "/status.d/" in file.path:
        for place, reading in _PLACES:
            if place.search(file.path):
                return reading
    if name.endswith((".txt", ".in", ".pip", ".lock")) and python_manifests.is_requirements(file.path):
        return python_manifests.read_requirements
    for suffix, reading in _SUFFIXES:
        if name.endswith(suffix):
            return reading
    if name.endswith((".json", ".jsonld", ".spdx", ".xml", ".cdx", ".tag")):
        return _bill(file)
    return None


def _wants(file: TargetFile) -> bool:
    return _reading(file) is not None


def _read(file: TargetFile) -> Iterator[Observation]:
    reading = _reading(file)
    if reading is None:
        return
    try:
        yield from reading(file)
    except ScanError as exc:
        yield Unread(file.path, exc.message)


def _wants_binary_lock(file: TargetFile) -> bool:
    return file.name in ("bun.lockb", "spdx.rdf") or file.name.endswith(".spdx.rdf")


def _read_binary_lock(file: TargetFile) -> Iterator[Observation]:
    yield Unread(
        file.path, "is of a form that is not read here; the same is said in bun.lock, or in SPDX as JSON or tags"
    )


READERS: tuple[Reader, ...] = (
    Reader("packages", 1, _wants, _read),
    Reader("packages-not-read", 1, _wants_binary_lock, _read_binary_lock),
)
