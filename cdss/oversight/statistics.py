"""Whether two shares are further apart than chance puts them.

Sources: the two-sample z test of proportions with the pooled share; Bonferroni's bound for looking at many pairs.
"""

import math

from cdss.proportions import Share

ALPHA = 0.05


def chance_of(one: Share, other: Share) -> float:
    """How often two groups that are alike would be this far apart; 1 where either is empty."""
    if not one.n or not other.n:
        return 1.0
    pooled = (one.count + other.count) / (one.n + other.n)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / one.n + 1 / other.n))
    return math.erfc(abs(one.value - other.value) / spread / math.sqrt(2)) if spread else 1.0
