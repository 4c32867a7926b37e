import numpy as np
import pytest

from cdss.evaluation import langchain_baseline


def test_without_langchain_the_comparison_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langchain_baseline, "find_spec", lambda name: None)
    vectors = np.eye(2, dtype=np.float32)
    assert langchain_baseline.langchain_rankings(vectors, allowed=None, depth=3) is None


def test_its_retriever_finds_the_nearest_vectors() -> None:
    pytest.importorskip("langchain_community", reason="make bench installs it beside the environment")
    stored = {str(number): row for number, row in enumerate(np.eye(3, dtype=np.float32))}
    queries = np.array([[0.9, 0.4, 0.1], [0.0, 0.2, 0.9]], dtype=np.float32)
    found = langchain_baseline.retrieved(stored, queries, depth=10)
    assert [ids.tolist() for ids in found] == [[0, 1, 2], [2, 1, 0]]
