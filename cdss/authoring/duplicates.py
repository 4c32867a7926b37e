"""Whether the library holds this case already: by its words, and by its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any

from django.db.models import Case as Choice
from django.db.models import When
from django.db.models.expressions import Combinable

from cdss.accounts.models import User
from cdss.authoring.looks import alike, uncompared
from cdss.authoring.models import Manuscript, Picture
from cdss.library.models import Case, CaseImage
from cdss.library.veils import open_to
from cdss.studies.twins import same_series
from retrieval.copies import FEWEST_WORDS, words_of

# Share of words two cases have in common from which one may be the other; a copy shares .8.
LIKE = 0.5
# The same of the findings alone: a draft may hold nothing else yet.
FINDINGS_LIKE = 0.8
COMPARED = 30
TELLING = 10


@dataclass(frozen=True, slots=True)
class Duplicate:
    """`manuscript` is set where the reader opens the other in the editor."""

    case: Case
    why: str
    manuscript: int | None = None


@dataclass(frozen=True, slots=True)
class Duplicates:
    """`hidden` are others that this reader may not see, `uncompared` the images still to be looked at by the worker."""

    shown: tuple[Duplicate, ...]
    hidden: int
    uncompared: int = 0

    def __bool__(self) -> bool:
        return bool(self.shown or self.hidden)


def duplicates_of(manuscript: Manuscript, user: User) -> Duplicates:
    why = _alike(manuscript) | same_series(manuscript.case)
    why |= {pk: f"{_images(number)} the same to the eye" for pk, number in alike(manuscript).items()}
    why |= {pk: f"{_images(number)} the same" for pk, number in _same_pictures(manuscript).items()}
    visible = {case.pk: case for case in open_to(user).filter(pk__in=why)}
    opened = dict(Manuscript.objects.for_user(user).filter(case__in=why).values_list("case", "pk"))
    mine = {case.pk: case for case in Case.objects.filter(pk__in=opened)}
    shown = visible | mine
    rows = [Duplicate(shown[pk], said, opened.get(pk)) for pk, said in why.items() if pk in shown]
    return Duplicates(tuple(rows), len(why) - len(rows), uncompared(manuscript))


def _images(number: int) -> str:
    return f"{number} image{'s' * (number != 1)}"


def _same_pictures(manuscript: Manuscript) -> dict[int, int]:
    """How many pictures each other case shares, published or in the editor."""
    ours = [each["picture"] for each in manuscript.content["images"]]
    digests = list(manuscript.pictures.filter(pk__in=ours).values_list("sha256", flat=True))
    others = _pairs(CaseImage.objects.filter(sha256__in=digests).values_list("case", "sha256"))
    others |= _pairs(Picture.objects.filter(sha256__in=digests).values_list("manuscript__case", "sha256"))
    found: dict[int, set[str]] = {}
    for case, digest in others:
        found.setdefault(case, set()).add(digest)
    return {case: len(held) for case, held in found.items() if case != manuscript.case_id}


def _pairs(rows: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    return set(rows)


def _alike(manuscript: Manuscript) -> dict[int, str]:
    """Cases whose presentation, or whose findings, have many words in common with this one's, and how many.

    Those that have most of its longest words are compared: they are the rarest, and a copy has nearly all of them.
    """
    whole, findings = words_of(_presented(manuscript.content.get)), words_of(manuscript.content["findings"])
    cases = {case.pk: case for words in (whole, findings) for case in _candidates(words, manuscript.case_id)}
    return {pk: said for pk, case in cases.items() if (said := _said(whole, findings, case))}


def _candidates(words: frozenset[str], own: int) -> Iterable[Case]:
    if len(words) < FEWEST_WORDS:
        return ()
    telling = sorted(words, key=lambda word: (-len(word), word))[:TELLING]
    held = reduce(add, (_has(word) for word in telling))
    rows = Case.objects.exclude(pk=own).annotate(held=held).filter(held__gte=len(telling) // 2)
    return rows.order_by("-held", "pk")[:COMPARED]


def _said(mine: frozenset[str], findings: frozenset[str], case: Case) -> str:
    whole = _share(mine, words_of(_presented(partial(getattr, case))))
    if whole >= LIKE:
        return f"{round(100 * whole)}% of the words are the same"
    share = _share(findings, words_of(case.findings))
    return f"{round(100 * share)}% of the words of the findings are the same" if share >= FINDINGS_LIKE else ""


def _has(word: str) -> Combinable:
    return Choice(When(text__icontains=word, then=1), default=0)


def _presented(value: Callable[[str], Any]) -> str:
    return "\n".join(str(value(name) or "") for name in ("history", "exam", "findings", "discussion"))


def _share(mine: frozenset[str], theirs: frozenset[str]) -> float:
    return len(mine & theirs) / max(len(mine | theirs), 1) if len(theirs) >= FEWEST_WORDS else 0.0
