"""The site's language model, by one setting. LangChain is imported when a model is asked for, not before."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from cdss.outbound import Origin
from cdss.reasoning.errors import WriterError
from cdss.reasoning.hosts import check_url, guarded_client, guarded_transport

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

BASE_URLS = {
    "openai": "https://api.openai.com/v1",
    "ollama": "http://localhost:11434",
    "anthropic": "https://api.anthropic.com",
}
CONTEXT_TOKENS = {"openai": 16_384, "anthropic": 32_768, "ollama": 8192, "llamacpp": 4096}
_FORMS = "openai:MODEL, ollama:MODEL, anthropic:MODEL or llamacpp:/path/to/model.gguf"
# At DEBUG these write whole requests, and a request holds the case.
_TALKATIVE = ("openai", "anthropic", "ollama", "httpx", "httpx2", "httpcore", "httpcore2", "langchain", "langsmith")


def chat_model(spec: str, *, timeout: float) -> "BaseChatModel":
    """The model that `spec` names; nothing is connected to yet.

    Raises WriterError (configuration) for a spec that cannot work and HostRefused for a host that is not allowed.
    """
    provider, name = parse_spec(spec)
    silence()
    return _PROVIDERS[provider](name, timeout)


def shown_name(spec: str) -> str:
    """What a reader is told of a model: of a local file its name, not where it lies."""
    provider, _, name = spec.partition(":")
    return f"{provider}:{Path(name).name}" if provider == "llamacpp" else spec


def parse_spec(spec: str) -> tuple[str, str]:
    provider, _, name = spec.strip().partition(":")
    if provider not in _PROVIDERS or not name.strip():
        raise WriterError("configuration", f"CDSS_LLM is '{spec}': write {_FORMS}.")
    return provider, name.strip()


def context_tokens(spec: str) -> int:
    """How many tokens prompt and answer may take together."""
    provider, _ = parse_spec(spec)
    return int(settings.LLM_CONTEXT_TOKENS or CONTEXT_TOKENS[provider])


def answer_tokens(context: int) -> int:
    return max(512, min(4096, context // 4))


def silence() -> None:
    """No tracing service and no debug log ever sees a prompt."""
    for name in ("LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING"):
        os.environ[name] = "false"
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _server(provider: str) -> tuple[str, Origin]:
    url = (settings.LLM_BASE_URL or BASE_URLS[provider]).rstrip("/")
    return url, check_url(url, allowed=settings.LLM_ALLOWED_HOSTS)


def _openai(name: str, timeout: float) -> "BaseChatModel":
    url, origin = _server("openai")
    import httpx2
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    return ChatOpenAI(
        model=name,
        base_url=url,
        api_key=SecretStr(settings.LLM_API_KEY or "none"),
        # The publisher's newest models take no temperature; every other server does.
        temperature=None if url == BASE_URLS["openai"] else 0,
        max_completion_tokens=answer_tokens(context_tokens(f"openai:{name}")),
        max_retries=0,
        timeout=timeout,
        http_client=guarded_client(httpx2, origin, timeout=timeout, base_url=url),
        http_socket_options=(),
        openai_proxy="",
        use_responses_api=False,
        stream_usage=False,
    )


def _ollama(name: str, timeout: float) -> "BaseChatModel":
    url, origin = _server("ollama")
    import httpx
    from langchain_ollama import ChatOllama

    context = context_tokens(f"ollama:{name}")
    return ChatOllama(
        model=name,
        base_url=url,
        temperature=0,
        num_ctx=context,
        num_predict=answer_tokens(context),
        sync_client_kwargs={
            "transport": guarded_transport(httpx, origin, key=settings.LLM_API_KEY),
            "trust_env": False,
            "follow_redirects": False,
            "timeout": timeout,
        },
    )


def _anthropic(name: str, timeout: float) -> "BaseChatModel":
    url, origin = _server("anthropic")
    from functools import cached_property

    import anthropic
    import httpx2
    from langchain_anthropic import ChatAnthropic
    from pydantic import SecretStr

    class GuardedAnthropic(ChatAnthropic):
        @cached_property
        def _client(self) -> anthropic.Client:
            client = guarded_client(httpx2, origin, timeout=timeout, base_url=url)
            return anthropic.Client(**{**self._client_params, "http_client": client})

    return GuardedAnthropic(
        model_name=name,
        base_url=url,
        api_key=SecretStr(settings.LLM_API_KEY or "none"),
        max_tokens_to_sample=answer_tokens(context_tokens(f"anthropic:{name}")),
        max_retries=0,
        timeout=timeout,
        stop=None,
    )


def _llamacpp(name: str, timeout: float) -> "BaseChatModel":
    path = Path(name).expanduser()
    if not path.is_file():
        raise WriterError(
            "configuration", "CDSS_LLM names a model file that does not exist. See docs/language-model.md."
        )
    from cdss.reasoning.llamacpp import LlamaCppChat

    context = context_tokens(f"llamacpp:{name}")
    return LlamaCppChat(
        path=str(path), context=context, max_tokens=answer_tokens(context), threads=settings.MODEL_THREADS
    )


_PROVIDERS: "dict[str, Callable[[str, float], BaseChatModel]]" = {
    "openai": _openai,
    "ollama": _ollama,
    "anthropic": _anthropic,
    "llamacpp": _llamacpp,
}
