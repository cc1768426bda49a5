"""Who may use the gateway: accounts with roles, in one SQLite file. Passwords are kept as scrypt hashes (RFC 7914).

RTSP's Digest needs a hash that a thief could use like the password itself. So an account reads RTSP without TLS with a *stream
key*: made here, shown once, good for nothing else. Over RTSPS and HTTPS the account's own password serves.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from passerby.errors import AccessError, ServiceError, UsageError
from passerby.gateway.rtsp import ha1
from passerby.values import utc_now

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
LEAST_CHARACTERS, MOST_CHARACTERS = 10, 200
_N, _R, _P = 2**15, 8, 1
"""scrypt's cost: 32 MiB, 60 ms here. Source: OWASP Password Storage Cheat Sheet, 2**15 with r=8 and p=3 or more work elsewhere;
p=1 because guesses are also counted (``limits``)."""
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_TABLES = """
create table if not exists accounts (
    name text primary key, role text not null, salt blob not null, hash blob not null, ha1 text, made text not null
) without rowid;
"""


class LoginNeededError(AccessError):
    """Nobody has said who it is. Whoever does may be let in."""


class Role(StrEnum):
    """What an account is for. None of them sees a bare picture: there is none to see."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Right(StrEnum):
    """One thing that may be done."""

    STATE = "state"
    WATCH = "watch"
    RECORDINGS = "recordings"
    COVER = "cover"
    RELOAD = "reload"
    ACCESS_LOG = "access-log"
    ACCOUNTS = "accounts"


ROLE_RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.STATE, Right.WATCH}),
    Role.OPERATOR: frozenset({Right.STATE, Right.WATCH, Right.RECORDINGS, Right.COVER, Right.RELOAD}),
    Role.AUDITOR: frozenset({Right.STATE, Right.ACCESS_LOG}),
    Role.ADMIN: frozenset(Right),
}
"""An auditor reads who watched what and watches nothing."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account.

    Attributes:
        name: Lower-case.
        role: What it is for.
        made: When, as ISO text.
        stream_key: Whether it has one.
    """

    name: str
    role: Role
    made: str
    stream_key: bool

    def may(self, right: Right) -> bool:
        """Return whether it may do something."""
        return right in ROLE_RIGHTS[self.role]


