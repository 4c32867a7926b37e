"""What to look for next: the finding that tells the first diagnoses apart best, by what their sources state of it.

Of each finding that a source states for one of the candidates and the case says nothing of, the expected information in
bits about which candidate is right: the entropy of their probabilities less what is left of it on average once the
finding is known. A candidate whose sources do not speak of it is taken to have it as often as not known.

Source: Shannon, "A mathematical theory of communication", 1948 (mutual information of two variables).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cdss.reasoning.matching import Sentence
from cdss.reasoning.plain_words import PLAIN_WORDS
from retrieval.terms import assertions, finding_tokens, sentences, tokens
from retrieval.types import Floats

MOST_CANDIDATES = 5
LEAST_PROBABILITY = 0.03
# Bits. Below it the finding would hardly change anything.
LEAST_INFORMATION = 0.05
# How often a finding is there where nothing is said of it.
UNKNOWN = 0.3
MOST_WORDS = 5
_SURE, _NEVER = 0.95, 0.05
# A share of patients, and words for one; the first that is found counts.
_PERCENT = re.compile(
    r"(?<![\d.])(?P<low>\d{1,3}(?:\.\d+)?)\s*(?:(?:-|–|to)\s*(?P<high>\d{1,3}))?\s*(?:%|percent\b|per cent\b)"
)
_HOW_OFTEN: Sequence[tuple[float, re.Pattern[str]]] = tuple(
    (share, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
    for share, words in (
        (0.95, r"pathognomonic|hallmark|always|almost always|invariabl[ey]|virtually all|nearly all"),
        (0.1, r"rare(?:ly)?|uncommon(?:ly)?|unusual(?:ly)?|seldom|infrequent(?:ly)?|atypical"),
        (0.4, r"may|might|can|could|sometimes|occasional(?:ly)?|some|possibl[ey]|variable"),
        (0.8, r"typical(?:ly)?|classic(?:al|ally)?|characteristic(?:ally)?|usual(?:ly)?|most(?:ly)?"),
        (0.8, r"common(?:ly)?|often|frequent(?:ly)?|majority|expected"),
    )
)
_STATED, _DENIED = 0.65, 0.1
# What a clinician can look for or ask: the heads of findings, of imaging, of the examination and of the laboratory.
_SIGNS = frozenset(
    tokens(
        "calcification calcifications enhancement fat necrosis hemorrhage haemorrhage edema oedema restriction "
        "diffusion cavitation cavity effusion lymphadenopathy adenopathy ascites thickening stranding nodule nodules "
        "spiculation septation septations hydronephrosis dilatation dilation stenosis occlusion thrombus thrombosis "
        "filling defect pneumothorax pneumomediastinum consolidation opacity opacities honeycombing bronchiectasis "
        "emphysema atelectasis fracture fractures erosion erosions sclerosis periosteal osteophyte osteophytes lysis "
        "lytic sequestrum dislocation subluxation tear rupture perforation abscess fistula sinus collection gas "
        "air-fluid level levels hypointensity hyperintensity hyperechoic hypoechoic anechoic shadowing hypervascular "
        "hypervascularity washout midline shift herniation hydrocephalus atrophy infarct infarction aneurysm "
        "pseudoaneurysm dissection flap extravasation collateral collaterals splenomegaly hepatomegaly cirrhosis "
        "varices hernia intussusception volvulus wall margins rim halo cyst cysts cystic fever pain cough dyspnea "
        "dyspnoea hemoptysis haemoptysis hematuria haematuria jaundice vomiting nausea diarrhea diarrhoea weight-loss "
        "headache seizure seizures weakness paralysis numbness ataxia vertigo diplopia papilledema papilloedema "
        "proptosis rash swelling tenderness clubbing murmur bruit hypertension hypotension tachycardia anemia anaemia "
        "leukocytosis eosinophilia thrombocytopenia hypercalcemia hyponatremia proteinuria lipase amylase bilirubin "
        "d-dimer troponin creatinine antibodies ferritin psa afp cea catecholamines"
    )
)
# Of how a disease runs or is treated, and not of what is found.
_ASIDE = re.compile(
    r"\b(?:treat\w*|therap\w*|surg\w+|resect\w*|prognos\w*|surviv\w*|mortality|recur\w*|complicat\w*|differential|"
    r"mistaken|mimic\w*|risk factors?|caus\w+|secondary to|due to|"
    r"associated with|sensitivity|specificity|other|patient had|"
    r"(?:second|third|fourth) most common)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Stated:
    """A finding as a source states it, and how often it is there."""

    text: str
    words: frozenset[str]
    sentence: Sentence
    # None where it is stated and nothing tells how often.
    share: float | None
    denied: bool


@dataclass(frozen=True, slots=True)
class Separating:
    """The finding in a source's words, its bits, and by place of the candidate what is stated of it."""

    finding: str
    information: float
    stated: Mapping[int, Stated]


