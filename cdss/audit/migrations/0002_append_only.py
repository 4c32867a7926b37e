from django.db import migrations

from cdss.audit import triggers


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    # A later migration that remakes a table of this app on SQLite drops its triggers and has to run this again.
    operations = [migrations.RunPython(triggers.migrate_forwards, triggers.migrate_backwards)]
