"""A learning platform of our own: it signs launches with its own key, hands out tokens and keeps scores."""

import json
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from cdss.teaching.lti.launching import AGS_CLAIM, CLAIM, SCORE_SCOPE

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class TinyPlatform:
    issuer: str = "https://lms.example.org"
    base: str = "https://lms.example.org"
    client: str = "cdss"
    tool_keys: dict[str, Any] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    broken: bool = False

    def id_token(self, nonce: str, target: str, *, key: Any = KEY, algorithm: str = "RS256", **changed: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.client, "sub": "student-7", "iat": now, "exp": now + 300, "nonce": nonce,
            f"{CLAIM}version": "1.3.0", f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}deployment_id": "deploy-1", f"{CLAIM}target_link_uri": target,
            f"{CLAIM}resource_link": {"id": "link-1"}, "name": "Ada Lovelace", "email": "ada@example.org",
            AGS_CLAIM: {"scope": [SCORE_SCOPE], "lineitem": f"{self.base}/items/3?type=quiz"},
        } | changed  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "platform-1"})

    def answer(self, method: str, url: str, body: str = "", headers: Any = None) -> tuple[int, str]:
        self.asked.append(f"{method} {urlsplit(url).path}")
        if self.broken:
            return 500, "{}"
        page = {"/keys": self._keys, "/token": self._token, "/items/3/scores": self._score}.get(urlsplit(url).path)
        return page(url, body, dict(headers or {})) if page else (404, "{}")

    def _keys(self, url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
        public = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
        return 200, json.dumps({"keys": [{**public, "kid": "platform-1", "alg": "RS256", "use": "sig"}]})

    def _token(self, url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        assertion = sent["client_assertion"]
        kid = jwt.get_unverified_header(assertion)["kid"]
        key = next(key for key in jwt.PyJWKSet.from_dict(self.tool_keys).keys if key.key_id == kid)
        claims = jwt.decode(assertion, key.key, algorithms=["RS256"], audience=f"{self.base}/token")
        if claims["iss"] != self.client or claims["sub"] != self.client or sent["scope"] != SCORE_SCOPE:
            return 400, '{"error": "invalid_client"}'
        token = uuid.uuid4().hex
        self.tokens.add(token)
        return 200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 60})

    def _score(self, url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
        given = {name.lower(): value for name, value in headers.items()}
        if given.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return 401, "{}"
        assert given["content-type"] == "application/vnd.ims.lis.v1.score+json"
        assert urlsplit(url).query == "type=quiz"
        self.scores.append(json.loads(body))
        return 200, ""

    def serve(self) -> ThreadingHTTPServer:
        """On loopback, at a free port."""
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                status, text = platform.answer(self.command, self.path, body, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = _do

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = self.base = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        return server
