from django_tasks import task

from cdss.teaching.models import GradeReturn


@task()
def send_grade(pk: int) -> None:
    from cdss.teaching.lti.grading import grade_send

    row = GradeReturn.objects.select_related("placement__platform", "run").filter(pk=pk).first()
    if row is not None and row.state == GradeReturn.State.WAITING:
        grade_send(row=row)
