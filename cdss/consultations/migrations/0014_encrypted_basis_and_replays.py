from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import cdss.fields


def forget(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What can be made again, or was kept for a short while only, is not carried over unencrypted."""
    for name in ("Replay", "Basis"):
        apps.get_model("consultations", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("consultations", "0013_weights_that_answered")]

    operations = [
        migrations.RunPython(forget, forget),
        migrations.AlterField("basis", "record", cdss.fields.EncryptedJSONField()),
        migrations.AlterField("replay", "result", cdss.fields.EncryptedJSONField(blank=True, default=dict)),
    ]
