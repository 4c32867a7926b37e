"""When a missed case comes back: SM-2 (P. A. Wozniak, Optimization of learning, 1990, algorithm SM-2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

FIRST_EASE = 2.5
LEAST_EASE = 1.3
FIRST_DAYS, SECOND_DAYS = 1, 6
# Half a year is long enough for a case.
MOST_DAYS = 182
PASSED = 3
SURE = 70


@dataclass(frozen=True, slots=True)
class Spacing:
    repetitions: int = 0
    ease: float = FIRST_EASE
    interval_days: int = 0
    lapses: int = 0


def quality(*, place: int | None, icd_credit: float | None, confidence: int) -> int:
    """0 to 5, as SM-2 asks for it: how right the answer was, and how sure the learner."""
    if place == 1:
        return 5 if confidence >= SURE else 4
    if place is not None:
        return PASSED
    if confidence >= SURE:
        return 0
    return 2 if (icd_credit or 0.0) >= 0.5 else 1


def after(state: Spacing, quality: int) -> Spacing:
    """I(1) = 1 day, I(2) = 6, then the interval before times the ease; under 3 it starts over."""
    if not 0 <= quality <= 5:
        raise ValueError(f"quality {quality}: 0 to 5")
    if quality < PASSED:
        return Spacing(0, state.ease, FIRST_DAYS, state.lapses + 1)
    miss = 5 - quality
    ease = max(LEAST_EASE, state.ease + 0.1 - miss * (0.08 + miss * 0.02))
    if state.repetitions == 0:
        days = FIRST_DAYS
    elif state.repetitions == 1:
        days = SECOND_DAYS
    else:
        # With the ease as it was before this answer; rounded up, as SM-2 does.
        days = -int(-(state.interval_days * state.ease) // 1)
    return Spacing(state.repetitions + 1, ease, min(days, MOST_DAYS), state.lapses)


def due_on(today: dt.date, state: Spacing) -> dt.date:
    return today + dt.timedelta(days=state.interval_days)
