"""Places of a case's pictures that may be burnt-in text: shown to authors and reviewers, who decide them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.audit.services import record
from cdss.authoring.checklist import PIXELS_SEEN, doubts_in, tick_falls
from cdss.authoring.models import Manuscript, Picture
from cdss.authoring.services import AuthoringError
from cdss.authoring.workflow import case_request_changes, is_author, open_actions
from cdss.library.doubts import doubt_decide
from cdss.library.image_files import readable_copies
from cdss.library.models import Doubt, State
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.studies.models import Series
from cdss.studies.services import doubts_decide

NOT_OPEN = "Its authors decide this while they write it, its reviewers while it is in review."
REFUSED = "Image {number}: what may be written in it cannot stay. Take it out, or upload it with the text covered."


@dataclass(frozen=True, slots=True)
class DoubtfulPicture:
    """`number` is its place in the case; `doubts` lie on the frames that they name."""

    picture: Picture
    number: int
    doubts: list[Doubt]

    @property
    def frame(self) -> int:
        return self.doubts[0].frame


def doubtful_pictures(manuscript: Manuscript) -> list[DoubtfulPicture]:
    found: dict[str, list[Doubt]] = {}
    for doubt in doubts_in(manuscript):
        found.setdefault(doubt.name, []).append(doubt)
    held = {picture.pk: picture for picture in manuscript.pictures.filter(file__in=list(found))}
    numbered = enumerate((each["picture"] for each in manuscript.content["images"]), 1)
    return [DoubtfulPicture(held[pk], number, found[str(held[pk].file)]) for number, pk in numbered if pk in held]


def doubtful_series(manuscript: Manuscript) -> list[Series]:
    return [row for row in Series.objects.filter(case=manuscript.case_id).defer("frame_facts") if row.doubts]


def may_decide(manuscript: Manuscript, user: User) -> bool:
    """Of those who read it: who writes it, and who reviews what was handed in."""
    if manuscript.stage == State.RETIRED:
        return False
    return is_author(manuscript, user) or (manuscript.stage == State.REVIEW and may(user, Action.REVIEW))


def doubt_settle(*, manuscript: Manuscript, doubt: Doubt, keep: bool, by: User) -> None:
    """It stays masked for good, or is put back: it was no text, or names nobody."""
    _require(manuscript, by)
    doubt_decide(doubt=doubt, keep=keep, by=by)


def series_settle(*, manuscript: Manuscript, series: Series, keep: bool, by: User) -> None:
    _require(manuscript, by)
    doubts_decide(series=series, keep=keep, by=by)


@transaction.atomic
def picture_refuse(*, manuscript: Manuscript, doubt: Doubt, by: User) -> None:
    """The case goes back to its authors with that said; the place stays masked and undecided."""
    if "request_changes" not in open_actions(manuscript, by):
        raise AuthoringError(NOT_OPEN)
    number = next(each.number for each in doubtful_pictures(manuscript) if doubt in each.doubts)
    record(action="image.doubt_refused", by=by, obj=doubt, details={"image": number})
    case_request_changes(manuscript=manuscript, by=by, note=REFUSED.format(number=number))


def pixels_changed(name: str) -> None:
    """Of an image that shows a place again: who had looked at it looks once more."""
    from cdss.library.intake import stack_intake

    picture = Picture.objects.filter(file=name).select_related("manuscript").first()
    if picture is None:
        return
    with readable_copies() as copied:
        # As it is published: by this the published image and the picture are known to be one.
        digest = stack_intake(uploads=copied(name, picture.frames)).sha256
    if not picture.manuscript.pictures.filter(sha256=digest).exists():
        picture.sha256 = digest
        picture.save(update_fields=["sha256"])
    tick_falls(manuscript=picture.manuscript, item=PIXELS_SEEN)


def _require(manuscript: Manuscript, by: User) -> None:
    refuse_in(Mode.TEXT_ONLY)
    if not may_decide(manuscript, by):
        raise AuthoringError(NOT_OPEN)
