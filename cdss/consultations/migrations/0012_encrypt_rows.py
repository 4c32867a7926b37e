from django.db import migrations

from cdss.field_migration import decrypting, encrypting

COLUMNS = {
    "consultations_consultation": (
        "history", "exam", "findings", "corrections", "understood", "gamuts", "abstention",
    ),
    "consultations_diagnosis": ("unexplained",),
    "consultations_statement": ("text",),
}


class Migration(migrations.Migration):

    dependencies = [
        ("consultations", "0011_encrypted_fields"),
    ]

    operations = [migrations.RunPython(encrypting(COLUMNS), decrypting(COLUMNS))]
