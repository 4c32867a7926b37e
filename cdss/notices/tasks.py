from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone
from django_tasks import task

BODY = "{kind}.\n\nSign in to read it: {address}\n\nThis mail holds nothing of any case.\n"


@task()
def mail_notices(key: str) -> int:
    """Mails what was told and not mailed yet: the kind of thing and where to read it, no word more."""
    from cdss.notices.models import Notice

    waiting = Notice.objects.filter(key=key, mailed__isnull=True).exclude(recipient__email="")
    sent = 0
    with get_connection() as connection:
        for notice in waiting.select_related("recipient"):
            kind = notice.get_kind_display()
            body = BODY.format(kind=kind, address=f"{settings.SITE_URL}{notice.path}")
            message = EmailMessage(f"CDSS: {kind}", body, to=[notice.recipient.email], connection=connection)
            sent += message.send()
            Notice.objects.filter(pk=notice.pk).update(mailed=timezone.now())
    return sent
