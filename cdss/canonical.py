"""A value as one text, byte for byte the same each time, and its hash."""

import json
from hashlib import sha256


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_sha256(value: object) -> str:
    return sha256(canonical(value).encode("ascii")).hexdigest()
