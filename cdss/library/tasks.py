from typing import Any

from django.core.management import call_command
from django_tasks import task

# Encoding takes long: it has a worker of its own, so that no consultation waits for it.
INDEX_QUEUE = "index"
# Of what nobody waits for.
BEHIND = -50


@task()
def import_in_background(path: str, options: dict[str, Any], user_id: int) -> dict[str, Any]:
    from pathlib import Path

    from cdss.accounts.models import User
    from cdss.library.uploads import import_outcome

    return import_outcome(path=Path(path), options=options, by=User.objects.get(pk=user_id))


@task(queue_name=INDEX_QUEUE)
def bring_index_up_to_date() -> None:
    call_command("build_index")
