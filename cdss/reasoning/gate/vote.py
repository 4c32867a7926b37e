"""A local model's say on a claim: how likely it is that "Yes" follows the question whether the passage says it.

It may put "partly" where the rules say "supported", and "partly" where they found a paraphrase unsupported only because
words are missing. What the rules found contradicted stays so.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from cdss.reasoning.gate.judge import Verdict

Likelihood = Callable[[str, str], float]
# Below the lowest tenth of true claims, above the highest tenth of false ones.
FLOOR, CEILING = 0.3, 0.9
PROMPT = (
    "<|im_start|>system\nYou check medical statements against a passage. Answer Yes only when the passage says "
    "everything the statement says: the same findings, numbers, sides, certainty and comparison. Otherwise answer No."
    "<|im_end|>\n<|im_start|>user\nPassage: {passage}\n\nStatement: {claim}\n\n"
    "Does the passage say the statement? Answer Yes or No.<|im_end|>\n<|im_start|>assistant\n"
)
# Special tokens of the chat form, which no passage and no claim may bring along.
_MARKS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_LONGEST = 4000
_MISSING = ("not-in-quote:", "not-in-passage")


def likelihood(scores: Callable[[str, list[str]], list[float]], claim: str, passage: str) -> float:
    """`scores` gives the logits of words after a prompt."""
    yes, no = scores(PROMPT.format(passage=_plain(passage[:_LONGEST]), claim=_plain(claim)), ["Yes", "No"])
    return 1 / (1 + math.exp(min(50.0, no - yes)))


def voted(verdict: Verdict, claim: str, said: str, vote: Likelihood | None) -> Verdict:
    """The verdict, after the vote where there is one and it can matter."""
    if vote is None or not said or not (verdict.support == "supported" or _only_missing(verdict)):
        return verdict
    return with_vote(verdict, vote(claim, said), floor=FLOOR, ceiling=CEILING)


def with_vote(verdict: Verdict, likely: float, *, floor: float, ceiling: float) -> Verdict:
    """The verdict after the vote: below `floor` a support is halved, above `ceiling` a paraphrase half let in."""
    if verdict.support == "supported" and likely < floor:
        return replace(verdict, support="partly", reasons=(*verdict.reasons, "vote"))
    if verdict.support == "unsupported" and likely > ceiling and _only_missing(verdict):
        return replace(verdict, support="partly")
    return verdict


def _only_missing(verdict: Verdict) -> bool:
    return not verdict.contradicted and all(reason.startswith(_MISSING) for reason in verdict.reasons)


def _plain(text: str) -> str:
    for mark in _MARKS:
        text = text.replace(mark, " ")
    return text
