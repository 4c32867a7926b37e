from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.evaluation.figures import Result
from cdss.evaluation.models import EvaluationRun


@transaction.atomic
def evaluation_store(
    *,
    suite: str,
    result: Result,
    started: datetime,
    finished: datetime,
    data_label: str,
    cases: int,
    cases_sha256: str,
    seed: int,
    configuration: dict[str, Any],
    by: User | None = None,
) -> EvaluationRun:
    figures = [figure.as_json() for figure in result.figures]
    run = EvaluationRun.objects.create(
        suite=suite,
        started=started,
        finished=finished,
        by=by,
        data_label=data_label[:200],
        cases=cases,
        cases_sha256=cases_sha256,
        seed=seed,
        configuration=configuration,
        figures=figures,
        tables=result.tables,
        notes=result.notes,
    )
    digest = hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()
    record(
        action="evaluation.run",
        by=by,
        obj=run,
        details={"suite": suite, "cases": cases, "figures": len(figures), "figures_sha256": digest},
    )
    return run
