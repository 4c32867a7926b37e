"""Shares with their intervals."""

from dataclasses import dataclass
from math import sqrt

# Of the standard normal distribution, for 95%.
Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    count: int
    n: int

    @property
    def value(self) -> float | None:
        return self.count / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's score interval (E. B. Wilson, J Am Stat Assoc 1927;22:209-212)."""
        if not self.n:
            return None
        p, n = self.count / self.n, self.n
        middle = p + Z * Z / (2 * n)
        spread = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        whole = 1 + Z * Z / n
        return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)

    @property
    def percent(self) -> int:
        return round(100 * (self.value or 0.0))

    @property
    def low_percent(self) -> int:
        return round(100 * self.interval[0]) if self.interval else 0

    @property
    def high_percent(self) -> int:
        return round(100 * self.interval[1]) if self.interval else 0
