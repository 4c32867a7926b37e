from django_tasks import task

from cdss.library.tasks import BEHIND, INDEX_QUEUE


@task(queue_name=INDEX_QUEUE)
def read_pictures(upload_id: str) -> None:
    from cdss.authoring.models import PictureUpload
    from cdss.authoring.picture_uploads import pictures_read

    rows = PictureUpload.objects.select_related("manuscript__case", "owner")
    pictures_read(upload=rows.get(pk=upload_id))


@task(queue_name=INDEX_QUEUE)
def look_at_import(planned: int) -> None:
    from cdss.authoring.case_import import import_look
    from cdss.authoring.models import PlannedImport

    import_look(planned=PlannedImport.objects.select_related("by").get(pk=planned))


@task(queue_name=INDEX_QUEUE)
def run_import(planned: int) -> None:
    from cdss.authoring.case_import import import_work
    from cdss.authoring.models import PlannedImport

    import_work(planned=PlannedImport.objects.select_related("by").get(pk=planned))


@task(queue_name=INDEX_QUEUE, priority=BEHIND)
def compare_looks() -> None:
    from cdss.authoring.looks import looks_make

    looks_make()
