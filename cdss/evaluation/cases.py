"""The cases a suite asks with: those of the library, or of a file, whose diagnosis or topic is known."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cdss.consultations.case_rows import case_line
from cdss.consultations.intake import CaseRefusedError, checked, deidentified
from cdss.library.ages import age_years
from cdss.library.field_values import RowError, text_of
from cdss.library.models import Case, CaseImage
from cdss.reasoning.naming import names_in_text
from cdss.reasoning.types import CaseInput


@dataclass(frozen=True, slots=True)
class KnownImage:
    """`stored` is the row of an image of the library; an image of a file has a path instead."""

    modality: str
    region: str
    stored: CaseImage | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class KnownCase:
    case: CaseInput
    source_id: str
    diagnosis: str
    topic: str
    topic_title: str
    age_years: float | None
    images: Sequence[KnownImage] = field(default=(), repr=False)
    # Its row in the library; 0 when it comes from a file.
    item: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """What counts as naming its disease."""
        return tuple(name for name in (self.diagnosis, self.topic_title) if name)

    @property
    def given_away(self) -> bool:
        return names_in_text(self.names, self.case.text)


def library_cases() -> list[KnownCase]:
    """Every published case that says what it is and has a text."""
    cases = Case.objects.published().prefetch_related("images").order_by("source_name", "source_id")
    return [known for case in cases if (known := _of_library(case)).names and known.case.text.strip()]


def file_cases(path: Path) -> tuple[list[KnownCase], list[str]]:
    """The cases of a file in the case format, and why lines of it were passed over. Raises OSError."""
    found: list[KnownCase] = []
    skipped: list[str] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            known = _of_line(line, path.parent)
        except (RowError, CaseRefusedError) as error:
            skipped.append(f"line {number}: {error}")
            continue
        if known.names:
            found.append(known)
        else:
            skipped.append(f"line {number}: neither diagnosis nor topic_title is given")
    return found, skipped


def drawn(cases: Sequence[KnownCase], limit: int | None, seed: int) -> list[KnownCase]:
    """At most `limit` of them, drawn with this seed, in their order."""
    if limit is None or limit >= len(cases):
        return list(cases)
    chosen = set(random.Random(seed).sample(range(len(cases)), limit))
    return [case for place, case in enumerate(cases) if place in chosen]


def fingerprint(cases: Sequence[KnownCase]) -> str:
    """SHA-256 over what is asked and what is expected: figures of the same one can be compared."""
    said = [[known.source_id, known.case.text, known.names, known.topic, len(known.images)] for known in cases]
    return sha256(json.dumps(said, ensure_ascii=True).encode()).hexdigest()


def _of_library(case: Case) -> KnownCase:
    return KnownCase(
        case=CaseInput(case.age, case.sex, case.history, case.exam, case.findings),
        source_id=case.source_id,
        diagnosis=case.diagnosis,
        topic=case.topic,
        topic_title=case.topic_title,
        age_years=case.age_years,
        images=tuple(KnownImage(image.modality, image.region, stored=image) for image in case.images.all()),
        item=case.pk,
    )


def _of_line(line: bytes, folder: Path) -> KnownCase:
    read = case_line(line, folder)
    row: dict[str, Any] = json.loads(line.decode("utf-8-sig"))
    case, _ = deidentified(checked(read.case))
    return KnownCase(
        case=case,
        source_id=read.source_id,
        diagnosis=text_of(row, "diagnosis"),
        topic=text_of(row, "topic"),
        topic_title=text_of(row, "topic_title"),
        age_years=age_years(case.age),
        images=tuple(
            KnownImage(text_of(image, "modality"), text_of(image, "region"), path=path)
            for image, path in zip(row.get("images") or [], read.images, strict=True)
        ),
    )
