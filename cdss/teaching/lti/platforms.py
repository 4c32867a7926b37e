"""Platforms as an administrator enters them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.teaching.lti.web import origin_of
from cdss.teaching.models import GradeReturn, Platform


@transaction.atomic
def platform_add(
    *, by: User | None, name: str, issuer: str, client_id: str, deployments: Sequence[str], login_url: str,
    token_url: str, keys_url: str,
) -> Platform:  # fmt: skip
    """Each address is read first: https, or http on this machine itself."""
    for url in (login_url, token_url, keys_url):
        origin_of(url)
    platform = Platform.objects.create(
        name=name, issuer=issuer, client_id=client_id, deployments=list(deployments), login_url=login_url,
        token_url=token_url, keys_url=keys_url,
    )  # fmt: skip
    record(action="teaching.platform_added", by=by, obj=platform, details={"issuer": issuer[:200]})
    return platform


@transaction.atomic
def platform_change(
    *, platform: Platform, by: User, name: str, issuer: str, client_id: str, deployments: Sequence[str],
    login_url: str, token_url: str, keys_url: str,
) -> None:  # fmt: skip
    """What was mistyped, or moved. Sign-ins that were begun at the old addresses end."""
    for url in (login_url, token_url, keys_url):
        origin_of(url)
    platform.name, platform.issuer, platform.client_id = name, issuer, client_id
    platform.deployments = list(deployments)
    platform.login_url, platform.token_url, platform.keys_url = login_url, token_url, keys_url
    platform.save()
    platform.launches.all().delete()
    record(action="teaching.platform_changed", by=by, obj=platform, details={"issuer": issuer[:200]})


@transaction.atomic
def platform_switch(*, platform: Platform, by: User, active: bool) -> None:
    Platform.objects.filter(pk=platform.pk).update(active=active)
    record(action="teaching.platform_switched", by=by, obj=platform, details={"active": active})


@transaction.atomic
def grades_send_again(*, platform: Platform, by: User) -> int:
    """What failed, queued once more."""
    from cdss.teaching.tasks import send_grade

    failed = GradeReturn.objects.filter(placement__platform=platform, state=GradeReturn.State.FAILED)
    rows = list(failed.values_list("pk", flat=True))
    failed.update(state=GradeReturn.State.WAITING)
    for pk in rows:
        transaction.on_commit(partial(send_grade.enqueue, pk))
    record(action="teaching.grades_sent_again", by=by, obj=platform, details={"grades": len(rows)})
    return len(rows)
