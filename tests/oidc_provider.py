"""A small OpenID provider for the tests, which can lie: change its claims, keys and answers while it runs."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "passerby", "a secret of the console"


class OidcProvider:
    """Signs everybody on at once, as ``claims`` says.

    Attributes:
        claims: Laid over those of each ID token; None takes a claim away.
        about: What userinfo tells.
        algorithm: That proofs are signed with.
    """

    def __init__(self) -> None:
        self.claims: dict[str, object] = {}
        self.about: dict[str, object] = {}
        self.description: dict[str, object] = {}
        self.algorithm = "RS256"
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.published = [self.key]
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                if parts.path == "/auth":
                    self.send_response(302)
                    self.send_header("Location", provider.sent_back(asked))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self._say(*provider.told(parts.path, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                self._say(*provider.exchanged(form, self.headers.get("Authorization", "")))

            def _say(self, status: int, value: object) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def sent_back(self, asked: dict[str, str]) -> str:
        """Return where a browser goes after it has signed on."""
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"], "iss": self.issuer})

    def told(self, path: str, authorization: str) -> tuple[int, object]:
        """Return status and body of what is asked for."""
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
            found: dict[str, object] = {name: f"{self.issuer}/{end}" for name, end in ends.items()}
            found["userinfo_endpoint"] = self.issuer + "/about"
            return 200, {"issuer": self.issuer} | found | self.description
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
        if path == "/about" and authorization == "Bearer access":
            return 200, {"sub": "17"} | self.about
        return 404, {}

    def exchanged(self, form: dict[str, str], authorization: str) -> tuple[int, object]:
        """Return status and body for a code: tokens, once, to our client with the right verifier."""
        asked = self._codes.pop(form.get("code", ""), None)
        shown = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ""
        name, _, secret = (unquote(part) for part in shown.partition(":")) if shown else ("", "", "")
        client = (name, secret) if shown else (form.get("client_id"), form.get("client_secret"))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or client != (CLIENT, SECRET) or challenge != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self.proof(asked)}

    def proof(self, asked: dict[str, str]) -> str:
        """Return an ID token."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "17",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "preferred_username": "Ann Example",
        }
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        if self.algorithm == "none":
            parts = [json.dumps(one).encode() for one in ({"alg": "none"}, claims)]
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        key = OctKey.import_key(SECRET) if self.algorithm == "HS256" else self.key
        return jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, key, algorithms=[self.algorithm])
