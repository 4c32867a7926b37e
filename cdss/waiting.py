"""Where uploads wait until they are read. What shows patients waits encrypted, under names that end in HELD."""

from pathlib import Path

from django.conf import settings

HELD = ".held"


def folder() -> Path:
    return Path(settings.CDSS_HOME) / "uploads"


def held_in(place: Path) -> list[Path]:
    """In the order of their names, of this folder and those below it."""
    return sorted(place.rglob(f"*{HELD}"))
