"""The organs and regions a phrase names, and the imaging it was seen by."""

import re
from collections.abc import Iterator
from functools import lru_cache

from retrieval.terms.tables import word_set
from retrieval.terms.words import fold, plain, singular

_ANATOMY = word_set(
    """lung lobe pleura hilum mediastinum thymus trachea bronchus airway diaphragm chest thorax rib sternum clavicle
    scapula heart atrium ventricle pericardium myocardium aorta artery vein cava valve brain cerebrum cerebellum
    brainstem midbrain pons medulla thalamus hippocampus hypothalamus pituitary sella cortex hemisphere meninx dura
    skull cranium orbit eye globe nerve chiasm retina ear sinus nose nasopharynx oropharynx pharynx larynx tongue
    palate mandible maxilla tooth parotid thyroid parathyroid neck spine vertebra disc disk cord canal sacrum coccyx
    liver gallbladder bile duct pancreas spleen kidney adrenal ureter bladder urethra prostate testis scrotum penis
    epididymis uterus endometrium cervix ovary tube vagina breast nipple placenta fetus stomach esophagus duodenum
    jejunum ileum bowel cecum appendix colon sigmoid rectum anus mesentery omentum peritoneum retroperitoneum abdomen
    pelvis groin hip knee ankle shoulder elbow wrist hand finger thumb foot toe heel femur tibia fibula patella humerus
    radius ulna carpal metacarpal metatarsal tarsal talus calcaneus scaphoid lunate navicular phalanx joint meniscus
    ligament tendon muscle bone marrow skin scalp arm forearm leg thigh calf axilla lymph node gland face cheek jaw
    flank head"""
)
_ADJECTIVES = {
    "pulmonary": "lung", "lobar": "lobe", "pleural": "pleura", "hilar": "hilum", "perihilar": "hilum",
    "mediastinal": "mediastinum", "thymic": "thymus", "tracheal": "trachea", "bronchial": "bronchus",
    "diaphragmatic": "diaphragm", "thoracic": "thorax", "costal": "rib", "sternal": "sternum",
    "clavicular": "clavicle", "scapular": "scapula", "cardiac": "heart", "atrial": "atrium",
    "ventricular": "ventricle", "pericardial": "pericardium", "myocardial": "myocardium", "aortic": "aorta",
    "arterial": "artery", "venous": "vein", "cerebral": "cerebrum", "cerebellar": "cerebellum", "pontine": "pons",
    "thalamic": "thalamus", "hippocampal": "hippocampus", "hypothalamic": "hypothalamus", "sellar": "sella",
    "suprasellar": "sella", "cortical": "cortex", "meningeal": "meninx", "dural": "dura", "cranial": "cranium",
    "intracranial": "cranium", "orbital": "orbit", "ocular": "eye", "optic": "eye", "retinal": "retina",
    "nasal": "nose", "pharyngeal": "pharynx", "laryngeal": "larynx", "mandibular": "mandible", "maxillary": "maxilla",
    "dental": "tooth", "cervical": "neck", "spinal": "spine", "vertebral": "vertebra", "intervertebral": "disc",
    "lumbar": "spine", "sacral": "sacrum", "hepatic": "liver", "biliary": "bile", "pancreatic": "pancreas",
    "splenic": "spleen", "renal": "kidney", "suprarenal": "adrenal", "ureteral": "ureter", "ureteric": "ureter",
    "vesical": "bladder", "prostatic": "prostate", "testicular": "testis", "scrotal": "scrotum", "uterine": "uterus",
    "endometrial": "endometrium", "ovarian": "ovary", "vaginal": "vagina", "mammary": "breast", "gastric": "stomach",
    "esophageal": "esophagus", "duodenal": "duodenum", "jejunal": "jejunum", "ileal": "ileum",
    "intestinal": "bowel", "cecal": "cecum", "appendiceal": "appendix", "colonic": "colon", "rectal": "rectum",
    "mesenteric": "mesentery", "omental": "omentum", "peritoneal": "peritoneum",
    "retroperitoneal": "retroperitoneum", "abdominal": "abdomen", "pelvic": "pelvis", "inguinal": "groin",
    "femoral": "femur", "tibial": "tibia", "fibular": "fibula", "patellar": "patella", "humeral": "humerus",
    "radial": "radius", "ulnar": "ulna", "meniscal": "meniscus", "ligamentous": "ligament", "muscular": "muscle",
    "osseous": "bone", "bony": "bone", "nodal": "node", "axillary": "axilla", "facial": "face",
}  # fmt: skip
_REGION = re.compile(
    r"\b(?:(?:left|right) )?(?P<region>(?:upper|middle|lower) lobe|lingula|"
    r"(?:frontal|parietal|temporal|occipital) lobe|"
    r"corpus callosum|basal ganglia|fourth ventricle|third ventricle|lateral ventricle|posterior fossa|"
    r"cerebellopontine angle|internal capsule|cavernous sinus|white matter|gr[ae]y matter|soft tissues?|"
    r"(?:right|left) (?:upper|lower) quadrant|common bile duct)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]+")
