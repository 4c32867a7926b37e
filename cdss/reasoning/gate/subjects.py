"""What a sentence is about, told from the words before its verb."""

import re
from functools import lru_cache
from itertools import pairwise

from cdss.reasoning.gate.reading import Reading
from cdss.reasoning.gate.vocabulary import OPPOSITE, canonical
from retrieval.terms.tables import ABBREVIATIONS, word_set

VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|may|might|can|could|will|would|should|must|does|do|did|shows?|showed|"
    r"demonstrates?|demonstrated|reveals?|revealed|occurs?|occurred|presents?|presented|appears?|appeared|causes?|"
    r"caused|affects?|includes?|contains?|involves?|arises?|develops?|represents?|remains?|remained|becomes?|consists?|"
    r"comprises?|accounts?|found|seen|grows?|tends?|spreads?|enhances?|measures?|extends?|lies|drains?|carries|begins?|"
    r"makes?|recommends?|suggests?|indicates?|results? in|produces?|requires?|suggested|usually|typically|commonly|"
    r"defines?|spares?|crosses|holds?|cavitates?|invades?|displaces?|widens?|narrows?|fills?|complicates?|follows?|"
    r"means?|gives?|tells?|mimics?|needs?|varies|vary|comes?|restricts?|destroys?|respects?|touch(?:es)?|dilates?|"
    r"depends?|predicts?|addresses|applies|divides?|differs?|estimates?|describes?|compared|excluded|underwent|"
    r"received|reported|concluded|reduces?|leads?|resembles?|compresses|erodes|calcifies|allows?|points? to|"
    r"combines?|calls? for|supports|improves?|rests on|widened|introduced|states|"
    r"proposes?|examined|assigned|advises?)\b",
    re.IGNORECASE,
)
_ENTITY = re.compile(
    r"\b(?:(?!(?:[Dd]ia|[Pp]ro)gnos)\w{3,}(?:omas?|omata|itis|itides|osis|oses|opath(?:y|ies)|plasias?|trophy|"
    r"ectasis|celes?|emia|uria|agia|ectomy)|"
    r"syndromes?|diseases?|disorders?|tumou?rs?|cancers?|cysts?|hernias?|fractures?|malformations?|anomal(?:y|ies)|"
    r"aneurysms?|sequestrations?|infarct(?:ion|s)?|abscess(?:es)?|fistulas?|embol(?:ism|us)|pneumonias?|tears?|"
    r"dissections?|thrombosis|sclerosis|dislocations?|polyps?|sarcomas?|metastas[ei]s)\b",
    re.IGNORECASE,
)
# "The cyst …", "these tumours …": the same one as before.
_DEFINITE = re.compile(
    r"\b(?:the|this|these|that|those|such|its|their|his|her)\s+(?:tumou?rs?|diseases?|disorders?|cysts?|lesions?|"
    r"mass(?:es)?|hernias?|fractures?|malformations?|anomal(?:y|ies)|aneurysms?|abscess(?:es)?|syndromes?|cancers?|"
    r"polyps?|tears?|dislocations?|conditions?|entity)\b",
    re.IGNORECASE,
)
# "A fracture is found …": a finding of what is spoken of, no new topic.
_FINDING = re.compile(
    r"(?:an?|any)\s+(?:\w+\s+)?(?:fractures?|abscess|aneurysm|cyst|fistula|tear|embolus)\b", re.IGNORECASE
)
_ENTITY_SHORT = frozenset(short.upper() for short, longs in ABBREVIATIONS.items() if _ENTITY.search(longs[0]))
_CAPITALS = re.compile(r"\b[A-Z]{2,5}\b")
_LEAD = re.compile(
    r"(?:(?:in|on|at|with|for|among|after|during|although|however|while|when|if|as|unlike|compared|therefore|thus|"
    r"\w+ly)\b[^,]*,\s*|(?:on|at|by|with) (?:mri?|ct|us|ultrasound|radiographs?|t[12]\S*)\s+)+",
    re.IGNORECASE,
)
_PARENTHESES = re.compile(r"\([^()]*\)?")
_LISTED = re.compile(r",\s*(?:and|or)?\s*|\s+(?:and|or)\s+")
_AFTER_HEAD = re.compile(r"\s(?:of|with|in|at|on|from|for|after|between|without|by|to|within|that|which)\s")
_SOFT_WORDS = word_set(
    "lesion mass tumor disease disorder process variety form group abnormality nodule condition entity finding"
)
SOFT = frozenset(canonical(word) for word in _SOFT_WORDS)
# "Fever, uveitis and arthritis are typical": findings of what is spoken of.
_LISTS = re.compile(
    r"(?:is|are) (?:also |often |usually |the )?(?:typical|common|usual|frequent|rare|present|absent|found|seen|"
    r"possible|risk factors?|main|signs?|symptoms?|causes?|characteristic|uncommon|further|other)\b"
)
_SHOWS = re.compile(r"(?:(?:typically|usually|often|commonly)\s+)?(?:show|demonstrate|reveal)", re.IGNORECASE)
# What an image shows is said of the disease, not of the image.
IMAGES = frozenset(
    canonical(word)
    for word in word_set(
        "ct mri ultrasound radiograph angiography imaging scan film pet mammography scintigraphy examination sonogram"
    )
)


