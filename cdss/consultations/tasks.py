"""What the worker does. A task is given ids only; the database holds the rest."""

from django_tasks import task

from cdss.library.tasks import BEHIND

LLM_QUEUE = "llm"


@task()
def answer_consultation(consultation_id: int) -> None:
    from cdss.consultations.working import answer

    answer(consultation_id)


# No case that can be answered waits behind it.
@task(priority=BEHIND)
def mask_picture(consultation_id: int) -> None:
    from cdss.consultations.working import mask_next

    mask_next(consultation_id)


@task(queue_name=LLM_QUEUE)
def write_with_model(consultation_id: int) -> None:
    from cdss.consultations.model_answer import write

    write(consultation_id)


@task()
def replay_consultation(replay_id: int) -> None:
    from cdss.consultations.replaying import replay_run

    replay_run(replay_id)