_MODALITIES = (
    ("PET", r"PET(?:[-/ ]?CT)?|FDG"),
    ("angiography", r"(?:CT|MR)?[- ]?angiogra\w+|CTA|MRA|DSA|arteriogra\w+|venogra\w+"),
    ("MR", r"MRI?|magnetic resonance|T[12](?:[- ]?(?:weighted|WI?))?|FLAIR|DWI|ADC|STIR|gradient echo|GRE"),
    ("CT", r"CT|CAT scan|computed tomograph\w+|H(?:ounsfield )?U(?:nits)?|NECT|CECT"),
    ("US", r"ultrasound|sonogra\w+|US|doppler|echogenic|hypoechoic|anechoic|hyperechoic|echocardiogra\w+"),
    ("mammography", r"mammogra\w+"),
    ("NM", r"scintigra\w+|bone scan|SPECT|nuclear medicine|technetium|gallium scan"),
    ("XR", r"X-?rays?|radiogra\w+|plain films?|CXR|KUB|chest films?|AP view|PA view"),
)
_MODALITY = re.compile(
    "|".join(rf"(?P<m{place}>\b(?:{pattern})\b)" for place, (_, pattern) in enumerate(_MODALITIES)), re.IGNORECASE
)
# As a word of lower case it is no modality.
_NOT_LOWER = {"us", "gre", "pet", "adc"}


def anatomy(text: str) -> tuple[str, ...]:
    """The organs and regions a phrase names, in order, each once: "left renal mass" -> ("kidney",)."""
    named = [" ".join(match["region"].lower().split()) for match in _REGION.finditer(text)]
    words = map(_as_listed, _WORD.findall(plain(_REGION.sub(" ", text))))
    named += [organ for word in words if (organ := _ADJECTIVES.get(word, word)) in _ANATOMY]
    return tuple(dict.fromkeys(named))


@lru_cache(maxsize=65_536)
def _as_listed(word: str) -> str:
    """The pons and the pancreas are no plurals."""
    return word if word in _ANATOMY else singular(fold(word))


PLACE_WORDS = frozenset(_ANATOMY) | frozenset(_ADJECTIVES)
"""Words that name an organ, in the singular, and their adjectives."""


def organs() -> Iterator[tuple[str, str]]:
    """Every organ that `anatomy` knows, as (organ, word): the organ itself, and the adjectives that name it."""
    yield from ((organ, organ) for organ in sorted(_ANATOMY))
    yield from ((organ, word) for word, organ in _ADJECTIVES.items() if organ in _ANATOMY)


def modality(text: str) -> str:
    """The imaging a sentence names first: CT, MR, XR, US, NM, PET, angiography, mammography; "" for none."""
    for match in _MODALITY.finditer(text):
        if match.group() not in _NOT_LOWER:
            return _MODALITIES[int((match.lastgroup or "m0")[1:])][0]
    return ""
