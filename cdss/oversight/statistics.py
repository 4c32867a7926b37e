"""Shares with their intervals, and whether two of them are further apart than chance puts them.

Sources: Wilson 1927 (the interval); the two-sample z test of proportions with the pooled share; Bonferroni's bound for
looking at many pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval; from 0 to 1 where there is nothing."""
        if not self.n:
            return 0.0, 1.0
        share, n = self.value, self.n
        middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def without(self, part: Share) -> Share:
        return Share(self.hits - part.hits, self.n - part.n)


def chance_of(one: Share, other: Share) -> float:
    """How often two groups that are alike would be this far apart; 1 where either is empty."""
    if not one.n or not other.n:
        return 1.0
    pooled = (one.hits + other.hits) / (one.n + other.n)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / one.n + 1 / other.n))
    return math.erfc(abs(one.value - other.value) / spread / math.sqrt(2)) if spread else 1.0
