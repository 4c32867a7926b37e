from django.http import HttpRequest

from cdss.locks.models import Mode
from cdss.locks.modes import REFUSALS


def locks(request: HttpRequest) -> dict[str, object]:
    """For templates: `{% if locks.text_only %}`, and the banners."""
    modes: frozenset[Mode] = getattr(request, "locked_modes", frozenset())
    banners = [(mode.label, REFUSALS[mode]) for mode in Mode if mode in modes]
    return {"locks": {mode.name.lower(): mode in modes for mode in Mode} | {"banners": banners}}
