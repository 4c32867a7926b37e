"""System checks: what the settings alone can tell, without loading a model."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import Error, Warning, register

from cdss.reasoning.errors import HostRefused
from cdss.reasoning.hosts import check_url

LLM_PROVIDERS = ("openai", "ollama", "anthropic", "llamacpp")


@register()
def language_model(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[Error]:
    spec = settings.LLM
    provider, _, model = spec.partition(":")
    if spec and (provider not in LLM_PROVIDERS or not model):
        return [
            Error(
                f"CDSS_LLM={spec!r} names no language model.",
                hint="Write PROVIDER:MODEL with one of " + ", ".join(LLM_PROVIDERS) + ", or leave it empty.",
                id="cdss.E001",
            )
        ]
    return []


@register()
def language_model_address(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[Error]:
    """Only the form and the host of the address: nothing is looked up and nothing is connected to."""
    if not settings.LLM_BASE_URL:
        return []
    try:
        check_url(settings.LLM_BASE_URL.rstrip("/"), allowed=settings.LLM_ALLOWED_HOSTS)
    except HostRefused as error:
        return [
            Error(
                f"CDSS_LLM_BASE_URL cannot be used. {error.detail}",
                hint="Write http://HOST:PORT/PATH or https://HOST/PATH with a host of CDSS_LLM_ALLOWED_HOSTS.",
                id="cdss.E002",
            )
        ]
    return []


@register()
def cross_encoder(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[Warning]:
    """By its files alone. A search works without it, so this is no error."""
    from cdss.indexing.pairs import cross_encoder_problem

    problem = cross_encoder_problem()
    hint = "Searches work without it. Correct CDSS_CROSS_ENCODER or leave it empty (docs/encoders.md)."
    return [Warning(f"CDSS_CROSS_ENCODER cannot be used. {problem}", hint=hint, id="cdss.W002")] if problem else []


@register(deploy=True)
def debug_is_off(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[Warning]:
    if settings.TEXT_ENCODER == "hashing":
        return [
            Warning(
                "CDSS_TEXT_ENCODER=hashing is for tests.", hint="Use minilm or a model of your own.", id="cdss.W001"
            )
        ]
    return []
