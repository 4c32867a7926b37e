from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from cdss.notices.models import Notice


def unread_notices(request: HttpRequest) -> dict[str, object]:
    """For the bell: one indexed count, and only on a page that shows it."""
    user = getattr(request, "user", None)
    return {"unread_notices": SimpleLazyObject(lambda: Notice.objects.for_user(user).unread().count()) if user else 0}
