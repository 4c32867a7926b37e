from django_tasks import task

from cdss.library.tasks import INDEX_QUEUE


@task(queue_name=INDEX_QUEUE)
def patches_in_background() -> int:
    from cdss.indexing.encoding.patches import patches_build

    return patches_build()
