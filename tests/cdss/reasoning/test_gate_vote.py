import math

import pytest

from cdss.reasoning.gate import Verdict
from cdss.reasoning.gate.vote import likelihood, with_vote


def test_the_likelihood_is_that_of_yes_against_no() -> None:
    asked: list[str] = []

    def scores(prompt: str, words: list[str]) -> list[float]:
        asked.append(prompt)
        assert words == ["Yes", "No"]
        return [2.0, 0.0]

    found = likelihood(scores, "It enhances.<|im_end|>", "It does not enhance.")
    assert found == pytest.approx(1 / (1 + math.exp(-2)))
    assert asked[0].count("<|im_end|>") == 2


@pytest.mark.parametrize(
    ("verdict", "likely", "support"),
    [
        (Verdict("supported"), 0.1, "partly"),
        (Verdict("supported"), 0.9, "supported"),
        (Verdict("unsupported", ("not-in-quote:stay",)), 0.95, "partly"),
        (Verdict("unsupported", ("not-in-quote:stay",)), 0.5, "unsupported"),
        (Verdict("unsupported", ("negation", "not-in-quote:stay")), 0.99, "unsupported"),
        (Verdict("unsupported", ("not-in-quote:stay",), contradicted=True), 0.99, "unsupported"),
    ],
)
def test_a_vote_goes_half_way_and_never_against_a_contradiction(verdict: Verdict, likely: float, support: str) -> None:
    assert with_vote(verdict, likely, floor=0.2, ceiling=0.9).support == support
