"""One account per role, for trying the product out on one machine."""

from django.db.models import QuerySet

from cdss.accounts.models import Role, User
from cdss.accounts.services import password_reset, user_create

USERNAMES = {role: f"demo-{role.value}" for role in Role}
DEPARTMENT = "Radiology"


def demo_accounts_make() -> dict[str, str]:
    """Makes those that are missing: user name → password, which is kept nowhere else."""
    there = set(demo_accounts().values_list("username", flat=True))
    return {
        name: user_create(username=name, role=role, first_name="Demo", last_name=role.label, department=DEPARTMENT)[1]
        for role, name in USERNAMES.items()
        if name not in there
    }


def demo_passwords_reset() -> dict[str, str]:
    return {user.username: password_reset(user=user) for user in demo_accounts().order_by("pk")}


def demo_accounts() -> QuerySet[User]:
    return User.objects.filter(username__in=USERNAMES.values())
