"""A synthetic library in which texts fit the words of a case better than the case of the disease that it is."""

import json
import random
from collections.abc import Callable, Iterator
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Diagnosis
from cdss.consultations.working import answer
from cdss.feedback.services import feedback_give
from cdss.indexing.models import IndexVersion
from cdss.learning.models import ShadowRun
from cdss.ranking.models import RankingWeights
from cdss.ranking.serving import forget_weights
from tests.cdss.evaluation.conftest import library, site  # noqa: F401

ORGANS = [
    *("Hepatic", "Renal", "Splenic", "Pancreatic", "Adrenal", "Thyroid"),
    *("Ovarian", "Gastric", "Cerebral", "Orbital", "Cardiac"),
]
WRITTEN, SEEN = ("abscess", "lipoma", "hemangioma"), ("lymphoma", "sarcoma", "fibroma")
PAIRS = [(f"{organ} {a}", f"{organ} {b}") for organ, (a, b) in product(ORGANS, zip(WRITTEN, SEEN, strict=True))]


def words(seed: int, count: int) -> list[str]:
    """Words of no language, with an ending of medicine: they are understood, and nothing is known of them."""
    chosen = random.Random(seed)
    syllable = lambda: chosen.choice("bdfgklmnprtv") + chosen.choice("aiou") + chosen.choice("bdgklmnrt")  # noqa: E731
    return ["".join(syllable() for _ in range(3)) + "gram" for _ in range(count)]


def findings_of(number: int, turn: int) -> str:
    """Of one disease the same signs, in other company."""
    return f"{' '.join(words(number, 8))} {' '.join(words(1000 + 10 * number + turn, 6))}."


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def planted(db: None, site: Path) -> Path:  # noqa: F811
    """For each pair of diseases a text on the one, and one case of the other, both with the same signs."""
    texts = [
        {"id": f"text-{n}", "kind": "literature", "title": one, "source": {"name": "texts", "id": f"text-{n}"},
         "text": f"{one} is a disease. {' '.join(words(n, 8))}. {' '.join(words(5000 + n, 4))}."}
        for n, (one, _) in enumerate(PAIRS)
    ]  # fmt: skip
    cases = [
        {"id": f"case-{n}", "title": f"Case {n}", "findings": findings_of(n, 0), "diagnosis": other,
         "source": {"name": "tests", "id": f"case-{n}"}}
        for n, (_, other) in enumerate(PAIRS)
    ]  # fmt: skip
    for name, rows in (("documents", texts), ("cases", cases)):
        call_command("import_library", str(write(site / f"{name}.jsonl", rows)), publish=True, stdout=StringIO())
    call_command("build_index", stdout=StringIO())
    return site


@pytest.fixture(autouse=True)
def fresh_weights() -> Iterator[None]:
    forget_weights()
    yield
    forget_weights()


@pytest.fixture
def ask(clinician: User) -> Callable[..., Consultation]:
    """A consultation that is answered at once."""

    def asked(findings: str, **fields: Any) -> Consultation:
        row = Consultation.objects.create(user=clinician, findings=findings, use_llm=False, **fields)
        answer(row.pk)
        row.refresh_from_db()
        return row

    return asked


@pytest.fixture
def confirm(clinician: User) -> Callable[[Consultation, str], None]:
    def confirmed(row: Consultation, name: str, how: str = "histology") -> None:
        feedback_give(by=clinician, consultation=row, verdict="final", final_diagnosis=name, confirmed_by=how)

    return confirmed


def names_of(row: Consultation) -> list[str]:
    return list(Diagnosis.objects.filter(answer__consultation=row).order_by("rank").values_list("name", flat=True))


@pytest.fixture
def shadowed(db: None) -> Callable[..., ShadowRun]:
    """A shadow run of these weights that found nothing, against an index that is there."""

    def run(row: RankingWeights, against: int = 0, index: str = "index-1") -> ShadowRun:
        if not IndexVersion.objects.filter(name=index).exists():
            IndexVersion.objects.create(
                name=index, text_encoder="hashing", image_encoder="hashing", passages=1, images=0, manifest_sha256="0"
            )
        now = timezone.now()
        return ShadowRun.objects.create(
            weights=row,
            against=against,
            index_version=index,
            started=now,
            finished=now,
            replayed=3,
            counts={"first": 1},
        )

    return run
