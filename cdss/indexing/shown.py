"""How an index version searches, in words for a page."""

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from cdss.indexing.models import IndexVersion
from retrieval.errors import IndexUnusableError
from retrieval.manifest import read_manifest

EXACT = "exact"


def vector_search_of(version: IndexVersion) -> str:
    """Of passages and images: exact, or what is visited and what of an exact search was measured to be found."""
    try:
        manifest = read_manifest(Path(settings.INDEX_ROOT) / version.name)
    except IndexUnusableError:
        return ""
    parts = (("passages", manifest.text_kind, "text"), ("images", manifest.image_kind, "images"))
    return "; ".join(f"{name} {_in_words(kind, manifest.search.get(key, {}))}" for name, kind, key in parts)


def _in_words(kind: str, search: Mapping[str, float]) -> str:
    if not search:
        return EXACT if kind == "Flat" else kind
    return (
        f"{kind}, {search['probes']} lists visited, {search['candidates']} candidates for each hit:"
        f" finds {search['recall']:.1%} of the exact ten, {search['filtered_recall']:.1%} where some are allowed"
        f" ({search['questions']} questions)"
    )
