"""The part of the body a text is mostly about, and those that a sentence names."""

from collections import Counter
from collections.abc import Collection, Mapping
from functools import lru_cache
from math import sqrt

from cdss.reasoning.types import CaseInput
from retrieval.terms import sentences
from retrieval.terms.places import anatomy

# The aorta is in none: it runs through two of them.
_ORGANS = {
    "head": "brain cerebrum cerebellum brainstem midbrain pons medulla thalamus hippocampus hypothalamus "
    "pituitary sella hemisphere meninx dura skull cranium orbit eye globe chiasm retina ear sinus nose "
    "mandible maxilla tooth parotid face cheek jaw head scalp",
    "neck": "nasopharynx oropharynx pharynx larynx tongue palate thyroid parathyroid neck",
    "chest": "lung pleura hilum mediastinum thymus trachea bronchus airway chest thorax rib sternum clavicle "
    "scapula heart atrium pericardium myocardium breast esophagus",
    "abdomen": "liver gallbladder bile pancreas spleen kidney adrenal ureter stomach duodenum jejunum ileum bowel "
    "cecum appendix colon sigmoid mesentery omentum peritoneum retroperitoneum flank abdomen",
    "pelvis": "bladder urethra prostate testis scrotum penis epididymis uterus endometrium cervix ovary vagina "
    "placenta fetus rectum anus pelvis groin",
    "spine": "spine vertebra disc disk cord sacrum coccyx",
    "limb": "hip knee ankle shoulder elbow wrist hand finger thumb foot toe heel femur tibia fibula patella "
    "humerus radius ulna carpal metacarpal metatarsal tarsal talus calcaneus scaphoid lunate navicular "
    "phalanx meniscus arm forearm leg thigh calf axilla",
}
# A disease of bone is of no part of the body, and of none of the soft organs in it.
_SKELETON = "skeleton"
_BONES = """
bone marrow joint ligament tendon rib sternum clavicle scapula vertebra sacrum coccyx hip knee ankle shoulder elbow
wrist meniscus femur tibia fibula patella humerus radius ulna carpal metacarpal metatarsal tarsal talus calcaneus
scaphoid lunate navicular phalanx
"""
_OF_THE_SKELETON = frozenset(_BONES.split())
# What is seen, and what a text is called, tells more of where it is than the rest.
_SEEN_COUNTS = 2
_NAME_COUNTS = 3
# Pain and disease cross from one into the other: these say little against one another.
_ADJOINING = frozenset(
    frozenset(pair.split())
    for pair in ("head neck", "neck chest", "chest abdomen", "abdomen pelvis", "pelvis limb", "chest limb")
)
_NAMED_IN_WORDS = {
    "head": "frontal lobe,parietal lobe,temporal lobe,occipital lobe,corpus callosum,basal ganglia,fourth ventricle,"
    "third ventricle,lateral ventricle,posterior fossa,cerebellopontine angle,internal capsule,cavernous sinus,"
    "white matter,gray matter,grey matter",
    "chest": "upper lobe,middle lobe,lower lobe,lingula",
    "abdomen": "right upper quadrant,left upper quadrant,right lower quadrant,left lower quadrant,common bile duct",
}
_REGION = {organ: region for region, organs in _ORGANS.items() for organ in organs.split()} | {
    organ: region for region, organs in _NAMED_IN_WORDS.items() for organ in organs.split(",")
}


@lru_cache(maxsize=512)
def region_of(text: str) -> str:
    """Empty when it names no organ, or two parts equally often."""
    ranked = Counter({part: count for part, count in _parts_named(text).items() if part != _SKELETON}).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return ""
    return ranked[0][0]


def region_of_case(case: CaseInput) -> str:
    """What was seen tells where it is; who has a pain of the neck may be shown a mass of the lung."""
    return region_of(case.findings) or region_of(case.text)


def regions_of_case(case: CaseInput) -> frozenset[str]:
    return regions_about(case.findings) or regions_about(case.text)


def unlike(case: CaseInput, text: str, name: str) -> float:
    """From 0, both name the same parts of the body as often, to 1, none in common; 0 where one of them names none.

    One less the Bhattacharyya coefficient of how often they name each part.
    """
    told, described = Counter[str](_parts_named(case.text)), Counter[str](_parts_named(text))
    for part, count in _parts_named(case.findings).items():
        told[part] += _SEEN_COUNTS * count
    for part, count in _parts_named(name).items():
        described[part] += _NAME_COUNTS * count
    if not told or not described:
        return 0.0
    whole = told.total() * described.total()
    return max(0.0, 1.0 - sum(sqrt(told[part] * described[part] / whole) for part in told))


@lru_cache(maxsize=2048)
def _parts_named(text: str) -> Mapping[str, int]:
    """In how many of its sentences: an organ that is named twice in one counts once."""
    organs = [organ for span in sentences(text) for organ in anatomy(span.text)]
    named = Counter(_REGION[organ] for organ in organs if organ in _REGION)
    if bones := sum(organ in _OF_THE_SKELETON for organ in organs):
        named[_SKELETON] = bones
    return named


@lru_cache(maxsize=4096)
def regions_named(text: str) -> frozenset[str]:
    return regions_of(anatomy(text))


def regions_of(organs: Collection[str]) -> frozenset[str]:
    """The skeleton is one of them: a border of a bone is none of a lung."""
    bones = {_SKELETON} if _OF_THE_SKELETON & set(organs) else set()
    return frozenset(bones | {_REGION[organ] for organ in organs if organ in _REGION})


def regions_about(text: str) -> frozenset[str]:
    """What a text is mostly about, and the skeleton where it names a bone."""
    bones = {_SKELETON} if _parts_named(text).get(_SKELETON) else set()
    return frozenset({region_of(text), *bones} - {""})


def all_far_apart(some: Collection[str], others: Collection[str]) -> bool:
    """Whether both are known, and none of the one adjoins any of the other."""
    return bool(some and others) and all(far_apart(one, other) for one in some for other in others)


def share_none(some: Collection[str], others: Collection[str]) -> bool:
    """Whether both are known and have none in common; what is felt along the spine may be of any part."""
    known = {*some, *others}
    return bool(some and others) and "spine" not in known and not set(some) & set(others)


def far_apart(one: str, other: str) -> bool:
    """Never where one of them is not known; the spine and the skeleton adjoin all."""
    known = {one, other} - {""}
    return len(known) == 2 and not known & {"spine", _SKELETON} and frozenset(known) not in _ADJOINING
