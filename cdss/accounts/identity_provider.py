"""What an identity provider says of a person, and the role that gives here."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from cdss.accounts.models import Role

# RFC 8176: values of `amr` that stand for a second factor.
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "swk", "sc"})


class RefusedByProviderError(Exception):
    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def role_of(claims: Mapping[str, Any]) -> Role:
    """Raises RefusedByProviderError where the claim is missing, gives no role, or gives more than one."""
    roles = {settings.OIDC_ROLES[value] for value in _values(claims) if value in settings.OIDC_ROLES}
    if not roles:
        raise RefusedByProviderError(
            "no_role", "Your organisation's account gives no role here. Its administrator can add you to a group."
        )
    if len(roles) > 1:
        raise RefusedByProviderError(
            "several_roles", "Your organisation's account gives several roles here, and one person has one."
        )
    return Role(roles.pop())


def second_factor_was_used(claims: Mapping[str, Any]) -> bool:
    used = claims.get("amr")
    return isinstance(used, list) and any(value in SECOND_FACTORS for value in used if isinstance(value, str))


def _values(claims: Mapping[str, Any]) -> list[str]:
    """The claim may lie inside others (realm_access.roles) and be one word or a list."""
    found: Any = claims
    for name in settings.OIDC_ROLE_CLAIM.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    return [value for value in found if isinstance(value, str)] if isinstance(found, list) else []
