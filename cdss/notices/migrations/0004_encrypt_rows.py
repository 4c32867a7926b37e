from django.db import migrations

from cdss.field_migration import decrypting, encrypting

COLUMNS = {"notices_notice": ("text",)}


class Migration(migrations.Migration):

    dependencies = [
        ("notices", "0003_encrypted_text"),
    ]

    operations = [migrations.RunPython(encrypting(COLUMNS), decrypting(COLUMNS))]
