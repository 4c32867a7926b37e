"""Words: spelling, stems, and the tokens of the lexical index."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from retrieval.terms.tables import ABBREVIATIONS, IRREGULAR_PLURALS, SPELLING, SPELLING_KEPT, STOP_WORDS, word_set

GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda nu xi omicron pi rho sigma sigma tau upsilon phi "
    "chi psi omega"
)
UNITS = (
    r"cm|mm|um|nm|km|m|hu|ml|dl|l|cc|mg|mcg|ug|ng|pg|g|kg|iu|u|mmol|mol|meq|mmhg|kpa|bpm|hz|khz|mhz|kv|kvp|msv|mgy|gy|t"
)
_CHARACTERS = str.maketrans(
    {
        **dict(
            zip(
                "αβγδεζηθικλνξοπρςστυφχψω",
                GREEK.split(),
                strict=True,
            )
        ),
        **dict.fromkeys("μµ", "u"),
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("‘’´`", "'"),
        **dict.fromkeys("“”", '"'),
        "×": " x ",
        "≥": " >= ",
        "≤": " <= ",
        "\u00a0": " ",
        "é": "e",
        "è": "e",
        "ö": "o",
        "ü": "u",
        "ä": "a",
        "ç": "c",
        "ï": "i",
        "æ": "ae",
        "œ": "oe",
    }
)
_TOKEN = re.compile(
    rf"\d+(?:,\d{{3}})*(?:\.\d+)?\s?(?:(?:{UNITS})\b|%)"
    r"|[a-z0-9]*[a-z][a-z0-9]*(?:[-/'][a-z0-9]+)*"
    r"|\d+(?:,\d{3})*(?:\.\d+)?"
)
_LEVEL = re.compile(r"([clts])(\d{1,2})[-/]\1?(\d{1,2})\Z")
_SPELLING = re.compile("|".join(sorted(SPELLING, key=len, reverse=True)))
_MEMO_SIZE = 200_000
# What is longer is no word, and is not remembered.
_LONGEST = 64
_memo: dict[str, tuple[str, ...]] = {}
_stems: dict[str, str] = {}


def plain(text: str) -> str:
    """Lower case, Greek letters by name, one kind of dash and quote. Offsets are not kept."""
    text = text.lower()
    return text if text.isascii() else text.translate(_CHARACTERS)


def fold(word: str) -> str:
    """A lower-case word in American spelling: "haemorrhage" -> "hemorrhage", "tumour" -> "tumor"."""
    if word in SPELLING_KEPT or len(word) < 4:
        return word
    return _SPELLING.sub(lambda match: SPELLING[match.group()], word)


def singular(word: str) -> str:
    """A lower-case word without its plural: "masses" -> "mass", "vertebrae" -> "vertebra"."""
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("oses", "nses", "yses", "eses")) and len(word) > 6:
        return word[:-2] + "is" if not word.endswith("nses") else word[:-1]
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    return word[:-1]


def tokens(text: str) -> list[str]:
    """The tokens of a text for a lexical index, in order; the same for documents and queries.

    Lower case, American spelling, singular, stop words left out. A number and its unit are one token ("3.5 cm" and
    "3.5cm" -> "3.5cm"), so that a size matches a size and a bare number does not. A hyphenated word gives itself
    joined and its parts ("T2-weighted" -> "t2weighted", "t2", "weighted"), a spinal level itself and its vertebrae
    ("L4-5" -> "l4-5", "l4", "l5"). Greek letters are spelled out.
    """
    found: list[str] = []
    extend, memo = found.extend, _memo
    for raw in _TOKEN.findall(plain(text)):
        known = memo.get(raw)
        extend(known if known is not None else _remember(raw))
    return found


def _remember(raw: str) -> tuple[str, ...]:
    if len(_memo) >= _MEMO_SIZE:
        _memo.clear()
    made = _word_tokens(raw)
    if len(raw) <= _LONGEST:
        _memo[raw] = made
    return made


def _word_tokens(raw: str) -> tuple[str, ...]:
    if raw[0].isdigit() and not any(character in raw for character in "-/'"):
        return (raw.replace(",", "").replace(" ", "").replace("\n", "").replace("\t", ""),)
    if raw.endswith("'s"):
        raw = raw[:-2]
    if level := _LEVEL.match(raw):
        letter, first, second = level.groups()
        return (f"{letter}{first}-{second}", f"{letter}{first}", f"{letter}{second}")
    parts = re.split(r"[-/']", raw)
    if len(parts) == 1:
        return () if raw in STOP_WORDS else (singular(fold(raw)),)
    joined = "".join(parts) if "-" in raw else ""
    kept = [singular(fold(part)) for part in parts if part and part not in STOP_WORDS]
    if not joined or len(kept) == 0:
        return tuple(kept)
    return (singular(fold(joined)), *kept)


_SUFFIXES = (
    "ifications", "ification", "ifying", "ified", "ifies", "izations", "ization", "izing", "ized", "izes", "ize",
    "ications", "ication", "ations", "ation", "atically", "ically", "ionally", "ional", "ements", "ement", "ments",
    "ment", "ances", "ance", "ences", "ence", "ancy", "ency", "itions", "ition", "ions", "ion", "ities", "ity",
    "iveness", "iness", "ness", "atives", "ative", "ively", "ives", "ive", "ators", "ator", "ating", "ated", "ates",
    "ate", "ously", "ous", "ably", "able", "ible", "ially", "ally", "ials", "ial", "ically", "ical", "als", "al",
    "ingly", "ings", "ing", "edly", "ed", "ely", "ly", "ants", "ant", "ents", "ent", "ers", "er", "ors", "or",
    "osis", "oses", "otic", "asis", "ases", "atic", "esis", "etic", "itis", "itic", "ics", "ic", "ias", "ia", "ies",
    "iform", "oid", "ars", "ar", "ary", "ery", "ory", "ure", "ures", "es", "s", "e", "y", "um", "us", "a",
)  # fmt: skip
_ENDINGS = {
    size: frozenset(suffix for suffix in _SUFFIXES if len(suffix) == size)
    for size in sorted({len(suffix) for suffix in _SUFFIXES}, reverse=True)
}
# Pairs that the endings below would wrongly make one.
_STEM_KEPT = word_set(
    """infant infancy infer inferior superior anterior posterior interior exterior ulterior artery arterial vein venous
    general generous organ organic uterus uterine university universal cancer cancel canal aneurysm operate
    later lateral less lesser former formation matter mature marine marginal inner outer upper lower center
    colon colony colitis cardia cardiac carditis port portal part partial party female male prevent testis testes
    within massive similar regular irregular"""
)


def stem(word: str) -> str:
    """A lower-case word down to what its family shares: "calcified", "calcification" -> "calc".

    Stronger than `singular`: it makes one of "enhances", "enhancing", "enhancement" and of "cyst", "cystic". For
    comparing two texts, not for an index.
    """
    known = _stems.get(word)
    if known is not None:
        return known
    base = singular(fold(word))
    made = base
    if base not in _STEM_KEPT and not any(character.isdigit() for character in base):
        for size, suffixes in _ENDINGS.items():
            if len(base) - size >= (4 if size < 5 else 3) and base[-size:] in suffixes and not base.endswith("ss"):
                made = base[:-size]
                break
        if len(made) > 4 and made[-1] == made[-2] and made[-1] not in "ls":
            made = made[:-1]
        if len(made) > 4 and made.endswith("i"):
            made = made[:-1]
    if len(_stems) >= _MEMO_SIZE:
        _stems.clear()
    if len(word) <= _LONGEST:
        _stems[word] = made
    return made


def stems_and_pairs(text: str) -> list[str]:
    """The stems of a text's tokens, and each two neighbours as one term with a space between."""
    stems = [stem(token) for token in tokens(text)]
    return stems + [f"{first} {second}" for first, second in pairwise(stems)]


_LONG_TOKENS: dict[str, tuple[tuple[str, ...], ...]] = {
    short: tuple(tuple(tokens(long)) for long in longs) for short, longs in ABBREVIATIONS.items()
}
_BY_FIRST: dict[str, list[tuple[tuple[str, ...], str]]] = {}
for _short, _longs in _LONG_TOKENS.items():
    for _long in _longs:
        _BY_FIRST.setdefault(_long[0], []).append((_long, _short))


def expand(found: Sequence[str]) -> list[str]:
    """The tokens, and after them the long forms of their abbreviations and the abbreviations of their long forms.

    "gbm" adds "glioblastoma"; "pulmonary", "embolism" adds "pe". What is there already is not added twice.
    """
    added: list[str] = []
    for place, token in enumerate(found):
        for long in _LONG_TOKENS.get(token, ()):
            added.extend(long)
        for long, short in _BY_FIRST.get(token, ()):
            if tuple(found[place : place + len(long)]) == long:
                added.append(short)
    return [*found, *_new(added, set(found))]


def _new(candidates: Iterable[str], seen: set[str]) -> list[str]:
    return [word for word in candidates if not (word in seen or seen.add(word))]  # type: ignore[func-returns-value]
