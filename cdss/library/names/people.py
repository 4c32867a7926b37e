"""Names of people that no label announces: known by what stands before and after them, by frequent names, and by words
that are no words of the language.

A name found once is looked for in the whole text. An eponym (Crohn disease, Colles fracture) is a name only behind a
title, a label or a given name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdss.library.names import lexicon
from cdss.library.names.cues import (
    CAPITALISED,
    CREDENTIAL,
    CREDENTIALS,
    EPONYM_AFTER,
    LABEL,
    LONGEST,
    MAYBE_BEFORE,
    MONTHS,
    NAME_LABEL,
    NO_NAME,
    NOUN_BEFORE,
    NUMBER_BEFORE,
    PARTICLES,
    PERSON_BEFORE,
    PERSON_VERB,
    PLACE_WORDS,
    REFERENCE_AFTER,
    RELATIVE_BEFORE,
    ROLE_AFTER,
    SAINT,
    SPOKEN,
    TITLE,
    TITLES,
    TOKEN,
)

Span = tuple[int, int]
LONGEST_WORD, MOST_WORDS = 60, 24


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    start: int
    end: int

    @property
    def is_title(self) -> bool:
        """As a name is written: Smith, O'Brien, McDonald, Ana-Maria, but not RBCs, QTcD or D-dimer."""
        return CAPITALISED.fullmatch(self.text) is not None

    @property
    def is_capitals(self) -> bool:
        return len(self.text) > 1 and self.text.isupper()

    @property
    def is_initial(self) -> bool:
        return len(self.text) == 1 and self.text.isupper()


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside a run of capitalised words."""

    before: str
    after: str


def people(text: str, known: Sequence[Span] = ()) -> list[Span]:
    """Spans of names; `known` are names that were found by other means."""
    tokens = [Token(match.group(), *match.span()) for match in TOKEN.finditer(text)]
    tokens = [token for token in tokens if token.end - token.start <= LONGEST_WORD]
    found: list[Span] = []
    for run in _runs(text, tokens):
        if span := _accepted(text, run, found[-1][1] if found else 0):
            found.append(span)
    found += _spoken(text, tokens)
    return _apart([*found, *_again(text, tokens, [*known, *found])])


def _runs(text: str, tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Neighbouring capitalised words of one line, with initials and particles between them."""
    run: list[Token] = []
    for token in tokens:
        if len(run) > MOST_WORDS or (run and not _joined(text[run[-1].end : token.start], run[-1])):
            yield _without_end_particles(run)
            run = []
        particle = token.text in PARTICLES
        if token.is_title or token.is_capitals or token.is_initial or (particle and (run or _leads(text, token))):
            run.append(token)
        elif run:
            yield _without_end_particles(run)
            run = []
    if run:
        yield _without_end_particles(run)


def _joined(gap: str, last: Token) -> bool:
    return gap in (" ", "\t") or (gap in (". ", ".") and (last.is_initial or last.text.casefold() in SAINT))


def _leads(text: str, token: Token) -> bool:
    following = text[token.end : token.end + 2]
    return following[:1] in (" ", "-") and (following[1:].isupper() or following[1:].islower())


def _without_end_particles(run: list[Token]) -> list[Token]:
    while run and run[-1].text in PARTICLES:
        run = run[:-1]
    return run


