"""The passages of an item, and the text that stands for a passage in a search."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import transaction

from cdss.indexing.models import PassageSplit
from cdss.library.models import Document, Kind, LibraryItem, Passage
from retrieval import passages

if TYPE_CHECKING:
    from retrieval.types import TextEncoder

# Tokens of the window that are kept for the title, which is encoded with every passage of its item.
TITLE_TOKENS = 40
OVERLAP = 24


def splitter_of(encoder: TextEncoder) -> str:
    return f"{passages.SPLITTER_VERSION}:{encoder.max_tokens}:{TITLE_TOKENS}:{OVERLAP}:{encoder.version}"[:64]


def encoded_text(title: str, text: str, encoder: TextEncoder) -> str:
    """A passage says little without the title of its source: both are searched, only the passage is cited."""
    offsets = encoder.token_offsets(title)
    return f"{title[: offsets[TITLE_TOKENS - 2][0]] if len(offsets) > TITLE_TOKENS - 2 else title}\n{text}"


def source_hash(item: LibraryItem, pages: list[list[int]]) -> str:
    return sha256(json.dumps([item.kind, item.title, item.text, pages]).encode()).hexdigest()


def pages_of(items: list[LibraryItem]) -> dict[int, list[list[int]]]:
    found = Document.objects.filter(pk__in=[item.pk for item in items]).exclude(pages=[])
    return dict(found.values_list("pk", "pages"))


def refresh_item(
    *, item: LibraryItem, split: PassageSplit | None, stored: int, pages: list[list[int]], encoder: TextEncoder
) -> bool:
    """Makes the passages of an item again when its text, title or splitter changed, or some of them are gone."""
    source, splitter = source_hash(item, pages), splitter_of(encoder)
    complete = split is not None and split.passages == stored and split.source == source
    if split is not None and complete and split.splitter == splitter:
        return False
    made = _split(item, pages, encoder)
    # Another encoder with the same windows keeps the rows, and the index in use keeps its ids.
    same = complete and [_key(passage) for passage in item.passages.all()] == [_key(passage) for passage in made]
    with transaction.atomic():
        if not LibraryItem.objects.select_for_update(no_key=True).filter(pk=item.pk).exists():
            # Deleted since it was read.
            return False
        if not same:
            item.passages.all().delete()
            Passage.objects.bulk_create(made)
        PassageSplit.objects.update_or_create(
            item=item, defaults={"source": source, "splitter": splitter, "passages": len(made)}
        )
    return not same


def _split(item: LibraryItem, pages: list[list[int]], encoder: TextEncoder) -> list[Passage]:
    found = passages.split(
        item.text,
        token_offsets=encoder.token_offsets,
        max_tokens=max(encoder.max_tokens - TITLE_TOKENS, encoder.max_tokens // 2),
        overlap=OVERLAP,
        sections=passages.heading_sections(item.text) if item.kind == Kind.CASE else (),
        pages=[(start, end, number) for start, end, number in pages],
    )
    return [
        Passage(
            item=item,
            position=position,
            section=passage.section,
            text=passage.text,
            start=passage.start,
            end=passage.end,
            page=passage.page,
        )
        for position, passage in enumerate(found)
    ]


def _key(passage: Passage) -> tuple[object, ...]:
    return passage.position, passage.start, passage.end, passage.section, passage.page, passage.text
