"""The key this site signs with, made at its first use."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.db import transaction

from cdss.teaching.models import ToolKey

BITS = 2048
ALGORITHM = "RS256"


def tool_key() -> ToolKey:
    return ToolKey.objects.first() or _make()


def public_keys() -> dict[str, list[dict[str, Any]]]:
    """As platforms read them (RFC 7517)."""
    tool_key()
    return {"keys": [_public(row) for row in ToolKey.objects.all()]}


@transaction.atomic
def _make() -> ToolKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ToolKey.objects.create(kid=secrets.token_hex(8), private_pem=pem.decode())


def _public(row: ToolKey) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from jwt.algorithms import RSAAlgorithm

    private: Any = load_pem_private_key(row.private_pem.encode(), password=None)
    numbers: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    return {"kty": "RSA", "n": numbers["n"], "e": numbers["e"], "kid": row.kid, "alg": ALGORITHM, "use": "sig"}
