from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from cdss.accounts.demo import demo_accounts, demo_accounts_make
from cdss.accounts.models import User
from cdss.management.site import COLLECTION, FIXTURES, MANAGE, SetupNotes, fixtures_hash, has_demo_library, index_state
from cdss.private_files import close_site
from cdss.static_files import static_files_collect
from cdss.teaching.demo import demo_course_make

LICENCE = "CC0-1.0"


class Command(BaseCommand):
    help = "Sets the site up: database, demonstration accounts and library, index. What is there already is left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo-accounts", action="store_true", help="make them on a site with production settings too"
        )
        parser.add_argument("--no-demo-library", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        close_site()
        static_files_collect()
        self.notes = SetupNotes()
        self.migrate()
        passwords = demo_accounts_make() if options["demo_accounts"] or not settings.HTTPS else {}
        try:
            if not options["no_demo_library"]:
                self.load_library()
                self.make_series()
                self.make_course()
            self.bring_index_up_to_date()
        finally:
            # Printed once, whatever happened after they were made.
            self.say_accounts(passwords)

    def migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("Preparing the database …")
            call_command("migrate", verbosity=0, interactive=False)

    def load_library(self) -> None:
        if self.notes.says("fixtures", fixtures_hash()) and has_demo_library():
            return
        self.stdout.write("Loading the demonstration library …")
        paths = [str(settings.DEMO_ROOT / name) for name in FIXTURES]
        call_command(
            "import_library",
            *paths,
            collection=COLLECTION,
            synthetic=True,
            publish=True,
            licence=LICENCE,
            stdout=self.stdout,
        )
        self.notes.keep("fixtures", fixtures_hash())

    def make_series(self) -> None:
        from cdss.studies.demo import demo_series_make

        if demo_series_make():
            self.stdout.write("Made a synthetic CT series for the viewer.")

    def make_course(self) -> None:
        if demo_course_make():
            self.stdout.write("A small course of demonstration cases is under Learn.")

    def bring_index_up_to_date(self) -> None:
        if self.notes.says("index", index_state()):
            return
        self.stdout.write("Preparing the encoders …")
        call_command("prepare_encoders", stdout=self.stdout)
        self.align()
        self.stdout.write("Building the index …")
        call_command("build_index", stdout=self.stdout)
        self.notes.keep("index", index_state())

    def align(self) -> None:
        from cdss.indexing.encoding.encoders import image_encoder

        if image_encoder().aligned:
            return
        self.stdout.write("Aligning images with text …")
        try:
            call_command("align_encoders", stdout=self.stdout)
        except CommandError as error:
            # Too few captions, say: everything but text to image works without it.
            self.stderr.write(f"{error} Images are still found by images.")

    def say_accounts(self, passwords: dict[str, str]) -> None:
        if passwords:
            self.stdout.write("\nDemonstration accounts, shown this once:")
            for username, password in passwords.items():
                self.stdout.write(f"  {username:<20} {password}")
        elif demo_accounts().exists():
            self.stdout.write(f"The demonstration accounts are there; {MANAGE} demo_passwords makes new passwords.")
        elif not User.objects.exists():
            self.stdout.write(f"Make the first account: {MANAGE} create_user NAME --role administrator")
