import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.library.field_values import RowError
from cdss.library.importers import packaged
from cdss.library.models import Collection, Document, Gamut, LibraryItem, State
from cdss.library.reference import gamut_upsert
from cdss.library.rows import GamutRow
from cdss.library.services import Target
from tests.cdss.library.conftest import write_lines

OBO = """format-version: 1.2

[Term]
id: HP:0000001
name: Made-up rash
alt_id: HP:0000091

[Term]
id: HP:0000002
name: Made-up cough

[Term]
id: HP:0000003
name: Made-up fever

[Term]
id: HP:0000004
name: Autosomal made-up inheritance

[Term]
id: HP:0000005
name: Infantile onset
"""
HEAD = """#description: "made up for tests"
#version: 2025-01-16
database_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\tmodifier\taspect\tbiocuration
"""


def annotation(disease: str, term: str, aspect: str = "P", **columns: str) -> str:
    values = {"name": "Made-up disease", "qualifier": "", "onset": "", "frequency": "", "sex": ""} | columns
    return "\t".join(
        (disease, values["name"], values["qualifier"], term, "PMID:1", "PCS", values["onset"], values["frequency"],
         values["sex"], "", aspect, "HPO:tests")
    )  # fmt: skip


ROWS = [
    annotation("OMIM:1", "HP:0000004", "I"),
    annotation("OMIM:1", "HP:0000005", "C"),
    annotation("OMIM:1", "HP:0000002"),
    annotation("OMIM:1", "HP:0000091", frequency="16/21", onset="HP:0000005", sex="MALE"),
    annotation("OMIM:1", "HP:0000003", frequency="0/7"),
    annotation("ORPHA:2", "HP:0000001", name="Other disease", frequency="HP:0040281"),
    annotation("ORPHA:2", "HP:0000003", name="Other disease", qualifier="NOT"),
]


@pytest.fixture
def hpo(source: Path, settings: Any, tmp_path: Path) -> Path:
    settings.INDEX_ROOT = tmp_path / "indexes"
    (source / "hp.obo").write_text(OBO)
    return annotations(source, ROWS)


