"""Wrong answers worth offering, each from something that was really taken for the diagnosis or looks like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Diagnosis, OwnDiagnosis, Stage, Support
from cdss.feedback.models import Feedback
from cdss.indexing.searching import search_library
from cdss.library.models import Case
from cdss.library.veils import open_to
from cdss.numbers import whole_number
from cdss.reasoning.naming import same_disease
from cdss.teaching.models import Attempt
from cdss.verdicts import Verdict

MOST = 12
MOST_CHARACTERS = 200
NEIGHBOURS = 30
MOST_FEEDBACK = 2000
NOT_SEARCHED = (
    "Cases that look like this one could not be searched for, because the encoders are busy. Open this question "
    "again in a moment, and there may be more."
)


@dataclass(frozen=True, slots=True)
class Proposal:
    text: str
    origin: dict[str, Any]

    @property
    def said(self) -> str:
        return origin_text(self.origin)


@dataclass(frozen=True, slots=True)
class Proposed:
    """`missing` says what could not be looked for; empty when everything was."""

    found: Sequence[Proposal]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """To a case or a consultation, by its number alone: what it is called may be what its reader is to find."""

    label: str
    path: str


def links_of(origins: Sequence[dict[str, Any]], by: User) -> list[tuple[Link, ...]]:
    """For each origin where it can be looked at, as far as this educator may."""
    cases = {pk for origin in origins if isinstance(pk := origin.get("case"), int)}
    asked = {name: _number(name) for origin in origins for name in origin.get("consultations", ())}
    seen = set(open_to(by).filter(pk__in=cases).values_list("pk", flat=True))
    read = set(Consultation.objects.for_user(by).filter(pk__in=asked.values()).values_list("pk", flat=True))
    found = []
    for origin in origins:
        links = []
        if origin.get("case") in seen:
            links.append(Link(f"Case {origin['case']}", reverse("library:case", args=[origin["case"]])))
        for name in origin.get("consultations", ()):
            if asked[name] in read:
                links.append(Link(name, reverse("consultations:detail", args=[asked[name]])))
        found.append(tuple(links))
    return found


def _number(name: str) -> int:
    return whole_number(name.removeprefix("C-")) or 0


def origin_text(origin: dict[str, Any]) -> str:
    """Where an answer came from, as its educator reads it."""
    kind = origin.get("kind", "")
    if kind == "neighbour":
        alike = f"number {origin['rank']} of those most alike (index {origin['index']})"
        return f"diagnosis of case {origin['case']}, {alike}"
    if kind == "diagnosis":
        return f"the diagnosis of case {origin['case']}"
    if kind == "confusion":
        times = f"{origin['times']} time{'s' if origin['times'] != 1 else ''}"
        where = ", ".join(origin["consultations"])
        return f"stood first {times} where this was confirmed ({origin['by']}; {where})"
    if kind == "attempt":
        return f"answered {origin['times']} time{'s' if origin['times'] != 1 else ''} by learners to this case"
    if kind == "differential":
        return f"in the differential diagnosis of case {origin['case']}"
    return "written by its educator"


def proposals(*, case: Case, by: User) -> Proposed:
    """Without what is the diagnosis itself, each disease once: confusions first, then look-alikes."""
    from retrieval.errors import EncoderBusyError, EncoderUnavailableError

    try:
        alike, missing = neighbours(case, by), ""
    except (EncoderBusyError, EncoderUnavailableError):
        alike, missing = [], NOT_SEARCHED
    found: list[Proposal] = []
    for proposal in _all(case, alike):
        if same_disease(proposal.text, case.diagnosis):
            continue
        proposal = Proposal(" ".join(proposal.text.split())[:MOST_CHARACTERS], proposal.origin)
        if not any(same_disease(proposal.text, other.text) for other in found):
            found.append(proposal)
        if len(found) >= MOST:
            break
    return Proposed(found, missing)


def _all(case: Case, alike: Sequence[Proposal]) -> Iterator[Proposal]:
    yield from confusions(case.diagnosis)
    yield from _answered(case)
    yield from alike
    for name in case.differential:
        yield Proposal(str(name)[:200], {"kind": "differential", "case": case.pk})


def neighbours(case: Case, by: User) -> list[Proposal]:
    """Diagnoses of the cases that a search for this one's history and findings brings.

    Raises EncoderBusyError and EncoderUnavailableError: another time there may be some.
    """
    from retrieval.errors import EncoderBusyError, EncoderUnavailableError, RetrievalError
    from retrieval.types import Query

    text = "\n".join(part for part in (case.history, case.exam, case.findings) if part)
    if not text:
        return []
    try:
        found = search_library(user=by, query=Query(text=text, kinds=("case",), k=NEIGHBOURS))
    except (EncoderBusyError, EncoderUnavailableError):
        raise
    except RetrievalError:
        # No index yet: there are still the others.
        return []
    named = dict(Case.objects.filter(pk__in=[hit.item for hit in found.hits]).values_list("pk", "diagnosis"))
    others = [hit for hit in found.hits if hit.item != case.pk and named.get(hit.item)]
    return [
        Proposal(
            named[hit.item],
            {"kind": "neighbour", "case": hit.item, "rank": rank, "index": found.index_version,
             "score": round(float(hit.score), 4)},
        )
        for rank, hit in enumerate(others, 1)
    ]  # fmt: skip


def confusions(diagnosis: str) -> list[Proposal]:
    """What stood first, of the system or of the clinician, where this diagnosis was confirmed in the end."""
    said = Feedback.objects.filter(verdict=Verdict.FINAL).exclude(confirmed_by="").order_by("-created")
    rows = said.values_list("consultation_id", "final_diagnosis")[:MOST_FEEDBACK]
    finals: dict[int, str] = {}
    for pk, final in rows:
        finals.setdefault(pk, final)
    confirmed = [pk for pk, final in finals.items() if same_disease(final, diagnosis)]
    return [*_counted(_system(confirmed), "the system's answer"), *_counted(_own(confirmed), "a clinician's answer")]


def _counted(first: list[tuple[int, str]], by: str) -> list[Proposal]:
    times = Counter(name for _, name in first)
    return [
        Proposal(
            name,
            {"kind": "confusion", "by": by, "times": count,
             "consultations": [f"C-{pk}" for pk, other in first if other == name][:10]},
        )
        for name, count in times.most_common()
    ]  # fmt: skip


def _system(consultations: list[int]) -> list[tuple[int, str]]:
    rows = Diagnosis.objects.filter(
        answer__consultation__in=consultations,
        answer__writer="composer",
        statements__support__in=[Support.SUPPORTED, Support.PARTLY],
    ).order_by("answer__consultation", "-rank")
    return list(dict(rows.values_list("answer__consultation_id", "name")).items())


def _own(consultations: list[int]) -> list[tuple[int, str]]:
    rows = OwnDiagnosis.objects.filter(consultation__in=consultations, stage=Stage.BEFORE, rank=1)
    return list(rows.values_list("consultation_id", "name"))


def _answered(case: Case) -> list[Proposal]:
    answers = Attempt.objects.committed().filter(case=case).values_list("answers", flat=True)[:MOST_FEEDBACK]
    times = Counter(answer for given in answers for answer in given[:1])
    return [Proposal(name, {"kind": "attempt", "times": count}) for name, count in times.most_common(MOST)]
