from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from cdss.accounts.models import Role, User
from cdss.accounts.services import user_create


class Command(BaseCommand):
    help = "Makes an account and prints its password once: how a new site gets its first administrator."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, required=True)
        parser.add_argument("--department", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        try:
            # Blank and too long as well, which the list of validators does not know.
            User._meta.get_field("username").clean(username, None)
        except ValidationError as error:
            raise CommandError(f"{username!r}: {error.messages[0]}", returncode=2) from error
        if User.objects.filter(username__iexact=username).exists():
            raise CommandError(f"There is an account {username!r} already.", returncode=2)
        _, password = user_create(username=username, role=options["role"], department=options["department"])
        self.stdout.write(f"{username:<20} {password}")
