from typing import Any

from django import template
from django.template.context import Context

from cdss.consultations.models import Consultation
from cdss.feedback.models import CaseDraft
from cdss.feedback.presenters import agreement_context, buttons_context, final_context
from cdss.feedback.targets import FeedbackByTarget, feedback_by_target

register = template.Library()


@register.simple_tag(takes_context=True)
def feedback_of_page(context: Context) -> FeedbackByTarget:
    """`{% feedback_of_page as feedback %}`, once at the top of a page: one query for all the tags below."""
    return feedback_by_target(context["consultation"], context["user"])


@register.inclusion_tag("feedback/_buttons.html", takes_context=True)
def feedback_buttons(
    context: Context, *, statement: Any = None, diagnosis: Any = None, evidence: Any = None, citation: Any = None
) -> Any:
    """Reads `consultation` and `feedback` (feedback_by_target) of the page; at most one target, else the whole."""
    return _page(context) | buttons_context(
        consultation=context["consultation"],
        user=context["user"],
        given=context["feedback"],
        statement=statement,
        diagnosis=diagnosis,
        evidence=evidence,
        citation=citation,
    )


@register.inclusion_tag("feedback/_final.html", takes_context=True)
def feedback_final(context: Context) -> Any:
    """The final diagnosis, when it is known."""
    return _page(context) | final_context(
        consultation=context["consultation"], user=context["user"], given=context["feedback"]
    )


@register.inclusion_tag("feedback/_agreement.html", takes_context=True)
def feedback_agreement(context: Context) -> Any:
    """How far the raters of this consultation agree, where more than one spoke."""
    return agreement_context(user=context["user"], given=context["feedback"])


@register.inclusion_tag("feedback/_origin.html", takes_context=True)
def case_origin(context: Context, case: Any) -> Any:
    """The consultation a case of the library was made of, as a link for those who may open it."""
    origin = CaseDraft.objects.filter(case=case.pk).select_related("consultation").first()
    if origin is None:
        return {}
    readable = Consultation.objects.revealed_to(context["user"]).filter(pk=origin.consultation_id).exists()
    return {"origin": origin, "readable": readable}


def _page(context: Context) -> dict[str, Any]:
    return {"csrf_token": context.get("csrf_token"), "request": context.get("request")}
