"""The gate itself: statements with citations, and bare claims against a passage."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cdss.reasoning.gate.claims import Claim, parts_of, quoted_spans, told_apart, whole_claims
from cdss.reasoning.gate.judge import Verdict, judge
from cdss.reasoning.gate.reading import Reading, combine, read
from cdss.reasoning.gate.source import Source, open_source
from cdss.reasoning.gate.vote import Likelihood, voted
from cdss.reasoning.types import CaseInput, CitationDraft, EvidenceText, StatementDraft, Support

_ORDER: tuple[Support, ...] = ("unsupported", "partly", "supported")
# A quotation shorter than this is a name or a term, checked as any other word.
_QUOTATION_WORDS = 4
_LINKING = re.compile(
    r"\b(?:fits?|support(?:s|ed|ing)?|suggest(?:s|ed|ing|ive)?|consistent|compatible|favou?r(?:s|ed|ing)?|argues?|"
    r"typical|"
    r"match(?:es|ed)?|explain(?:s|ed)?|keeping|points?|raises?|makes?|as (?:described|expected|reported) for)\b",
    re.IGNORECASE,
)
_EMPTY = ("nothing-claimed",)
_LONGEST_CLAIM = 1500


def find_support(
    claim: str,
    passage: str,
    case: CaseInput | str | None = None,
    title: str = "",
    vote: Likelihood | None = None,
) -> Verdict:
    """The place of `passage` that says `claim`, and the flaws that keep it from saying all of it.

    `title` is what the passage as a whole is about. Parts that report the case are checked against `case`.
    """
    source = open_source(passage, title)
    verdict = _verdict(claim, [(source, range(len(source.spans)))], _case_source(case))
    return voted(verdict, claim, verdict.quote, vote)


def check_statement(
    *,
    statement: StatementDraft,
    evidence: Mapping[str, EvidenceText],
    case: CaseInput | None,
    vote: Likelihood | None = None,
) -> StatementDraft:
    """The statement with its support and the reasons for it; a quote at wrong offsets is set right when unique."""
    if not statement.citations:
        return replace(statement, support="unsupported", reasons=("no-citation",))
    citations, notes, broken = _resolved(statement.citations, evidence)
    if broken:
        return replace(statement, support="unsupported", reasons=(*broken, *notes))
    told = _case_source(case)
    spoken = [*(citation.quote for citation in citations), *([told.text] if told else [])]
    for start, end in quoted_spans(statement.text):
        words = statement.text[start:end]
        if len(words.split()) >= _QUOTATION_WORDS and not any(_flat(words) in _flat(one) for one in spoken):
            reasons = (*notes, "quote-altered:in-text")
            return replace(statement, citations=citations, support="unsupported", reasons=reasons)
    places = [_place(citation, evidence[citation.evidence]) for citation in citations]
    verdict = _verdict(statement.text, places, told)
    verdict = voted(verdict, statement.text, " ".join(spoken), vote)
    return replace(statement, citations=citations, support=verdict.support, reasons=(*notes, *verdict.reasons))


def _resolved(
    citations: Iterable[CitationDraft], evidence: Mapping[str, EvidenceText]
) -> tuple[list[CitationDraft], list[str], list[str]]:
    """The citations with right offsets, what was set right, and what cannot be."""
    found: list[CitationDraft] = []
    notes, broken = [], []
    for citation in citations:
        item = evidence.get(citation.evidence)
        if item is None:
            broken.append(f"unknown-evidence:{citation.evidence}")
        elif not re.search(r"\w", citation.quote):
            broken.append("quote-empty")
        elif citation.start >= 0 and item.text[citation.start : citation.end] == citation.quote:
            found.append(citation)
        elif item.text.count(citation.quote) == 1:
            start = item.text.index(citation.quote)
            found.append(replace(citation, start=start, end=start + len(citation.quote)))
            notes.append(f"offsets-repaired:{citation.evidence}")
        else:
            broken.append("quote-ambiguous" if citation.quote in item.text else "quote-altered")
    return found, notes, broken


def _place(citation: CitationDraft, item: EvidenceText) -> tuple[Source, range]:
    """The sentences a quote touches. What stands outside the quote lends no words, but its denials still count."""
    source = open_source(item.text, item.title)
    inside = [
        index for index, span in enumerate(source.spans) if span.start < citation.end and citation.start < span.end
    ]
    if not inside:
        return source, range(0)
    windows = []
    for window in source.windows:
        if window.index in {inside[0], inside[-1]}:
            offset = source.spans[window.index].start + window.start
            clipped = _clipped(window.reading, citation.start - offset, citation.end - offset)
            window = replace(window, reading=clipped)
        windows.append(window)
    return replace(source, windows=tuple(windows)), range(inside[0], inside[-1] + 1)


def _clipped(reading: Reading, start: int, end: int) -> Reading:
    if start <= 0 and end >= len(reading.text):
        return reading
    words = tuple(word for word in reading.words if word.start >= start and word.end <= end)
    quantities = tuple(one for one in reading.quantities if one.start >= start and one.end <= end)
    keys = frozenset(word.key for word in words) | frozenset(word.joined for word in words if word.joined)
    return replace(reading, words=words, keys=keys, quantities=quantities)


def _case_source(case: CaseInput | str | None) -> Source | None:
    if not case:
        return None
    text = case if isinstance(case, str) else f"{case.text}\n{_age(case.age)} {case.sex}".rstrip()
    return open_source(text) if text.strip() else None


def _age(age: str) -> str:
    return f"{age} years old" if age.strip().isdigit() else age


def _verdict(text: str, places: Sequence[tuple[Source, range]], case: Source | None) -> Verdict:
    """The verdict on all claims of a text: as weak as its weakest, at the place of the first that has one."""
    if len(text) > _LONGEST_CLAIM:
        return Verdict("unsupported", ("claim-too-long",))
    verdicts = [_claim(claim, places, case) for claim in whole_claims(text, case is not None)]
    if not verdicts:
        return Verdict("unsupported", _EMPTY)
    support = min((one.support for one in verdicts), key=_ORDER.index)
    reasons = tuple(dict.fromkeys(reason for one in verdicts for reason in one.reasons))
    located = next((one for one in verdicts if one.quote), verdicts[0])
    return replace(located, support=support, reasons=reasons)


def _claim(claim: Claim, places: Sequence[tuple[Source, range]], case: Source | None) -> Verdict:
    whole = _judged(claim, places, case)
    if whole.support == "supported":
        return whole
    told = [_claim(part, places, case) for part in told_apart(claim)]
    if told and all(one.support == "supported" for one in told):
        return told[0]
    if whole.contradicted:
        return whole
    parts = parts_of(claim)
    if len(parts) < 2:
        return whole
    verdicts = [_judged(part, places, case) for part in parts]
    return verdicts[0] if all(one.support == "supported" for one in verdicts) else whole


def _judged(claim: Claim, places: Sequence[tuple[Source, range]], case: Source | None) -> Verdict:
    reading = read(f"{claim.subject} {claim.text}" if claim.subject else claim.text)
    told = judge(reading, case, range(len(case.spans))) if case and claim.about != "source" else None
    linking = bool(_LINKING.search(claim.text))
    if told and claim.about == "case" and (told.support == "supported" or not linking):
        return Verdict(told.support, tuple(f"case-{reason}" for reason in told.reasons), contradicted=told.contradicted)
    mixed = _whole(case) if case and (linking or claim.about != "source") else None
    verdicts = [judge(reading, source, allowed, mixed) for source, allowed in places]
    if claim.about == "name":
        verdicts = [_as_name(verdict) for verdict in verdicts]
    if mixed:
        verdicts = [_with_case(verdict, told) for verdict in verdicts]
    if told:
        verdicts.append(Verdict(told.support, told.reasons))
    return max(verdicts, key=lambda one: (_ORDER.index(one.support), -len(one.reasons)))


def _as_name(verdict: Verdict) -> Verdict:
    """A name that is handed on claims nothing, so it cannot claim too much."""
    if set(verdict.reasons) <= {"certainty", "quantifier"}:
        return replace(verdict, support="supported", reasons=(), contradicted=False)
    return verdict


def _with_case(verdict: Verdict, told: Verdict | None) -> Verdict:
    """A claim that joins case and source is said when each word is in one of them and the case does not say
    otherwise."""
    if not verdict.reasons or not all(reason.startswith("only-in-case:") for reason in verdict.reasons):
        return verdict
    against = tuple(f"case-{reason}" for reason in told.reasons if not reason.startswith("not-in-")) if told else ()
    if against:
        return replace(verdict, support="unsupported", reasons=against)
    return replace(verdict, support="supported", reasons=())


def _whole(case: Source) -> Reading:
    parts = [(span.start, reading) for span, reading in zip(case.spans, case.readings, strict=True)]
    return combine(parts, case.text)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" .").casefold()
