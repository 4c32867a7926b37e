from django.db import migrations

from cdss.field_migration import decrypting, encrypting

COLUMNS = {"library_savedsearch": ("name", "filters")}


class Migration(migrations.Migration):

    dependencies = [
        ("library", "0011_encrypted_saved_searches"),
    ]

    operations = [migrations.RunPython(encrypting(COLUMNS), decrypting(COLUMNS))]