def new_password() -> str:
    """Return a fresh password of 100 bits, easy to type."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


class Accounts:
    """The accounts of one gateway. Safe to use from several threads; checking a password takes 60 ms, so call it in one.

    Args:
        path: The SQLite file; made with mode 0600.

    Raises:
        ServiceError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._base.execute("pragma journal_mode=wal")
            self._base.executescript(_TABLES)
        except (OSError, sqlite3.Error) as exc:
            raise ServiceError(
                f"accounts must be readable and writable at {path}, got {exc}",
                hint="state names the folder in city.yml",
            ) from exc
        # a wrong name costs as much as a wrong password
        self._nobody = (secrets.token_bytes(16), secrets.token_bytes(32))
        self._proven: dict[str, tuple[bytes, bytes]] = {}
        self._proof_key = secrets.token_bytes(32)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def first_start(self) -> str | None:
        """Make the account ``admin`` where there is no account yet, and return its password; None otherwise."""
        if self.all():
            return None
        password = new_password()
        self.add("admin", Role.ADMIN, password)
        return password

    def all(self) -> list[Account]:
        """Return every account, by name."""
        rows = self._query("select name, role, made, ha1 is not null from accounts order by name")
        return [Account(str(name), Role(str(role)), str(made), bool(key)) for name, role, made, key in rows]

    def find(self, name: str) -> Account | None:
        """Return one account, or None."""
        return next((account for account in self.all() if account.name == name), None)

    def add(self, name: str, role: Role, password: str) -> None:
        """Make an account.

        Raises:
            UsageError: the name or password does not do, or the name is taken.
        """
        if not NAME.fullmatch(name):
            raise UsageError(f"account name must be of a-z, 0-9, . _ and -, at most 32, got {name!r}")
        salt, hashed = _hashed(password)
        try:
            self._query(
                "insert into accounts values (?, ?, ?, ?, null, ?)",
                name, str(role), salt, hashed, utc_now().isoformat(timespec="seconds"),
            )  # fmt: skip
        except sqlite3.IntegrityError as exc:
            raise UsageError(f"account {name} must be new, is there already") from exc

    def change(self, name: str, *, role: Role | None = None, password: str | None = None) -> None:
        """Change an account's role or password.

        Raises:
            UsageError: there is no such account, it would leave no admin, or the password does not do.
        """
        self._known(name)
        if role is not None:
            self._keep_an_admin(name, role)
            self._query("update accounts set role = ? where name = ?", str(role), name)
        if password is not None:
            salt, hashed = _hashed(password)
            self._query("update accounts set salt = ?, hash = ? where name = ?", salt, hashed, name)
            self._proven.pop(name, None)

    def remove(self, name: str) -> None:
        """Remove an account.

        Raises:
            UsageError: there is no such account, or it is the last admin.
        """
        self._known(name)
        self._keep_an_admin(name, None)
        self._query("delete from accounts where name = ?", name)
        self._proven.pop(name, None)

    def new_stream_key(self, name: str) -> str:
        """Make the key with which an account reads RTSP, and return it; the one before no longer counts.

        Raises:
            UsageError: there is no such account.
        """
        self._known(name)
        key = new_password()
        self._query("update accounts set ha1 = ? where name = ?", ha1(name, key), name)
        return key

    def ha1_of(self, name: str) -> str | None:
        """Return what Digest checks against, or None."""
        rows = self._query("select ha1 from accounts where name = ?", name)
        return str(rows[0][0]) if rows and rows[0][0] else None

    def standing(self, name: str, right: Right | None = None) -> tuple[object, ...] | None:
        """Return what changes when an account's role, password or stream key does; None where it is gone or lacks a right.

        Who was let in for long is asked for it again and again, and let go when it is another.
        """
        rows = self._query("select role, hash, ha1 from accounts where name = ?", name)
        return rows[0] if rows and (right is None or right in ROLE_RIGHTS[Role(str(rows[0][0]))]) else None

    def proof_of(self, name: str, password: str) -> bytes:
        """Return what stands for a name and password in this process alone, so that neither need be kept."""
        return hmac.new(self._proof_key, f"{name}\0{password}".encode("utf-8", "replace"), "sha256").digest()

    def proven(self, name: str, password: str) -> Account | None:
        """Return the account if this very password was checked in full before: scrapers and players repeat it all the time."""
        known = self._proven.get(name)
        if known is None or not hmac.compare_digest(known[0], self.proof_of(name, password)):
            return None
        return self.find(name) if known[1] == self._hash_of(name) else None

    def check(self, name: str, password: str) -> Account | None:
        """Return the account whose password this is, or None."""
        account = self.proven(name, password)
        if account is not None:
            return account
        rows = self._query("select salt, hash from accounts where name = ?", name)
        salt, hashed = self._nobody
        if rows and isinstance(rows[0][0], bytes) and isinstance(rows[0][1], bytes):
            salt, hashed = rows[0][0], rows[0][1]
        right = len(password) <= MOST_CHARACTERS and hmac.compare_digest(_scrypt(password, salt), hashed)
        if not right or not rows:
            return None
        self._proven[name] = self.proof_of(name, password), hashed
        return self.find(name)

    def _hash_of(self, name: str) -> object:
        # the command of accounts, another process, may have changed it
        rows = self._query("select hash from accounts where name = ?", name)
        return rows[0][0] if rows else None

    def _known(self, name: str) -> Account:
        account = self.find(name)
        if account is None:
            raise UsageError(f"account {name!r} must be there, is not")
        return account

    def _keep_an_admin(self, name: str, role: Role | None) -> None:
        admins = [account.name for account in self.all() if account.role is Role.ADMIN]
        if admins == [name] and role is not Role.ADMIN:
            raise UsageError(f"account {name} must stay an admin, it is the only one")

    def _query(self, text: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            try:
                return self._base.execute(text, values).fetchall()
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as exc:
                raise ServiceError(f"accounts must be readable and writable, got {exc}") from exc


def require(account: Account | None, right: Right) -> Account:
    """Return the account if it may do something.

    Raises:
        AccessError: it may not, or there is none.
    """
    if account is None:
        raise LoginNeededError("log in first")
    if not account.may(right):
        raise AccessError(f"this needs the right {right}, which a {account.role} does not have")
    return account


def _hashed(password: str) -> tuple[bytes, bytes]:
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise UsageError(f"password must have {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters, got {len(password)}")
    salt = secrets.token_bytes(16)
    return salt, _scrypt(password, salt)


def _scrypt(password: str, salt: bytes) -> bytes:
    raw = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(raw, salt=salt, n=_N, r=_R, p=_P, maxmem=64 * 2**20, dklen=32)
