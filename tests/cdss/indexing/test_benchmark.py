import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cdss.indexing import benchmarking
from retrieval.encoders.hashing import HashingTextEncoder


def test_every_ratio_is_of_two_figures_of_the_same_run() -> None:
    out = StringIO()
    call_command("benchmark", "--passages", "200", "--queries", "5", "--json", stdout=out)
    figures = json.loads(out.getvalue())
    times = figures["milliseconds"]
    assert (figures["passages"], figures["queries"]) == (200, 5)
    assert {"bare", "engine"} <= set(times)
    assert set(figures["ratios"]) == {f"engine/{name}" for name in times if name != "engine"}
    assert figures["ratios"]["engine/bare"]["p50"] == pytest.approx(
        times["engine"]["p50"] / times["bare"]["p50"], rel=0.01
    )
    assert sum(figures["engine_parts_p50"].values()) <= times["engine"]["p95"] * 1.5


def test_every_contender_encodes_every_query_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    original = HashingTextEncoder.encode
    monkeypatch.setattr(
        HashingTextEncoder, "encode", lambda self, texts: encoded.extend(texts) or original(self, texts)
    )
    figures = benchmarking.run(passages=50, queries=4)
    assert len(encoded) == len(figures["milliseconds"]) * (4 + 1)


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(CommandError, match="at least one"):
        call_command("benchmark", "--passages", "0")
