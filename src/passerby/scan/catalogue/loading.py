"""Reads the catalogue, once in a process."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources

import yaml
from pydantic import ValidationError

from passerby.errors import ScanError
from passerby.scan.catalogue.component import Component, KnownFile
from passerby.scan.values import Ecosystem
from passerby.values import Digest

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All components, and where each name leads.

    Attributes:
        components: By id, in order of ids.
        by_package: Components by registry and package name.
        by_sha256: Known weights by digest (hex).
        digest: Of all files together: cached answers hold for one catalogue only.
    """

    components: dict[str, Component]
    by_package: dict[tuple[Ecosystem, str], Component]
    by_sha256: dict[str, tuple[Component, KnownFile]]
    digest: Digest


def parse_component(text: str, name: str) -> Component:
    """Read one file of the catalogue.

    Args:
        text: YAML.
        name: Of the file, without its suffix; must be the component's id.

    Raises:
        ScanError: it is no YAML, or does not fit the schema.
    """
    try:
        component = Component.model_validate(yaml.load(text, Loader=_LOADER))  # noqa: S506 - a safe loader, in C where there is one
    except yaml.YAMLError as exc:
        raise ScanError(f"component {name} must be YAML, got {exc}") from exc
    except ValidationError as exc:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in exc.errors(include_url=False)
        )
        raise ScanError(f"component {name} does not fit the catalogue's schema: {faults}") from exc
    if component.id != name:
        raise ScanError(f"component {name} must bear its file's name, got id {component.id}")
    return component


@functools.cache
def read_catalogue() -> Catalogue:
    """Return the catalogue that this version ships.

    Raises:
        ScanError: a file is broken, or two components claim one package or digest.
    """
    folder = resources.files("passerby.scan.catalogue") / "components"
    texts = {
        file.name.removesuffix(".yaml"): file.read_text("utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    }
    components = {name: parse_component(texts[name], name) for name in sorted(texts)}
    by_package: dict[tuple[Ecosystem, str], Component] = {}
    by_sha256: dict[str, tuple[Component, KnownFile]] = {}
    for component in components.values():
        for ecosystem, names in component.names.items():
            for name in names:
                if by_package.setdefault((ecosystem, name), component) is not component:
                    raise ScanError(
                        f"package {ecosystem}:{name} must belong to one component, got {component.id} as well"
                    )
        for file in component.files:
            if file.sha256 and by_sha256.setdefault(file.sha256, (component, file))[0] is not component:
                raise ScanError(f"digest {file.sha256} must belong to one component, got {component.id} as well")
    whole = hashlib.sha256("\0".join(f"{name}\0{texts[name]}" for name in components).encode())
    return Catalogue(components, by_package, by_sha256, Digest(f"sha256:{whole.hexdigest()}"))
