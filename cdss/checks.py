"""System checks: what the settings alone can tell, without loading a model."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

from cdss.private_files import open_to_others
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
    from cdss.indexing.encoding.pairs import cross_encoder_problem

    problem = cross_encoder_problem()
    hint = "Searches work without it. Correct CDSS_CROSS_ENCODER or leave it empty (docs/encoders.md)."
    return [Warning(f"CDSS_CROSS_ENCODER cannot be used. {problem}", hint=hint, id="cdss.W002")] if problem else []


@register()
def vectors_have_a_database(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[Error]:
    if settings.VECTOR_BACKEND == "pgvector" and "postgresql" not in str(settings.DATABASES["default"]["ENGINE"]):
        return [
            Error(
                "VECTOR_BACKEND=pgvector needs PostgreSQL, and this site is on SQLite.",
                hint="Set DATABASE_URL to a PostgreSQL with the pgvector extension, or leave VECTOR_BACKEND unset.",
                id="cdss.E010",
            )
        ]
    return []


@register(Tags.database)
def vectors_have_their_extension(
    app_configs: Sequence[Any] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[Error]:
    """Asks the database, so only where a command does: migrate, and check --database default."""
    asked = settings.VECTOR_BACKEND == "pgvector" and databases is not None and "default" in databases
    if not asked or vectors_have_a_database(None):
        return []
    from cdss.indexing.versions.shared import extension_problem

    problem = extension_problem()
    hint = "Debian: apt install postgresql-NN-pgvector. Then, as its owner or a superuser: CREATE EXTENSION vector."
    return [Error(problem, hint=hint, id="cdss.E011")] if problem else []


@register(deploy=True)
def debug_is_off(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[Warning]:
    if settings.TEXT_ENCODER == "hashing":
        return [
            Warning(
                "CDSS_TEXT_ENCODER=hashing is for tests.", hint="Use minilm or a model of your own.", id="cdss.W001"
            )
        ]
    return []


@register(deploy=True)
def the_site_is_closed_to_others(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[Warning]:
    found = [str(path) for path in open_to_others()]
    if not found:
        return []
    return [
        Warning(
            f"Other accounts of this machine can open {found[0]}"
            + (f" and {len(found) - 1} more." if found[1:] else "."),
            hint=f"manage.py serve closes what it owns when it starts. Or: chmod go= {' '.join(found)}",
            id="cdss.W003",
        )
    ]
