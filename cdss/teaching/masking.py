"""What may be shown of a case while its diagnosis is to be found: no sentence that names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cdss.library.models import Case
from cdss.reasoning.concepts import concept_of, looks_like_a_diagnosis, synonyms_of
from retrieval.terms import normalise_name, sentences, stem, tokens

# A name that ends with one of them is no disease until the words before it are read.
GENERIC_HEADS = frozenset(
    "abnormality anomaly bone brain change condition defect deformity disease disorder failure finding infection "  # noqa: SIM905
    "injury lesion lung mass neoplasm nodule problem reaction sign syndrome tumor type variant".split()
)
# Endings after which other words of the family differ: thrombosis, thrombus, thrombotic.
_ENDING = re.compile(r"(?:asis|osis|esis|ysis|itis|ism|sis|ia|oma)$")
_NAMES_A_DISEASE = re.compile(r"(?:oma|itis|osis|asis|emia|pathy|ectasis|sarcoma|embolism|carcinoid|infarct\w*)$")
_HEAD_ENDS = re.compile(r"\s(?:of|in|with|without|due|secondary|from|after|following|at)\s|[,(]")
# Shorter ones are taken as they are.
LONG_ROOT = 5
SHORT_ROOT = 4
LONG_CODE = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """`withheld` stands for one or more sentences that name the diagnosis."""

    text: str
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What must not be read: names of which all words stand in one sentence, words, beginnings of words, codes."""

    whole: frozenset[frozenset[str]]
    words: frozenset[str]
    roots: tuple[str, ...]
    codes: tuple[str, ...]

    def stand_in(self, text: str) -> bool:
        said = set(tokens(text)) | set(re.findall(r"[a-z0-9]+", text.lower()))
        said |= {word for each in list(said) for word in normalise_name(each).split()}
        if self.words & said or any(name <= said for name in self.whole):
            return True
        families = {stem(word) for word in said}
        if any(stem(word) in families for word in self.words if len(word) >= LONG_ROOT):
            return True
        if any(word.startswith(root) for root in self.roots for word in said):
            return True
        upper = text.upper()
        return any(re.search(rf"(?<![A-Z0-9]){re.escape(code)}(?![A-Z0-9])", upper) for code in self.codes)


def names_of(case: Case) -> Names:
    """Of its diagnosis, of what it is filed under, and of their synonyms and codes."""
    names = [case.diagnosis, case.topic_title, case.pathology]
    names += [str(row.get("display") or "") for row in case.codes if isinstance(row, dict)]
    names += [name for name in (case.title, case.topic.replace("-", " ")) if looks_like_a_diagnosis(name)]
    codes = [str(row.get("code") or "") for row in case.codes if isinstance(row, dict)]
    return _names(case.diagnosis, tuple(dict.fromkeys(name for name in names if name)), tuple(codes))


def names_of_text(name: str) -> Names:
    return _names(name, (name,), ())


@lru_cache(maxsize=4096)
def _names(diagnosis: str, names: tuple[str, ...], codes: tuple[str, ...]) -> Names:
    whole: set[frozenset[str]] = set()
    words: set[str] = set()
    given = {code.upper() for code in codes if len(code) >= LONG_CODE}
    for name in names:
        whole.add(frozenset(normalise_name(name).split()))
        concept = concept_of(name)
        if concept is None:
            continue
        whole |= {frozenset(other.split()) for other in synonyms_of(concept.key)}
        given |= {code.upper() for code in concept.codes.values() if len(code) >= LONG_CODE}
    whole.discard(frozenset())
    words |= {word for name in whole for word in name if _NAMES_A_DISEASE.search(word)}
    words |= _heads(diagnosis)
    whole = {name for name in whole if not name & words}
    roots = {root for word in words if (root := _root(word))}
    return Names(frozenset(whole), frozenset(words), tuple(sorted(roots)), tuple(sorted(given)))


def _heads(name: str) -> set[str]:
    """The word that says what it is: "embolism" of a pulmonary embolism, "stroke" of an ischaemic stroke."""
    found = set()
    for part in re.split(r"\band\b|/|;", name.lower()):
        head = normalise_name(_HEAD_ENDS.split(part.strip(), maxsplit=1)[0]).split()
        if head and head[-1] not in GENERIC_HEADS:
            found.add(head[-1])
    return found


def _root(word: str) -> str:
    root = _ENDING.sub("", word)
    if len(root) >= LONG_ROOT:
        return root
    return word if len(word) >= SHORT_ROOT else ""


def masked(text: str, names: Names) -> list[Shown]:
    """The text in order, every sentence that names the diagnosis taken out, its length with it."""
    found: list[Shown] = []
    for piece in _pieces(text, names):
        if piece.withheld and found and found[-1].withheld:
            continue
        if not piece.withheld and found and not found[-1].withheld:
            found[-1] = Shown(f"{found[-1].text}{piece.text}")
            continue
        found.append(piece)
    # What is split over two sentences stands in neither.
    plain = " ".join(piece.text for piece in found if not piece.withheld)
    return found if not _spelled_out(plain, names) else [Shown("", withheld=True)]


def _pieces(text: str, names: Names) -> Iterator[Shown]:
    end = 0
    for span in sentences(text):
        gap, end = text[end : span.start], span.end
        said = text[span.start : span.end]
        yield Shown("", withheld=True) if names.stand_in(said) else Shown(gap + said)


def _spelled_out(text: str, names: Names) -> bool:
    said = f" {' '.join(tokens(text))} "
    return any(f" {word} " in said for word in names.words)


def harmless(text: str, names: Names) -> str:
    """A label, or nothing where it names the diagnosis."""
    return "" if names.stand_in(text) else text
