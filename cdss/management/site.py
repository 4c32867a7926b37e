"""What setup_site has done, so that doing it again costs nothing."""

import hashlib
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Max

from cdss.indexing.models import IndexVersion
from cdss.indexing.versions.generations import generations
from cdss.library.models import Collection, LibraryItem

MANAGE = ".venv/bin/python manage.py"
COLLECTION = "Demonstration library"
FIXTURES = ("demo_cases.jsonl", "demo_documents.jsonl")


class SetupNotes:
    """Notes in CDSS_HOME. When they are lost the work is done again, and changes nothing."""

    def __init__(self) -> None:
        self.path = Path(settings.CDSS_HOME) / "setup.json"
        try:
            self.notes: dict[str, Any] = json.loads(self.path.read_text())
        except (OSError, ValueError):
            self.notes = {}

    def says(self, name: str, value: str) -> bool:
        return self.notes.get(name) == value

    def keep(self, name: str, value: str) -> None:
        self.notes[name] = value
        beside = self.path.with_suffix(".partial")
        beside.write_text(json.dumps(self.notes))
        beside.replace(self.path)


def fixtures_hash() -> str:
    digest = hashlib.sha256()
    for name in FIXTURES:
        digest.update((settings.DEMO_ROOT / name).read_bytes())
    for path in sorted((settings.DEMO_ROOT / "images").glob("*")):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def has_demo_library() -> bool:
    return LibraryItem.objects.filter(collection__name=COLLECTION).exists()


def index_state() -> str:
    """What an up-to-date index depends on, told without loading a model."""
    items = LibraryItem.objects.aggregate(Count("pk"), Max("updated"), Max("pk"))
    states = list(LibraryItem.objects.order_by("state").values_list("state").annotate(Count("pk")))
    masked = list(Collection.objects.order_by("pk").values_list("pk", "mask_overlays"))
    version = IndexVersion.objects.values_list("name", "manifest_sha256").first()
    there = version is not None and generations().is_there(version[0])
    parts = [items, states, masked, version, there, settings.TEXT_ENCODER, settings.IMAGE_ENCODER]
    parts.append(settings.VECTOR_BACKEND)
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
