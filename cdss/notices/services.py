from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from cdss.accounts.models import User
from cdss.accounts.permissions import ROLE_ACTIONS, Action
from cdss.audit.services import record
from cdss.notices.models import Notice
from cdss.notices.tasks import mail_notices

MAX_TEXT = 300


@transaction.atomic
def notify(*, kind: str, recipients: Iterable[User], text: str, path: str, key: str, obj: Model | None = None) -> int:
    """Tells each of them once; returns how many had not been told. Call it in the transaction of what it tells of."""
    wanted = {user.pk: user for user in recipients if user.is_active}
    told = set(Notice.objects.filter(key=key, recipient__in=wanted).values_list("recipient_id", flat=True))
    new = [user for pk, user in sorted(wanted.items()) if pk not in told]
    if not new:
        return 0
    Notice.objects.bulk_create(
        (Notice(recipient=user, kind=kind, text=text[:MAX_TEXT], path=path, key=key) for user in new),
        ignore_conflicts=True,
    )
    record(action="notice.sent", obj=obj, details={"kind": kind, "key": key, "recipients": len(new)})
    if settings.EMAIL_HOST:
        transaction.on_commit(lambda: mail_notices.enqueue(key))
    return len(new)


def people_who_may(action: Action) -> QuerySet[User]:
    roles = [role for role, actions in ROLE_ACTIONS.items() if action in actions]
    return User.objects.filter(is_active=True, role__in=roles)


@transaction.atomic
def notice_read(*, notice: Notice, by: User) -> None:
    if Notice.objects.for_user(by).unread().filter(pk=notice.pk).update(read=timezone.now()):
        record(action="notice.read", by=by, obj=notice, details={"kind": notice.kind})


@transaction.atomic
def notices_read_all(*, by: User) -> int:
    changed = Notice.objects.for_user(by).unread().update(read=timezone.now())
    if changed:
        record(action="notice.all_read", by=by, details={"notices": changed})
    return changed
