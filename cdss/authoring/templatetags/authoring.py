from typing import Any

from django import template
from django.template.context import Context

from cdss.accounts.models import User
from cdss.authoring.models import Manuscript, cases_editable_by

register = template.Library()


@register.inclusion_tag("authoring/_editing.html", takes_context=True)
def case_editing(context: Context, case: Any) -> Any:
    """The way from a case of the library into its editor, for those who may write or review it."""
    user = context["user"]
    if not isinstance(user, User):
        return {}
    manuscript = Manuscript.objects.for_user(user).filter(case=case.pk).first()
    can_open = manuscript is None and cases_editable_by(user).filter(pk=case.pk).exists()
    return {"manuscript": manuscript, "case": case if can_open else None, "csrf_token": context.get("csrf_token")}
