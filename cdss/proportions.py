"""Shares with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

# Of the standard normal distribution, for 95%.
Z = 1.959963984540054


def wilson(count: int, n: int) -> tuple[float, float]:
    """Wilson's score interval (E. B. Wilson, J Am Stat Assoc 1927;22:209-212); from 0 to 1 where there is nothing."""
    if not n:
        return 0.0, 1.0
    share = count / n
    middle = share + Z * Z / (2 * n)
    spread = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    whole = 1 + Z * Z / n
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n`."""

    count: int
    n: int

    @property
    def value(self) -> float:
        return self.count / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.count, self.n)

    @property
    def percent(self) -> int:
        return round(100 * self.value)

    @property
    def low_percent(self) -> int:
        return round(100 * self.interval[0])

    @property
    def high_percent(self) -> int:
        return round(100 * self.interval[1])

    def without(self, part: Share) -> Share:
        return Share(self.count - part.count, self.n - part.n)
