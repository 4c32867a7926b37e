from typing import Any

from django_tasks import task


@task()
def import_in_background(path: str, options: dict[str, Any], user_id: int) -> dict[str, Any]:
    from pathlib import Path

    from cdss.accounts.models import User
    from cdss.library.uploads import import_outcome

    return import_outcome(path=Path(path), options=options, by=User.objects.get(pk=user_id))
