from django.core.management import call_command
from django.db import migrations


def make(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_sessions_know_whose_they_are")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
