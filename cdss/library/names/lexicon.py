"""Which words are words, which are eponyms and which are names. Read once, when the first text is looked at."""

import gzip
import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
# Endings that terms of medicine have and names hardly ever.
MEDICAL = re.compile(
    r"(?:omas?|itis|oses|osis|a?emia|path(?:y|ies|ic)|graph(?:y|ic|s)?|grams?|ectomy|otomy|ostomy|plasty|algia|iasis|uria"
    r"|plasia|plastic|troph(?:y|ic)|scop(?:y|ic|e)|penia|penic|cytes?|cytic|blastic|lysis|lytic|genesis|genic|genous"
    r"|coccus|cocci|bacter|bacteri\w+|mycin|cillin|azole|prazole|olol|pril|sartan|statin|mabs?|tinib|caine|zepam|zolam"
    r"|oxacin|cycline|parin|metry|metric|tensi[ov]\w*|echoic|intens\w*|dens\w*|lucen\w*|opac\w*|ation|ations|ular"
    r"|iform|oid|oids|ectasi[as]|ectatic|stenosis|stenotic|megaly|rrhea|rrhage|rrhagic|cele|cystic|vascular|ceph\w+"
    r"|dural|lateral|medial|axial|thoracic|lumbar|sacral|carpal|tarsal|itic|otic|atous|ology|ologic\w*|ologist|ema)$"
)
CONTRACTED = re.compile(r"['’]s?$")


def _words(name: str) -> frozenset[str]:
    path = FOLDER / name
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return frozenset(data.decode().casefold().split())


@cache
def words() -> frozenset[str]:
    return _words("words.txt.gz")


@cache
def eponyms() -> frozenset[str]:
    return _words("eponyms.txt.gz")


@cache
def given() -> frozenset[str]:
    return _words("given.txt")


@cache
def surnames() -> frozenset[str]:
    return _words("surnames.txt")


def parts(word: str) -> list[str]:
    return [part for part in re.split(r"[-'’.]", CONTRACTED.sub("", word).casefold()) if part]


def is_word(word: str) -> bool:
    """A word of the language or of medicine, whatever else it may be."""
    plain = CONTRACTED.sub("", word).casefold()
    if plain in words() or plain.rstrip("s") in words() or MEDICAL.search(plain):
        return True
    found = [part for part in parts(word) if len(part) > 1]
    return len(found) > 1 and all(part in words() or MEDICAL.search(part) for part in found)


def is_eponym(word: str) -> bool:
    return any(part in eponyms() for part in parts(word))


def is_given(word: str) -> bool:
    """A frequent given name; one that is made of two has to be both."""
    found = parts(word)
    return word.casefold() in given() or (bool(found) and all(part in given() for part in found))


def is_surname(word: str) -> bool:
    return word.casefold() in surnames() or any(part in surnames() for part in parts(word) if len(part) > 2)


def is_unknown(word: str) -> bool:
    """Neither a word nor an eponym: capitalised in a note, most often a name."""
    return not is_word(word) and not is_eponym(word)
