"""Where a case stands and who sees it."""

from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.models import Manuscript
from cdss.library.models import Case, Collection, Visibility


@transaction.atomic
def place_set(*, manuscript: Manuscript, by: User, collection: Collection | None, visibility: str) -> None:
    """It holds at once, of a published case too."""
    case = Case.objects.select_for_update(of=("self",)).get(pk=manuscript.case_id)
    before = {"collection": case.collection_id, "visibility": case.visibility}
    case.collection, case.visibility = collection or case.collection, Visibility(visibility)
    after = {"collection": case.collection_id, "visibility": case.visibility}
    if after != before:
        case.save(update_fields=["collection", "visibility", "updated"])
        record(action="case.placed", by=by, obj=manuscript, details={"before": before, "after": after})
