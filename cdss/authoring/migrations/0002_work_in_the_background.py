import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import cdss.fields


class Migration(migrations.Migration):
    dependencies = [
        ("authoring", "0001_manuscripts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PictureUpload",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("state", models.CharField(choices=[("waiting", "Waiting for the worker"), ("working", "Being worked on"), ("done", "Done"), ("failed", "Refused")], default="waiting", max_length=8)),
                ("at", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(default=0)),
                ("updated", models.DateTimeField(auto_now=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("place", models.CharField(max_length=40)),
                ("added", models.PositiveIntegerField(default=0)),
                ("problems", cdss.fields.EncryptedJSONField(default=list)),
                ("manuscript", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="picture_uploads", to="authoring.manuscript")),
                ("owner", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={"ordering": ["-created"]},
        ),
        migrations.AddField(
            model_name="plannedimport",
            name="state",
            field=models.CharField(choices=[("waiting", "Waiting for the worker"), ("working", "Being worked on"), ("done", "Done"), ("failed", "Refused")], default="done", max_length=8),
        ),
        migrations.AddField(model_name="plannedimport", name="message", field=cdss.fields.EncryptedTextField(blank=True)),
        migrations.AddField(model_name="plannedimport", name="at", field=models.PositiveIntegerField(default=0)),
        migrations.AddField(model_name="plannedimport", name="total", field=models.PositiveIntegerField(default=0)),
        migrations.AddField(model_name="plannedimport", name="updated", field=models.DateTimeField(auto_now=True)),
    ]
