"""Scores on their way back to a platform (Assignment and Grade Services 2.0)."""

from __future__ import annotations

import json
import time
import uuid
from urllib.parse import urlsplit, urlunsplit

from django.db import transaction

from cdss.audit.services import record
from cdss.teaching.lti.errors import PlatformError
from cdss.teaching.lti.keys import ALGORITHM, tool_key
from cdss.teaching.lti.launching import SCORE_SCOPE
from cdss.teaching.lti.web import ask
from cdss.teaching.models import GradeReturn, Placement, Platform, PlatformAccount, QuizRun

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
TOKEN_SECONDS = 60


def grade_return(*, run: QuizRun) -> GradeReturn | None:
    """To be sent when the transaction that it belongs to is through, where the run came from a platform."""
    from cdss.teaching.tasks import send_grade

    placements = Placement.objects.filter(user=run.learner_id, quiz=run.version.quiz_id, platform__active=True)
    placement = placements.exclude(lineitem="").first()
    if placement is None:
        return None
    row = GradeReturn.objects.create(run=run, placement=placement)
    transaction.on_commit(lambda: send_grade.enqueue(row.pk))
    return row


def grade_send(*, row: GradeReturn) -> GradeReturn:
    """Once now. What fails stays, and can be sent again by an administrator."""
    problem = ""
    try:
        _send(row)
    except PlatformError as error:
        problem = error.reason
    row.tries += 1
    row.state = GradeReturn.State.FAILED if problem else GradeReturn.State.SENT
    row.problem = problem[:300]
    with transaction.atomic():
        row.save(update_fields=["tries", "state", "problem", "updated"])
        details = {"run": row.run_id, "platform": row.placement.platform_id, "problem": row.problem}
        record(action=f"teaching.grade_{row.state}", obj=row.run, details=details)
    return row


def _send(row: GradeReturn) -> None:
    platform, run = row.placement.platform, row.run
    account = PlatformAccount.objects.get(user=run.learner_id)
    moment = run.submitted
    if moment is None or not run.asked:
        raise PlatformError("not_submitted")
    body = {
        "userId": account.subject,
        "scoreGiven": run.right or 0,
        "scoreMaximum": run.asked,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "timestamp": moment.isoformat(timespec="milliseconds"),
    }
    headers = {"Authorization": f"Bearer {_token(platform)}", "Content-Type": SCORE_TYPE}
    ask(platform, "POST", scores_url(row.placement.lineitem), content=json.dumps(body), headers=headers)


def scores_url(lineitem: str) -> str:
    parts = urlsplit(lineitem)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/scores"))


def _token(platform: Platform) -> str:
    """OAuth 2 client credentials with a signed assertion (RFC 7523)."""
    import jwt

    key, now = tool_key(), int(time.time())
    claims = {
        "iss": platform.client_id,
        "sub": platform.client_id,
        "aud": platform.token_url,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "jti": uuid.uuid4().hex,
    }
    assertion = jwt.encode(claims, key.private_pem, algorithm=ALGORITHM, headers={"kid": key.kid})
    asked = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
        "scope": SCORE_SCOPE,
    }
    answer = ask(platform, "POST", platform.token_url, data=asked)
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isprintable():
        raise PlatformError("no_token")
    return token
