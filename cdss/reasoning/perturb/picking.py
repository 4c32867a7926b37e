"""Which word of a sentence is exchanged: chosen by a hash of the sentence, so always the same."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence


def seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def chosen(options: Sequence[str], text: str) -> str | None:
    return options[seed(text) % len(options)] if options else None


def places(text: str, words: Mapping[str, str], whole: bool) -> Iterator[tuple[re.Match[str], str]]:
    edge = r"(?<![\w-])" if whole else ""
    after = r"(?![\w-])" if whole else ""
    pattern = re.compile(edge + "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")" + after)
    for match in pattern.finditer(text):
        yield match, words[match.group()]


def first_of(text: str, words: Mapping[str, str], *, whole: bool = True) -> str | None:
    found = list(places(text, words, whole))
    if not found:
        return None
    match, new = found[seed(text) % len(found)]
    return text[: match.start()] + new + text[match.end() :]


def by_pattern(text: str, rules: Sequence[tuple[str, str]]) -> str | None:
    for pattern, new in rules:
        if re.search(pattern, text):
            return re.sub(pattern, new, text, count=1)
    return None
