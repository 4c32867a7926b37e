import json

from django import template
from django.urls import NoReverseMatch, reverse

from cdss.audit.models import Event

register = template.Library()
# Names of pages and not their apps: the trail knows nothing of what it records.
PAGES = {"consultations.consultation": "consultations:detail", "library.case": "library:item"}


@register.filter
def object_page(event: Event) -> str:
    """Where the object can be opened as it was; empty when it has no page."""
    try:
        return reverse(PAGES[event.object_type], args=[event.object_id])
    except (KeyError, NoReverseMatch):
        return ""


@register.filter
def details_line(event: Event) -> str:
    return " · ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in event.details.items())
