from django.db import migrations

from cdss.field_migration import decrypting, encrypting

COLUMNS = {"feedback_feedback": ("comment", "correction", "final_diagnosis")}


class Migration(migrations.Migration):

    dependencies = [
        ("feedback", "0003_encrypted_fields"),
    ]

    operations = [migrations.RunPython(encrypting(COLUMNS), decrypting(COLUMNS))]