@lru_cache(maxsize=8192)
def subject_of(reading: Reading) -> frozenset[str]:
    """The keys before the first verb, less what only leads up to the subject ("In adults, …")."""
    return frozenset().union(*subjects_of(reading))


@lru_cache(maxsize=8192)
def subjects_of(reading: Reading) -> tuple[frozenset[str], ...]:
    """The keys of each of several subjects: "headache, fever and loss of weight are …"."""
    start, end = _subject_span(reading.text)
    inside = [match.span() for match in _PARENTHESES.finditer(reading.text, start, end)]
    cuts = [start, *(match.end() for match in _LISTED.finditer(reading.text, start, end)), end]
    found = []
    for begin, until in pairwise(cuts):
        keys = frozenset(
            word.key
            for word in reading.words
            if begin <= word.start < until and word.end <= end and not any(a <= word.start < b for a, b in inside)
        )
        if keys:
            found.append(keys)
    return tuple(found)


def _subject_span(text: str) -> tuple[int, int]:
    verb = VERB.search(text)
    if not verb:
        return 0, 0
    lead = _LEAD.match(text, 0, verb.start())
    return lead.end() if lead else 0, verb.start()


def speaks_of(spoken: frozenset[str], reading: Reading) -> bool:
    """Whether a claim with these keys is about a subject of the sentence, or the sentence has none of its own.

    Several things that stand in a row are each a subject; of a long one its greater part must be spoken of.
    """
    subjects = [own for one in subjects_of(reading) if (own := one - SOFT)]
    if len(subjects) < len(subjects_of(reading)) or not subjects:
        return True
    if all(own <= IMAGES for own in subjects) and _SHOWS.match(reading.text, _subject_span(reading.text)[1]):
        return True
    return any(2 * len(own & spoken) > len(own) for own in subjects)


@lru_cache(maxsize=8192)
def names_entity(reading: Reading, before_verb: bool = True) -> frozenset[str]:
    """The keys of the subject when it names a disease or something as definite, else nothing."""
    start, end = _subject_span(reading.text) if before_verb else (0, len(reading.text))
    head = reading.text[start:end]
    if before_verb and (_LISTS.match(reading.text, end) or len(subjects_of(reading)) > 2):
        return frozenset()
    if before_verb and (_DEFINITE.search(head) or _FINDING.match(head)):
        return frozenset()
    named = _ENTITY.search(head) or any(match.group() in _ENTITY_SHORT for match in _CAPITALS.finditer(head))
    if not named:
        return frozenset()
    keys = frozenset(word.key for word in reading.words if start <= word.start < end)
    return keys if keys - SOFT - frozenset(OPPOSITE) else frozenset()
