"""The head of a finding: what was seen, without where, how large and beside what.

A source that tells of popcorn calcification tells nothing of the nodule of the right lower lobe in which this case has
it. It speaks of that part of the finding, and of that part only.
"""

import re
from functools import lru_cache

from cdss.reasoning.plain_words import PLACES, PLAIN_WORDS
from retrieval.terms import assertions, singular
from retrieval.terms import finding_tokens as tokens
from retrieval.terms.places import anatomy

# From here on a finding says where it is. Not "of": an enlargement is nothing without what is enlarged.
_WHERE = re.compile(
    r"[,\s]+(?:(?:with)?in|inside|involving|along|at|near|adjacent to|next to|close to|overlying|around|surrounding|"
    r"throughout|about|above|below|beneath|behind|underneath|over|under|between|across|abutting|arising (?:from|in)|"
    r"located (?:in|at|within)|projecting (?:over|into)|extending (?:in)?to|measuring)\s",
    re.IGNORECASE,
)
# What a source need not repeat to speak of the same: how much, how many, since when.
_DEGREE = PLACES | frozenset(
    tokens(
        "small large mild moderate severe multiple single few several tiny huge subtle slight slightly marked markedly "
        "extensive prominent significant acute subacute chronic new old diffuse focal scattered some further very"
    )
)
FEWEST_WORDS = 2
# A head of one word fits too many diseases, and so does one of words like these: they tell something with where it is.
OPEN = frozenset(
    tokens(
        "increase increased decrease decreased reduction change loss decline rise difference delay improvement growth "
        "abnormal abnormality involvement extension variation deformity mass lesion nodule opacity density focus area "
        "fluid swelling structure collection process spot shadow signal intensity attenuation enhancement enhancing "
        "thickening enlargement enlarged narrowing tenderness discomfort pain injury trauma tumor tumour malignancy "
        "disease soft tissue material high low ill-defined well-defined poorly defined circumscribed heterogeneous "
        "homogeneous uptake activity radiotracer irregular round rounded oval history prior solid cystic smooth sharp "
        "margin marginated well wellmarginated well-marginated border appearance"
    )
)
# Who has one of these has it in what it is a part of.
_WITHIN = {
    "lung": "lobe,upper lobe,middle lobe,lower lobe,lingula,bronchus,airway,hilum,chest,thorax",
    "chest": "lung,pleura,hilum,mediastinum,bronchus,airway,upper lobe,middle lobe,lower lobe,lingula,thorax",
    "brain": "cerebrum,cerebellum,brainstem,midbrain,pons,medulla,thalamus,hippocampus,hemisphere,cortex,cranium,"
    "white matter,gray matter,grey matter,basal ganglia,corpus callosum,frontal lobe,parietal lobe,temporal lobe,"
    "occipital lobe,posterior fossa,internal capsule",
    "cerebrum": "hemisphere,cortex,white matter,gray matter,grey matter,basal ganglia,frontal lobe,parietal lobe,"
    "temporal lobe,occipital lobe,thalamus,internal capsule",
    "spine": "vertebra,disc,disk,sacrum,coccyx,canal",
    "bowel": "duodenum,jejunum,ileum,cecum,appendix,colon,sigmoid,rectum",
    "colon": "cecum,sigmoid,rectum",
    "bone": "femur,tibia,fibula,patella,humerus,radius,ulna,skull,rib,vertebra,mandible,maxilla,phalanx,metacarpal,"
    "metatarsal,calcaneus,talus,scaphoid,clavicle,scapula,sternum,sacrum,pelvis,marrow,cortex",
    "heart": "atrium,ventricle,myocardium,valve",
    "bile": "gallbladder,duct,common bile duct",
}
_OPPOSITE = (
    ("upper", "lower"),
    ("superior", "inferior"),
    ("anterior", "posterior"),
    ("medial", "lateral"),
    ("proximal", "distal"),
    ("central", "peripheral"),
    ("internal", "external"),
)
# What was before, and what breaks off, is no head.
_UNTOLD = re.compile(r"\b(?:history|previous(?:ly)?|prior|into|the|an?)\b", re.IGNORECASE)
_PARTS = {whole: frozenset(parts.split(",")) for whole, parts in _WITHIN.items()}


@lru_cache(maxsize=4096)
def head_of(text: str) -> str:
    """The words before those that say where; empty when there are none, or when they say little by themselves."""
    where = _WHERE.search(text)
    if where is None or _UNTOLD.search(text[: where.start()]):
        return ""
    head = text[: where.start()].rstrip(" ,")
    content = content_words(head)
    return head if len(content) >= FEWEST_WORDS and content - OPEN and telling(content) else ""


def content_words(text: str) -> frozenset[str]:
    """All that a source has to repeat to speak of a head."""
    return frozenset(tokens(text)) - _DEGREE


def telling(words: frozenset[str]) -> frozenset[str]:
    """Those that tell what was found: neither where, nor how large or how many."""
    return frozenset(word for word in words - PLAIN_WORDS if not word[0].isdigit())


def turned(words: frozenset[str], others: frozenset[str]) -> bool:
    """Whether one names the upper where the other names the lower, or the like."""
    return any(
        one in words and other in others and one not in others and other not in words
        for pair in _OPPOSITE
        for one, other in (pair, pair[::-1])
    )


@lru_cache(maxsize=4096)
def is_stated(head: frozenset[str], sentence: str) -> bool:
    """Whether one phrase that the sentence affirms holds all of these words."""
    return any(one.polarity == "affirmed" and head <= set(tokens(one.text)) for one in assertions(sentence))


def elsewhere(organs: frozenset[str], sentence: str) -> bool:
    """Whether the sentence names other organs than these: a bleeding into a joint is none of the brain."""
    named = anatomy(sentence)
    return bool(organs and named) and not any(_meet(one, other) for one in organs for other in named)


def _meet(one: str, other: str) -> bool:
    return singular(one) == singular(other) or other in _PARTS.get(one, ()) or one in _PARTS.get(other, ())
