"""The organs a phrase names."""

import pytest

from retrieval.terms.places import anatomy, organs


@pytest.mark.parametrize("organ", sorted({organ for organ, _ in organs()}))
def test_every_organ_is_read_by_its_own_name(organ: str) -> None:
    assert anatomy(f"A lesion of the {organ}.") == (organ,)


def test_an_organ_that_ends_like_a_plural_is_none() -> None:
    assert anatomy("The pons, the pancreas and both kidneys.") == ("pons", "pancreas", "kidney")
