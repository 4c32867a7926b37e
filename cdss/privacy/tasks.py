from django_tasks import task

from cdss.library.tasks import INDEX_QUEUE


@task(queue_name=INDEX_QUEUE)
def clear_traces() -> None:
    from cdss.privacy.erasure import traces_clear

    traces_clear()
