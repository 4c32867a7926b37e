from django_tasks import task

from cdss.library.tasks import INDEX_QUEUE


@task(queue_name=INDEX_QUEUE)
def read_study(upload_id: str) -> None:
    from cdss.studies.models import StudyUpload
    from cdss.studies.uploads import upload_read

    upload_read(upload=StudyUpload.objects.select_related("case", "owner").get(pk=upload_id))
