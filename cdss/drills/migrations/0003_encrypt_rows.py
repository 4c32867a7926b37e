from django.db import migrations

from cdss.field_migration import decrypting, encrypting

COLUMNS = {"drills_drill": ("planted",)}


class Migration(migrations.Migration):

    dependencies = [
        ("drills", "0002_encrypted_fields"),
    ]

    operations = [migrations.RunPython(encrypting(COLUMNS), decrypting(COLUMNS))]
