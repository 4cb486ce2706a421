"""An OpenID Connect provider that does as it is told, rightly or wrongly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwk, jwt

CLIENT_ID, CLIENT_SECRET = "airflow", "a secret of the client's"
ANA = {
    "sub": "s-ana",
    "preferred_username": "ana",
    "given_name": "Ana",
    "family_name": "Alba",
    "email": "ana@example.com",
    "groups": ["sales-dev"],
}


class Provider:
    """
    One provider on a port of its own. Its attributes are what it is told to do; ``reset`` makes it a good one again.

    ``instead`` answers a path otherwise: (status, body), or something to call.
    """

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.go_on = Event()
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.reset()

    def reset(self) -> None:
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self.keys = [self.key]
        self.metadata: dict[str, Any] = {}
        self.person: dict[str, Any] = dict(ANA)
        self.userinfo: dict[str, Any] | None = None
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": self.key.kid}, claims, self.key
        )
        self.instead: dict[str, Any] = {}
        self.asked: list[str] = []
        self.begun: dict[str, dict[str, str]] = {}
        self.go_on.clear()

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()

    def authorize(self, url: str) -> dict[str, str]:
        """Do as when somebody signed in there: return the parameters of the way back."""
        asked = dict(parse_qsl(urlsplit(url).query))
        code = f"code-{len(self.begun)}"
        self.begun[code] = asked
        return {"code": code, "state": asked["state"]}

    def token(self, code: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.begun[code].get("nonce", ""),
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not ...}
        return {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.sign(claims)}

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "end_session_endpoint": f"{self.issuer}/end",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "profile", "email"],
                "claims_supported": list(ANA),
            } | self.metadata
        if path == "/jwks":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/userinfo":
            return 200, self.userinfo if self.userinfo is not None else {"sub": self.person["sub"]}
        asked = self.begun.get(form.get("code", ""))
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if asked is None or asked.get("code_challenge", challenge) != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, self.token(form["code"])

    def _handler(provider) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                length = int(self.headers.get("Content-Length") or 0)
                form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
                provider.asked.append(path)
                instead = provider.instead.get(path)
                found = instead() if callable(instead) else instead or provider.answer(path, form)
                if found is None:
                    return
                status, body = found
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def unsigned(claims: dict[str, Any]) -> str:
    return ".".join(_base64(part) for part in ({"alg": "none", "typ": "JWT"}, claims)) + "."


def signed_by_the_public_key(provider: Provider) -> Callable[[dict[str, Any]], str]:
    """RS256 swapped for HS256, with what everybody knows for a secret (CVE-2015-9235)."""

    def sign(claims: dict[str, Any]) -> str:
        text = f"{_base64({'alg': 'HS256', 'kid': '1'})}.{_base64(claims)}"
        signature = hmac.digest(provider.key.as_pem(private=False), text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    return sign


def _base64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
