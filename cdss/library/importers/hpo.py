"""Annotations of the Human Phenotype Ontology (phenotype.hpoa with hp.obo beside it): a document for each disease."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from cdss.library.field_values import RowError
from cdss.library.importers.base import FormatError, Importer, Read, attempt
from cdss.library.models import Kind
from cdss.library.rows import DocumentRow

SOURCE = "HPO"
CONSORTIUM = "Human Phenotype Ontology Consortium"
LICENCE = "HPO licence (https://hpo.jax.org/app/license): acknowledged, release stated, content unchanged"
LICENCE_ORPHANET = f"{LICENCE}; Orphanet data CC BY 4.0"
ADDRESS = "https://hpo.jax.org/browse/disease/"
# The frequency terms of the ontology and the share of patients each stands for.
FREQUENCIES = {
    "HP:0040280": (1.0, "obligate, 100%"),
    "HP:0040281": (0.9, "very frequent, 80–99%"),
    "HP:0040282": (0.55, "frequent, 30–79%"),
    "HP:0040283": (0.17, "occasional, 5–29%"),
    "HP:0040284": (0.025, "very rare, 1–4%"),
    "HP:0040285": (0.0, "excluded, 0%"),
}
# Where nothing is said of how often it is seen, it stands between the frequent and the occasional.
UNSTATED = (0.3, "frequency unstated")
LISTS = {"I": "Inheritance", "C": "Onset and course", "M": "Modifiers", "H": "Past medical history"}
MOST_FREQUENCIES = 3
_OF = re.compile(r"^(\d+)/(\d+)$")
_PERCENT = re.compile(r"^(\d+(?:\.\d+)?)%$")
_PLACE = re.compile(r"^(OMIM|ORPHA|DECIPHER):\d+$")


class Annotation(NamedTuple):
    """A row of phenotype.hpoa, its columns in their order."""

    disease: str
    name: str
    qualifier: str
    term: str
    reference: str
    evidence: str
    onset: str
    frequency: str
    sex: str
    modifier: str
    aspect: str
    biocuration: str


@dataclass(frozen=True, slots=True)
class Frequency:
    share: float
    words: str


def read(path: Path) -> Iterator[Read]:
    names = term_names(path.parent / "hp.obo")
    release = release_of(path)
    for disease, found in groupby(_rows(path), key=lambda row: row[1].disease):
        numbered = list(found)
        rows = [row for _, row in numbered]
        yield attempt(numbered[0][0], partial(_document, disease, rows, names, release))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: this is not UTF-8 text. Use the file as the HPO publishes it.") from error


def release_of(path: Path) -> str:
    for line in _lines(path):
        if line.startswith("#version:"):
            return line.removeprefix("#version:").strip()
        if not line.startswith("#"):
            break
    raise FormatError(f"{path}: no release is stated (#version). Use a phenotype.hpoa as the HPO publishes it.")


def term_names(path: Path) -> dict[str, str]:
    """Names of the terms by their number, old numbers included."""
    if not path.is_file():
        raise FormatError(f"{path}: not found. phenotype.hpoa needs the hp.obo of its release in the same folder.")
    names: dict[str, str] = {}
    term = ""
    alternatives: list[tuple[str, str]] = []
    for line in _lines(path):
        if line.startswith("id: "):
            term = line[4:].strip()
        elif line.startswith("name: ") and term.startswith("HP:"):
            names[term] = line[6:].strip()
        elif line.startswith("alt_id: "):
            alternatives.append((line[8:].strip(), term))
    return {old: names[new] for old, new in alternatives if new in names} | names


def _rows(path: Path) -> Iterator[tuple[int, Annotation]]:
    for number, line in enumerate(_lines(path), start=1):
        columns = line.rstrip("\n").split("\t")
        if not line.startswith("#") and len(columns) == len(Annotation._fields) and columns[0] != "database_id":
            yield number, Annotation(*columns)


def _document(disease: str, rows: Sequence[Annotation], names: Mapping[str, str], release: str) -> DocumentRow:
    if not _PLACE.match(disease):
        raise RowError(f"{disease[:40]!r}: not a number of OMIM, Orphanet or DECIPHER")
    if not (text := text_of(rows, names)):
        raise RowError(f"{disease}: no term of it is in hp.obo")
    return DocumentRow(
        source_name=SOURCE,
        source_id=disease,
        kind=Kind.LITERATURE,
        title=rows[0].name,
        text=text,
        authors=CONSORTIUM,
        publisher="Human Phenotype Ontology",
        published=release,
        url=f"{ADDRESS}{disease}",
        reference=f"{rows[0].name}. {disease}. Human Phenotype Ontology annotations, release {release}.",
        copyright=f"{CONSORTIUM}. Annotations of release {release}, set out as sentences; their content is unchanged.",
        keywords="; ".join(_papers(rows)),
        licence=LICENCE_ORPHANET if disease.startswith("ORPHA:") else LICENCE,
    )


def text_of(rows: Sequence[Annotation], names: Mapping[str, str]) -> str:
    """One line for each phenotype, most frequent first, after how the disease is inherited and when it begins."""
    parts = [
        f"{title}: {'; '.join(listed)}." for aspect, title in LISTS.items() if (listed := _listed(rows, aspect, names))
    ]
    seen: dict[str, list[Annotation]] = defaultdict(list)
    for row in rows:
        if row.aspect == "P" and row.term in names:
            seen[row.term].append(row)
    told = sorted(_phenotype(found, names) for found in seen.values())
    if told:
        parts.append("\n".join(["Phenotypes:", *(line for _, line in told)]))
    return "\n\n".join(parts)


def _listed(rows: Sequence[Annotation], aspect: str, names: Mapping[str, str]) -> list[str]:
    said = [
        f"not {names[row.term]}" if row.qualifier == "NOT" else names[row.term]
        for row in rows
        if row.aspect == aspect and row.term in names
    ]
    return list(dict.fromkeys(said))


def _phenotype(rows: Sequence[Annotation], names: Mapping[str, str]) -> tuple[tuple[float, str], str]:
    """Its sentence, and what it is sorted by."""
    name = names[rows[0].term]
    told = sorted({_frequency(row) for row in rows}, key=lambda each: (-each.share, each.words))
    share = max(each.share for each in told)
    about = [each.words for each in told if each.words != UNSTATED[1] or len(told) == 1][:MOST_FREQUENCIES]
    onsets = dict.fromkeys(names[row.onset] for row in rows if row.onset in names)
    sexes = {row.sex.lower() for row in rows if row.sex}
    about += [f"onset: {onset}" for onset in onsets]
    about += [f"in {sexes.pop()}s"] if len(sexes) == 1 and all(row.sex for row in rows) else []
    sentence = f"{name if share else f'No {name}'} ({'; '.join(about)})."
    return (-share, name), sentence


@cache
def _fraction(words: str) -> tuple[float, str] | None:
    if match := _OF.match(words):
        seen, patients = int(match[1]), int(match[2])
        return (seen / patients, f"{seen} of {patients} patients") if patients else None
    if match := _PERCENT.match(words):
        return float(match[1]) / 100, f"{match[1]}% of patients"
    return FREQUENCIES.get(words)


def _frequency(row: Annotation) -> Frequency:
    if row.qualifier == "NOT":
        return Frequency(0.0, "excluded")
    return Frequency(*(_fraction(row.frequency) or UNSTATED))


def _papers(rows: Sequence[Annotation]) -> list[str]:
    found = [each for row in rows for each in row.reference.split(";") if each.startswith("PMID:")]
    return list(dict.fromkeys(found))[:20]


def _count(path: Path) -> int:
    return sum(1 for _ in groupby(_rows(path), key=lambda row: row[1].disease))


IMPORTER = Importer("hpo", lambda path: path.is_file() and path.suffix.lower() == ".hpoa", read, _count)
