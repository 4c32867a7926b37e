"""In what role a sentence names a finding: as a feature of its disease, or as a cause, a risk, a consequence, a
look-alike. Only a feature can be missed when it is not there.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from retrieval.terms import finding_tokens

# What follows these words is no feature of the disease.
_BEFORE_A_CAUSE = (
    r"(?<!the )follow(?:s|ed|ing)?(?! by\b| up\b|-)|(?:is|are|was|were) preceded by|after|subsequent to|"
    r"secondary to|due to|"
    r"caused by|resulting from|results? from|result of|because of|owing to|attributed to|arises? (?:after|from)|"
    r"develops? (?:after|from|in patients with)|triggered by|precipitated by|induced by|provoked by|"
    r"in the setting of|in the context of|in (?:patients|children|adults|people|those|individuals|women|men) "
    r"(?:with|who have|who had)|history of|sequelae? (?:of|to)|"
    r"causes? (?:are|is|include|of)|(?:etiolog|aetiolog)\w+ (?:are|is|includes?)|"
    r"predispos\w+ (?:factors?|conditions?) (?:are|is|for [\w\s-]+ (?:are|is|includes?)|includes?)|predisposed by|"
    r"risk factors? (?:are|is|for [\w\s-]+ (?:are|is|includes?)|includes?)|"
    r"associated conditions? (?:are|is|includes?)"
)
_BEFORE_A_CONSEQUENCE = (
    r"complications? (?:of [\w\s-]+ )?(?:are|is|includes?|may include|such as|like)|complicated by|lead(?:s|ing)? to|"
    r"progress(?:es|ing)? to|evolves? into|predispos\w+ (?:\w+ )?to|(?:at |increased |higher |the )?risk (?:of|for)|"
    r"sequelae? (?:are|is|includes?)|prevents?|to prevent|to avoid"
)
_BEFORE_A_LOOK_ALIKE = (
    r"mimic(?:s|ked|king)?(?: by)?|simulat(?:es?|ed|ing)(?: by)?|resembl(?:es?|ing)|mistaken for|confused with|"
    r"(?:distinguish|differentiat)(?:es?|ed|ing|able)?(?: \w+){0,2} from|distinction (?:from|between)|different from|"
    r"differs? from|distinct from|differential(?: diagnos[ie]s)?(?: considerations?)?(?: of [\w\s-]+)? "
    r"(?:are|is|includes?|should include|may include)|unlike|in contrast (?:to|with)|contrary to|as opposed to|"
    r"rather than|instead of|compared (?:to|with)|than(?! (?:\d|half\b|one\b|two\b))|versus|vs\.?|"
    r"similar to|to (?:exclude|rule out)"
)
# What stands before these words is none.
_AFTER_A_CAUSE = (
    r"(?:is|are|was|were|may be|can be)(?: \w+){0,3} (?:causes?|risk factors?|risks?|predispos\w+(?: factors?)?|"
    r"triggers?|precursors?|complications?|sequelae?|consequences?|mimics?|differential)\b|predisposes?|precedes?|"
    r"(?:(?:may|can|often|usually|sometimes|commonly) )?causes?|leads? to|results? in|mimics?|resembles?|simulates?|"
    r"(?:may|can|could|should) be (?:mistaken|confused)|"
    r"(?:increase|raise)s? the risk|must be (?:excluded|distinguished|differentiated)|"
    r"should be (?:excluded|considered|distinguished|differentiated)"
)
_FORWARD = re.compile(rf"\b(?:{_BEFORE_A_CAUSE}|{_BEFORE_A_CONSEQUENCE}|{_BEFORE_A_LOOK_ALIKE})\b", re.IGNORECASE)
_BACKWARD = re.compile(rf"\b(?:{_AFTER_A_CAUSE})(?!\w)", re.IGNORECASE)
_COMPARISON = re.compile(rf"\b(?:{_BEFORE_A_LOOK_ALIKE})\b", re.IGNORECASE)
# A new statement of its own begins.
_BREAK = re.compile(
    r"[;:.]\s|\s[–—-]\s|\bbut\b|\bhowever\b|\balthough\b|\bwhereas\b|\bwhile\b|\band (?:is|are|was|were|has|have|"
    r"shows?|presents?|appears?|causes?|demonstrates?|produces?|typically|usually|often|commonly|characteristically)\b|"
    r"\b(?:by|because|based on|in that)\b(?! (?:trauma|injury)\b)",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|shows?|showed|seen|appears?|may|might|can|contains?|demonstrates?|presents?|"
    r"develops?|occurs?|enhances?|reveals?|causes?|produces?)\b",
    re.IGNORECASE,
)


def is_feature(sentence: str, words: frozenset[str]) -> bool:
    """Whether the sentence names each of these words somewhere as what is found in its disease."""
    return words <= _features(sentence)


def is_only_compared(sentence: str, words: frozenset[str]) -> bool:
    """Whether one of these words stands only where the sentence names what its disease is told from."""
    return not words <= _not_compared(sentence)


@lru_cache(maxsize=4096)
def _features(sentence: str) -> frozenset[str]:
    return _outside(sentence, [*_ahead(sentence, _FORWARD), *_behind(sentence)])


@lru_cache(maxsize=4096)
def _not_compared(sentence: str) -> frozenset[str]:
    return _outside(sentence, list(_ahead(sentence, _COMPARISON)))


def _outside(sentence: str, spans: list[tuple[int, int]]) -> frozenset[str]:
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(sentence[at : max(start, at)])
        at = max(at, end)
    return frozenset(word for part in [*kept, sentence[at:]] for word in finding_tokens(part))


def _ahead(sentence: str, triggers: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    for found in triggers.finditer(sentence):
        end = _end(sentence, found.end(), opens=not sentence[: found.start()].strip(" ,("))
        yield found.start(), end


def _end(sentence: str, start: int, *, opens: bool) -> int:
    """To the next statement: "After trauma, swelling is seen" tells of the swelling; in a list, commas end nothing."""
    broken = _BREAK.search(sentence, start)
    limit = broken.start() if broken else len(sentence)
    verb = _VERB.search(sentence, start, limit)
    limit = verb.start() if verb else limit
    if verb is None:
        return limit
    comma = sentence.find(",", start, limit) if opens else sentence.rfind(",", start, limit)
    return comma if comma >= 0 else limit


def _behind(sentence: str) -> Iterator[tuple[int, int]]:
    for found in _BACKWARD.finditer(sentence):
        start = max((broken.end() for broken in _BREAK.finditer(sentence, 0, found.start())), default=0)
        yield start, found.end()
