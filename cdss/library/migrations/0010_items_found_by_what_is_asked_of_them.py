from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("library", "0009_collections_shared_with_learners"),
    ]

    operations = [
        migrations.AddIndex("libraryitem", models.Index(fields=["source_id"], name="library_item_source_id")),
        migrations.AddIndex(
            "libraryitem",
            models.Index(
                fields=["state", "recalled", "collection", "source_name", "visibility", "owner", "id"],
                name="library_item_seen",
            ),
        ),
        migrations.AddIndex("caseimage", models.Index(fields=["sha256"], name="case_image_sha256")),
    ]
