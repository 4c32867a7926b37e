from django import template

from cdss.indexing.models import IndexVersion
from cdss.library.models import Collection, LibraryItem, State

register = template.Library()


@register.simple_tag
def encoding_of(collection: Collection) -> str:
    """How far the encoding of a collection is, in words; nothing when it is done."""
    items = LibraryItem.objects.filter(collection=collection, state=State.PUBLISHED)
    waiting = items.count()
    newest = IndexVersion.objects.values_list("text_encoder", flat=True).first()
    encoded = items.filter(passages__embeddings__encoder=newest).distinct().count() if newest else 0
    return f"{encoded:,} of {waiting:,} encoded, searched when all are. " if encoded < waiting else ""
