from django_tasks import task

from cdss.library.tasks import INDEX_QUEUE


@task(queue_name=INDEX_QUEUE)
def check_index() -> None:
    from cdss.indexing.checking import index_check
    from cdss.indexing.models import Occasion

    index_check(occasion=Occasion.ASKED)
