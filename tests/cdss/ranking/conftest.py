from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from cdss.ranking.serving import forget_weights
from cdss.ranking.weights import packaged_weights


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_weights()
    yield
    forget_weights()


@pytest.fixture
def data() -> dict[str, Any]:
    """The packaged weights, to be changed."""
    return deepcopy(dict(packaged_weights().data))
