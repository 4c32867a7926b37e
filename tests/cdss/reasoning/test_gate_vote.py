import math

import pytest

from cdss.reasoning.errors import WriterError
from cdss.reasoning.gate import Verdict, check_statement, find_support
from cdss.reasoning.gate.vote import likelihood, with_vote
from cdss.reasoning.types import CitationDraft, EvidenceText, StatementDraft
from cdss.reasoning.voting import site_vote


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


def test_one_vote_for_claims_and_for_statements() -> None:
    passage = "The mass enhances. It is round."
    evidence = {"E1": EvidenceText("E1", "literature", "x", "", passage, 1.0)}
    statement = StatementDraft("The mass enhances.", "for", [CitationDraft("E1", "The mass enhances.", 0, 18)])
    asked: list[tuple[str, str]] = []

    def doubt(claim: str, said: str) -> float:
        asked.append((claim, said))
        return 0.01

    judged = check_statement(statement=statement, evidence=evidence, case=None, vote=doubt)
    assert (judged.support, list(judged.reasons)) == ("partly", ["vote"])
    assert find_support("The mass enhances.", passage, vote=doubt).support == "partly"
    assert find_support("The mass does not enhance.", passage, vote=doubt).support == "unsupported"
    assert asked == [("The mass enhances.", "The mass enhances.")] * 2


def test_without_the_setting_no_model_is_asked(settings) -> None:  # type: ignore[no-untyped-def]
    settings.GATE_VOTE = False
    settings.LLM = "llamacpp:/nowhere.gguf"
    assert site_vote() is None


@pytest.mark.parametrize("spec", ["", "ollama:m"])
def test_a_vote_needs_a_local_model(spec: str, settings) -> None:  # type: ignore[no-untyped-def]
    settings.GATE_VOTE, settings.LLM = True, spec
    with pytest.raises(WriterError, match="CDSS_GATE_VOTE"):
        site_vote()
