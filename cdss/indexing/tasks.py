from django_tasks import task

from cdss.library.tasks import INDEX_QUEUE


@task(queue_name=INDEX_QUEUE)
def check_index() -> None:
    from cdss.indexing.models import Occasion
    from cdss.indexing.versions.checking import index_check

    index_check(occasion=Occasion.ASKED)
