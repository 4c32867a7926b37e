from typing import Any

from django import template
from django.template.context import Context

from cdss.library.models import Case
from cdss.studies.permitting import may_author
from cdss.studies.presenters import series_of_case

register = template.Library()


@register.inclusion_tag("studies/_series.html", takes_context=True)
def case_series(context: Context, case: Case) -> Any:
    """The series of a case and where to open them; for its author, where to add to them."""
    user = context["user"]
    shown = {"rows": series_of_case(case, user), "is_author": may_author(user, case)}
    return shown | {"case": case, "locks": context.get("locks"), "images": context.get("images")}