def _accepted(text: str, run: Sequence[Token], last: int) -> Span | None:
    """`last` is where the name before it ends."""
    while len(run) > 2 and run[-1].is_initial:
        run = run[:-1]
    for first in range(len(run)):
        rest = run[first:]
        if rest[0].text.casefold() in TITLES:
            continue
        if not any(token.is_title or token.is_capitals for token in rest):
            return None
        if last and _goes_on(text, last, rest[0]):
            named = _named(rest)
            return named[0].start, named[-1].end
        around = Around(text[max(0, rest[0].start - 60) : rest[0].start], text[rest[-1].end : rest[-1].end + 40])
        if TITLE.search(around.before) or NAME_LABEL.search(around.before):
            named = _named(rest)
        elif LABEL.search(around.before):
            named = _named(rest) if any(_may_be_name(token) for token in rest[:2]) else ()
        elif (
            first
            and run[first - 1].text.casefold() not in PARTICLES | TITLES
            and not lexicon.is_word(run[first - 1].text)
        ):
            # The middle of what was not taken for a name.
            return None
        else:
            named = _unannounced(text, rest, around)
        if named:
            return named[0].start, named[-1].start + len(lexicon.CONTRACTED.sub("", named[-1].text))
    return None


def _goes_on(text: str, last: int, token: Token) -> bool:
    """Whether a name follows the one that ends at `last`: X and Y, or SURNAME, GIVEN."""
    gap = text[last : token.start]
    if token.is_capitals:
        return gap == ", " and text[last - 1].isupper() and token.text not in CREDENTIALS
    return gap in (" and ", ", ", " or ", " & ", "; ") and token.is_title and _may_be_name(token)


def _named(run: Sequence[Token]) -> Sequence[Token]:
    """Behind a title or a label: the first word whatever it is, the others while they may be names."""
    taken = 1
    while run[taken - 1].text in PARTICLES or (run[taken - 1].is_initial and taken < len(run)):
        taken += 1
        if taken > len(run):
            return ()
    while taken < min(len(run), LONGEST + 1) and _may_be_name(run[taken]):
        taken += 1
    first = run[0]
    if taken == 1 and first.text.casefold() in NO_NAME:
        return ()
    return run[:taken]


def _may_be_name(token: Token) -> bool:
    if token.text.casefold() in PARTICLES or token.is_initial:
        return True
    return not lexicon.is_word(token.text) or lexicon.is_given(token.text) or lexicon.is_surname(token.text)


def _unannounced(text: str, run: Sequence[Token], around: Around) -> Sequence[Token]:
    while len(run) > 1 and not _may_be_name(run[-1]):
        run = run[:-1]
    if len(run) > LONGEST:
        return ()
    after = text[run[-1].end : run[-1].end + 60]
    if EPONYM_AFTER.match(after) and not PERSON_VERB.match(after):
        return ()
    if not _may_be_name(run[0]):
        return _named_by_a_word(run, around.before, after)
    solid = [token for token in run if token.text.casefold() not in PARTICLES and not token.is_initial]
    if not solid or any(token.is_capitals for token in run):
        return run if _in_capitals(solid) else ()
    new = [token for token in solid if lexicon.is_unknown(token.text)]
    if len(run) > 1 and run[0].text.casefold() in SAINT:
        new = solid
    usual = [token for token in solid if lexicon.is_given(token.text)]
    if PERSON_BEFORE.search(around.before) or CREDENTIAL.match(after) or ROLE_AFTER.match(after):
        return run if new or usual or len(solid) > 1 or lexicon.is_surname(solid[0].text) else ()
    if NOUN_BEFORE.search(around.before):
        return run if usual or len(new) > 1 or (new and len(solid) > 1) else ()
    if REFERENCE_AFTER.match(after) or run[0].text.casefold() in PLACE_WORDS:
        return ()
    if len(solid) > 1:
        is_full = (
            solid[0] in usual or len(new) == len(solid) or (solid[0] in new and lexicon.is_surname(solid[-1].text))
        )
        return run if is_full and not _is_term(solid) else ()
    if (
        len(run) > 1
        and new
        and run[0].is_initial
        and text[run[0].end] == "."
        and not NUMBER_BEFORE.search(around.before)
    ):
        return run
    if PERSON_VERB.match(after) and (new or usual):
        return run
    if len(solid[0].text) < 3 or solid[0].text.casefold() in MONTHS:
        return ()
    sure = [token for token in usual if not lexicon.is_word(token.text) and not lexicon.is_eponym(token.text)]
    if sure and (MAYBE_BEFORE.search(around.before) or after.startswith(("'s ", "’s ", ","))):
        return run
    return ()


