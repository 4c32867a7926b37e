from typing import Any

from django_tasks import task


@task()
def export_in_background(
    key: str, choice: dict[str, Any], form: str, title: str, hide_answers: bool, user_id: int
) -> dict[str, Any]:
    import tempfile
    from uuid import UUID

    from cdss.accounts.models import User
    from cdss.exchange.choosing import Chosen, chosen_cases
    from cdss.exchange.held import hold
    from cdss.exchange.services import ExportError, cases_export

    user = User.objects.get(pk=user_id)
    chosen = Chosen(choice["collection"], choice["state"], tuple(choice["ids"]), choice["filters"])
    with tempfile.TemporaryFile() as file:
        try:
            done = cases_export(
                cases=chosen_cases(chosen, user=user), form=form, file=file, by=user, title=title,
                options={"hide_answers": hide_answers},
            )  # fmt: skip
        except ExportError as error:
            return {"refused": str(error)}
        hold(UUID(key), file)
    return done.as_json()
