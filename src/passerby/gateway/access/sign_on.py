"""Single sign-on by OpenID Connect: authorization code with PKCE (RFC 7636), an ID token that is checked, a role by group.

Source: OpenID Connect Core 1.0, sections 3.1 and 3.1.3.7; Discovery 1.0; RFC 9207 (``iss`` in the answer). Nothing of the
provider is kept but a name and a role, for as long as the login lasts.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from passerby.errors import AccessError, ServiceError
from passerby.gateway.access.accounts import Account, Role
from passerby.gateway.access.sessions import same_token
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import SignOnConfig
from passerby.values import is_loopback, utc_now

PREFIX = "sso:"
"""Before the names of those who sign on elsewhere: no account of our own can be called so."""
BACK = "/console/sso/back"
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key of the provider. ``none``, and those that our own secret could make, are not among them."""
_PENDING, _PENDING_S = 1000, 600.0
_ANSWER_BYTES, _ANSWER_S = 256 * 1024, 10.0
_DESCRIPTION_S, _KEYS_AGAIN_S = 3600.0, 60.0
_LEEWAY_S = 60


@dataclass(frozen=True, slots=True)
class _Pending:
    nonce: str
    verifier: str
    binding: str
    after: str
    began_s: float


@dataclass(frozen=True, slots=True)
class SignOnStart:
    """How somebody sets out.

    Attributes:
        address: Of the provider, to go to.
        binding: For a cookie of this browser: who comes back without it did not set out here.
    """

    address: str
    binding: str


