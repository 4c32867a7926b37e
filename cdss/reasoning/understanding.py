"""What was understood of a case, and what a person made of it: the one reading that search, composer and gate share."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cdss.reasoning.fragments import whole
from cdss.reasoning.known_words import is_known
from cdss.reasoning.types import CaseInput, Correction
from retrieval.terms import Finding, findings, laterality, plainly, without
from retrieval.terms.places import anatomy

PARTS: tuple[Literal["history", "exam", "findings"], ...] = ("history", "exam", "findings")
# A finding that a person stated as present counts as often in the search.
STATED_TIMES = 2
_SIDES = re.compile(r"\b(?:left|right)(?:[- ]sided)?\b|\bbilateral(?:ly)?\b|\bboth\b|\bmidline\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CaseReading:
    """A case with its findings.

    Args:
        case: the case as it was corrected: what the gate and a language model read.
        searched: its words for the search: once a person has corrected it, nothing that is denied is among them.
        findings: as read, each as a person corrected it, and those that were added.
        removed: what a person said is no finding of this case.
        unknown: phrases in words that nothing is known of: no findings until a person says so.
    """

    case: CaseInput
    searched: CaseInput
    findings: tuple[Finding, ...]
    removed: tuple[Finding, ...] = ()
    unknown: tuple[Finding, ...] = ()

    @property
    def is_understood(self) -> bool:
        return bool(self.findings) or not self.case.has_words


def read_case(case: CaseInput) -> CaseReading:
    phrases = _phrases(case)
    unknown = tuple(one for one in phrases if not is_known(one.text) and not _correction_of(one, case.corrections))
    pairs = _with_corrections(case, [one for one in phrases if is_known(one.text)])
    if not case.corrections:
        return CaseReading(case, case, tuple(one for one, _ in pairs), unknown=unknown)
    replaced = [one for one, correction in pairs if correction]
    removed = tuple(one for one, correction in pairs if correction and correction.assertion == "removed")
    kept = [_as_stated(one, correction) if correction else one for one, correction in pairs if one not in removed]
    kept += [_as_stated(added(each.part, each.text), each) for each in case.corrections if each.start < 0]
    stated = [one for one in kept if one.by_hand]
    told = _rewritten(case, replaced, stated, searched=False)
    denied = [one for one in kept if one.assertion == "denied" and not one.by_hand]
    searched = _rewritten(case, [*replaced, *denied], stated, searched=True)
    return CaseReading(
        case=told,
        # A case that denies everything is searched by what it denies.
        searched=searched if any(map(str.isalnum, searched.text)) else told,
        findings=tuple(kept),
        removed=removed,
        unknown=unknown,
    )


def read_with_corrections(case: CaseInput) -> list[tuple[Finding, Correction | None]]:
    """What is read of the text, each with what a person said of it; what was added is not among them."""
    return _with_corrections(case, read_findings(case))


def _with_corrections(case: CaseInput, read: list[Finding]) -> list[tuple[Finding, Correction | None]]:
    read = _with_corrected_words(case, read)
    return [(one, _correction_of(one, case.corrections)) for one in read]


def _with_corrected_words(case: CaseInput, read: list[Finding]) -> list[Finding]:
    """What a correction speaks of is a finding, also where today's reading would cut the words differently."""
    known = {(one.part, one.start, one.text) for one in read}
    for each in case.corrections:
        end = each.start + len(each.text)
        if each.start < 0 or (each.part, each.start, each.text) in known:
            continue
        if getattr(case, each.part)[each.start : end] == each.text:
            read = [one for one in read if one.part != each.part or one.end <= each.start or end <= one.start]
            read.append(replace(added(each.part, each.text), start=each.start, end=end))
    return read


def read_findings(case: CaseInput) -> list[Finding]:
    """What is read of the text alone. Phrases that name no more than a person, a place or a technique are left out."""
    return [one for one in _phrases(case) if is_known(one.text)]


def _phrases(case: CaseInput) -> list[Finding]:
    read = (one for part in PARTS for one in findings(getattr(case, part), part=part))
    return [found for one in read if (found := whole(one))]


def _correction_of(finding: Finding, corrections: Iterable[Correction]) -> Correction | None:
    """The correction of a finding: the one for its words at its place. The last one holds."""
    key = (finding.part, finding.start, finding.text)
    return next((one for one in reversed(tuple(corrections)) if (one.part, one.start, one.text) == key), None)


def standing(case: CaseInput, corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """The corrections that still apply to an edited case: of words that are still read there, wherever they stand."""
    kept: list[Correction] = []
    free = read_findings(case)
    for one in corrections:
        same = [each for each in free if (each.part, each.text) == (one.part, one.text)]
        if one.start < 0:
            kept.append(one)
        elif same:
            nearest = min(same, key=lambda each: abs(each.start - one.start))
            free.remove(nearest)
            kept.append(replace(one, start=nearest.start))
    return tuple(kept)


def added(part: str, text: str) -> Finding:
    """A finding in a person's own words, with the side, the sizes and the organs they name."""
    read = findings(text)
    return Finding(
        text=text,
        start=-1,
        end=-1,
        part=part,
        laterality=laterality(text),
        measures=tuple(size for one in read for size in one.measures),
        anatomy=anatomy(text),
    )


def _as_stated(finding: Finding, correction: Correction) -> Finding:
    assert correction.assertion != "removed"  # noqa: S101
    text = finding.text
    if correction.laterality != finding.laterality:
        text = _put(text, _SIDES, correction.laterality or "")
    if correction.measure != ", ".join(finding.measures):
        sizes = re.compile("|".join(re.escape(size) for size in finding.measures) or r"(?!)")
        text = _put(text, sizes, correction.measure)
    return replace(
        finding,
        text=text,
        assertion=correction.assertion,
        laterality=correction.laterality,
        measures=(correction.measure,) if correction.measure else (),
        by_hand=True,
    )


def _put(text: str, old: re.Pattern[str], new: str) -> str:
    """`new` in the place of the first `old`, or before the text when it has none; every other `old` is taken out."""
    place = old.search(text)
    if place is None:
        return f"{new} {text}".strip()
    rest = old.sub(" ", text[place.end() :])
    return " ".join(f"{text[: place.start()]} {new} {rest}".split()) or text


def _rewritten(case: CaseInput, replaced: Sequence[Finding], stated: Sequence[Finding], *, searched: bool) -> CaseInput:
    return replace(
        case,
        corrections=(),
        **{part: _part_rewritten(getattr(case, part), part, replaced, stated, searched=searched) for part in PARTS},
    )


def _part_rewritten(
    text: str, part: str, replaced: Sequence[Finding], stated: Sequence[Finding], *, searched: bool
) -> str:
    own = [one for one in replaced if one.part == part]
    spans = {(one.start, one.end) for one in own}
    others = [
        one for one in findings(text, part=part) if not any(start < one.end and one.start < end for start, end in spans)
    ]
    left = without(text, own, [*own, *others])
    said = [sentence for one in stated if one.part == part for sentence in _sentences(one, searched=searched)]
    return "\n".join(line for line in (left, " ".join(said)) if line)


def _sentences(finding: Finding, *, searched: bool) -> Iterator[str]:
    if searched and finding.assertion == "denied":
        return
    yield from [plainly(finding)] * (STATED_TIMES if searched and finding.assertion == "present" else 1)
