from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.accounts.demo import demo_passwords_reset


class Command(BaseCommand):
    help = "Makes new passwords for the demonstration accounts and prints them once."

    def handle(self, *args: Any, **options: Any) -> None:
        passwords = demo_passwords_reset()
        if not passwords:
            raise CommandError("This site has no demonstration accounts.", returncode=2)
        for username, password in passwords.items():
            self.stdout.write(f"{username:<20} {password}")
