"""Whether the library holds this case already: by its words, and by its pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdss.accounts.models import User
from cdss.authoring.models import Manuscript, Picture
from cdss.library.models import Case, CaseImage
from retrieval.copies import FEWEST_WORDS, words_of

# Share of words two cases have in common from which one may be the other; a copy shares .8.
LIKE = 0.5
COMPARED = 30


@dataclass(frozen=True, slots=True)
class Duplicate:
    """`manuscript` is set where the reader opens the other in the editor."""

    case: Case
    why: str
    manuscript: int | None = None


@dataclass(frozen=True, slots=True)
class Duplicates:
    """`hidden` are others that this reader may not see. `unsearched` says why texts were not compared."""

    shown: tuple[Duplicate, ...]
    hidden: int
    unsearched: str = ""

    def __bool__(self) -> bool:
        return bool(self.shown or self.hidden)


def duplicates_of(manuscript: Manuscript, user: User) -> Duplicates:
    by_picture = _same_pictures(manuscript)
    by_words, unsearched = _alike(manuscript)
    why = {pk: f"{round(100 * share)}% of the words are the same" for pk, share in by_words.items()}
    why |= {pk: f"{number} image{'s' * (number != 1)} the same" for pk, number in by_picture.items()}
    visible = {case.pk: case for case in Case.objects.viewable_by(user).filter(pk__in=why)}
    opened = dict(Manuscript.objects.for_user(user).filter(case__in=why).values_list("case", "pk"))
    mine = {case.pk: case for case in Case.objects.filter(pk__in=opened)}
    shown = visible | mine
    rows = [Duplicate(shown[pk], said, opened.get(pk)) for pk, said in why.items() if pk in shown]
    return Duplicates(tuple(rows), len(why) - len(rows), unsearched)


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


def _alike(manuscript: Manuscript) -> tuple[dict[int, float], str]:
    """Cases of the library whose presentation has many words in common with this one, and their share."""
    from cdss.indexing.services import search_library
    from retrieval.errors import RetrievalError
    from retrieval.types import Query

    text = _presented(manuscript.content.get)
    mine = words_of(text)
    if len(mine) < FEWEST_WORDS:
        return {}, ""
    try:
        # Asked for nobody in particular: what this reader may not see is counted, and never shown.
        found = search_library(user=None, query=Query(text=text[:4000], kinds=["case"], k=COMPARED)).hits
    except RetrievalError:
        return {}, "Texts were not compared: the index is not built."
    cases = Case.objects.filter(pk__in=[hit.item for hit in found]).exclude(pk=manuscript.case_id)
    shares = {
        case.pk: _share(mine, words_of(_presented(lambda name, case=case: getattr(case, name)))) for case in cases
    }
    return {pk: share for pk, share in shares.items() if share >= LIKE}, ""


def _presented(value: object) -> str:
    return "\n".join(str(value(name) or "") for name in ("history", "exam", "findings", "discussion"))  # type: ignore[operator]


def _share(mine: frozenset[str], theirs: frozenset[str]) -> float:
    return len(mine & theirs) / max(len(mine | theirs), 1) if len(theirs) >= FEWEST_WORDS else 0.0
