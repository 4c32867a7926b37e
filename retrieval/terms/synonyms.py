"""What a finding is also called: "shortness of breath" and "dyspnoea" are one, "dysphagia" and "dysphasia" are not.

Reviewed by hand, from the exact synonyms of the Human Phenotype Ontology that stand in real cases. Only what means the
same everywhere is here: swelling is not always oedema, loss of consciousness not always syncope, and a collapsed lung
may be an atelectasis or a pneumothorax.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

from retrieval.terms.tables import word_set
from retrieval.terms.words import fold, plain, singular, tokens

# What is found -> what else it is called. Spelling, number, hyphens and articles make no difference.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "dyspnea": (
        "shortness of breath", "short of breath", "breathlessness", "breathless", "difficulty breathing", "dyspneic",
        "difficulty in breathing", "trouble breathing", "breathing difficulty", "breathing difficulties", "sob",
    ),
    "tachypnea": ("rapid breathing", "fast breathing", "rapid respiration", "increased respiratory rate", "tachypneic"),
    "hemoptysis": (
        "coughing up blood", "coughing of blood", "coughing blood", "coughed up blood", "coughs up blood",
        "cough up blood", "expectoration of blood", "bloody sputum", "blood-tinged sputum", "blood-streaked sputum",
        "blood in sputum",
    ),
    "hematemesis": (
        "vomiting blood", "vomiting of blood", "vomited blood", "bloody vomiting", "bloody vomit", "bloody emesis",
        "throwing up blood",
    ),
    "vomiting": ("emesis", "vomit", "vomited", "throwing up", "threw up"),
    "nausea": ("nauseated", "nauseous"),
    "fever": ("pyrexia", "febrile", "elevated temperature", "high temperature", "raised temperature"),
    "headache": ("cephalgia", "cephalalgia", "head pain", "pain in head"),
    "syncope": ("fainting", "fainted", "fainting spell", "fainting episode", "passing out", "passed out", "syncopal"),
    "dysphagia": (
        "difficulty swallowing", "difficulty in swallowing", "trouble swallowing", "swallowing difficulty",
        "swallowing difficulties", "difficulties swallowing", "difficult swallowing", "problems swallowing",
    ),
    "odynophagia": ("painful swallowing", "pain on swallowing", "pain when swallowing", "pain during swallowing"),
    "epistaxis": ("nosebleed", "nose bleed", "bleeding from nose", "nasal bleeding", "nasal hemorrhage"),
    "hematuria": ("blood in urine", "bloody urine"),
    "melena": ("black tarry stool", "tarry stool", "tarry black stool"),
    "hematochezia": (
        "rectal bleeding", "rectal hemorrhage", "bleeding per rectum", "bleeding from rectum", "blood per rectum",
        "bright red blood per rectum", "brbpr", "blood in stool", "bloody stool",
    ),
    "diarrhea": ("loose stool", "watery stool"),
    "constipation": ("constipated",),
    "dyspepsia": ("indigestion",),
    "heartburn": ("pyrosis",),
    "anorexia": ("loss of appetite", "poor appetite", "decreased appetite", "reduced appetite", "lack of appetite"),
    "weight loss": ("lost weight", "losing weight"),
    "jaundice": ("icterus", "icteric", "jaundiced", "yellow skin", "yellowing of skin"),
    "pruritus": ("itching", "itchy", "itchiness"),
    "diaphoresis": ("sweating", "diaphoretic"),
    "fatigue": ("tiredness", "fatigued", "easy fatigability"),
    "somnolence": ("drowsiness", "drowsy", "somnolent", "sleepiness"),
    "dizziness": ("dizzy", "lightheadedness", "light-headedness", "lightheaded", "light-headed"),
    "insomnia": ("difficulty sleeping", "trouble sleeping"),
    "palpitation": ("heart palpitation", "racing heart"),
    "tachycardia": ("rapid heart rate", "fast heart rate", "rapid heartbeat", "increased heart rate", "tachycardic"),
    "bradycardia": ("slow heart rate", "slow heartbeat", "bradycardic"),
    "hypertension": ("high blood pressure", "elevated blood pressure", "raised blood pressure", "htn"),
    "increased intracranial pressure": (
        "intracranial hypertension", "raised intracranial pressure", "elevated intracranial pressure", "increased icp",
        "raised icp", "elevated icp",
    ),
    "hypotension": ("low blood pressure", "hypotensive"),
    "cyanosis": ("cyanotic", "bluish discoloration"),
    "abdominal pain": ("belly pain", "stomach pain", "stomachache", "stomach ache", "pain in belly"),
    "abdominal distention": ("abdominal distension", "distended abdomen", "bloated abdomen", "abdominal bloating"),
    "distention": ("distension",),
    "back pain": ("backache", "back ache"),
    "low back pain": ("lower back pain", "lumbago"),
    "arthralgia": ("joint pain", "painful joint", "joint ache"),
    "myalgia": ("muscle pain", "muscle ache", "muscular pain", "aching muscle"),
    "otalgia": ("ear pain", "earache"),
    "hearing loss": ("deafness", "decreased hearing", "reduced hearing", "impaired hearing", "hearing impairment"),
    "tinnitus": ("ringing in ear",),
    "vision loss": ("visual loss", "loss of sight"),
    "decreased vision": (
        "decreased visual acuity", "reduced visual acuity", "reduced vision", "impaired vision", "visual impairment",
        "diminished vision", "diminished visual acuity",
    ),
    "blurred vision": ("blurry vision", "blurring of vision", "visual blurring"),
    "diplopia": ("double vision",),
    "photophobia": ("sensitivity to light", "light sensitivity"),
    "hemianopia": ("hemianopsia",),
    "proptosis": ("exophthalmos", "exophthalmus", "bulging eye", "protruding eye"),
    "ptosis": ("drooping eyelid", "droopy eyelid", "eyelid drooping", "drooping of eyelid", "eyelid droop"),
    "hoarseness": ("hoarse", "hoarse voice", "raspy voice"),
    "dysarthria": ("slurred speech", "slurring of speech"),
    "seizure": ("convulsion", "convulsing"),
    "memory loss": ("memory impairment", "impaired memory", "forgetfulness"),
    "unsteady gait": ("gait unsteadiness", "unsteadiness of gait", "gait instability", "unsteadiness on feet"),
    "ataxic gait": ("gait ataxia",),
    "paresthesia": ("tingling", "pins and needles"),
    "anosmia": ("loss of smell",),
    "dysuria": (
        "painful urination", "burning on urination", "burning with urination", "pain on urination",
        "painful micturition",
    ),
    "urinary frequency": ("frequent urination", "pollakiuria", "frequency of urination"),
    "urinary retention": ("inability to urinate", "inability to void", "unable to urinate", "unable to void"),
    "polyuria": ("excessive urination", "increased urination"),
    "polydipsia": ("excessive thirst", "increased thirst"),
    "amenorrhea": ("absent menstruation", "absence of menstruation", "absence of menses"),
    "menorrhagia": ("heavy menstrual bleeding", "heavy periods"),
    "dysmenorrhea": ("painful periods", "painful menstruation", "painful menses"),
    "dyspareunia": ("painful intercourse", "pain during intercourse", "pain with intercourse"),
    "erythema": ("redness",),
    "ecchymosis": ("bruising", "bruise"),
    "urticaria": ("hives",),
    "alopecia": ("hair loss",),
    "leg edema": (
        "leg swelling", "swollen leg", "swelling of leg", "lower extremity edema", "lower extremity swelling",
        "swelling of lower extremity", "lower limb edema", "lower limb swelling", "edema of leg",
        "edema of lower extremity",
    ),
    "facial swelling": ("facial edema", "swelling of face", "swollen face"),
    "soft tissue swelling": ("soft tissue edema", "swelling of soft tissue", "edema of soft tissue"),
    "cerebral edema": ("brain edema", "brain swelling", "cerebral swelling", "edema of brain", "swelling of brain"),
    "lymphadenopathy": (
        "adenopathy", "enlarged lymph node", "swollen lymph node", "lymph node enlargement", "nodal enlargement",
        "enlargement of lymph node", "lymphadenopathies",
    ),
    "hepatomegaly": ("enlarged liver", "liver enlargement", "hepatic enlargement", "enlargement of liver"),
    "splenomegaly": ("enlarged spleen", "spleen enlargement", "splenic enlargement", "enlargement of spleen"),
    "cardiomegaly": (
        "enlarged heart", "heart enlargement", "cardiac enlargement", "enlargement of heart",
        "enlarged cardiac silhouette", "enlargement of cardiac silhouette", "cardiac silhouette enlargement",
    ),
    "pneumoperitoneum": (
        "free intraperitoneal air", "free intraperitoneal gas", "intraperitoneal free air", "free peritoneal air",
        "free air under diaphragm", "intraperitoneal free gas",
    ),
    "gallstone": ("cholelithiasis", "gallbladder stone", "gallbladder calculus", "gallbladder calculi"),
    "nephrolithiasis": ("kidney stone", "renal stone", "renal calculus", "renal calculi"),
    "ureterolithiasis": (
        "ureteral stone", "ureteral calculus", "ureteral calculi", "ureteric stone", "ureteric calculus",
        "ureteric calculi",
    ),
    "bowel obstruction": ("intestinal obstruction",),
    "ground glass opacity": ("ground glass opacification", "ground glass attenuation", "ground glass density"),
    "osteonecrosis": ("avascular necrosis", "aseptic necrosis", "avn"),
    "crackle": ("rale", "crepitation"),
    "hypodense": ("hypoattenuating", "hypodensity", "hypodensities", "hypoattenuation"),
    "hyperdense": ("hyperattenuating", "hyperdensity", "hyperdensities", "hyperattenuation"),
    "hyperechoic": ("hyperechogenic", "hyperechogenicity"),
    "hypoechoic": ("hypoechogenic", "hypoechogenicity"),
    "lucency": ("radiolucency", "lucencies", "radiolucencies"),
    "lucent": ("radiolucent",),
    "leukocytosis": (
        "elevated white blood cell count", "increased white blood cell count", "high white blood cell count",
        "raised white blood cell count", "elevated white blood count", "elevated white cell count",
        "raised white cell count", "elevated white count", "elevated wbc", "elevated wbc count", "increased wbc",
    ),
    "leukopenia": ("low white blood cell count", "low white cell count", "low wbc"),
    "anemia": ("anemic", "low hemoglobin", "low hematocrit"),
    "thrombocytopenia": ("low platelet count", "low platelet"),
    "hypercalcemia": ("elevated calcium", "elevated serum calcium", "high calcium", "raised calcium"),
    "hypocalcemia": ("low calcium", "low serum calcium"),
    "hyponatremia": ("low sodium", "low serum sodium"),
    "hypokalemia": ("low potassium", "low serum potassium"),
    "hyperglycemia": ("high blood sugar", "elevated blood sugar", "high blood glucose", "elevated blood glucose"),
    "hypoglycemia": ("low blood sugar", "low blood glucose"),
    "proteinuria": ("protein in urine",),
    "hyperbilirubinemia": ("elevated bilirubin", "raised bilirubin", "increased bilirubin"),
    "esr": ("erythrocyte sedimentation rate", "sedimentation rate", "sed rate"),
    "ruq": ("right upper quadrant",),
    "rlq": ("right lower quadrant",),
    "luq": ("left upper quadrant",),
    "llq": ("left lower quadrant",),
}  # fmt: skip
_ARTICLES = word_set("the a an his her their")
_WORD = re.compile(r"[a-z0-9]+")
_BETWEEN = re.compile(rf"[\s-]+(?:(?:{'|'.join(sorted(_ARTICLES))})\s+)?")


@lru_cache(maxsize=50_000)
def _plainly(word: str) -> str:
    return singular(fold(word))


def _words(text: str) -> list[tuple[str, int, int]]:
    return [(_plainly(one.group()), *one.span()) for one in _WORD.finditer(text) if one.group() not in _ARTICLES]


# By its first word, each name of a finding with the one it goes by, the longest first.
_NAMES: dict[str, list[tuple[tuple[str, ...], str]]] = {}
for _name, _others in SYNONYMS.items():
    for _phrase in (_name, *_others):
        _spelt = tuple(word for word, _, _ in _words(_phrase))
        _NAMES.setdefault(_spelt[0], []).append((_spelt, _name))
for _named in _NAMES.values():
    _named.sort(key=lambda one: -len(one[0]))


def finding_tokens(text: str) -> list[str]:
    """The tokens of a text (see `tokens`) with each finding of the table by its one name.

    "Shortness of breath" and "breathlessness" both give "dyspnea". For comparing what two texts find, not for an
    index: the words that were written are not among them.
    """
    low = plain(text)
    words = _words(low)
    if _NAMES.keys().isdisjoint(word for word, _, _ in words):
        return tokens(text)
    kept, at, place = [], 0, 0
    while place < len(words):
        size, name = _named_at(words, place, low)
        if size:
            kept += [low[at : words[place][1]], name]
            at = words[place + size - 1][2]
        place += max(size, 1)
    return tokens("".join((*kept, low[at:])))


def _named_at(words: list[tuple[str, int, int]], place: int, text: str) -> tuple[int, str]:
    """How many words from this place on are one finding, and its name."""
    for phrase, name in _NAMES.get(words[place][0], ()):
        run = words[place : place + len(phrase)]
        if tuple(word for word, _, _ in run) == phrase and all(
            _BETWEEN.fullmatch(text, one[2], other[1]) for one, other in pairwise(run)
        ):
            return len(phrase), name
    return 0, ""
