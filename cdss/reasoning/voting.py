"""The vote of the site's local model, when the site wants it."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from cdss.reasoning.errors import WriterError
from cdss.reasoning.gate.vote import Likelihood, likelihood
from cdss.reasoning.models import context_tokens, parse_spec

_KEPT = 1000


def site_vote() -> Likelihood | None:
    """None unless CDSS_GATE_VOTE is set; it needs a model in this process."""
    return _vote_of(settings.LLM) if settings.GATE_VOTE else None


@lru_cache(maxsize=1)
def _vote_of(spec: str) -> Likelihood:
    provider, name = parse_spec(spec) if spec else ("", "")
    if provider != "llamacpp":
        raise WriterError("configuration", "CDSS_GATE_VOTE needs CDSS_LLM=llamacpp:/path/to/model.gguf.")
    from cdss.reasoning.llamacpp import loaded

    held = loaded(str(Path(name).expanduser()), context_tokens(spec), settings.MODEL_THREADS)

    @lru_cache(maxsize=_KEPT)
    def vote(claim: str, said: str) -> float:
        return likelihood(held.next_scores, claim, said)

    return vote
