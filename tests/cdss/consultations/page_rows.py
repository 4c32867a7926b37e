"""Consultations of any size and state for the tests of the pages, made through the models."""

import re
from collections.abc import Iterable
from hashlib import sha256
from html import unescape

from django.utils import timezone

from cdss.accounts.models import User
from cdss.consultations.models import (
    FINISHED,
    Answer,
    Citation,
    Consultation,
    Diagnosis,
    Evidence,
    Statement,
    Status,
    Step,
)
from cdss.library.models import LibraryItem
from tests.cdss.cast import library_case, library_document

TEXT = "Popcorn calcification suggests a hamartoma. Fat within a smooth nodule is virtually diagnostic of it."
QUOTE = "Fat within a smooth nodule is virtually diagnostic"


def consultation(user: User, status: str = Status.DONE, **fields: object) -> Consultation:
    values = {
        "age": "58",
        "sex": "male",
        "history": "Never smoked.",
        "findings": "A nodule with popcorn calcification.",
    }
    row = Consultation.objects.create(user=user, status=status, **values | fields)
    row.started = timezone.now()
    row.finished = timezone.now() if status in FINISHED else None
    row.save()
    return row


def evidence(row: Consultation, number: int = 1, item: LibraryItem | None = None, **fields: object) -> Evidence:
    values: dict[str, object] = {
        "kind": item.kind if item else "literature",
        "title": f"Digest {number}",
        "text": TEXT,
        "details": {"synthetic": True},
        "scores": {"dense": 0.71},
        "item_hash": item.content_hash if item else "0" * 64,
    }
    values |= fields
    return Evidence.objects.create(
        consultation=row,
        label=f"E{number}",
        rank=number,
        item=item,
        source_name="tests",
        source_id=str(number),
        text_sha256=sha256(str(values["text"]).encode()).hexdigest(),
        score=1.0 / number,
        **values,
    )


def answer(row: Consultation, writer: str = "composer", **fields: object) -> Answer:
    return Answer.objects.create(consultation=row, writer=writer, **fields)


def diagnosis(
    given: Answer,
    name: str,
    statements: Iterable[tuple[str, str, str]] = (),
    *,
    cites: Evidence | None = None,
    score: float = 1.0,
    **fields: object,
) -> Diagnosis:
    """`statements` are (text, stance, support); each cites QUOTE of `cites`."""
    rank = given.diagnoses.count() + 1
    found = Diagnosis.objects.create(answer=given, rank=rank, name=name, concept=name, score=score, **fields)
    for position, (text, stance, support) in enumerate(statements):
        made = Statement.objects.create(
            diagnosis=found, position=position, text=text, stance=stance, support=support, reasons=["says less"]
        )
        if cites:
            start = cites.text.index(QUOTE)
            Citation.objects.create(statement=made, evidence=cites, quote=QUOTE, start=start, end=start + len(QUOTE))
    return found


def whole(user: User, *, size: int, status: str = Status.DONE) -> Consultation:
    """`size` diagnoses with `size` statements each, and `size` cases and documents cited."""
    row = consultation(user, status)
    for name in ("understand", "search"):
        Step.objects.create(consultation=row, name=name, started=timezone.now(), duration_ms=12.5)
    cited = [evidence(row, 2 * n + 1, library_case(None)) for n in range(size)]
    cited += [evidence(row, 2 * n + 2, library_document(None)) for n in range(size)]
    given = answer(row)
    for place in range(size):
        statements = [(f"Claim {place}.{n}", "for", "supported") for n in range(size)]
        diagnosis(given, f"Diagnosis {place}", statements, cites=cited[place], score=1.0 / (place + 1))
    return row


def words(html: bytes | str) -> str:
    """What a page says, without its markup."""
    text = html.decode() if isinstance(html, bytes) else html
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
