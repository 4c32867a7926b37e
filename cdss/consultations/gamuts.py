"""Uncited reference lists whose finding a case has. They stand beside an answer and take no part in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from cdss.library.ages import age_years
from cdss.library.models import Gamut
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.types import CaseInput
from retrieval.terms import assertions, sentences, stem, tokens

MOST = 5
MOST_WORDS = 8
# One word alone is a finding when it is as long as "hydronephrosis", and not when it is "rupture".
ALONE = 9
CHILD = 18
# Shared words cannot tell whether a threshold is passed, or what is missing.
_UNTELLABLE = re.compile(
    r"[<>≤≥↑]|\d\s*(?:mm|cm|hu|%)|\b(?:non|no|not|absent|absence|without|loss|lack)\b", re.IGNORECASE
)
_NON = re.compile(r"\bnon-?(\w{4,})", re.IGNORECASE)
_GALL_BLADDER = re.compile(r"\bgall[ -]bladder", re.IGNORECASE)
_OF_AGE = re.compile(r"\b(?:in )?(child|adult)(?:ren|s)?\b", re.IGNORECASE)
_LIGHT = frozenset(
    "of the on in with and or a an to due without imaging sign image imag pattern appearance seen weighted scan "  # noqa: SIM905
    "ct mri mr us ultrasound xr radiograph pet mammography contrast child children adult adults various".split()
)
# Words by which a case shows that it is about a part of the body; a part that is not here has to be named itself.
REGIONS: Mapping[str, str] = {
    "brain": "brain cerebral cerebellar cerebellum intracranial frontal parietal occipital hemisphere thalamus "
    "thalamic pons pontine midbrain brainstem ventricle periventricular cortical cortex gray white callosum putamen",
    "chest": "chest lung pulmonary lobe thorax thoracic mediastinum mediastinal pleural hilar bronchus tracheal",
    "abdomen": "abdomen abdominal liver hepatic bowel colon intestine gastric stomach pancreas pancreatic spleen "
    "splenic kidney renal gallbladder biliary appendix aorta adrenal peritoneal mesenteric retroperitoneal",
    "liver": "liver hepatic",
    "kidney": "kidney renal",
    "bone": "bone osseous femur femoral tibia tibial humerus fibula radius ulna pelvis vertebra vertebral metaphysis "
    "metaphyseal diaphysis epiphysis rib skull phalanx metacarpal metatarsal iliac",
    "breast": "breast mammary",
    "gallbladder": "gallbladder cholecystic",
    "spine": "spine spinal vertebra vertebral cervical thoracic lumbar sacral disc cord",
    "pelvis": "pelvis pelvic uterus uterine ovary ovarian adnexal endometrial",
    "pancreas": "pancreas pancreatic",
    "bladder": "bladder vesical",
    "prostate": "prostate prostatic",
    "neck": "neck cervical thyroid parotid larynx pharynx",
    "adrenal gland": "adrenal",
    "genitourinary": "kidney renal ureter ureteral bladder prostate testis testicular",
    "gastrointestinal": "bowel colon intestine gastric stomach esophagus esophageal duodenum liver biliary",
    "musculoskeletal": "muscle bone joint soft tissue tendon femur tibia humerus knee shoulder hip ankle foot",
    "posterior fossa": "cerebellum cerebellar fossa vermis",
}
_SAME_REGION = {
    "lung": "chest", "lungs": "chest", "thorax": "chest", "gu": "genitourinary", "gi": "gastrointestinal",
    "msk": "musculoskeletal", "kidneys": "kidney", "long bone": "bone",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Beside:
    """A list as it was shown: the words of the case that met its finding, and where the list is from."""

    finding: str
    region: str
    modality: str
    diagnoses: list[str]
    matched: str
    source: str
    release: str
    licence: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def gamuts_of(case: CaseInput) -> list[Beside]:
    """What the library has for this case."""
    return matching(case, list(Gamut.objects.published()))


def matching(case: CaseInput, gamuts: Sequence[Gamut]) -> list[Beside]:
    """Lists of a finding that one sentence of the case affirms, in a part of the body that the case names.

    The most specific finding first; of lists with the same finding, the one whose modality the case names.
    """
    said = list(_affirmed(case))
    if not gamuts or not said:
        return []
    mentioned = frozenset(tokens(case.text))
    whole = frozenset[str]().union(*(words for words, _ in said))
    found: list[tuple[tuple[int, bool, int], frozenset[str], Beside]] = []
    for gamut in gamuts:
        core = _core(gamut.finding)
        if not core or not core <= whole or not _is_of_age(gamut.finding, case.age):
            continue
        matched = next((text for words, text in said if core <= words), "")
        if matched and _is_about(gamut.region, whole):
            named = any(word in mentioned for word in tokens(gamut.modality))
            found.append(((-len(core), not named, gamut.pk), core, _beside(gamut, matched)))
    best: dict[frozenset[str], Beside] = {}
    for _, core, beside in sorted(found, key=lambda each: each[0]):
        # A finding that is a part of a better one ("lesion" of "ring-enhancing lesion") adds nothing.
        if not any(core <= other for other in best):
            best[core] = beside
    return list(best.values())[:MOST]


def _is_of_age(finding: str, age: str) -> bool:
    wanted = _OF_AGE.search(finding)
    years = age_years(age)
    return not wanted or (years is not None and (years < CHILD) == (wanted[1].lower() == "child"))


def _affirmed(case: CaseInput) -> Iterator[tuple[frozenset[str], str]]:
    """The words that each sentence affirms, imaging findings first."""
    for part in (case.findings, case.exam, case.history):
        for sentence in sentences(part):
            text = _GALL_BLADDER.sub("gallbladder", sentence.text)
            told = [each.text for each in assertions(text) if each.polarity == "affirmed"]
            words = frozenset(stem(word) for each in told for word in tokens(each))
            yield words - {stem(word.lower()) for word in _NON.findall(text)}, sentence.text.strip()


@lru_cache(maxsize=2000)
def _core(finding: str) -> frozenset[str]:
    """The words that make the finding; none when words cannot tell whether a case has it."""
    kept = [word for word in tokens(finding) if word not in _LIGHT]
    if _UNTELLABLE.search(finding) or not kept or (len(kept) == 1 and len(kept[0]) < ALONE):
        return frozenset()
    words = frozenset(stem(word) for word in kept)
    return words if len(words) <= MOST_WORDS else frozenset()


def _is_about(region: str, said: frozenset[str]) -> bool:
    parts = [part.strip() for part in re.split(r"[/&,]", region) if part.strip()]
    return not parts or any(_names(part, said) for part in parts)


def _names(part: str, said: frozenset[str]) -> bool:
    name = _SAME_REGION.get(part, part)
    return bool(_stems(REGIONS[name]) & said) if name in REGIONS else _stems(name) <= said


@lru_cache(maxsize=200)
def _stems(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in tokens(words))


def _each_once(names: Iterable[str]) -> list[str]:
    """Lists that were put together name a disease by several names: the first of them stands."""
    found: dict[str, str] = {}
    for name in names:
        concept = concept_of(name)
        found.setdefault(concept.key if concept else name.lower(), name)
    return list(found.values())


def _beside(gamut: Gamut, matched: str) -> Beside:
    return Beside(
        finding=gamut.finding,
        region=gamut.region,
        modality=gamut.modality,
        diagnoses=_each_once(gamut.diagnoses),
        matched=matched,
        source=gamut.source_name,
        release=gamut.release,
        licence=gamut.licence,
    )
