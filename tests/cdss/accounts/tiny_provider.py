"""An OpenID provider of our own: its four addresses, one key, one person at a time."""

import base64
import hashlib
import io
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class TinyProvider:
    issuer: str = "https://idp.example.org"
    client: str = "cdss"
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "p-1", "preferred_username": "ada", "roles": []})
    # What is wrong with it, in one word.
    fault: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, url: str, body: str = "", headers: Any = None) -> tuple[int, dict[str, str], str]:
        self.asked.append(f"{method} {url}")
        parts = urlsplit(url)
        page = {
            "/.well-known/openid-configuration": self._configuration,
            "/authorize": lambda: self._authorize(parse_qs(parts.query)),
            "/token": lambda: self._token(parse_qs(body)),
            "/userinfo": lambda: self._json(self.claims),
            "/keys": self._keys,
        }.get(parts.path)
        return page() if page else (404, {}, "")

    def _json(self, data: object, status: int = 200) -> tuple[int, dict[str, str], str]:
        return status, {"Content-Type": "application/json"}, json.dumps(data)

    def _configuration(self) -> tuple[int, dict[str, str], str]:
        if self.fault == "redirect":
            return 302, {"Location": "http://169.254.169.254/latest/meta-data"}, ""
        base = "http://169.254.169.254" if self.fault == "inside" else self.issuer
        return self._json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/userinfo",
                "jwks_uri": f"{base}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        )

    def _authorize(self, query: dict[str, list[str]]) -> tuple[int, dict[str, str], str]:
        code = f"code-{len(self.codes)}"
        self.codes[code] = query["code_challenge"][0]
        back = urlencode({"code": code, "state": query["state"][0]})
        return 302, {"Location": f"{query['redirect_uri'][0]}?{back}"}, ""

    def _token(self, sent: dict[str, list[str]]) -> tuple[int, dict[str, str], str]:
        verifier = sent.get("code_verifier", [""])[0].encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
        if self.codes.pop(sent["code"][0], None) != challenge:
            return self._json({"error": "invalid_grant"}, 400)
        return self._json({"access_token": "t", "token_type": "Bearer", "id_token": self.id_token()})

    def id_token(self) -> str:
        now = int(time.time())
        audience = "another" if self.fault == "audience" else self.client
        issuer = "https://evil.example.org" if self.fault == "issuer" else self.issuer
        expires = now - 60 if self.fault == "expired" else now + 60
        payload = {"iss": issuer, "aud": audience, "iat": now, "exp": expires, **self.claims}
        if self.fault == "unsigned":
            return jwt.encode(payload, None, algorithm="none", headers={"kid": "k"})
        if self.fault == "shared key":
            return jwt.encode(payload, "s" * 64, algorithm="HS256", headers={"kid": "k"})
        key = OTHER_KEY if self.fault == "key" else KEY
        return jwt.encode(payload, key, algorithm="RS256", headers={"kid": "k"})

    def _keys(self) -> tuple[int, dict[str, str], str]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return self._json({"keys": [{**key, "kid": "k", "alg": "RS256"}]})


class ProviderAdapter(HTTPAdapter):
    """In the place of the network."""

    def __init__(self, provider: TinyProvider) -> None:
        super().__init__()
        self.provider = provider

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        body = request.body or ""
        status, headers, text = self.provider.answer(
            request.method or "", request.url or "", body.decode() if isinstance(body, bytes) else body, request.headers
        )
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url or "", request
        response.headers.update(headers)
        response.raw = io.BytesIO(text.encode())
        return response