def _named_by_a_word(run: Sequence[Token], before: str, after: str) -> Sequence[Token]:
    """Chase Jørgensen: a word in front counts where a person is expected and what follows it is no word."""
    if run[0].text.casefold() in NO_NAME or not run[0].is_title or lexicon.MEDICAL.search(run[0].text):
        return ()
    if len(run) == 1:
        return run if RELATIVE_BEFORE.search(before) else ()
    expected = (
        PERSON_BEFORE.search(before) or CREDENTIAL.match(after) or ROLE_AFTER.match(after) or PERSON_VERB.match(after)
    )
    rest = [token for token in run[1:] if token.text.casefold() not in PARTICLES and not token.is_initial]
    named = rest and all(lexicon.is_unknown(token.text) or lexicon.is_surname(token.text) for token in rest)
    return run if expected and named and all(token.is_title for token in rest) else ()


def _in_capitals(solid: Sequence[Token]) -> bool:
    """JOHN SMITH, with a given name in front; JOHN alone may be an abbreviation."""
    return (
        len(solid) > 1
        and all(token.is_capitals for token in solid)
        and len(solid[0].text) > 2
        and lexicon.is_given(solid[0].text)
        and not lexicon.is_word(solid[0].text)
        and (lexicon.is_unknown(solid[-1].text) or lexicon.is_surname(solid[-1].text))
    )


def _is_term(solid: Sequence[Token]) -> bool:
    return all(lexicon.is_eponym(token.text) for token in solid) and not lexicon.is_given(solid[0].text)


def _spoken(text: str, tokens: Sequence[Token]) -> Iterator[Span]:
    """Names in lower case, as dictation writes them: behind a title, and no word of the language."""
    for number, token in enumerate(tokens):
        if token.text.islower() and SPOKEN.search(text[max(0, token.start - 60) : token.start]):
            last = number
            while tokens[last].text in PARTICLES and last + 1 < len(tokens):
                last += 1
            if last > number or _is_spoken_name(token.text):
                while (
                    last + 1 < len(tokens)
                    and last - number < LONGEST
                    and text[tokens[last].end : tokens[last + 1].start] == " "
                    and tokens[last + 1].text.islower()
                    and (tokens[last + 1].text in PARTICLES or not lexicon.is_word(tokens[last + 1].text))
                ):
                    last += 1
                yield token.start, tokens[last].end


def _is_spoken_name(word: str) -> bool:
    return len(word) > 1 and (not lexicon.is_word(word) or lexicon.is_surname(word) or lexicon.is_given(word))


def _again(text: str, tokens: Sequence[Token], found: Sequence[Span]) -> Iterator[Span]:
    """The words of names that were found, wherever else they stand."""
    named = {
        match.group().casefold()
        for start, end in found
        for match in TOKEN.finditer(text, start, end)
        if len(match.group()) > 2 and match.group().casefold() not in PARTICLES
    }
    for token in tokens:
        word = lexicon.CONTRACTED.sub("", token.text)
        if word.casefold() in named and _stands_for_one(token, word, text[token.end : token.end + 60]):
            yield token.start, token.start + len(word)


def _stands_for_one(token: Token, word: str, after: str) -> bool:
    if EPONYM_AFTER.match(after) and lexicon.is_eponym(word):
        return False
    if not lexicon.is_word(word):
        return not token.text.islower() or lexicon.is_unknown(word)
    return not token.text.islower() and (PERSON_VERB.match(after) is not None or token.text != word)


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Sorted, each place once."""
    kept: list[Span] = []
    for start, end in sorted(set(spans)):
        if kept and start < kept[-1][1]:
            kept[-1] = kept[-1][0], max(end, kept[-1][1])
        else:
            kept.append((start, end))
    return kept
