"""The demonstration library: its format, its breadth, and that no case gives its own diagnosis away."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

ROOT: Path = settings.DEMO_ROOT
CASE_KEYS = {
    "id", "title", "age", "sex", "history", "exam", "findings", "diagnosis", "diagnosis_by", "differential",
    "discussion", "treatment", "topic", "topic_title", "category", "images", "source",
}  # fmt: skip
DOCUMENT_KEYS = {
    "id", "kind", "title", "text", "authors", "journal", "publisher", "published", "url", "reference", "keywords",
    "status", "licence", "source",
}  # fmt: skip
IMAGE_KEYS = {"path", "modality", "sequence", "plane", "region", "location", "caption"}
# Words that would name the diagnosis, where they are not simply its name.
GIVEAWAYS = {
    "Pulmonary hamartoma": ["hamartom"], "Bronchial carcinoid": ["carcinoid", "neuroendocrine"],
    "Pulmonary metastases": ["metasta"], "Pulmonary tuberculosis": ["tubercul", "mycobacter"],
    "Sarcoidosis": ["sarcoid"],
    "Pulmonary embolism": ["embol", "thromb"], "Lobar pneumonia": ["pneumonia"], "Pneumothorax": ["pneumothora"],
    "Bullous emphysema": ["bulla", "bullous"], "Meningioma": ["meningiom"],
    "Vestibular schwannoma": ["schwannom", "neurinom"],
    "Glioblastoma": ["glio"], "Brain abscess": ["abscess"], "Brain metastases": ["metasta"],
    "Multiple sclerosis": ["sclerosis", "demyelin"], "Cerebral small-vessel disease": ["small-vessel", "small vessel"],
    "Epidural haematoma": ["epidural", "extradural"], "Subdural haematoma": ["subdural"],
    "Subarachnoid haemorrhage": ["subarachnoid"], "Ischaemic stroke": ["stroke", "infarct", "ischaem"],
    "Acute appendicitis": ["appendicitis"], "Acute diverticulitis": ["diverticulitis"],
    "Ureteric stone": ["stone", "calculus", "urolith"], "Hepatic haemangioma": ["haemangiom"],
    "Hepatocellular carcinoma": ["hepatocellular", "hcc"], "Liver metastases": ["metasta"],
    "Renal angiomyolipoma": ["angiomyolip"], "Renal cell carcinoma": ["renal cell", "carcinoma"],
    "Small bowel obstruction": ["obstruct"], "Paralytic ileus": ["ileus"], "Osteosarcoma": ["sarcom"],
    "Ewing sarcoma": ["ewing", "sarcom"], "Osteomyelitis": ["osteomyelit"], "Osteoid osteoma": ["osteoma"],
    "Stress fracture": ["stress fracture"], "Giant cell tumour of bone": ["giant"],
    "Aneurysmal bone cyst": ["aneurysmal", "bone cyst"], "Gout": ["gout", "tophus", "tophi"],
    "Psoriatic arthritis": ["psoria"], "Aortic dissection": ["dissect"],
    "Aortic intramural haematoma": ["intramural", "haematoma"], "Abdominal aortic aneurysm": ["aneurysm"],
    "Deep vein thrombosis": ["thromb", "dvt"], "Baker cyst": ["baker", "popliteal cyst"],
}  # fmt: skip


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]


CASES = rows("demo_cases.jsonl")
DOCUMENTS = rows("demo_documents.jsonl")
DIAGNOSES = {case["diagnosis"] for case in CASES}


def test_cases_are_in_the_case_format() -> None:
    for case in CASES:
        assert set(case) == CASE_KEYS, case["id"]
        assert all(
            isinstance(case[key], str) and case[key].strip() for key in CASE_KEYS - {"differential", "images", "source"}
        )
        assert case["images"], case["id"]
        assert all(set(image) == IMAGE_KEYS and all(image.values()) for image in case["images"]), case["id"]


def test_documents_are_in_the_document_format() -> None:
    for document in DOCUMENTS:
        assert set(document) == DOCUMENT_KEYS, document["id"]
        assert document["kind"] in ("guideline", "literature")
        assert document["licence"] == "CC0-1.0"
        assert 60 <= len(document["text"].split()) <= 290, document["id"]


def test_ids_and_image_paths_are_unique() -> None:
    ids = [row["id"] for row in CASES + DOCUMENTS]
    paths = [image["path"] for case in CASES for image in case["images"]]
    for values in (ids, paths):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_every_diagnosis_stands_twice_or_more() -> None:
    counts = Counter(case["diagnosis"] for case in CASES)
    assert len(CASES) >= 60
    assert len(counts) >= 25
    assert [name for name, count in counts.items() if count < 2] == []


def test_two_cases_of_a_diagnosis_are_told_differently() -> None:
    for name in DIAGNOSES:
        told = [
            set(re.findall(r"\w+", case["history"] + case["findings"])) for case in CASES if case["diagnosis"] == name
        ]
        for i, one in enumerate(told):
            for other in told[:i]:
                assert len(one & other) / len(one | other) < 0.5, name


def test_every_part_of_the_body_is_there() -> None:
    parts = Counter(case["id"].split("-")[1] for case in CASES)
    assert set(parts) == {"chest", "neuro", "abdomen", "msk", "vascular"}
    assert min(parts.values()) >= 8


def test_every_case_lists_a_look_alike_of_the_library() -> None:
    for case in CASES:
        alike = set(case["differential"]) & DIAGNOSES - {case["diagnosis"]}
        assert alike, case["id"]
        assert case["diagnosis"] not in case["differential"], case["id"]
        mentioned = [name for name in alike if name.lower().rstrip("es") in case["discussion"].lower()]
        assert mentioned, f"{case['id']}: the discussion says nothing of {sorted(alike)}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_case_does_not_give_its_diagnosis_away(case: dict[str, Any]) -> None:
    shown = [case[key] for key in ("title", "history", "exam", "findings")]
    for image in case["images"]:
        shown += [image["path"], image["caption"], image["location"], image["sequence"]]
    text = " ".join(shown).lower()
    given = [word for word in [case["diagnosis"].lower(), *GIVEAWAYS[case["diagnosis"]]] if word in text]
    assert given == []


def test_a_named_side_is_the_same_in_findings_and_captions() -> None:
    for case in CASES:
        findings = case["findings"].lower()
        for image in case["images"]:
            for side in ("right", "left"):
                if re.search(rf"\b{side}\b", image["location"].lower()):
                    assert re.search(rf"\b{side}\b", findings), (case["id"], image["location"])


def test_every_image_is_there_small_and_grey() -> None:
    paths = [ROOT / image["path"] for case in CASES for image in case["images"]]
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG", path.name
            assert image.mode == "L", path.name
            assert 256 <= image.width == image.height <= 384, path.name
    assert sum(path.stat().st_size for path in paths) < 8_000_000
    assert {path.name for path in (ROOT / "images").iterdir()} == {path.name for path in paths}


def test_synthetic_content_says_so() -> None:
    for case in CASES:
        assert case["source"] == {"name": "Demonstration library (synthetic)", "id": case["id"]}
    for document in DOCUMENTS:
        assert document["source"]["id"] == document["id"]
        if document["status"] == "synthetic":
            assert document["source"]["name"] == "Demonstration library (synthetic)"
            assert document["text"].endswith("Synthetic teaching text of the demonstration library.")
            assert not any(document[key] for key in ("reference", "authors", "journal", "publisher", "url"))


def test_every_diagnosis_has_a_teaching_text() -> None:
    assert {document["title"] for document in DOCUMENTS if document["status"] == "synthetic"} == DIAGNOSES


def test_a_digest_names_its_source_in_full() -> None:
    digests = [document for document in DOCUMENTS if document["status"] == "digest"]
    assert len(digests) >= 40
    for digest in digests:
        assert digest["title"]
        assert digest["authors"]
        assert digest["journal"]
        assert re.fullmatch(r"(19|20)\d\d", digest["published"]), digest["id"]
        assert digest["published"] in digest["reference"], digest["id"]
        first_author = re.split(r"[\s,;]", digest["authors"])[0]
        assert first_author in digest["reference"], digest["id"]
        assert digest["text"].endswith("consult the original before acting on it."), digest["id"]
        doi = re.search(r"doi:(\S+)", digest["reference"])
        assert digest["url"] == (f"https://doi.org/{doi.group(1)}" if doi else ""), digest["id"]
    assert {document["status"] for document in DOCUMENTS} == {"digest", "synthetic"}


def test_must_not_miss_list() -> None:
    listed = json.loads((ROOT / "must_not_miss.json").read_text(encoding="utf-8"))
    assert len(listed) >= 25
    assert all(row["name"] and row["synonyms"] and row["why"] for row in listed)
    assert all(
        {"name", "synonyms", "why"} <= set(row) <= {"name", "synonyms", "why", "denied_as", "parts"} for row in listed
    )
    names = [name.lower() for row in listed for name in (row["name"], *row["synonyms"])]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {"Aortic dissection", "Pulmonary embolism", "Subarachnoid haemorrhage"} <= {row["name"] for row in listed}
