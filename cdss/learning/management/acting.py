"""Commands that are done in a person's name."""

from django.core.management.base import CommandError

from cdss.accounts.models import User

WRONG_USE = 2


def person(username: str) -> User:
    found = User.objects.filter(username__iexact=username, is_active=True).first()
    if found is None:
        raise CommandError(f"--by {username}: there is no such account, or it is closed.", returncode=WRONG_USE)
    return found
