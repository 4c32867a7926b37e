"""Rows that belong together because they share a key, directly or through others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.types import Ids


def groups_of(keys: Sequence[Sequence[str]]) -> Ids:
    """(n,) one number for each row, the same for rows that share a key. Every row has at least one."""
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while first.setdefault(name, name) != name:
            first[name] = name = first[first[name]]
        return name

    for own in keys:
        for other in own[1:]:
            first[root(other)] = root(own[0])
    roots = [root(own[0]) for own in keys]
    return np.unique(np.array(roots, dtype=str), return_inverse=True)[1].astype(np.int64)