def separating(
    probabilities: Sequence[float], described: Sequence[Sequence[Sentence]], known: frozenset[str]
) -> Separating | None:
    """The best finding for the first candidates, which come in their order; `known` are the words of the case."""
    places = [place for place, chance in enumerate(probabilities[:MOST_CANDIDATES]) if chance >= LEAST_PROBABILITY]
    if len(places) < 2:
        return None
    told = {place: list(_stated(described[place], known)) for place in places}
    chances = np.array([probabilities[place] for place in places])
    chances = chances / chances.sum()
    best: Separating | None = None
    for place in places:
        for one in told[place]:
            if one.share is None:
                continue
            stated = {other: found for other in places if (found := _of_the_same(one, told[other]))}
            shares = np.array([_share_of(stated.get(other)) for other in places])
            bits = information(chances, shares)
            if bits >= LEAST_INFORMATION and (best is None or bits > best.information + 1e-9):
                best = Separating(one.text, bits, stated)
    return best


def _share_of(stated: Stated | None) -> float:
    if stated is None:
        return UNKNOWN
    return _STATED if stated.share is None else stated.share


def information(chances: Floats, shares: Floats) -> float:
    """Bits that knowing a finding is expected to tell, of (n,) probabilities and (n,) how often each has it."""
    there = float(chances @ shares)
    if not 0 < there < 1:
        return 0.0
    left = there * _entropy(chances * shares / there) + (1 - there) * _entropy(chances * (1 - shares) / (1 - there))
    return _entropy(chances) - left


def _entropy(chances: Floats) -> float:
    some = chances[chances > 0]
    return float(-(some * np.log2(some)).sum())


def _of_the_same(one: Stated, others: Sequence[Stated]) -> Stated | None:
    """Who denies a calcification denies one like popcorn, and who has one like popcorn has a calcification."""
    fitting = [other for other in others if (other.words <= one.words if other.denied else other.words >= one.words)]
    # What is said most plainly of it: the fewest other words.
    return min(fitting, key=lambda other: (len(other.words ^ one.words), other.sentence.place), default=None)


def _stated(described: Sequence[Sentence], known: frozenset[str]) -> Iterator[Stated]:
    for sentence in described:
        if sentence.evidence.kind == "case":
            continue
        for text, words, denied in _findings(sentence.text):
            if not words & _SIGNS & known and not words <= known:
                yield Stated(text, words, sentence, _share(sentence.text, denied), denied)


@lru_cache(maxsize=4096)
def _findings(sentence: str) -> tuple[tuple[str, frozenset[str], bool], ...]:
    if _ASIDE.search(sentence) or len(sentences(sentence)) > 1:
        return ()
    found = []
    for one in assertions(sentence):
        words = frozenset(finding_tokens(one.text)) - PLAIN_WORDS
        is_short = len(one.text.split()) <= MOST_WORDS and not any(map(str.isdigit, one.text))
        if one.polarity != "uncertain" and words & _SIGNS and is_short:
            found.append((one.text, words, one.polarity == "denied"))
    return tuple(found)


def _share(sentence: str, denied: bool) -> float | None:
    if denied:
        return _DENIED
    found = _PERCENT.findall(sentence)
    if len(found) == 1:
        low, high = found[0]
        share = (float(low) + float(high or low)) / 200
        return min(max(share, _NEVER), _SURE)
    return next((share for share, pattern in _HOW_OFTEN if pattern.search(sentence)), None)
