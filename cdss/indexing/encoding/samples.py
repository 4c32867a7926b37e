"""What a faster way to run an encoder is checked on: texts of the site and of the demonstration library, and images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Min

from cdss.indexing.splitting import encoded_text
from cdss.library.models import Passage, State

if TYPE_CHECKING:
    from retrieval.towers.checks import TextSample
    from retrieval.types import Pixels, TextEncoder

DEMONSTRATION = ("demo_cases.jsonl", "demo_documents.jsonl")
# Of the site and of the demonstration library alike.
ITEMS = 48
IMAGES = 24
# A question is shorter than a passage: so many characters from the middle of a text.
ASKED = 160
# The shortest and the oddest that can be asked.
ODD = ("x", "CT", "…", "ß", "no fever, no cough", "左肺結節", "12 mm 12 mm 12 mm")


def text_sample(encoder: TextEncoder) -> TextSample:
    """Passages as they are stored, and parts of the same items as they are asked."""
    from retrieval.towers.checks import TextSample

    passages: list[str] = []
    items: list[int] = []
    queries: list[str] = []
    wanted: list[int] = []
    for number, (title, text) in enumerate((*_demonstration(), *_site())):
        passages.append(_within(encoded_text(title, text, encoder), encoder))
        items.append(number)
        asked = _asked(text)
        queries += [_within(part, encoder) for part in asked]
        wanted += [number] * len(asked)
    for odd in ODD:
        passages.append(odd)
        items.append(len(items))
        queries.append(odd)
        wanted.append(items[-1])
    return TextSample(passages, items, queries, wanted)


def image_sample() -> list[Pixels]:
    """Images of the demonstration library, and one of a single grey."""
    import numpy as np
    from PIL import Image

    paths = sorted((settings.DEMO_ROOT / "images").glob("*.png"))
    found = []
    for path in paths[:: max(1, len(paths) // IMAGES)]:
        with Image.open(path) as image:
            found.append(np.asarray(image.convert("RGB")))
    return [*found, np.full((224, 224, 3), 90, dtype=np.uint8)]


def _demonstration() -> Iterator[tuple[str, str]]:
    for name in DEMONSTRATION:
        rows = [json.loads(line) for line in (settings.DEMO_ROOT / name).read_text(encoding="utf-8").splitlines()]
        for row in rows[:: max(1, 2 * len(rows) // ITEMS)]:
            text = row.get("text") or " ".join(str(row.get(key) or "") for key in ("history", "findings", "discussion"))
            yield str(row["title"]), text


def _site() -> Iterator[tuple[str, str]]:
    published = Passage.objects.filter(item__state=State.PUBLISHED)
    firsts = published.order_by("item").values("item").annotate(first=Min("pk")).values_list("first", flat=True)
    chosen = list(firsts)
    wanted = chosen[:: max(1, len(chosen) // ITEMS)][:ITEMS]
    yield from Passage.objects.filter(pk__in=wanted).order_by("pk").values_list("item__title", "text")


def _asked(text: str) -> list[str]:
    """Parts from a quarter, the middle and three quarters of it."""
    parts = (text[start : start + ASKED] for start in (share * len(text) // 4 for share in (1, 2, 3)))
    return [part for part in parts if part.strip()]


def _within(text: str, encoder: TextEncoder) -> str:
    offsets = encoder.token_offsets(text)
    return text if len(offsets) <= encoder.max_tokens else text[: offsets[encoder.max_tokens - 2][0]]
