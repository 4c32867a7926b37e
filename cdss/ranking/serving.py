"""The weights that answer, in every process: asked of the database each time, read from it when they change."""

from __future__ import annotations

import logging

from cdss.canonical import canonical_sha256
from cdss.ranking.models import RankingWeights, State
from cdss.ranking.weights import WeightsError, WeightSet, packaged_weights, weight_set

logger = logging.getLogger(__name__)
Key = tuple[int, str]


class _Held:
    # Replaced as one, so that no thread sees the key of one and the weights of another.
    last: tuple[Key, WeightSet] | None = None


def active_weights() -> WeightSet:
    """The promoted version, or the packaged weights when there is none, or none that can be used."""
    row = RankingWeights.objects.filter(state=State.ACTIVE).values_list("version", "sha256").first()
    if row is None:
        return packaged_weights()
    held = _Held.last
    if held is None or held[0] != row:
        held = _Held.last = (row, _usable(row[0]))
    return held[1]


def weights_of(version: int, sha256: str = "") -> WeightSet:
    """Weights by their version, as a consultation keeps it: to run it again, or to try others.

    Raises WeightsError when there is no such version, it cannot be used, or it is not the one with this hash.
    """
    found = packaged_weights() if version == 0 else _stored(version)
    if sha256 and found.sha256 != sha256:
        which = "The packaged weights" if version == 0 else f"The weights of version {version}"
        raise WeightsError(f"{which} are not those that answered then; they came with another release.")
    return found


def forget_weights() -> None:
    """The next search reads the weights again: between tests."""
    _Held.last = None


def _usable(version: int) -> WeightSet:
    try:
        return _stored(version)
    except WeightsError as error:
        logger.error("ranking weights %s cannot be used, the packaged ones answer: %s", version, error)
        packaged = packaged_weights()
        trouble = f"Version {version} was promoted and cannot be used: {error} The packaged weights answer."
        return WeightSet(0, packaged.search, packaged.diagnoses, packaged.image, packaged.data, trouble)


def weights_in(row: RankingWeights) -> WeightSet:
    """Raises WeightsError for what this program cannot use, and for what is not as it was stored."""
    found = weight_set(row.weights, version=row.version)
    if canonical_sha256(row.weights) != row.sha256:
        raise WeightsError("They were changed since they were stored: their SHA-256 is another.")
    return found


def _stored(version: int) -> WeightSet:
    row = RankingWeights.objects.filter(version=version).first()
    if row is None:
        raise WeightsError(f"There are no ranking weights of version {version}.")
    return weights_in(row)
