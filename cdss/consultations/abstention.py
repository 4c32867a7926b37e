"""Why there is no answer, in words: what was searched, what was missing, what would help."""

from collections.abc import Mapping
from dataclasses import dataclass

REASONS = {
    "nothing_found": "Nothing in the library you may search comes near this case, so there is nothing to cite.",
    "below_floor": "What was found is not close enough to this case to rest a statement on.",
    "images_below_floor": "The case has no text, and no image of the library is similar enough to its images to rest a "
    "statement on.",
    "nothing_understood": "No finding was understood in the words of this case, so there is nothing that a source "
    "could be compared with.",
    "unsure": "What was found points in too many directions: on known cases, a first diagnosis with so little to go on "
    "was not right often enough to be shown.",
    "no_candidate": "What was found is close to this case, but names no diagnosis that could be supported.",
}
SEARCHED = {
    "items_found": "Cases and documents found",
    "best_similarity": "Similarity of the best",
    "floor": "Needed at least",
    "images": "Images compared",
    "index_version": "Index",
}
MISSING = {
    "history": "The history",
    "exam": "Examination and laboratory",
    "findings": "Imaging findings",
    "images": "Images",
}
ADVICE = {
    "history": "How it began, since when, and what the patient has had before.",
    "exam": "What examination and laboratory showed, with numbers and units.",
    "findings": "Modality, region, side and size of what is seen, and what was looked for and is absent.",
    "images": "One to three images on which the finding can be seen.",
}
ALWAYS = "Write findings in the words a report would use; abbreviations of one department are not found."


@dataclass(frozen=True, slots=True)
class Abstention:
    reason: str
    searched: list[tuple[str, str]]
    missing: list[str]
    add: list[str]


def abstention_of(stored: Mapping[str, object]) -> Abstention:
    searched = stored.get("searched")
    missing = [name for name in _words(stored.get("missing")) if name]
    return Abstention(
        reason=REASONS.get(str(stored.get("reason", "")), "The evidence found does not carry an answer."),
        searched=[
            (label, str(searched[name]))
            for name, label in SEARCHED.items()
            if isinstance(searched, Mapping) and searched.get(name) not in (None, "")
        ],
        missing=[MISSING.get(name, name) for name in missing],
        add=[*_words(stored.get("add")), *(ADVICE[name] for name in missing if name in ADVICE), ALWAYS],
    )


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list | tuple) else []
