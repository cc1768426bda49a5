"""The directory of a log's writer: ``private`` (mode 0700: settings, key, lock, head, salts) and ``public`` (the log).

``public`` may lie on an object store instead; the head and the writer's lease then lie beside it, under ``.writer/``.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from passerby.errors import FormatError, RegisterError, StorageError, UsageError
from passerby.register.codec import KINDS, entry_schema
from passerby.register.log.committer import HEAD
from passerby.register.notes import Checkpoint, FileSigner, Policy, Signer, VerifierKey, check_name
from passerby.register.storage import DirectoryStore, Store, WriterSettings, as_storage_errors, open_store
from passerby.register.tiles import CHECKPOINT, EMPTY_ROOT
from passerby.register.verification import POLICY, VKEY, rotation_path

SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class LogDirectory:
    """Where the parts of one log are.

    Attributes:
        path: The writer's directory.
        origin: The log's name.
        public: The log's files.
        state: The head, and the lock.
        private: The writer's own files.
        key_name: The key file in use, or None where the key is elsewhere.
        settings: Clock, disk and object stores.
    """

    path: Path
    origin: str
    public: Store
    state: Store
    private: DirectoryStore
    key_name: str | None
    settings: WriterSettings

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        origin: str,
        signer: Signer | None = None,
        policy: Policy | None = None,
        public: str | None = None,
        settings: WriterSettings | None = None,
    ) -> tuple[LogDirectory, Signer]:
        """Make the directory of a new log; the head comes last, so that a half-made log is none.

        Raises:
            UsageError: there is something already.
            FormatError: the origin cannot name a key, or the signer has another name.
            StorageError: something cannot be written.
        """
        check_name(origin)
        settings = settings or WriterSettings()
        if (
            DirectoryStore(path / "private").get(SETTINGS) is not None
            and cls.open(path, settings).state.get(HEAD) is not None
        ):
            raise UsageError(f"{path} must not hold a log yet", hint="open it, or choose another directory")
        if signer and signer.key.name != origin:
            raise FormatError(f"name of the log's key must be {origin}, got {signer.key.name}")
        if "://" in origin:
            raise UsageError(f"origin must be a URL without its scheme, got {origin}", hint=origin.partition("://")[2])
        directory = cls._at(path, {"origin": origin, "public": public}, settings)
        if directory.public.get(CHECKPOINT) is not None:
            raise UsageError(f"{directory.public} must not hold a log yet")
        with as_storage_errors(f"{path} cannot be made"):
            (path / "private").mkdir(parents=True, exist_ok=True, mode=0o700)
            (path / "private").chmod(0o700)
            (path / "private" / "keys").mkdir(exist_ok=True, mode=0o700)
        if signer is None:
            fresh = directory.fresh_signer()
            directory, signer = replace(directory, key_name=_key_name(fresh)), fresh
        policy = policy or Policy(logs=(signer.key,))
        if signer.key not in policy.logs:
            policy = Policy((*policy.logs, signer.key), policy.witnesses, policy.groups, policy.quorum)
        files = {f"schemas/{kind}.json": _as_json(entry_schema(kind)) for kind in KINDS}
        try:
            directory.public.put_all({**files, VKEY: f"{signer.key}\n".encode(), POLICY: policy.to_text().encode()})
        except RegisterError:
            if directory.key_name:
                (path / "private" / "keys" / directory.key_name).unlink(missing_ok=True)
            raise
        written = {"v": 1, "origin": origin, "public": public, "key": directory.key_name}
        directory.private.put_all({SETTINGS: _as_json(written)})
        directory.state.swap(HEAD, None, Checkpoint(origin, 0, EMPTY_ROOT).to_text().encode())
        return directory, signer

    @classmethod
    def open(cls, path: Path, settings: WriterSettings | None = None) -> LogDirectory:
        """Find the parts of a log.

        Raises:
            StorageError: there is none.
            FormatError: its settings do not parse.
        """
        raw = DirectoryStore(path / "private").get(SETTINGS)
        if raw is None:
            raise StorageError(f"{path} holds no log", hint="make one with `passerby register init`")
        try:
            written = json.loads(raw)
        except ValueError as exc:
            raise FormatError(f"{path / 'private' / SETTINGS} must be JSON") from exc
        if not isinstance(written, dict) or written.get("v") != 1 or not isinstance(written.get("origin"), str):
            raise FormatError(f"{path / 'private' / SETTINGS} must be settings of version 1")
        return cls._at(path, written, settings or WriterSettings())

    @classmethod
    def _at(cls, path: Path, written: dict[str, object], settings: WriterSettings) -> LogDirectory:
        private = DirectoryStore(path / "private", disk=settings.disk, mode=0o600)
        place = cast("str | None", written.get("public"))
        public = open_store(place, settings) if place else DirectoryStore(path / "public", disk=settings.disk)
        state: Store = private if isinstance(public, DirectoryStore) else public.beside(".writer")
        key_name = cast("str | None", written.get("key"))
        return cls(path, str(written["origin"]), public, state, private, key_name, settings)

    def signer(self) -> Signer:
        """Return the key that the settings name.

        Raises:
            StorageError: the key is elsewhere, or its file cannot be read, or by others too.
            FormatError: the file holds no key.
        """
        if self.key_name is None:
            raise StorageError("log's key is not in a file", hint="give the signer that holds it")
        return FileSigner.load(self.path / "private" / "keys" / self.key_name)

    def fresh_signer(self) -> FileSigner:
        """Make another key file for this log.

        Raises:
            StorageError: it cannot be written.
        """
        signer = FileSigner.fresh(self.origin)
        signer.save(self.path / "private" / "keys" / _key_name(signer))
        return signer

    def begin_rotation(self, signer: Signer, proof: bytes) -> None:
        """Use a key from now on, also after a crash; ``finish_rotation`` then tells the readers.

        Raises:
            StorageError: it cannot be written.
        """
        name = _key_name(signer)
        pending = {"path": rotation_path(self._rotations()), "proof": proof.decode(), "key": str(signer.key)}
        known = (self.path / "private" / "keys" / name).exists()
        self._change(key=name if known else None, rotation=pending)

    def finish_rotation(self) -> None:
        """Publish the proof of a change of key that was begun; does nothing where none was.

        Raises:
            StorageError: it cannot be written.
        """
        pending = self._settings().get("rotation")
        if isinstance(pending, dict):
            self.public.put_all({pending["path"]: pending["proof"].encode()})
            self.publish_policy(under(VerifierKey.parse(pending["key"]), self.policy()))
            self._change(rotation=None)

    def publish_policy(self, policy: Policy) -> None:
        """Put another policy in the place of the published one.

        Raises:
            StorageError: it cannot be written.
        """
        self.public.put_all({POLICY: policy.to_text().encode()})

    def _rotations(self) -> int:
        return next(n for n in itertools.count() if self.public.get(rotation_path(n)) is None)

    def _settings(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.private.get(SETTINGS) or b"{}"))

    def _change(self, **values: object) -> None:
        self.private.put_all({SETTINGS: _as_json({**self._settings(), **values})})

    def vkey(self) -> VerifierKey:
        """Return the key that the log started with.

        Raises:
            StorageError: it is missing.
            FormatError: it does not parse.
        """
        return VerifierKey.parse(self._published(VKEY).strip())

    def policy(self) -> Policy:
        """Return the log's published policy.

        Raises:
            StorageError: it is missing.
            FormatError: it does not parse.
        """
        return Policy.parse(self._published(POLICY))

    def _published(self, name: str) -> str:
        raw = self.public.get(name)
        if raw is None:
            raise StorageError(f"{self.public} has no {name}")
        return raw.decode("utf-8", "replace")


def under(key: VerifierKey, policy: Policy) -> Policy:
    """Return a policy that names a log by its present key."""
    return replace(policy, logs=(*(log for log in policy.logs if log.name != key.name), key))


def _key_name(signer: Signer) -> str:
    return f"log-{signer.key.key_id.hex()}.key"


def _as_json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
