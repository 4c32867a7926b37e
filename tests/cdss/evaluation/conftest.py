"""A small synthetic library whose answers are known, made with the encoders that need no weights."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import Settings
from django.core.management import call_command
from PIL import Image

from cdss.indexing.encoding.encoders import forget
from cdss.indexing.engine import forget_engine

DISEASES = {
    "Pulmonary hamartoma": "A round nodule with popcorn calcification and fat in the lung.",
    "Ureteric calculus": "A dense stone in the distal ureter with hydronephrosis of the kidney.",
    "Acute appendicitis": "A thickened appendix with fat stranding in the right iliac fossa.",
}


def case_rows() -> list[dict[str, Any]]:
    rows = []
    for number, (disease, sign) in enumerate(DISEASES.items()):
        for turn, sex in enumerate(("male", "female")):
            identity = f"case-{number}-{turn}"
            rows.append(
                {
                    "id": identity, "title": f"A case of the library {identity}", "age": str(20 + 30 * turn),
                    "sex": sex,
                    "history": f"Person {identity} presented in week {number + 5} of season {turn}.",
                    "findings": f"{sign} Seen in film {turn + 3}.", "diagnosis": disease,
                    "discussion": f"{disease} shows itself. {sign} The right side is seen more often than the left.",
                    "topic": disease.lower().replace(" ", "-"), "topic_title": disease,
                    "images": [{"path": f"{identity}.png", "modality": "CT", "region": "Thorax", "caption": sign}],
                    "source": {"name": "tests", "id": identity},
                }
            )  # fmt: skip
    return rows


def document_rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"topic-{disease.lower().replace(' ', '-')}", "kind": "literature", "title": disease,
            "text": f"{disease} is a disease. {sign} It is most often seen on CT in adults who are not yet old.",
            "source": {"name": "texts", "id": f"topic-{disease.lower().replace(' ', '-')}"},
        }
        for disease, sign in DISEASES.items()
    ]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    settings.INDEX_ROOT = tmp_path / "indexes"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.RELEVANCE_FLOOR = 0.05
    forget_engine()
    forget()
    yield tmp_path
    forget_engine()


@pytest.fixture
def library(db: None, site: Path) -> Path:
    """The folder of its files, with cases.jsonl."""
    for number, row in enumerate(case_rows()):
        cells = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(np.kron(cells, np.ones((8, 8), np.uint8))).save(site / row["images"][0]["path"])
    for name, rows in (("cases", case_rows()), ("documents", document_rows())):
        (site / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        call_command("import_library", str(site / f"{name}.jsonl"), collection="Tests", publish=True, stdout=StringIO())
    call_command("build_index", stdout=StringIO())
    return site


@pytest.fixture
def evaluate(library: Path) -> Callable[..., dict[str, Any]]:
    def run(suite: str, *arguments: str) -> dict[str, Any]:
        out = StringIO()
        call_command("evaluate", suite, "--json", *arguments, stdout=out, stderr=StringIO())
        return json.loads(out.getvalue())

    return run
