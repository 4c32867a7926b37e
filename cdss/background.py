"""Work left to the worker: whose result it is, and what a worker that died has left."""

import shutil
import time
from pathlib import Path
from typing import Any

from django.http import Http404, HttpRequest
from django_tasks import TaskResult, default_task_backend
from django_tasks.base import Task
from django_tasks.exceptions import TaskResultDoesNotExist

from cdss.accounts.permissions import user_of


def own_result_or_404(request: HttpRequest, task: Task[Any, Any], pk: str) -> TaskResult[Any]:
    """One's own only: the last argument of such a task is the key of who asked for it."""
    try:
        found = default_task_backend.get_result(pk)
    except (TaskResultDoesNotExist, NotImplementedError) as error:
        raise Http404 from error
    if found.task.func is not task.func or found.args[-1] != user_of(request).pk:
        raise Http404
    return found


def forget_folders(parent: Path, *, older_than: float) -> None:
    """Removes each folder in it that has not been written to for so many seconds."""
    for place in parent.iterdir() if parent.is_dir() else ():
        if time.time() - place.stat().st_mtime > older_than:
            shutil.rmtree(place, ignore_errors=True)
