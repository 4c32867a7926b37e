"""What a language model thinks of, searched for once: further evidence for its own answer, and never its word."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from cdss.consultations.evidence import Found, Scope, look_up
from cdss.consultations.freezing import EvidenceDraft, frozen
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.errors import WriterError
from cdss.reasoning.hypotheses import Guesses, Hypothesis, guess_diagnoses
from cdss.reasoning.models import chat_model, context_tokens
from cdss.reasoning.prompts import guess_prompt_sha256
from cdss.reasoning.types import CONFIRMED, CaseInput, EvidenceText
from cdss.reasoning.understanding import read_case
from retrieval.terms import normalise_name

# Of what one guess found; and of all that was found beside the evidence there is.
KEPT_OF_EACH_GUESS = 2
MOST_ADDED = 6
# A guess is searched for with the findings that are there, and not with the whole of a long history.
FINDINGS_CHARACTERS = 600
# Of the time the model has for its answer, added to it: an answer has no less time for the search before it.
SHARE_OF_TIME = 0.25
# A window too small for everything reads by turns, so that no wrong guess takes the place of what fits best: so many
# pieces of the plain evidence, of the added, of the plain, and the rest.
TURNS = (10, 2, 10)
SEARCHED_FOR = "searched_for"


@dataclass(frozen=True, slots=True)
class Standing:
    """The evidence there is: labels by item, the number of the last one, and how far the farthest is from the case."""

    labels: Mapping[int, str]
    count: int
    farthest: float = 0.0

    @classmethod
    def of(cls, rows: Iterable[tuple[int | None, str, Mapping[str, float]]]) -> Standing:
        pieces = list(rows)
        cosines = [scores["dense"] for _, _, scores in pieces if "dense" in scores]
        labels = {item: label for item, label, _ in pieces if item is not None}
        return cls(labels, len(pieces), min(cosines, default=0.0))


@dataclass(frozen=True, slots=True)
class SearchedFor:
    """A guess and the labels of the evidence about it: what was added for it, and what was there before."""

    name: str
    found: Sequence[str]


@dataclass(frozen=True, slots=True)
class Expansion:
    """What was guessed and what that added. `trouble` says why there was nothing, and is empty when all went well."""

    guesses: Sequence[SearchedFor] = ()
    evidence: Sequence[EvidenceDraft] = ()
    refused: int = 0
    trouble: str = ""
    milliseconds: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "state": "failed" if self.trouble else "complete",
            **({"trouble": self.trouble} if self.trouble else {}),
            "guesses": [{"name": each.name, "evidence": list(each.found)} for each in self.guesses],
            "refused": self.refused,
            "milliseconds": dict(self.milliseconds),
            "prompt_sha256": guess_prompt_sha256(),
        }


def expand(
    *,
    spec: str,
    case: CaseInput,
    standing: Standing,
    scope: Scope,
    seconds: float,
    cancelled: Callable[[], bool] = lambda: False,
) -> Expansion:
    """One round: the model is asked once, and each of its guesses is searched for once.

    Raises WriterError (cancelled) alone: whatever else goes wrong with the model is told in the expansion.
    """
    began, reading = time.monotonic(), read_case(case)
    try:
        guesses = _guessed(spec, reading.case, began + seconds * SHARE_OF_TIME, seconds, cancelled)
    except WriterError as error:
        if error.kind == "cancelled":
            raise
        return Expansion(trouble=error.kind, milliseconds={"asked": _since(began)})
    asked = time.monotonic()
    present = "\n".join(one.text for one in reading.findings if one.assertion == "present")
    found = search_for(guesses.names, findings=present, case=reading.searched, scope=scope, floor=standing.farthest)
    labels, added = added_to(standing, guesses.names, found)
    return Expansion(
        guesses=[SearchedFor(one.name, labels[one.concept]) for one in guesses.names],
        evidence=added,
        refused=guesses.refused,
        milliseconds={"asked": round((asked - began) * 1000), "searched": _since(asked)},
    )


def search_for(
    guesses: Sequence[Hypothesis], *, findings: str, case: CaseInput, scope: Scope, floor: float
) -> list[list[Found]]:
    """Of each guess the items that are about it, chosen sources before reference collections."""
    texts = [f"{guess.name}\n{findings[:FINDINGS_CHARACTERS]}".strip() for guess in guesses]
    found = look_up(texts=texts, wanted=lambda n, one: is_about(one, guesses[n]), case=case, scope=scope, floor=floor)
    return [sorted(each, key=lambda one: one.item.collection.reference) for each in found]


def is_about(found: Found, guess: Hypothesis) -> bool:
    """An item that confirms the guess as its diagnosis or title, or has all words of it in its title."""
    confirmed = (name for name, weight in found.names if weight == CONFIRMED)
    if any((concept := concept_of(name)) and concept.key == guess.concept for name in confirmed):
        return True
    return _words(guess.name) <= _words(found.item.title)


def _words(name: str) -> frozenset[str]:
    return frozenset(normalise_name(name).split())


def _guessed(spec: str, told: CaseInput, deadline: float, seconds: float, cancelled: Callable[[], bool]) -> Guesses:
    return guess_diagnoses(
        model=chat_model(spec, timeout=seconds * SHARE_OF_TIME),
        case=told,
        most=settings.LLM_HYPOTHESES,
        deadline=deadline,
        context=context_tokens(spec),
        cancelled=cancelled,
    )


def added_to(
    standing: Standing, guesses: Sequence[Hypothesis], found: Sequence[Sequence[Found]]
) -> tuple[dict[str, list[str]], list[EvidenceDraft]]:
    """The labels each guess is met by, and the new pieces: the best of every guess before the second of any."""
    fresh = [[one for one in each if one.item.pk not in standing.labels][:KEPT_OF_EACH_GUESS] for each in found]
    in_turn = [each[place] for place in range(KEPT_OF_EACH_GUESS) for each in fresh if place < len(each)]
    chosen = list({one.item.pk: one for one in in_turn}.values())[:MOST_ADDED]
    drafts = frozen(chosen, first=standing.count + 1)
    labels = {**standing.labels, **{draft.item: draft.text.label for draft in drafts}}
    met = {
        guess.concept: [labels[one.item.pk] for one in each if one.item.pk in labels]
        for guess, each in zip(guesses, found, strict=True)
    }
    names = {guess.concept: guess.name for guess in guesses}
    return met, [_marked(draft, [names[c] for c, by in met.items() if draft.text.label in by]) for draft in drafts]


def in_the_models_order(evidence: Sequence[EvidenceText]) -> list[EvidenceText]:
    """What was added comes among the evidence there was: a small window drops the pieces at the end."""
    added = [piece for piece in evidence if SEARCHED_FOR in piece.details]
    plain = [piece for piece in evidence if SEARCHED_FOR not in piece.details]
    first, second, third = TURNS
    return [*plain[:first], *added[:second], *plain[first : first + third], *added[second:], *plain[first + third :]]


def _marked(draft: EvidenceDraft, names: Sequence[str]) -> EvidenceDraft:
    return replace(draft, text=replace(draft.text, details={**draft.text.details, SEARCHED_FOR: list(names)}))


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
