"""A small library with an index, made with the encoders that need no weights."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

CASES = [
    {
        "id": "c1", "title": "Lung nodule", "age": "58", "sex": "male",
        "history": "Incidental nodule in a man without symptoms.",
        "findings": "A well-circumscribed 2 cm nodule with popcorn calcification in the left lung. No spiculation.",
        "diagnosis": "Pulmonary hamartoma", "differential": ["Carcinoid tumor", "Granuloma"],
        "discussion": "Popcorn calcification is characteristic of a hamartoma. Fat within the nodule is diagnostic.",
        "topic_title": "Pulmonary hamartoma", "source": {"name": "tests", "id": "c1"},
    },
    {
        "id": "c2", "title": "Flank pain", "age": "35", "sex": "female",
        "history": "Sudden colicky flank pain with haematuria.",
        "findings": "A 5 mm calculus in the right distal ureter with hydronephrosis.",
        "diagnosis": "Ureteric calculus", "differential": ["Appendicitis"],
        "discussion": "A calculus in the ureter causes hydronephrosis.", "topic_title": "Ureteric calculus",
        "source": {"name": "tests", "id": "c2"},
    },
]  # fmt: skip
DOCUMENTS = [
    {
        "id": "d1", "kind": "literature", "title": "Pulmonary hamartoma",
        "text": "Pulmonary hamartoma is a benign tumour. Popcorn calcification is seen in a well-circumscribed nodule. "
        "Fat attenuation is expected inside the nodule. Thin-section CT is the best test to confirm fat.",
        "source": {"name": "tests", "id": "d1"},
    },
    {
        "id": "d2", "kind": "literature", "title": "Carcinoid tumor",
        "text": "Carcinoid tumor arises in a central bronchus. The nodule enhances strongly after contrast.",
        "source": {"name": "tests", "id": "d2"},
    },
    {
        "id": "d3", "kind": "guideline", "title": "Follow-up of incidental nodules",
        "text": "A solid nodule above 8 mm should be followed with CT at three months.",
        "source": {"name": "tests", "id": "d3"},
    },
]  # fmt: skip


@pytest.fixture
def small_library(db: None, tmp_path: Path, settings: object) -> None:
    settings.INDEX_ROOT = tmp_path / "indexes"  # type: ignore[attr-defined]
    settings.RELEVANCE_FLOOR = 0.1  # type: ignore[attr-defined]
    for name, rows in (("cases", CASES), ("documents", DOCUMENTS)):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        call_command("import_library", str(path), collection="Tests", publish=True, verbosity=0)
    call_command("build_index", verbosity=0)


@pytest.fixture
def run_queue(django_capture_on_commit_callbacks: Callable[..., object]) -> Callable[..., object]:
    """Runs what a block enqueues when it commits; the tests' queue works at once."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
