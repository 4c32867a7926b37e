from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from cdss.accounts.models import User
from cdss.accounts.permissions import REFUSAL, Action, may
from cdss.audit.services import record
from cdss.indexing.models import IndexVersion
from cdss.learning.learning import Learned
from cdss.learning.models import ShadowRun
from cdss.library.deidentify import deidentify
from cdss.ranking.models import RankingWeights, State
from cdss.ranking.serving import weights_in
from cdss.ranking.weights import WeightsError

MAX_REASON = 1000


class PromotionError(ValueError):
    """What cannot be promoted or rolled back; the message says why and what to do."""


@transaction.atomic
def weights_propose(*, learned: Learned, by: User | None = None) -> RankingWeights:
    """Stores them as the proposal; one that nobody promoted is retired. The same weights are proposed once."""
    rows = _locked()
    standing = next((row for row in rows if row.state == State.PROPOSED), None)
    if standing is not None and standing.sha256 == learned.weights.sha256:
        return standing
    if standing is not None:
        _retire(standing)
    version = 1 + (RankingWeights.objects.aggregate(last=Max("version"))["last"] or 0)
    row = RankingWeights.objects.create(
        version=version,
        weights=dict(learned.weights.data),
        sha256=learned.weights.sha256,
        learned_on={**learned.learned_on, "notes": list(learned.notes)},
        figures=[figure.as_json() for figure in learned.figures],
        created_by=by,
    )
    counts = {name: learned.learned_on[name] for name in ("cases", "consultations", "votes")}
    details = {"version": version, "sha256": row.sha256, "outcome": learned.outcome, **counts}
    record(action="ranking.proposed", by=by, obj=row, details=details)
    return row


@transaction.atomic
def weights_promote(*, version: int, by: User, reason: str = "") -> RankingWeights:
    """From the next search on, in every process, these weights answer. One of two at the same time wins.

    Raises PromotionError, and changes nothing.
    """
    _refuse(by)
    if len(reason) > MAX_REASON:
        raise PromotionError(f"The reason has {len(reason)} characters; {MAX_REASON} are kept at most.")
    rows = {row.version: row for row in _locked()}
    row, active = rows.get(version), next((row for row in rows.values() if row.state == State.ACTIVE), None)
    if row is None:
        raise PromotionError(f"There are no ranking weights of version {version}.")
    _refuse_unfit(row, active.version if active else 0)
    if active is not None:
        _retire(active)
    row.state, row.promoted, row.promoted_by = State.ACTIVE, timezone.now(), by
    row.reason, row.replaced = deidentify(reason.strip()).text, active.version if active else 0
    row.save(update_fields=["state", "promoted", "promoted_by", "reason", "replaced"])
    details = {"version": version, "sha256": row.sha256, "replaced": row.replaced, **_said(row.reason)}
    record(action="ranking.promoted", by=by, obj=row, details=details)
    return row


@transaction.atomic
def weights_rollback(*, by: User, expected: int | None = None) -> tuple[int, int]:
    """The weights that answered before the last promotion answer again. Returns the versions before and after.

    `expected` is the version its caller saw answering. Raises PromotionError, and changes nothing.
    """
    _refuse(by)
    rows = {row.version: row for row in _locked()}
    active = next((row for row in rows.values() if row.state == State.ACTIVE), None)
    if expected is not None and expected != (active.version if active else 0):
        raise PromotionError("Other weights answer since this page was made. Look at them first.")
    if active is None:
        raise PromotionError("The packaged weights answer; there is nothing to roll back.")
    before = active.replaced or 0
    _retire(active)
    if before:
        rows[before].state, rows[before].retired = State.ACTIVE, None
        rows[before].save(update_fields=["state", "retired"])
    details = {"version": active.version, "sha256": active.sha256, "restored": before}
    record(action="ranking.rolled_back", by=by, obj=active, details=details)
    return active.version, before


def shadow_of(row: RankingWeights, serving: int) -> ShadowRun | None:
    """The newest shadow run of these weights that still tells what would change."""
    index = IndexVersion.objects.values_list("name", flat=True).first()
    return ShadowRun.objects.filter(weights=row, against=serving, index_version=index or "").first()


def _refuse(by: User) -> None:
    if not may(by, Action.PROMOTE_RANKING):
        raise PromotionError(f"{by.username}: {REFUSAL}")


def _refuse_unfit(row: RankingWeights, serving: int) -> None:
    if row.state == State.ACTIVE:
        raise PromotionError(f"Version {row.version} answers already.")
    if row.state == State.RETIRED:
        raise PromotionError(f"Version {row.version} was retired. Only the proposal can be promoted.")
    try:
        weights_in(row)
    except WeightsError as error:
        raise PromotionError(f"Version {row.version} cannot be used: {error}") from error
    if shadow_of(row, serving) is None:
        raise PromotionError(
            f"There is no shadow run of version {row.version} against the present index and the weights that answer "
            f"now. Run manage.py shadow_ranking {row.version}, look at what would change, and promote it then."
        )


def _locked() -> list[RankingWeights]:
    # PostgreSQL locks the rows; SQLite has locked the whole database (its transactions are IMMEDIATE).
    return list(RankingWeights.objects.select_for_update().order_by("version"))


def _retire(row: RankingWeights) -> None:
    row.state, row.retired = State.RETIRED, timezone.now()
    row.save(update_fields=["state", "retired"])


def _said(reason: str) -> Mapping[str, object]:
    """The trail keeps no free text: its length, and its hash."""
    return {"reason_characters": len(reason), "reason_sha256": sha256(reason.encode()).hexdigest()}
