"""One claim laid beside one sentence of a passage, with all that a reader brings to that sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cdss.reasoning.gate import checks, comparing, matching, quantities, relations
from cdss.reasoning.gate.alignment import ALIGNED, lay
from cdss.reasoning.gate.changes import flaws_of
from cdss.reasoning.gate.easing import by_initials, eased
from cdss.reasoning.gate.order import crossed, exceptions
from cdss.reasoning.gate.reading import Reading, Word
from cdss.reasoning.gate.source import Source, Window
from cdss.reasoning.gate.subjects import IMAGES, SOFT, VERB, names_entity, speaks_of, subject_of
from cdss.reasoning.types import Support

_PARTLY_MISSING = 0.3


@dataclass(frozen=True, slots=True)
class Comparison:
    """`aligned`: the part of the claim that follows the source word for word. `contradicted`: it says otherwise.
    `leaned`: words of the claim stand in what comes before the sentence only."""

    support: Support
    reasons: tuple[str, ...]
    aligned: float
    contradicted: bool
    leaned: bool


def compare_window(claim: Reading, source: Source, window: Window, case: Reading | None) -> Comparison:
    reading = window.reading
    short = by_initials(claim, reading, window.carried)
    extra = _long(source, reading) | window.heading | short | _lent(claim, window, window.carried | short)
    found = compare(claim, reading, extra, case)
    if _unbound(claim, source, window):
        return replace(found, support="unsupported", reasons=("number", *found.reasons), contradicted=True)
    return found


def _unbound(claim: Reading, source: Source, window: Window) -> bool:
    """A number of the claim that stands between other semicolons than the words it is said of: "fever, 2; cough, 1"."""
    parts = [one.reading for one in source.windows if one.index == window.index and one.part]
    if window.part or not parts or not claim.quantities:
        return False
    lead = parts[0].keys
    words = {word.key for word in claim.words if word.key not in lead and any(word.key in one.keys for one in parts)}
    for quantity in claim.quantities:
        holding = [part for part in parts if any(one.normalised == quantity.normalised for one in part.quantities)]
        if words and holding and not any(part.keys & words for part in holding):
            return True
    return False


def _lent(claim: Reading, window: Window, carried: frozenset[str]) -> frozenset[str]:
    """Carried keys stand in for a subject; a sentence that has another subject of its own lends none."""
    reading, spoken = window.reading, frozenset(word.key for word in claim.words)
    if not speaks_of(spoken, reading) or not names_entity(reading) - SOFT <= spoken | carried:
        return frozenset()
    own = subject_of(reading) - SOFT
    return frozenset(
        word.key
        for place, word in enumerate(claim.words)
        if word.key in carried and (head := _head(claim, place).key) in carried and head not in own | IMAGES
    )


def _head(claim: Reading, place: int) -> Word:
    """The last word of the phrase that a word stands in."""
    while place + 1 < len(claim.words):
        here, following = claim.words[place], claim.words[place + 1]
        apart = following.start > here.start and claim.text[here.end : following.start].strip(" -\n\t")
        if apart or VERB.match(claim.text, following.start):
            break
        place += 1
    return claim.words[place]


def compare(
    claim: Reading, reading: Reading, extra: frozenset[str] = frozenset(), case: Reading | None = None
) -> Comparison:
    """All checks of one claim against one reading of a source."""
    match = matching.match_words(claim, reading, extra)
    laid = lay(claim, reading)
    if laid.aligned >= ALIGNED:
        flaws, mild = flaws_of(laid)
        mild += exceptions(claim, reading)
        flaws += matching.opposites(claim, match, reading, laid.gone(), laid.alone())
        flaws += quantities.exchanged_numbers(claim, match, reading, laid.gone(), laid.alone())
    else:
        flaws = matching.opposites(claim, match, reading)
        flaws += checks.negation(claim, match, reading)
        flaws += quantities.numbers(claim, match, reading, case)
        mild = checks.strength(claim, match, reading) + checks.superlatives(claim, reading)
    if laid.changes:
        flaws += relations.direction(claim, reading) + crossed(laid) + comparing.timing(claim, reading)
        flaws += comparing.preference(claim, reading) + comparing.turned(claim, reading)
    excused = comparing.agreeing(claim, reading)
    if excused:
        flaws = [flaw for flaw in flaws if flaw != "order" and flaw.partition(":")[2] not in excused]
        mild = [flaw for flaw in mild if flaw not in {"order", "certainty"} or not comparing.as_strong(claim, reading)]
    else:
        flaws += relations.comparison(claim, reading)
    grave = tuple(dict.fromkeys(flaws))
    missing = [
        word
        for place in match.missing
        if not matching.soft(word := claim.words[place]) and not eased(claim, word, reading)
    ]
    named = {reason.partition(":")[2] for reason in grave}
    absent = [word for word in missing if word.surface not in named and word.key not in excused]
    in_case = [word for word in absent if case and word.key in case.keys]
    absent = [word for word in absent if word not in in_case]
    reasons = (
        *grave,
        *mild,
        *dict.fromkeys(f"not-in-quote:{word.surface}" for word in absent),
        *dict.fromkeys(f"only-in-case:{word.surface}" for word in in_case),
    )
    return Comparison(
        _support(claim, match, grave, reasons, len(absent)),
        reasons,
        laid.aligned,
        bool(grave or mild),
        any(key not in reading.keys for key in match.found.values()),
    )


def _support(
    claim: Reading, match: matching.Match, grave: Sequence[str], reasons: Sequence[str], absent: int
) -> Support:
    if not match.found and not claim.quantities:
        return "unsupported"
    if not reasons:
        return "supported"
    if grave or not match.found or absent > _PARTLY_MISSING * len(claim.words):
        return "unsupported"
    return "partly"


def _long(source: Source, reading: Reading) -> frozenset[str]:
    added: frozenset[str] = frozenset()
    for short, keys in source.long_forms.items():
        if short in reading.keys:
            added |= keys
        elif keys <= reading.keys:
            added |= {short}
    return added