class SingleSignOn:
    """One provider.

    Args:
        config: Which, and which groups may what.
        url: Where people reach this console.
        clock: The machine's clocks.
        client: Speaks HTTP.
    """

    def __init__(
        self, config: SignOnConfig, url: str, clock: Clock = MACHINE, client: httpx.AsyncClient | None = None
    ) -> None:
        self.config, self.back = config, url.rstrip("/") + BACK
        self._clock = clock
        self._client = client or httpx.AsyncClient(timeout=_ANSWER_S, follow_redirects=False)
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._description: tuple[float, Mapping[str, object]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def close(self) -> None:
        """Close connections to the provider."""
        await self._client.aclose()

    async def begin(self, after: str) -> SignOnStart:
        """Return where to go.

        Args:
            after: Page of ours to go on to.

        Raises:
            ServiceError: the provider does not answer as one.
        """
        description = await self._described()
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        pending = _Pending(secrets.token_urlsafe(24), verifier, secrets.token_urlsafe(24), after, self._clock.now_s())
        self._pending[state] = pending
        while len(self._pending) > _PENDING:
            self._pending.popitem(last=False)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": self.back,
            "scope": " ".join(dict.fromkeys(("openid", *self.config.scopes))),
            "state": state,
            "nonce": pending.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = self._endpoint(description, "authorization_endpoint")
        return SignOnStart(address + ("&" if "?" in address else "?") + urlencode(asked), pending.binding)

    async def finish(self, answer: Mapping[str, str], binding: str) -> tuple[Account, str]:
        """Return who came back, and the page to go on to.

        Args:
            answer: The query with which the provider sent somebody back.
            binding: Of the browser's cookie.

        Raises:
            AccessError: it proves nobody, or somebody who may not use this.
            ServiceError: the provider does not answer as one.
        """
        pending = self._pending.pop(answer.get("state", ""), None)
        if pending is None or self._clock.now_s() - pending.began_s > _PENDING_S:
            raise AccessError("this sign-on took too long, or did not begin here: begin again")
        if not same_token(binding, pending.binding):
            raise AccessError("this sign-on began in another browser: begin again")
        if answer.get("iss", self.config.issuer) != self.config.issuer:
            raise AccessError("this sign-on came back from another provider")
        code = answer.get("code", "")
        if not code:
            raise AccessError("the provider refused the sign-on")
        tokens = await self._exchanged(code, pending.verifier)
        claims = await self._proven(str(tokens.get("id_token", "")), pending.nonce)
        return await self._account(claims, str(tokens.get("access_token", ""))), pending.after

    async def _exchanged(self, code: str, verifier: str) -> Mapping[str, object]:
        description = await self._described()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.back, "code_verifier": verifier}
        ways = description.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        user, secret = self.config.client_id, self.config.client_secret
        login: httpx.BasicAuth | None = httpx.BasicAuth(quote(user, safe=""), quote(secret, safe=""))
        if isinstance(ways, list) and "client_secret_basic" not in ways:
            form, login = form | {"client_id": user, "client_secret": secret}, None
        request = self._client.build_request("POST", self._endpoint(description, "token_endpoint"), data=form)
        return await self._object(request, login, refused="the provider did not take the sign-on's code")

    async def _proven(self, token: str, nonce: str) -> Mapping[str, object]:
        """Return the claims of an ID token once every check of Core 3.1.3.7 has passed."""
        claims: dict[str, object]
        for fresh in (False, True):
            try:
                claims = dict(jwt.decode(token, await self._signing_keys(fresh=fresh), algorithms=_ALGORITHMS).claims)
                break
            except (JoseError, ValueError) as exc:
                # the provider may have changed its keys since they were read
                if fresh:
                    raise AccessError("the provider's proof must be signed by its key, is not") from exc
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock.wall_ns() // 10**9),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.config.issuer},
            aud={"essential": True, "value": self.config.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as exc:
            raise AccessError("the provider's proof must be for this sign-on and this moment, is not") from exc
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else self.config.client_id) != self.config.client_id:
            raise AccessError("the provider's proof must be for this console, is for another")
        return claims

    async def _account(self, claims: Mapping[str, object], access: str) -> Account:
        told = claims
        if _at(told, self.config.groups_claim) is None and access:
            told = await self._about(str(claims["sub"]), access) | dict(claims)
        found = _at(told, self.config.groups_claim)
        groups = (
            {str(one) for one in found} if isinstance(found, list) else {str(found)} if found is not None else set()
        )
        role = next((role for group, role in self.config.roles.items() if group in groups), None)
        if role is None:
            raise AccessError("none of your groups may use this console")
        said = told.get(self.config.name_claim) or claims["sub"]
        plain = re.sub(r"[^a-z0-9._@-]+", "-", str(said).lower()).strip("-")[:48]
        return Account(
            PREFIX + (plain or "somebody"), Role(role), utc_now().isoformat(timespec="seconds"), stream_key=False
        )

    async def _about(self, subject: str, access: str) -> dict[str, object]:
        description = await self._described()
        if "userinfo_endpoint" not in description:
            return {}
        request = self._client.build_request(
            "GET", self._endpoint(description, "userinfo_endpoint"), headers={"Authorization": f"Bearer {access}"}
        )
        told = await self._object(request, None, refused="the provider did not tell who this is")
        if told.get("sub") != subject:
            raise AccessError("the provider must tell of who signed on, told of another")
        return dict(told)

    async def _described(self) -> Mapping[str, object]:
        now_s = self._clock.now_s()
        if self._description is None or now_s - self._description[0] > _DESCRIPTION_S:
            address = self.config.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = await self._object(self._client.build_request("GET", address), None)
            if found.get("issuer") != self.config.issuer:
                raise ServiceError("the provider's description must name the issuer of city.yml, names another")
            self._description = now_s, found
        return self._description[1]

    async def _signing_keys(self, *, fresh: bool) -> KeySet:
        now_s = self._clock.now_s()
        if self._keys is None or (fresh and now_s - self._keys[0] > _KEYS_AGAIN_S):
            request = self._client.build_request("GET", self._endpoint(await self._described(), "jwks_uri"))
            told = dict(await self._object(request, None))
            try:
                self._keys = now_s, KeySet.import_key_set(told)  # type: ignore[arg-type]  # checked by what it does
            except (JoseError, ValueError, TypeError, KeyError) as exc:
                raise ServiceError("the provider's keys must be a key set, are not") from exc
        return self._keys[1]

    def _endpoint(self, description: Mapping[str, object], name: str) -> str:
        address = str(description.get(name, ""))
        parts = urlsplit(address)
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if not secure or not parts.hostname:
            raise ServiceError(f"the provider's {name} must be an address with https://, is none")
        return address

    async def _object(
        self, request: httpx.Request, login: httpx.BasicAuth | None, *, refused: str = ""
    ) -> Mapping[str, object]:
        """Return the JSON object of an answer, of at most so many bytes."""
        data = b""
        try:
            answer = await self._client.send(request, auth=login, stream=True)
            try:
                async for part in answer.aiter_bytes():
                    data += part
                    if len(data) > _ANSWER_BYTES:
                        raise ServiceError("the provider's answer must be short, got more")
            finally:
                await answer.aclose()
        except httpx.HTTPError as exc:
            raise ServiceError(f"the provider must answer, got {type(exc).__name__}") from exc
        if answer.status_code != httpx.codes.OK:
            if refused and answer.is_client_error:
                raise AccessError(refused)
            raise ServiceError(f"the provider must answer with 200, got {answer.status_code}")
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as exc:
            raise ServiceError("the provider's answer must be JSON, is not") from exc
        if not isinstance(found, dict):
            raise ServiceError("the provider's answer must be an object, is not")
        return found


def _at(claims: Mapping[str, object], path: str) -> object:
    """Return a claim, or what lies inside one.

    >>> _at({"realm_access": {"roles": ["guard"]}}, "realm_access.roles"), _at({"a.b": 1}, "a.b"), _at({}, "a.b")
    (['guard'], 1, None)
    """
    if path in claims:
        return claims[path]
    here: object = claims
    for part in path.split("."):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here
