from django.http import HttpRequest

from cdss.accounts.permissions import allowed_actions


def permissions(request: HttpRequest) -> dict[str, dict[str, bool]]:
    """For templates: `{% if may.view_audit %}`."""
    user = getattr(request, "user", None)
    return {"may": {action.value: True for action in allowed_actions(user)} if user else {}}