def annotations(folder: Path, rows: list[str], head: str = HEAD) -> Path:
    path = folder / "phenotype.hpoa"
    path.write_text(head + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def gamuts(source: Path) -> Path:
    groups = [
        {"presentation": '"Rim sign"', "modality": "CT", "body_region": "Liver", "differentials": ["Abscess"]},
        {"presentation": "rim sign", "modality": "CT", "body_region": "liver",
         "differentials": [{"name": "Metastasis", "likelihood": "common"}, "abscess", "Other tumors"]},
        {"presentation": "Mass", "modality": "MRI", "body_region": "brain", "differentials": ["Other lesions"]},
        "not an object",
    ]  # fmt: skip
    path = source / "differential_groups.json"
    path.write_text(json.dumps(groups))
    return path


def test_a_disease_is_a_document_that_says_what_its_annotations_say(hpo: Path, run_import: Callable) -> None:
    done = run_import(hpo, "--publish")
    assert (done["documents"], done["skipped"], done.code) == (2, [], 0)
    document = Document.objects.get(source_id="OMIM:1")
    assert document.text == (
        "Inheritance: Autosomal made-up inheritance.\n\n"
        "Onset and course: Infantile onset.\n\n"
        "Phenotypes:\n"
        "Made-up rash (16 of 21 patients; onset: Infantile onset; in males).\n"
        "Made-up cough (frequency unstated).\n"
        "No Made-up fever (0 of 7 patients)."
    )
    assert (document.kind, document.title, document.source_name) == ("literature", "Made-up disease", "HPO")
    assert document.url == "https://hpo.jax.org/browse/disease/OMIM:1"
    assert "OMIM:1" in document.reference
    assert "release 2025-01-16" in document.reference
    assert "HPO licence" in document.licence
    assert "Orphanet" not in document.licence


def test_what_is_excluded_is_denied(hpo: Path, run_import: Callable) -> None:
    run_import(hpo)
    other = Document.objects.get(source_id="ORPHA:2")
    assert "Made-up rash (very frequent, 80–99%)." in other.text
    assert "No Made-up fever (excluded)." in other.text
    assert "CC BY 4.0" in other.licence


def test_the_collection_is_of_the_reference_tier_and_acknowledges_its_source(hpo: Path, run_import: Callable) -> None:
    run_import(hpo)
    collection = Collection.objects.get()
    assert collection.reference
    assert collection.name == "Human Phenotype Ontology"
    assert "uses the Human Phenotype Ontology (release 2025-01-16)" in collection.description


def test_a_second_import_changes_nothing_and_a_new_release_updates(hpo: Path, run_import: Callable) -> None:
    run_import(hpo, "--publish")
    again = run_import(hpo, "--publish")
    assert (again["documents"], again["updated"], again.code) == (0, 0, 0)
    annotations(hpo.parent, ROWS, HEAD.replace("2025-01-16", "2026-02-02"))
    newer = run_import(hpo, "--publish")
    assert (newer["documents"], newer["updated"]) == (0, 2)
    assert "2026-02-02" in Collection.objects.get().description


def test_publishing_queues_the_encoding(hpo: Path, run_import: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr("cdss.library.tasks.call_command", ran.append)
    run_import(hpo)
    assert ran == []
    run_import(hpo, "--publish")
    run_import(hpo, "--publish")
    assert ran == ["build_index"]


@pytest.mark.parametrize(
    ("head", "obo", "said"),
    [(HEAD, False, "hp.obo"), (HEAD.replace("#version: 2025-01-16\n", ""), True, "no release")],
)
def test_an_incomplete_release_is_refused(hpo: Path, run_import: Callable, head: str, obo: bool, said: str) -> None:
    annotations(hpo.parent, ROWS, head)
    if not obo:
        (hpo.parent / "hp.obo").unlink()
    assert run_import(hpo).code == 2
    assert not LibraryItem.objects.exists()


@pytest.mark.parametrize("broken", ["phenotype.hpoa", "hp.obo"])
def test_a_release_that_is_no_text_is_refused(hpo: Path, run_import: Callable, broken: str) -> None:
    annotations(hpo.parent, ROWS)
    (hpo.parent / broken).write_bytes(b"#version: 1\n\xac\xff\x00")
    assert run_import(hpo, "--format", "hpo").code == 2
    assert not LibraryItem.objects.exists()


def test_a_row_that_cannot_be_read_is_skipped_with_its_line(hpo: Path, run_import: Callable) -> None:
    annotations(hpo.parent, [*ROWS, annotation("../x", "HP:0000001"), annotation("OMIM:9", "HP:7777777")])
    done = run_import(hpo)
    assert [skip["line"] for skip in done["skipped"]] == [11, 12]
    assert done["documents"] == 2


def test_the_word_means_the_file_of_the_package(
    hpo: Path, run_import: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged.Packaged, "path", lambda self: hpo)
    assert run_import("hpo")["documents"] == 2


def test_the_word_without_its_package_says_what_to_install(
    run_import: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    for word in packaged.PACKAGED:
        with pytest.raises(packaged.FormatError, match=f"{packaged.PACKAGED[word].package} is not installed"):
            packaged.PACKAGED[word].path()
        assert run_import(word).code == 2
    assert not Collection.objects.exists()


def test_the_packaged_file_is_there() -> None:
    path = packaged.PACKAGED["hpo"].path()
    assert path.with_name("hp.obo").is_file()
    assert "release 20" in packaged.PACKAGED["hpo"].about(path)


def test_a_collection_of_ones_own_never_turns_into_a_reference(hpo: Path, source: Path, run_import: Callable) -> None:
    run_import(write_lines(source / "d.jsonl", {"id": "1", "kind": "literature", "title": "a", "text": "b"}))
    assert run_import(hpo, "--collection", "Imported").code == 2
    assert not Collection.objects.get(name="Imported").reference


def test_groups_of_one_finding_are_one_list_without_what_names_no_diagnosis(gamuts: Path, run_import: Callable) -> None:
    done = run_import(gamuts, "--publish")
    assert done["documents"] == 1
    assert [skip["line"] for skip in done["skipped"]] == [3, 4]
    gamut = Gamut.objects.get()
    assert (gamut.finding, gamut.region, gamut.modality) == ("Rim sign", "liver", "CT")
    assert gamut.diagnoses == ["Abscess", "Metastasis"]
    assert gamut.groups == [1, 2]
    assert gamut.source_name == "radiology-semantic-dict"
    assert gamut.licence.startswith("MIT")


def test_a_gamut_is_no_item_of_the_library(gamuts: Path, run_import: Callable) -> None:
    run_import(gamuts, "--publish")
    assert not LibraryItem.objects.exists()
    assert Collection.objects.get().reference


def test_gamuts_are_imported_once_and_published_on_request(gamuts: Path, run_import: Callable) -> None:
    run_import(gamuts)
    assert Gamut.objects.get().state == State.DRAFT
    assert run_import(gamuts, "--publish")["updated"] == 1
    again = run_import(gamuts)
    assert (again["documents"], again["updated"]) == (0, 0)
    assert Gamut.objects.get().state == State.PUBLISHED


def test_what_waits_as_a_draft_is_told_with_what_to_do(gamuts: Path, db: None) -> None:
    def said(*arguments: str) -> str:
        error = io.StringIO()
        call_command("import_library", str(gamuts), *arguments, stdout=io.StringIO(), stderr=error)
        return error.getvalue()

    told = said()
    assert "wait as drafts in “Gamuts”" in told
    assert "run this again with --publish" in told
    assert "drafts" not in said("--publish")
    assert "drafts" not in said()


def test_withdrawn_collections_come_back_when_imported(
    gamuts: Path, hpo: Path, run_import: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {"gamuts": gamuts, "hpo": hpo}
    monkeypatch.setattr(packaged.Packaged, "path", lambda self: paths[self.word])
    run_import("hpo", "gamuts", "--publish")
    assert run_import("hpo", "gamuts", "--withdraw") == {"withdrawn": 3}
    assert not LibraryItem.objects.published().exists()
    assert not Gamut.objects.published().exists()
    assert Event.objects.filter(action="library.withdrawn").count() == 2
    assert run_import("hpo", "gamuts", "--publish")["updated"] == 3


def test_files_are_not_withdrawn(hpo: Path, source: Path, run_import: Callable) -> None:
    path = write_lines(source / "d.jsonl", {"id": "1", "kind": "literature", "title": "a", "text": "b"})
    run_import(path, "--publish")
    assert run_import(path, "--withdraw").code == 2
    assert LibraryItem.objects.published().exists()


def test_nobody_owns_a_gamut(collection: Collection, educator: User) -> None:
    row = GamutRow("s", "1", "", "Mass", ("Abscess",))
    with pytest.raises(RowError, match="belongs to nobody"):
        gamut_upsert(row=row, target=Target(collection, owner=educator))
    with pytest.raises(RowError, match="longer than"):
        gamut_upsert(row=replace(row, source_id="x" * 300), target=Target(collection))
