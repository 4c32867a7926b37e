"""The part of the body a text is mostly about."""

from collections import Counter
from functools import lru_cache

from retrieval.terms import sentences
from retrieval.terms.places import anatomy

# The aorta is in none: it runs through two of them.
_ORGANS = {
    "head": "brain cerebrum cerebellum brainstem midbrain pons medulla thalamus hippocampus hypothalamus "
    "pituitary sella hemisphere meninx dura skull cranium orbit eye globe chiasm retina ear sinus nose "
    "mandible maxilla tooth parotid face head scalp",
    "neck": "nasopharynx oropharynx pharynx larynx tongue palate thyroid parathyroid neck",
    "chest": "lung pleura hilum mediastinum thymus trachea bronchus airway chest thorax rib sternum clavicle "
    "scapula heart atrium pericardium myocardium breast esophagus",
    "abdomen": "liver gallbladder bile pancreas spleen kidney adrenal ureter stomach duodenum jejunum ileum bowel "
    "cecum appendix colon sigmoid mesentery omentum peritoneum retroperitoneum abdomen",
    "pelvis": "bladder urethra prostate testis scrotum penis epididymis uterus endometrium cervix ovary vagina "
    "placenta fetus rectum anus pelvis groin",
    "spine": "spine vertebra disc disk cord sacrum coccyx",
    "limb": "hip knee ankle shoulder elbow wrist hand finger thumb foot toe heel femur tibia fibula patella "
    "humerus radius ulna carpal metacarpal metatarsal tarsal talus calcaneus scaphoid lunate navicular "
    "phalanx meniscus arm forearm leg thigh calf axilla",
}
# Pain and disease cross from one into the other: these say little against one another.
_ADJOINING = frozenset(
    frozenset(pair.split())
    for pair in ("head neck", "neck chest", "chest abdomen", "abdomen pelvis", "pelvis limb", "chest limb")
)
_REGION = {organ: region for region, organs in _ORGANS.items() for organ in organs.split()}


@lru_cache(maxsize=512)
def region_of(text: str) -> str:
    """Empty when it names no organ, or two parts equally often."""
    named = Counter(
        region for span in sentences(text) for organ in anatomy(span.text) if (region := _REGION.get(organ))
    )
    ranked = named.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return ""
    return ranked[0][0]


def far_apart(one: str, other: str) -> bool:
    """Never where one of them is not known; the spine adjoins all."""
    known = {one, other} - {""}
    return len(known) == 2 and "spine" not in known and frozenset(known) not in _ADJOINING
