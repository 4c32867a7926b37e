"""The figures of the dashboards: of all, of groups, and of time and version."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cdss.oversight.reading import CLAIMS, OVERRIDES, Case, Word, reason_label
from cdss.oversight.statistics import ALPHA, chance_of
from cdss.proportions import Share

# A group of fewer is shown and not compared: its figure is chance.
COMPARED_FROM = 30
# A gap that matters, whatever its chance.
LEAST_GAP = 0.05

# What one consultation says of a measure; None where it says nothing.
Asked = Callable[[Case], bool | None]
Groups = Callable[[Case], Sequence[str]]
# What one says of each of MEASURES, and of how many statements how many are not supported.
Profile = tuple[tuple[bool | None, ...], int, int]


@dataclass(frozen=True, slots=True)
class Measure:
    key: str
    name: str
    about: str
    asked: Asked


def _among(place: int) -> Asked:
    return lambda case: None if case.right is None or not case.is_answered else 1 <= case.right <= place


def _accepted(case: Case) -> bool | None:
    return None if not case.agreed + case.overridden else not case.overridden


MEASURES: Mapping[str, Measure] = {
    each.key: each
    for each in (
        Measure("answered", "Answered", "not abstained", lambda case: case.is_answered),
        Measure("first", "First diagnosis right", "of those whose final diagnosis is known", _among(1)),
        Measure("five", "Right diagnosis in the first 5", "of those whose final diagnosis is known", _among(5)),
        Measure("accepted", "Nothing overridden", "of those that were rated", _accepted),
    )
}
DIMENSIONS: Mapping[str, Groups] = {
    "age": lambda case: (case.age,),
    "sex": lambda case: (case.sex,),
    "modality": lambda case: case.modalities,
    "site": lambda case: (case.site,),
}
DRIFT: Mapping[str, Groups] = {
    "month": lambda case: (case.month,),
    "index": lambda case: (case.index or "not stated",),
    "weights": lambda case: (case.weights or "not kept",),
    "model": lambda case: (case.model,) if case.model else (),
}


@dataclass(frozen=True, slots=True)
class Gap:
    """The two groups of a dimension that are furthest apart."""

    measure: Measure
    dimension: str
    low: str
    low_share: Share
    high: str
    high_share: Share
    chance: float
    pairs: int

    @property
    def size(self) -> float:
        return self.high_share.value - self.low_share.value

    @property
    def corrected(self) -> float:
        """The chance of a gap like this anywhere on the page."""
        return min(1.0, self.chance * self.pairs)

    @property
    def is_flagged(self) -> bool:
        return self.size >= LEAST_GAP and self.corrected < ALPHA


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability of each first diagnosis that was stated, and whether the confirmed final diagnosis is the same."""

    confidence: Sequence[float]
    right: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many consultations say the same of everything, in all and by group: all figures are sums over these."""

    of_all: Mapping[Profile, int]
    by: Mapping[str, Mapping[str, Mapping[Profile, int]]]

    @classmethod
    def of(cls, cases: Sequence[Case]) -> Tally:
        said = zip(*([measure.asked(case) for case in cases] for measure in MEASURES.values()), strict=True)
        profiles = [(each, case.statements, case.unsupported) for case, each in zip(cases, said, strict=True)]
        # A number for each of the few that differ: numbers are counted much faster.
        of_all = Counter(profiles)
        known = {profile: number for number, profile in enumerate(of_all)}
        numbers, every = [known[profile] for profile in profiles], list(known)
        by = {}
        for name, groups in {**DIMENSIONS, **DRIFT}.items():
            by[name] = _grouped(Counter(zip(map(groups, cases), numbers, strict=True)), every)
        return cls(of_all, by)


def share(tally: Tally, measure: Measure) -> Share:
    return _share(tally.of_all.items(), _place(measure))


def by_group(tally: Tally, measure: Measure, name: str) -> dict[str, Share]:
    """Of a dimension or of time and version; groups of which something was said."""
    place = _place(measure)
    shares = {group: _share(found.items(), place) for group, found in tally.by[name].items()}
    return {group: each for group, each in shares.items() if each.n}


def sizes(tally: Tally, name: str) -> dict[str, int]:
    return {group: sum(found.values()) for group, found in tally.by[name].items()}


def unsupported(tally: Tally) -> Share:
    return _unsupported(tally.of_all)


def unsupported_by(tally: Tally, name: str) -> dict[str, Share]:
    return {group: _unsupported(found) for group, found in tally.by[name].items()}


def _place(measure: Measure) -> int:
    return list(MEASURES).index(measure.key)


def _share(found: Iterable[tuple[Profile, int]], place: int) -> Share:
    told = [(said[place], number) for (said, _, _), number in found if said[place] is not None]
    return Share(sum(number for said, number in told if said), sum(number for _, number in told))


def _unsupported(found: Mapping[Profile, int]) -> Share:
    return Share(
        sum(number * unsupported for (_, _, unsupported), number in found.items()),
        sum(number * statements for (_, statements, _), number in found.items()),
    )


def _grouped(
    counted: Mapping[tuple[Sequence[str], int], int], profiles: Sequence[Profile]
) -> dict[str, Counter[Profile]]:
    """By name of the group; a consultation with images of two modalities is in two."""
    found: dict[str, Counter[Profile]] = defaultdict(Counter)
    for (groups, place), number in counted.items():
        for group in groups:
            found[group][profiles[place]] += number
    return dict(sorted(found.items()))


def gaps(tally: Tally) -> list[Gap]:
    """Of each measure and dimension, the widest first. All pairs of groups that are compared count as looks."""
    tables = {
        (key, name): _compared(by_group(tally, measure, name))
        for key, measure in MEASURES.items()
        for name in DIMENSIONS
    }
    pairs = sum(len(list(combinations(shares, 2))) for shares in tables.values())
    found = [_gap(MEASURES[key], name, shares, pairs) for (key, name), shares in tables.items() if len(shares) > 1]
    return sorted(found, key=lambda gap: (gap.corrected, -gap.size))


def _compared(shares: Mapping[str, Share]) -> dict[str, Share]:
    return {group: found for group, found in shares.items() if found.n >= COMPARED_FROM}


def _gap(measure: Measure, dimension: str, shares: Mapping[str, Share], pairs: int) -> Gap:
    low, high = min(shares, key=lambda group: shares[group].value), max(shares, key=lambda group: shares[group].value)
    chance = chance_of(shares[low], shares[high])
    return Gap(measure, dimension, low, shares[low], high, shares[high], chance, pairs)


def drifted(shares: Mapping[str, Share], looks: int) -> frozenset[str]:
    """Groups that differ from all others taken together by more than chance, for so many looks."""
    whole = Share(sum(each.count for each in shares.values()), sum(each.n for each in shares.values()))
    return frozenset(
        group
        for group, each in shares.items()
        if each.n >= COMPARED_FROM
        and abs(each.value - whole.without(each).value) >= LEAST_GAP
        and chance_of(each, whole.without(each)) * looks < ALPHA
    )


def agreement(words: Iterable[Word]) -> dict[str, Share]:
    """Of the claims that were judged, how many were agreed with; of the evidence, how much was relevant."""
    counts = Counter((word.kind, word.verdict) for word in words)
    found = {}
    for kind in ("diagnosis", "statement", "citation", "consultation"):
        n = sum(counts[kind, verdict] for verdict in CLAIMS)
        found[kind] = Share(counts[kind, "agree"], n)
    relevant, not_relevant = counts["evidence", "relevant"], counts["evidence", "not_relevant"]
    return found | {"evidence": Share(relevant, relevant + not_relevant)}


def overrides(words: Iterable[Word]) -> list[tuple[str, int, dict[str, int]]]:
    """Reasons with their counts and verdicts, the most frequent first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for word in words:
        if word.verdict in OVERRIDES:
            counts[reason_label(word.reason)][word.verdict] += 1
    rows = [(reason, found.total(), dict(found)) for reason, found in counts.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def calibration(cases: Iterable[Case]) -> Calibration:
    told = [
        (case.probability, case.right == 1)
        for case in cases
        if case.probability is not None and case.right is not None and case.confirmed
    ]
    return Calibration([probability for probability, _ in told], [right for _, right in told])
